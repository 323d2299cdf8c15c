import CasemateCore

extension DataTable {
    /// The rows over `features`, `[count, features.count]` row-major float32, filled chunk by chunk.
    ///
    /// Numbers are rounded to float32, missing values become NaN, a category becomes the index of its level. With
    /// `allowUnseen`, a category that is no level becomes -1.
    /// - Throws: `CasemateError`: `notFound` or `mismatch` for a column or type that does not fit, `mismatch` naming
    ///   value and row for a category that is no level, `unusableData` for NaN, infinity and numbers beyond float32;
    ///   `Cancelled`.
    public func matrix(_ features: [Feature], allowUnseen: Bool = false) throws -> FeatureMatrix {
        guard !features.isEmpty else { return FeatureMatrix(features: [], values: []) }
        let width = features.count
        let (cells, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, cells <= 1 << 36 else {
            throw CasemateError(
                .limitExceeded, at: path, "\(count) × \(width) values", help: "use fewer rows or columns")
        }
        let found = try features.map { feature throws(CasemateError) in try column(feature.name) }
        var readers: [CellReader] = []
        for (feature, column) in zip(features, found) {
            readers.append(CellReader(feature, column: column, sql: try sql(for: feature, column)))
        }
        var values = [Float](repeating: 0, count: cells)
        // why blocks: a query of few columns keeps planning linear and its chunks in cache.
        for first in stride(from: 0, to: width, by: 64) {
            let block = first..<min(first + 64, width)
            let expressions = block.map { readers[$0].sql }.joined(separator: ", ")
            var row = 0
            try database.read("SELECT \(expressions) FROM \(reference)", for: path) { chunk in
                guard row + chunk.count <= count else { throw DuckFailure.inconsistent(path) }
                for (vector, index) in zip(chunk.columns, block) {
                    let cell = try readers[index].fill(
                        &values, vector, start: row * width + index, stride: width, allowUnseen: allowUnseen)
                    if let cell { throw try failure(features[index], vector, row: row, cell: cell) }
                }
                row += chunk.count
            }
            guard row == count else { throw DuckFailure.inconsistent(path) }
        }
        return FeatureMatrix(features: features, values: values)
    }

    private func sql(for feature: Feature, _ column: Column) throws(CasemateError) -> String {
        feature.levels == nil ? try number(of: column) : text(of: column)
    }

    private func failure(_ feature: Feature, _ vector: DuckVector, row: Int, cell: Int) throws -> any Error {
        guard feature.levels != nil else {
            try rejectNonFinite([feature.name])
            return DuckFailure.inconsistent(path)
        }
        var value = ""
        try vector.forEachText { if $0 == cell { value = $1 ?? "" } }
        return CasemateError(
            .mismatch, at: "\(path):row \(row + cell + 1)",
            "column '\(feature.name.shortened(to: 60))' holds '\(value.shortened(to: 60))', which is none of the "
                + "\(feature.levels?.count ?? 0) known levels",
            help: "correct the row, or train the model with this level")
    }
}

/// Turns the vector of a feature into float32 values of a row-major buffer.
private struct CellReader {
    let sql: String
    private let indices: [String: Float]?

    init(_ feature: Feature, column: Column, sql: String) {
        self.sql = sql
        indices = feature.levels.map { levels in
            let keyed = levels.enumerated().map { (CanonicalText.of($1, as: column.type), Float($0)) }
            return Dictionary(keyed, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Fills one column of the buffer; the row within the chunk that does not fit, if any.
    func fill(
        _ values: inout [Float], _ vector: DuckVector, start: Int, stride: Int, allowUnseen: Bool
    ) throws -> Int? {
        var misfit: Int?
        if let indices {
            try vector.forEachText { row, text in
                guard let text else { return values[start + row * stride] = .nan }
                let index = indices[text]
                if index == nil, !allowUnseen, misfit == nil { misfit = row }
                values[start + row * stride] = index ?? -1
            }
        } else {
            try vector.forEachDouble { row, number in
                guard let number else { return values[start + row * stride] = .nan }
                let narrow = Float(number)
                if !narrow.isFinite, misfit == nil { misfit = row }
                values[start + row * stride] = narrow
            }
        }
        return misfit
    }
}
