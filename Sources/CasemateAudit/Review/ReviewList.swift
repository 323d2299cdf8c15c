public import CasemateCore
import CasemateDetect
public import Foundation

/// A list of suspects with the rows behind it and what reviewers decided: what `casemate review` works on.
public struct ReviewList: Sendable {
    /// Paths as given.
    public let suspectsPath: String, dataPath: String
    /// SHA-256 of the list and of the data.
    public let suspectsDigest: String, dataDigest: String
    /// Number of data rows.
    public let count: Int
    /// What was noticed while it was opened, a sentence each.
    public let notes: [String]
    /// The file of decisions.
    public let store: ReviewStore
    /// Every row of the list, the likeliest first, with the decisions of the last `refresh`.
    public private(set) var entries: [ReviewEntry]
    private let suspects: [RankedSuspect], places: [Int: Int]
    private let rows: ReviewRows
    private var seen: Int64 = 0

    /// Opens a list, its data and the file of decisions, which is made where it is not there.
    /// - Throws: what reading throws; `mismatch` for a list that was found in another file.
    public init(
        suspects path: String, data: String, decisions: String, search: EngineSearch, context: RunContext
    ) throws {
        let list = try SuspectFile(path: path)
        let digest = try FileDigest(of: data)
        try list.origin?.check(data: data, sha256: digest.sha256, list: path)
        let file = try RecordFile(data, cancellation: context.cancellation)
        let wanted = list.suspects.map(\.row).sorted()
        let (rows, count) = try ReviewRows.read(file, rows: wanted, search: search, context: context)
        if let last = wanted.last, last >= count {
            throw CasemateError(
                .mismatch, at: path, "names row \(last) (from 0), the data have \(Words.count(count, "row"))",
                help: "name the file that these suspects were found in with --data")
        }
        (suspectsPath, dataPath, dataDigest, self.count) = (path, data, digest.sha256, count)
        suspectsDigest = try FileDigest(of: path).sha256
        (suspects, self.rows) = (list.suspects, rows)
        places = Dictionary(
            list.suspects.enumerated().map { ($1.row, $0) }, uniquingKeysWith: { first, _ in first })
        store = try ReviewStore(decisions)
        entries = list.suspects.map { ReviewEntry(suspect: $0, decision: nil) }
        var notes: [String] = []
        if list.origin == nil {
            notes.append("Nothing beside \(Self.name(path)) says which file these suspects were found in.")
        }
        let others = try store.countOfOthers(than: digest.sha256)
        if others > 0 {
            notes.append(
                "\(Words.count(others, "decision")) about other data in \(Self.name(decisions)) "
                    + (others == 1 ? "is" : "are") + " not shown.")
        }
        self.notes = notes
        try refresh()
    }

    private static func name(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }

    /// Takes up what was decided since, by anybody.
    /// - Returns: the rows about which something was written.
    @discardableResult
    public mutating func refresh() throws(CasemateError) -> Set<Int> {
        var changed: Set<Int> = []
        for decision in try store.history(data: dataDigest, after: seen) {
            seen = decision.number
            guard let place = places[decision.row] else { continue }
            entries[place] = ReviewEntry(suspect: suspects[place], decision: decision)
            changed.insert(decision.row)
        }
        return changed
    }

    /// Columns and values of a row.
    public func fields(of row: Int) -> [(name: String, value: String)] { rows.fields(of: row) }

    /// The rows that a filter shows, in order.
    public func entries(_ filter: ReviewFilter, by order: ReviewOrder) -> [ReviewEntry] {
        order.sorted(entries.filter(filter.holds))
    }

    /// Decides about rows of the list, all or none.
    /// - Parameter verdict: `nil` keeps what stands and adds the note.
    /// - Returns: the rows about which something was written, by anybody.
    /// - Throws: `mismatch` for a row that is not in the list; what writing throws.
    @discardableResult
    public mutating func mark(
        _ rows: [Int], _ verdict: ReviewDecision.Verdict?, note: String?, who: String, now: Date
    ) throws(CasemateError) -> Set<Int> {
        try mark(marks(rows, verdict, note: note), who: who, now: now)
    }

    /// What the list says of a row; `nil` for a row that is not in it.
    public func entry(of row: Int) -> ReviewEntry? { places[row].map { entries[$0] } }

    /// Marks of rows of the list.
    /// - Throws: `mismatch` for a row that is not in the list.
    public func marks(
        _ rows: [Int], _ verdict: ReviewDecision.Verdict?, note: String?
    ) throws(CasemateError) -> [ReviewMark] {
        try rows.map { row throws(CasemateError) in
            guard let place = places[row] else {
                throw CasemateError(
                    .mismatch, at: suspectsPath, "has no row \(row)", help: "`casemate review … --list` shows its rows")
            }
            return ReviewMark(
                row: row, verdict: verdict, note: note, score: suspects[place].score, checks: suspects[place].checks)
        }
    }

    /// Puts marks into the history, all or none.
    @discardableResult
    public mutating func mark(_ marks: [ReviewMark], who: String, now: Date) throws(CasemateError) -> Set<Int> {
        try store.add(marks, data: dataDigest, suspects: suspectsDigest, who: who, now: now)
        return try refresh()
    }

    /// How often each check was right so far, by all decisions of the file.
    public func scores() throws(CasemateError) -> ReviewScores {
        ReviewScores(try store.decisions(), suspects: suspects, data: dataDigest)
    }
}
