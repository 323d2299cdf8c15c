/// In what a file differs from what was registered, and where.
package struct DataDifference: Hashable, Sendable {
    /// What happened to a row.
    package struct RowEdit: Hashable, Sendable {
        /// `changed`, `inserted`, `duplicated`, `removed`, `moved`, `line end`.
        package let kind: String
        /// Number of the row now and before, from 0; for a duplicate `oldRow` is the row that it equals.
        package let row: Int?, oldRow: Int?
        /// First byte and length of the row in the file, and its line from 1; `nil` for rows that are gone and for files
        /// whose rows do not lie in them as text.
        package let byteOffset: Int?, byteLength: Int?, line: Int?
    }
    /// Size before and now.
    package var bytesBefore = 0, bytesNow = 0
    /// Rows before and now; `nil` for files without rows.
    package var rowsBefore: Int?, rowsNow: Int?
    /// Edits of rows in order, at most as many as were asked for, and how many there are of each kind.
    package var rows: [RowEdit] = [], rowCounts: [String: Int] = [:]
    /// Parts of the rows, from 0, in which something changed, where rows could not be compared one by one.
    package var rowParts: [Range<Int>] = []
    /// Parts of the file, in bytes, in which something changed; for files whose rows do not lie in them as text.
    package var byteParts: [Range<Int>] = []
    /// Whether names, number or order of the columns changed.
    package var isHeaderChanged = false
    /// Columns that are there now and were not, and the reverse.
    package var columnsAdded: [String] = [], columnsRemoved: [String] = []
    /// Whether all the rows are the same, in another order.
    package var isReordered = false
    /// What else is to be said, in sentences.
    package var notes: [String] = []

    /// How many rows are not what they were.
    package var rowCount: Int { rowCounts.values.reduce(0, +) }
    /// Whether the place of the change is known.
    package var isLocated: Bool {
        !rows.isEmpty || !rowParts.isEmpty || !byteParts.isEmpty || isHeaderChanged || rowCount > 0
    }
}
