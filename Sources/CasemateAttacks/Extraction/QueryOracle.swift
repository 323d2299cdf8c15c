/// A model that an attacker can ask: rows in, decisions and scores out. Nothing else of it is ever used.
public protocol QueryOracle: Sendable {
    /// What an answer holds.
    var form: AnswerForm { get }
    /// Answers `count` rows of `form.featureCount` values each; the order of calls must not change an answer.
    func answer(_ rows: [Float], count: Int) throws -> QueryAnswers
}

/// What the answers of an oracle hold.
public struct AnswerForm: Hashable, Sendable {
    /// What scores are.
    public enum Scores: String, Hashable, Sendable {
        /// Decisions only.
        case none
        /// One probability a class, which sum to 1.
        case probabilities
        /// Numbers of any size: the value of a regression, the margin of a decision.
        case values
    }
    /// Numbers in a row.
    public let featureCount: Int
    /// Number of possible decisions; 0 for a regression that decides nothing.
    public let decisions: Int
    /// What scores are.
    public let scores: Scores
    /// Scores in one answer: the classes for probabilities; for values 1, or one a class.
    public let outputs: Int

    /// Makes a form.
    public init(featureCount: Int, decisions: Int, scores: Scores, outputs: Int) {
        precondition(scores != .probabilities || outputs == decisions, "\(outputs) scores for \(decisions) classes")
        precondition(scores == .none || outputs > 0, "scores without numbers")
        (self.featureCount, self.decisions) = (featureCount, decisions)
        (self.scores, self.outputs) = (scores, scores == .none ? 0 : outputs)
    }
}

/// Answers to a batch of queries.
public struct QueryAnswers: Hashable, Sendable {
    /// One decision a row; empty when the model decides nothing.
    public let decisions: [Int32]
    /// `[count, outputs]` row-major; empty when there are no scores.
    public let scores: [Double]
    /// Makes answers.
    public init(decisions: [Int32], scores: [Double]) { (self.decisions, self.scores) = (decisions, scores) }

    /// The first `count` answers of `form`.
    func prefix(_ count: Int, _ form: AnswerForm) -> QueryAnswers {
        QueryAnswers(
            decisions: Array(decisions.prefix(count)), scores: Array(scores.prefix(count * form.outputs)))
    }
}

/// How much of an answer an attacker sees.
public enum ExtractionAccess: Hashable, Sendable {
    /// The decision alone.
    case labels
    /// Decision and scores as the model gives them.
    case scores
    /// Decision and scores rounded to so many decimals.
    case rounded(decimals: Int)

    /// Stable name in settings and metric groups: `labels`, `scores`, `rounded`.
    public var name: String {
        switch self {
        case .labels: "labels"
        case .scores: "scores"
        case .rounded: "rounded"
        }
    }
    /// The same for people.
    public var title: String {
        switch self {
        case .labels: "decisions only"
        case .scores: "scores"
        case .rounded(let decimals): "scores rounded to \(decimals) decimal\(decimals == 1 ? "" : "s")"
        }
    }
    /// Distance between two neighbouring answers; 0 for scores as they are.
    var unit: Double {
        guard case .rounded(let decimals) = self else { return 0 }
        var unit = 1.0
        for _ in 0..<min(max(decimals, 0), 300) { unit /= 10 }
        return unit
    }
    /// Whether answers of this form hold what this access shows.
    func applies(to form: AnswerForm) -> Bool { self == .labels ? form.decisions > 1 : form.scores != .none }

    /// The scores that an attacker sees.
    func view(_ scores: [Double]) -> [Double] {
        switch self {
        case .labels: []
        case .scores: scores
        // why the inverse: a power of ten is exact and its inverse is not.
        case .rounded:
            scores.map { (($0 * (1 / unit).rounded()).rounded()) / (1 / unit).rounded() }
        }
    }
}
