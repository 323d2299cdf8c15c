/// What a model said to rows that nobody should send, and what of it cannot be right.
public struct RandomTestResult: Hashable, Sendable {
    /// A row whose answer depends on what is asked beside it.
    public struct Inconsistency: Hashable, Sendable {
        /// Index of the row.
        public let row: Int
        /// The other way of asking: `alone`, `in another order`, …
        public let view: String
        /// Largest difference of a score, relative to the largest score of this row and of rows within the range of the
        /// data where that exceeds 1; infinite when one way gives an answer and the other does not.
        public let difference: Double
    }
    /// The rows.
    public let rows: [GeneratedRow]
    /// The answer to each.
    public let answers: [RowAnswer]
    /// Whether scores are probabilities of the graph's own making, which must lie in 0…1 and sum to 1.
    public let hasProbabilities: Bool
    /// Rows that were asked in several ways, and those with different answers, the largest difference of each.
    public let compared: Int, inconsistencies: [Inconsistency]
    /// Differences up to this count as rounding.
    public let tolerance: Double
    /// Rows asked alone that took longer than a second.
    public let slow: [Int]
    /// Whether time ran out before every way of asking was tried.
    public let isPartial: Bool

    /// Rows whose scores leave 0…1 by more than 10⁻⁴, or whose sum differs from 1 by more than 10⁻³, although they are
    /// probabilities.
    public var outOfRange: [Int] {
        guard hasProbabilities else { return [] }
        return answers.indices.filter { index in
            guard case .answered(let scores, _, _) = answers[index] else { return false }
            return scores.contains { $0 < -1e-4 || $0 > 1.0001 } || abs(scores.reduce(0, +) - 1) > 1e-3
        }
    }
    /// Answered rows whose own label does not have the highest score.
    public var labelDisagreements: [Int] {
        answers.indices.filter { index in
            guard case .answered(let scores, let label, _) = answers[index], scores.count > 1,
                scores.indices.contains(Int(label)), let top = scores.max()
            else { return false }
            return scores[Int(label)] < top - 1e-6 * max(1, abs(top))
        }
    }
    /// Rows of a kind; of all kinds for `nil`.
    public func indices(of kind: GeneratedRow.Kind?) -> [Int] {
        rows.indices.filter { kind == nil || rows[$0].kind == kind }
    }
    /// How many of the rows are answered, and how many of those are decided so.
    public func decided(_ decision: Int32, among indices: [Int]) -> (answered: Int, decided: Int) {
        var (answered, decided) = (0, 0)
        for index in indices {
            guard case .answered(_, _, let own) = answers[index] else { continue }
            answered += 1
            if own == decision { decided += 1 }
        }
        return (answered, decided)
    }
}
