public import CasemateCore

/// What a reviewer decided about a row of a data file: one line of a history that only grows.
public struct ReviewDecision: Hashable, Sendable {
    /// What a row is.
    public enum Verdict: String, Sendable, CaseIterable, Codable {
        /// Put there, or changed, to harm.
        case poison
        /// A true row with a wrong label.
        case mislabelled
        /// Nothing is wrong with it.
        case fine
        /// No decision: an earlier one was taken back, or there is only a note.
        case undecided

        /// Whether the row is to be taken out; `nil` without a decision.
        public var isBad: Bool? {
            switch self {
            case .poison, .mislabelled: true
            case .fine: false
            case .undecided: nil
            }
        }
    }
    /// Number in the history; later ones win.
    public let number: Int64
    /// SHA-256 of the data file and of the list of suspects that lay before the reviewer.
    public let data: String, suspects: String
    /// Row of the data, from 0.
    public let row: Int
    /// The decision.
    public let verdict: Verdict
    /// What the reviewer noted; may be empty.
    public let note: String
    /// Who decided, and when, in UTC: `2026-03-01T09:30:12.345Z`.
    public let who: String, when: String
    /// What the list said of the row then.
    public let score: Double, checks: [String]
}

/// Something to be put into the history.
public struct ReviewMark: Hashable, Sendable {
    /// Row of the data, from 0.
    public var row: Int
    /// The decision; `nil` keeps the one that stands and adds the note.
    public var verdict: ReviewDecision.Verdict?
    /// A note; `nil` keeps the one that stands.
    public var note: String?
    /// What the list says of the row.
    public var score: Double, checks: [String]
    /// Makes a mark.
    public init(
        row: Int, verdict: ReviewDecision.Verdict?, note: String? = nil, score: Double = 0, checks: [String] = []
    ) {
        (self.row, self.verdict, self.note, self.score, self.checks) = (row, verdict, note, score, checks)
    }

    /// Longest note that is kept, in bytes.
    public static let noteLimit = 4_000

    /// Reads `12,15-17=poison`.
    /// - Returns: the rows ascending and the decision.
    /// - Throws: `invalidSetting`.
    public static func parse(_ text: String) throws(CasemateError) -> (rows: [Int], verdict: ReviewDecision.Verdict) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        let names = ReviewDecision.Verdict.allCases.map(\.rawValue)
        guard parts.count == 2 else {
            throw invalid("'\(text.prefix(60))' is no mark", "write --mark 12,15=poison")
        }
        let name = String(parts[1])
        guard let verdict = ReviewDecision.Verdict(rawValue: name) else {
            throw invalid(
                "'\(name.prefix(40))' is no decision" + Suggestion.clause(for: name, among: names),
                "one of \(names.joined(separator: ", "))")
        }
        var rows: Set<Int> = []
        for piece in parts[0].split(separator: ",", omittingEmptySubsequences: false) {
            let ends = piece.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, let low = ends.first ?? nil, let high = ends.last ?? nil, low >= 0, low <= high,
                high - low < 1_000_000
            else { throw invalid("'\(piece.prefix(40))' is no row and no range", "write rows such as 12,15-17") }
            rows.formUnion(low...high)
        }
        return (rows.sorted(), verdict)
    }

    private static func invalid(_ what: String, _ help: String) -> CasemateError {
        CasemateError(.invalidSetting, at: "--mark", what, help: help)
    }
}
