import CasemateCore
import CasemateDetect
import CasemateReport
public import Foundation

/// What `casemate review` prints where no terminal is, and in JSON.
public struct ReviewReport: Sendable {
    private let list: ReviewList
    private let entries: [ReviewEntry]
    private let scores: ReviewScores
    private let history: [ReviewDecision]
    private let marked: Int

    /// Makes a report.
    /// - Parameters:
    ///   - limit: Most rows; `nil` for all.
    ///   - marked: Records that this run has written.
    public init(_ list: ReviewList, filter: ReviewFilter, order: ReviewOrder, limit: Int?, marked: Int) throws {
        self.list = list
        let shown = list.entries(filter, by: order)
        entries = limit.map { Array(shown.prefix($0)) } ?? shown
        scores = try list.scores()
        history = try list.store.history(data: list.dataDigest)
        self.marked = marked
    }

    /// The rows, one a line, columns divided by tabs, with a line of headings.
    public var listText: String {
        let heading = ["row", "score", "decision", "who", "checks", "reason", "note"]
        let lines = entries.map { entry in
            [
                String(entry.suspect.row), Words.number(entry.suspect.score), entry.verdict.word,
                entry.decision?.who ?? "-", entry.suspect.checks.joined(separator: ";"), entry.suspect.reason,
                entry.decision?.note ?? "",
            ]
        }
        return ([heading] + lines).map { $0.map(ScreenText.shown).joined(separator: "\t") + "\n" }.joined()
    }

    /// Every record about these data, one a line, columns divided by tabs.
    public var historyText: String {
        let lines = history.map { record in
            [
                String(record.number), record.when, record.who, String(record.row), record.verdict.rawValue,
                record.note,
            ]
        }
        return ([["number", "when", "who", "row", "decision", "note"]] + lines)
            .map { $0.map(ScreenText.shown).joined(separator: "\t") + "\n" }.joined()
    }

    /// How far the review is and how good the checks are, for people.
    public var summaryText: String {
        let counts = Dictionary(grouping: list.entries, by: \.verdict).mapValues(\.count)
        let words = ReviewDecision.Verdict.allCases.map { "\(Words.grouped(counts[$0] ?? 0)) \($0.rawValue)" }
        var lines = [
            "\(list.suspectsPath.inert): \(Words.count(list.entries.count, "row")): \(words.joined(separator: ", "))"
        ]
        let disputed = disputedRows.count
        if disputed > 0 { lines.append("  reviewers disagree about \(Words.count(disputed, "row")); the latest wins") }
        if !scores.scores.isEmpty {
            lines.append("  \(Self.cells("check", "reviewed", "bad", "precision [95 %]"))")
            for score in scores.scores {
                let precision = score.reviewed > 0 ? Words.number(score.precision, score.interval, digits: 2) : "-"
                lines.append(
                    "  \(Self.cells(score.check.inert, String(score.reviewed), String(score.bad), precision))")
            }
        }
        lines += list.notes.map { "  note: \($0.inert)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cells(_ one: String, _ two: String, _ three: String, _ four: String) -> String {
        ScreenText.padded(one, to: 28) + String(repeating: " ", count: max(1, 9 - two.count)) + two
            + String(repeating: " ", count: max(1, 7 - three.count)) + three + "   " + four
    }

    /// Rows whose reviewers' own latest decisions differ in whether the row is bad.
    private var disputedRows: [Int] {
        var latest: [Int: [String: Bool]] = [:]
        for record in history { latest[record.row, default: [:]][record.who] = record.verdict.isBad }
        return latest.filter { Set($0.value.values).count > 1 }.keys.sorted()
    }
}

extension ReviewReport {
    private struct Document: Encodable {
        struct Source: Encodable { let path: String, sha256: String, rows: Int }
        struct Item: Encodable {
            let row: Int, score: Double, checks: [String], reason: String, decision: String
            let who: String?, when: String?, note: String?
        }
        struct Record: Encodable {
            let number: Int64, row: Int, decision: String, note: String, who: String, when: String
        }
        struct Check: Encodable {
            let check: String, reviewed: Int, bad: Int, precision: Double, low: Double, high: Double,
                reliability: Double
        }
        struct Counts: Encodable { let poison: Int, mislabelled: Int, fine: Int, undecided: Int }
        let schema = "casemate.review/1"
        let version = Product.version
        let verdict = "pass", exitStatus = 0
        let data: Source, suspects: Source, decisions: String
        let marked: Int, counts: Counts, checks: [Check], disputed: [Int], notes: [String]
        let rows: [Item]?, history: [Record]?
    }

    /// One JSON document.
    /// - Parameters:
    ///   - hasRows: Whether the rows stand in it.
    ///   - hasHistory: Whether every record stands in it.
    public func json(hasRows: Bool, hasHistory: Bool) throws -> Data {
        let counts = Dictionary(grouping: list.entries, by: \.verdict).mapValues(\.count)
        let document = Document(
            data: .init(path: list.dataPath, sha256: list.dataDigest, rows: list.count),
            suspects: .init(path: list.suspectsPath, sha256: list.suspectsDigest, rows: list.entries.count),
            decisions: list.store.path, marked: marked,
            counts: .init(
                poison: counts[.poison] ?? 0, mislabelled: counts[.mislabelled] ?? 0, fine: counts[.fine] ?? 0,
                undecided: counts[.undecided] ?? 0),
            checks: scores.scores.map {
                .init(
                    check: $0.check, reviewed: $0.reviewed, bad: $0.bad, precision: $0.precision, low: $0.interval.low,
                    high: $0.interval.high, reliability: $0.reliability)
            }, disputed: disputedRows, notes: list.notes,
            rows: hasRows
                ? entries.map {
                    .init(
                        row: $0.suspect.row, score: $0.suspect.score, checks: $0.suspect.checks,
                        reason: $0.suspect.reason, decision: $0.verdict.rawValue, who: $0.decision?.who,
                        when: $0.decision?.when, note: $0.decision?.note)
                } : nil,
            history: hasHistory
                ? history.map {
                    .init(
                        number: $0.number, row: $0.row, decision: $0.verdict.rawValue, note: $0.note, who: $0.who,
                        when: $0.when)
                } : nil)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(document) + Data("\n".utf8)
    }
}
