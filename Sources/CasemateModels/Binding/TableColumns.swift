import CasemateCore
import CasemateData

/// Turns columns of float32 rows into what graph inputs take; the levels' text is kept ready for the engine.
struct TableColumns: Sendable {
    let features: [Feature]
    /// The levels of each categorical feature as the engine reads them, the empty string last.
    private let pools: [StringPool?]

    /// Prepares for features in the model's order.
    init(_ features: [Feature]) {
        self.features = features
        pools = features.map { feature in feature.levels.map { StringPool($0 + [""]) } }
    }

    /// The text of a categorical value; empty for a missing one.
    func text(_ value: Float, feature: Int, row: Int) throws(CasemateError) -> String {
        guard let levels = features[feature].levels else { return OnnxConstant.text(Double(value)) }
        if value.isNaN { return "" }
        guard let index = Int(exactly: value), levels.indices.contains(index) else {
            throw noLevel(value, feature, row)
        }
        return levels[index]
    }

    /// Refuses missing values where the one input of a matrix takes whole numbers.
    func checkMissing(_ rows: [Float], count: Int, for inputs: [ModelSignature.Input]) throws(CasemateError) {
        guard let type = inputs.first?.type, ![.float, .double, .float16, .bfloat16].contains(type) else { return }
        guard let cell = rows.firstIndex(where: \.isNaN) else { return }
        throw missing(feature: cell % features.count, row: cell / features.count)
    }

    /// One tensor a column, in the element types of the graph.
    func tensors(_ rows: [Float], count: Int, for inputs: OnnxInputs) throws(CasemateError) -> OnnxTensors {
        var values: [OnnxTensors.Values] = []
        for (feature, type) in inputs.types.enumerated() {
            if type == 8 {
                values.append(try strings(rows, count: count, feature: feature))
                continue
            }
            var column = [Float](repeating: 0, count: count)
            let width = features.count
            var hasMissing = false
            rows.withUnsafeBufferPointer { rows in
                for row in 0..<count {
                    let value = rows[row * width + feature]
                    column[row] = value
                    if value.isNaN { hasMissing = true }
                }
            }
            if hasMissing, ![1, 10, 11].contains(type), let row = column.firstIndex(where: \.isNaN) {
                throw missing(feature: feature, row: row)
            }
            let place = "column '\(OnnxLook.printable(features[feature].name))'"
            values.append(try OnnxTensors.convert(.float(column), to: type, width: 1, at: place))
        }
        return OnnxTensors(count: count, values: values)
    }

    private func strings(_ rows: [Float], count: Int, feature: Int) throws(CasemateError) -> OnnxTensors.Values {
        guard let pool = pools[feature] else {
            var texts: [String] = []
            for row in 0..<count {
                texts.append(try text(rows[row * features.count + feature], feature: feature, row: row))
            }
            return .strings(texts, width: 1)
        }
        var pointers = [UnsafePointer<CChar>?](repeating: nil, count: count)
        let last = pool.pointers.count - 1
        for row in 0..<count {
            let value = rows[row * features.count + feature]
            guard let index = value.isNaN ? last : Int(exactly: value), index >= 0, value.isNaN || index < last else {
                throw noLevel(value, feature, row)
            }
            pointers[row] = pool.pointers[index]
        }
        return .pool(pool, pointers, width: 1)
    }

    private func missing(feature: Int, row: Int) -> CasemateError {
        CasemateError(
            .mismatch, at: "row \(row + 1)",
            "column '\(OnnxLook.printable(features[feature].name))' has no value, the model takes whole numbers only",
            help: "fill the column's missing values, or leave such rows out")
    }
    private func noLevel(_ value: Float, _ feature: Int, _ row: Int) -> CasemateError {
        CasemateError(
            .mismatch, at: "row \(row + 1)",
            "\(value) is no level of '\(OnnxLook.printable(features[feature].name))'",
            help: "categorical values are indices of the feature's levels")
    }
}
