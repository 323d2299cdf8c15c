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
        try filled(features, rows: nil, unseen: allowUnseen ? -1 : nil, isLenient: false)
    }

    /// Chosen rows over `features`; all where `rows` is `nil`. Only these rows are held in memory.
    ///
    /// `rows` are ascending, different, from 0 and below `count`.
    /// With `isLenient` nothing is refused: infinities, numbers beyond float32 and categories that are no level become
    /// NaN like missing values.
    /// - Throws: as above.
    package func matrix(_ features: [Feature], rows: [Int]?, isLenient: Bool) throws -> FeatureMatrix {
        try filled(features, rows: rows, unseen: isLenient ? .nan : nil, isLenient: isLenient)
    }

    private func filled(
        _ features: [Feature], rows: [Int]?, unseen: Float?, isLenient: Bool
    ) throws -> FeatureMatrix {
        guard !features.isEmpty else { return FeatureMatrix(features: [], values: []) }
        precondition(
            rows.map { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } && ($0.last ?? 0) < count } ?? true,
            "rows must ascend and be below \(count)")
        let width = features.count
        let (cells, overflow) = (rows?.count ?? count).multipliedReportingOverflow(by: width)
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
            var row = 0, slot = 0
            try database.read("SELECT \(expressions) FROM \(reference)", for: path) { chunk in
                guard row + chunk.count <= count else { throw DuckFailure.inconsistent(path) }
                let taken = Self.taken(rows, from: slot, row: row, count: chunk.count)
                for (vector, index) in zip(chunk.columns, block) {
                    let place = CellReader.Place(start: slot * width + index, stride: width, rows: taken)
                    let cell = try readers[index].fill(&values, vector, place, unseen: unseen)
                    if let cell, !isLenient { throw try failure(features[index], vector, row: row, cell: cell) }
                }
                row += chunk.count
                slot += taken?.count ?? chunk.count
            }
            guard row == count else { throw DuckFailure.inconsistent(path) }
        }
        return FeatureMatrix(features: features, values: values)
    }

    /// Which rows of a chunk are wanted: ascending positions in it, all where `rows` is `nil`.
    private static func taken(_ rows: [Int]?, from slot: Int, row: Int, count: Int) -> [Int]? {
        guard let rows else { return nil }
        var taken: [Int] = [], next = slot
        while next < rows.count, rows[next] < row + count {
            taken.append(rows[next] - row)
            next += 1
        }
        return taken
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

    /// Where a chunk goes: the first cell, the distance to the next, and the rows of the chunk (`nil` for all).
    struct Place {
        let start: Int, stride: Int, rows: [Int]?
    }

    /// Fills one column of the buffer; the row within the chunk that does not fit, if any.
    ///
    /// `unseen` is what a category becomes that is no level; `nil` refuses it.
    func fill(_ values: inout [Float], _ vector: DuckVector, _ place: Place, unseen: Float?) throws -> Int? {
        var misfit: Int?
        var cell = place.start
        for position in 0..<(place.rows?.count ?? vector.count) {
            let row = place.rows.map { $0[position] } ?? position
            if let indices {
                let text = try vector.text(at: row)
                let index = text.flatMap { indices[$0] }
                if text != nil, index == nil, unseen == nil, misfit == nil { misfit = row }
                values[cell] = text == nil ? .nan : index ?? unseen ?? -1
            } else {
                let number = try vector.double(at: row)
                let narrow = Float(number)
                if !narrow.isFinite, misfit == nil, vector.isPresent(row) { misfit = row }
                values[cell] = narrow.isFinite ? narrow : .nan
            }
            cell += place.stride
        }
        return misfit
    }
}
