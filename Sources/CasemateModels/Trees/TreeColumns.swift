import CasemateCore
import CasemateData

/// What a column of the trees' input is, as far as it can be read off the graph in front of the trees.
public enum TreeColumn: Hashable, Sendable {
    /// A number of the table, shifted and scaled: `(value - offset) * scale`; the scale is not 0.
    case number(feature: Int, offset: Double, scale: Double)
    /// 1 where a categorical feature has this level, else 0.
    case level(feature: Int, level: Int)
    /// Something else.
    case unknown

    /// The feature itself, unchanged.
    static func plain(_ feature: Int) -> TreeColumn { .number(feature: feature, offset: 0, scale: 1) }
}

/// Follows columns from a model's inputs to its trees, through operators that keep columns apart.
struct TreeColumnTracer {
    private let tail: OnnxTail
    private let features: [Feature]
    private let layout: ModelSignature.Layout
    private let inputs: [String]
    /// What a value of the graph holds, by name; `nil` where it is not known.
    private var known: [String: [TreeColumn]?] = [:]

    init(_ model: OnnxModel, graph: OnnxGraphProto, features: [Feature]) {
        tail = OnnxTail(graph)
        self.features = features
        layout = model.signature.layout
        inputs = model.signature.inputs.map(\.name)
    }

    /// The columns of a value; `nil` when an operator in front of it mixes them.
    mutating func columns(of name: String, depth: Int = 0) -> [TreeColumn]? {
        if let found = known[name] { return found }
        // why: a graph in front of trees is short; a long one is no scaler, and recursion must end.
        let result = depth < 64 ? traced(name, depth + 1) : nil
        known[name] = .some(result)
        return result
    }

    private mutating func traced(_ name: String, _ depth: Int) -> [TreeColumn]? {
        if let position = inputs.firstIndex(of: name) {
            return layout == .columns ? [.plain(position)] : features.indices.map { .plain($0) }
        }
        guard let node = tail.node(at: name), let first = node.input.first else { return nil }
        switch node.opType {
        case "Identity", "Dropout", "Imputer", "Reshape", "Flatten": return columns(of: first, depth: depth)
        case "Cast": return [1, 11].contains(integer(node, "to")) ? columns(of: first, depth: depth) : nil
        case "Concat", "FeatureVectorizer": return joined(node, depth)
        case "Scaler":
            return scaled(columns(of: first, depth: depth), floats(node, "offset"), floats(node, "scale"))
        case "Sub", "Div", "Mul", "Add": return arithmetic(node, depth)
        case "Gather", "ArrayFeatureExtractor": return picked(node, depth)
        case "OneHotEncoder": return levels(node, depth)
        default: return nil
        }
    }

    private mutating func joined(_ node: OnnxNodeProto, _ depth: Int) -> [TreeColumn]? {
        guard node.opType == "FeatureVectorizer" || [1, -1].contains(integer(node, "axis")) else { return nil }
        var result: [TreeColumn] = []
        for input in node.input {
            guard let part = columns(of: input, depth: depth) else { return nil }
            result += part
        }
        return result
    }

    private func scaled(_ columns: [TreeColumn]?, _ offsets: [Double], _ scales: [Double]) -> [TreeColumn]? {
        guard let columns else { return nil }
        func value(_ list: [Double], _ index: Int, _ neutral: Double) -> Double? {
            list.isEmpty ? neutral : list.count == 1 ? list[0] : list.indices.contains(index) ? list[index] : nil
        }
        return columns.enumerated().map { index, column in
            guard case .number(let feature, let offset, let scale) = column, let by = value(scales, index, 1),
                let from = value(offsets, index, 0), by != 0, by.isFinite, from.isFinite
            else { return .unknown }
            // (((x - offset) * scale) - from) * by
            return .number(feature: feature, offset: offset + from / scale, scale: scale * by)
        }
    }

    private mutating func arithmetic(_ node: OnnxNodeProto, _ depth: Int) -> [TreeColumn]? {
        guard node.input.count == 2, let constant = tail.constant(node.input[1]),
            let values = OnnxNumbers.doubles(constant), !values.isEmpty
        else { return nil }
        let columns = columns(of: node.input[0], depth: depth)
        return switch node.opType {
        case "Sub": scaled(columns, values, [])
        case "Add": scaled(columns, values.map { -$0 }, [])
        case "Mul": scaled(columns, [], values)
        default: scaled(columns, [], values.map { 1 / $0 })
        }
    }

    private mutating func picked(_ node: OnnxNodeProto, _ depth: Int) -> [TreeColumn]? {
        guard node.opType == "ArrayFeatureExtractor" || [1, -1].contains(integer(node, "axis")), node.input.count == 2,
            let constant = tail.constant(node.input[1]), let indices = OnnxNumbers.doubles(constant),
            let columns = columns(of: node.input[0], depth: depth)
        else { return nil }
        var result: [TreeColumn] = []
        for index in indices {
            guard let index = Int(exactly: index), columns.indices.contains(index) else { return nil }
            result.append(columns[index])
        }
        return result
    }

    private mutating func levels(_ node: OnnxNodeProto, _ depth: Int) -> [TreeColumn]? {
        let columns = node.input.first.flatMap { self.columns(of: $0, depth: depth) }
        guard let columns, columns.count == 1, case .number(let feature, 0, 1) = columns[0] else { return nil }
        let texts = node.attribute.first { $0.name == "cats_strings" }?.strings ?? []
        let numbers = node.attribute.first { $0.name == "cats_int64s" }?.ints ?? []
        guard let levels = features[feature].levels else {
            return [TreeColumn](repeating: .unknown, count: max(texts.count, numbers.count))
        }
        return texts.map { text in
            levels.firstIndex(of: String(decoding: text, as: UTF8.self)).map { .level(feature: feature, level: $0) }
                ?? .unknown
        }
    }

    private func integer(_ node: OnnxNodeProto, _ name: String) -> Int64? {
        node.attribute.first { $0.name == name }.map(\.i)
    }
    private func floats(_ node: OnnxNodeProto, _ name: String) -> [Double] {
        node.attribute.first { $0.name == name }?.floats.map(Double.init) ?? []
    }
}
