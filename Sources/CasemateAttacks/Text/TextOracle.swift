/// A text classifier as an attacker sees it.
public protocol TextOracle: Sendable {
    /// Number of decisions, at least 2.
    var classes: Int { get }
    /// What `TextAnswers.scores` are, where there are any.
    var scale: TextAnswers.Scale { get }
    /// Answers texts of any number, in their order.
    func answer(_ texts: [String]) throws -> TextAnswers
}

/// Answers for a batch of texts.
public struct TextAnswers: Hashable, Sendable {
    /// What scores are, which says how two of them are compared.
    public enum Scale: String, Hashable, Sendable {
        /// Numbers in 0…1 that sum to 1: compared by their logarithms, so that differences far from the border count.
        case probabilities
        /// Any numbers of which the highest decides: compared by their difference.
        case values
        /// No scores: decisions only.
        case none
    }
    /// The decision on each text.
    public let labels: [Int32]
    /// `[count, classes]` row-major; empty where the scale is `none`.
    public let scores: [Float]
    /// Makes answers.
    public init(labels: [Int32], scores: [Float]) { (self.labels, self.scores) = (labels, scores) }
}

/// What the attacker is told of an answer.
public enum TextAccess: String, Hashable, Sendable, CaseIterable {
    /// Scores of all classes, and the decision.
    case scores
    /// The decision only.
    case labels
}
