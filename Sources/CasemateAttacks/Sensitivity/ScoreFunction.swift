/// Answers with scores and decisions: what a sensitivity analysis sees of a model.
public protocol ScoreFunction: Sendable {
    /// Values in one row.
    var featureCount: Int { get }
    /// Scores of one row: 1 for the positive or favourable class or a value, one a class where no class stands out, 0
    /// for models that tell labels only.
    var scoreCount: Int { get }
    /// Answers `count` rows, `[count, featureCount]` row-major in the encoding of `FeatureMatrix`.
    ///
    /// Called from one thread. A row's answer must not depend on the rows beside it.
    func answer(_ rows: [Float], count: Int) throws -> ScoredRows
}

/// Answers for a batch.
public struct ScoredRows: Hashable, Sendable {
    /// `[count, scoreCount]` row-major.
    public let scores: [Float]
    /// The decision on each row; empty for a value without a threshold.
    public let labels: [Int32]
    /// Makes answers.
    public init(scores: [Float], labels: [Int32]) { (self.scores, self.labels) = (scores, labels) }
}
