import CasemateScan

/// What a program reads beside the envelope: the ledger, and each file with its changes.
struct ProvenanceDocument: Encodable, Sendable {
    /// An entry in short.
    struct Entry: Encodable, Sendable {
        let sequence: Int, hash: String, path: String, sha256: String, time: String, who: String
        let key: String?

        init(_ placed: LedgerReview.Placed) {
            let entry = placed.entry
            (sequence, hash, path, time, who) = (entry.sequence, placed.hash, entry.path, entry.time, entry.who)
            (sha256, key) = (entry.digest.content.hexadecimal, entry.signer?.identifier)
        }
    }
    /// A row that is not what it was; numbers from 0.
    struct Row: Encodable, Sendable {
        let kind: String
        let row: Int?, oldRow: Int?, byteOffset: Int?, byteLength: Int?, line: Int?
    }
    /// A part of a file or of its rows; the end does not belong to it.
    struct Part: Encodable, Sendable {
        let from: Int, to: Int
        init(_ range: Range<Int>) { (from, to) = (range.lowerBound, range.upperBound) }
    }
    /// In what a file differs.
    struct Difference: Encodable, Sendable {
        let bytesBefore: Int, bytesNow: Int
        let rowsBefore: Int?, rowsNow: Int?
        let rowCounts: [String: Int]
        /// `nil` when row numbers are masked.
        let rows: [Row]?
        let rowParts: [Part], byteParts: [Part]
        let headerChanged: Bool
        let columnsAdded: [String], columnsRemoved: [String], notes: [String]

        init(_ difference: DataDifference, isRedacted: Bool) {
            (bytesBefore, bytesNow) = (difference.bytesBefore, difference.bytesNow)
            (rowsBefore, rowsNow) = (difference.rowsBefore, difference.rowsNow)
            rowCounts = difference.rowCounts
            rows =
                isRedacted
                ? nil
                : difference.rows.map {
                    Row(
                        kind: $0.kind, row: $0.row, oldRow: $0.oldRow, byteOffset: $0.byteOffset,
                        byteLength: $0.byteLength, line: $0.line)
                }
            (rowParts, byteParts) = (difference.rowParts.map { Part($0) }, difference.byteParts.map { Part($0) })
            headerChanged = difference.isHeaderChanged
            (columnsAdded, columnsRemoved) = (difference.columnsAdded, difference.columnsRemoved)
            notes = difference.notes
        }
    }
    /// A file.
    struct File: Encodable, Sendable {
        let path: String, status: String
        let sha256: String?, entry: Entry?, twin: Entry?, difference: Difference?

        init(_ file: DataVerifier.Checked, isRedacted: Bool) {
            (path, status, sha256) = (file.path, file.verdict.word, file.sha256)
            (entry, twin) = (file.entry.map { Entry($0) }, file.twin.map { Entry($0) })
            switch file.verdict {
            case .changed(let found), .sameRows(let found): difference = Difference(found, isRedacted: isRedacted)
            default: difference = nil
            }
        }
    }
    /// Something wrong with the ledger.
    struct Problem: Encodable, Sendable {
        let kind: String, sequence: Int?, line: Int?, byteOffset: Int?, sentence: String
    }
    /// The ledger.
    struct Ledger: Encodable, Sendable {
        let path: String, id: String?, entries: Int, head: String?
        let problems: [Problem]

        init(_ report: ProvenanceReport) {
            (path, id) = (report.ledger, report.review.ledger)
            (entries, head) = (report.review.entries.count, report.review.head)
            problems = report.problems.map { problem in
                Problem(
                    kind: problem.kind.rawValue, sequence: problem.sequence, line: problem.position.map { $0 + 1 },
                    byteOffset: problem.position.flatMap {
                        report.offsets.indices.contains($0) ? report.offsets[$0] : nil
                    },
                    sentence: problem.sentence)
            }
        }
    }
}
