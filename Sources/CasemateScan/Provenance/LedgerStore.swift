/// Where the lines of a ledger lie.
package protocol LedgerStore: Sendable {
    /// Path of the ledger, for messages.
    var path: String { get }
    /// All lines; `nil` when there is no ledger yet.
    /// - Throws: `CasemateError`.
    func read() throws -> LedgerContent?
    /// Makes one line out of those that are there and appends it, with nobody else appending meanwhile; the line is on
    /// the disk when this returns.
    /// - Throws: what `make` throws; `CasemateError` with code `unwritable`. The ledger is as it was then.
    func append(_ make: (LedgerContent?) throws -> [UInt8]) throws
    /// Mends the end of the ledger after a crash: cuts a half-written last line off, or ends a whole one.
    /// - Returns: What was done, in words; `nil` when there was nothing to mend.
    func mend() throws -> String?
}

/// The lines of a ledger.
package struct LedgerContent: Hashable, Sendable {
    /// Lines without line end.
    package var lines: [ArraySlice<UInt8>]
    /// Where each line begins in the file; empty where lines have no place in a file.
    package var offsets: [Int]
    /// What stands behind the last line end: a line that was never finished.
    package var torn: ArraySlice<UInt8>?

    /// Makes it.
    package init(lines: [ArraySlice<UInt8>], offsets: [Int] = [], torn: ArraySlice<UInt8>? = nil) {
        (self.lines, self.offsets, self.torn) = (lines, offsets, torn)
    }

    /// The most that a ledger may hold, and the longest line, in bytes.
    package static let limit = 1 << 30, longestLine = 1 << 22
}
