package import CasemateCore

/// Some rows of several columns as numbers, in the order of the file.
package struct NumberChunk: ~Copyable {
    private let chunk: DuckChunk
    /// Number of rows.
    package let count: Int
    /// Row of the table, from 0, of the first row here.
    package let first: Int

    fileprivate init(_ chunk: DuckChunk, first: Int) {
        (self.chunk, self.first, count) = (chunk, first, chunk.count)
    }

    /// Copies a column into a buffer of at least `count` values, NaN where missing.
    package func copy(_ column: Int, to target: UnsafeMutableBufferPointer<Double>) throws {
        try chunk.columns[column].copyDoubles(to: target)
    }
}

extension DataTable {
    /// Streams SQL expressions that give numbers, row by row in the order of the file, without holding the rows.
    ///
    /// Sums over the stream do not depend on the number of threads, since the order never changes.
    /// - Throws: what the engine and `body` throw; `Cancelled`.
    package func stream(_ expressions: [String], _ body: (borrowing NumberChunk) throws -> Void) throws {
        guard !expressions.isEmpty else { return }
        let selected = expressions.map { "CAST(\($0) AS DOUBLE)" }.joined(separator: ", ")
        var row = 0
        try database.read("SELECT \(selected) FROM \(reference)", for: path) { chunk in
            guard row + chunk.count <= count else { throw DuckFailure.inconsistent(path) }
            try body(NumberChunk(chunk, first: row))
            row += chunk.count
        }
        guard row == count else { throw DuckFailure.inconsistent(path) }
    }

    /// SQL for a column as a double; dates are days and moments seconds since 1970.
    /// - Throws: `mismatch` for a column of texts.
    package func numberExpression(_ column: Column) throws(CasemateError) -> String { try number(of: column) }

    /// The position of each row's value in `levels`, by canonical text; -1 where it is missing or none of them.
    package func codes(_ column: String, levels: [String]) throws -> [Int32] {
        let column = try self.column(column)
        var indices: [String: Int32] = [:]
        for (index, level) in levels.enumerated() {
            indices[CanonicalText.of(level, as: column.type)] = Int32(clamping: index)
            // why: 1.0 written as text in one file is 1 of another.
            if column.type == .text, indices[level + ".0"] == nil { indices[level + ".0"] = Int32(clamping: index) }
        }
        var values: [Int32] = []
        values.reserveCapacity(count)
        try database.read("SELECT \(text(of: column)) FROM \(reference)", for: path) { chunk in
            try chunk.columns[0].forEachText { values.append($1.flatMap { indices[$0] } ?? -1) }
        }
        return values
    }
}
