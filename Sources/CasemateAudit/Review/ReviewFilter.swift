public import CasemateCore
public import CasemateDetect

/// Which rows of a list are shown: terms with commas between them, all of which must hold.
///
/// `check=data_labels`, `check!=…`, `score>=0.8` (also `>`, `<`, `<=`, `=`), `row>=100`, `decision=poison`,
/// `undecided`, `decided`, `who=anna`, `text=word` (in the reason or the note).
public struct ReviewFilter: Hashable, Sendable {
    private enum Field: String, CaseIterable { case check, score, row, decision, who, text }
    private enum Sign: String, CaseIterable {
        case notEqual = "!="
        case atLeast = ">="
        case atMost = "<="
        case more = ">"
        case less = "<"
        case equal = "="
    }
    private enum Term: Hashable {
        case decided(Bool)
        case text(Field, String, isWanted: Bool)
        case number(Field, Sign, Double)
    }
    private let terms: [Term]
    /// As it was written.
    public let text: String
    /// Shows every row.
    public static let everything = ReviewFilter()

    private init() { (terms, text) = ([], "") }

    /// Reads a filter; an empty text shows every row.
    /// - Throws: `invalidSetting`.
    public init(_ text: String) throws(CasemateError) {
        let pieces = text.split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
        terms = try pieces.map { piece throws(CasemateError) in try Self.term(piece) }
        self.text = pieces.joined(separator: ",")
    }

    private static func term(_ piece: String) throws(CasemateError) -> Term {
        if piece == "decided" || piece == "undecided" { return .decided(piece == "decided") }
        guard let at = piece.firstIndex(where: { "!<>=".contains($0) }),
            let sign = Sign.allCases.first(where: { piece[at...].hasPrefix($0.rawValue) })
        else { throw invalid(piece, "undecided, check=data_labels, score>=0.8") }
        let (name, value) = (String(piece[..<at]), String(piece[at...].dropFirst(sign.rawValue.count)))
        let names = Field.allCases.map(\.rawValue)
        guard let field = Field(rawValue: name) else {
            throw CasemateError(
                .invalidSetting, at: "filter",
                "'\(name.prefix(40))' is unknown" + Suggestion.clause(for: name, among: names),
                help: "one of \(names.joined(separator: ", ")), decided, undecided")
        }
        switch field {
        case .score, .row:
            guard let number = Double(value), number.isFinite else { throw invalid(piece, "\(name)>=0.8") }
            return .number(field, sign, number)
        case .check, .decision, .who, .text:
            guard sign == .equal || sign == .notEqual, !value.isEmpty else {
                throw invalid(piece, "\(name)=… or \(name)!=…")
            }
            let verdicts = ReviewDecision.Verdict.allCases.map(\.rawValue)
            guard field != .decision || verdicts.contains(value) else {
                throw invalid(piece, "decision=" + verdicts.joined(separator: "|"))
            }
            return .text(field, value.lowercased(), isWanted: sign == .equal)
        }
    }

    private static func invalid(_ piece: String, _ help: String) -> CasemateError {
        CasemateError(.invalidSetting, at: "filter", "'\(piece.prefix(40))' is no term", help: "such as " + help)
    }

    /// Whether a row is shown.
    public func holds(_ entry: ReviewEntry) -> Bool { terms.allSatisfy { holds($0, entry) } }

    private func holds(_ term: Term, _ entry: ReviewEntry) -> Bool {
        switch term {
        case .decided(let isWanted): return (entry.verdict != .undecided) == isWanted
        case .number(let field, let sign, let number):
            let value = field == .score ? entry.suspect.score : Double(entry.suspect.row)
            return switch sign {
            case .equal: value == number
            case .notEqual: value != number
            case .atLeast: value >= number
            case .atMost: value <= number
            case .more: value > number
            case .less: value < number
            }
        case .text(let field, let text, let isWanted):
            let isFound =
                switch field {
                case .check: entry.suspect.checks.contains { $0.lowercased() == text }
                case .decision: entry.verdict.rawValue == text
                case .who: entry.decision?.who.lowercased() == text
                default:
                    // why without blanks: a filter's blanks do not count.
                    (entry.suspect.reason + " " + (entry.decision?.note ?? "")).lowercased().filter { $0 != " " }
                        .contains(text)
                }
            return isFound == isWanted
        }
    }
}

/// A row of the list with what was decided about it.
public struct ReviewEntry: Hashable, Sendable {
    /// What the list says.
    public let suspect: RankedSuspect
    /// The record that stands, also one that took a decision back; `nil` where nobody wrote any.
    public let decision: ReviewDecision?
    /// The decision.
    public var verdict: ReviewDecision.Verdict { decision?.verdict ?? .undecided }
}

/// The order of a list.
public enum ReviewOrder: String, Sendable, CaseIterable {
    /// Likeliest first.
    case score
    /// As in the data.
    case row
    /// By the surest check, likeliest first.
    case check
    /// Undecided rows first.
    case decision

    /// The next one, and the first after the last.
    public var next: ReviewOrder {
        let all = Self.allCases
        return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
    }

    /// The entries in this order.
    public func sorted(_ entries: [ReviewEntry]) -> [ReviewEntry] {
        func byScore(_ one: ReviewEntry, _ other: ReviewEntry) -> Bool {
            (other.suspect.score, one.suspect.row) < (one.suspect.score, other.suspect.row)
        }
        return entries.sorted { one, other in
            switch self {
            case .score: return byScore(one, other)
            case .row: return one.suspect.row < other.suspect.row
            case .check:
                let (first, second) = (one.suspect.checks.first ?? "", other.suspect.checks.first ?? "")
                return first == second ? byScore(one, other) : first < second
            case .decision:
                let (first, second) = (one.verdict.place, other.verdict.place)
                return first == second ? byScore(one, other) : first < second
            }
        }
    }
}

extension ReviewDecision.Verdict {
    /// Place in the order by decision.
    fileprivate var place: Int {
        switch self {
        case .undecided: 0
        case .poison: 1
        case .mislabelled: 2
        case .fine: 3
        }
    }
}
