import CasemateCore

/// The areas under the ROC curves of two scores of the same rows, and whether they differ.
///
/// Ties count one half. Source: DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more correlated
/// receiver operating characteristic curves", Biometrics, 1988; mid-ranks as in Sun and Xu, 2014.
public struct PairedAreas: Hashable, Sendable {
    /// Areas of the two scores.
    public let one: Double, other: Double
    /// Standard error of the difference `one − other`.
    public let standardError: Double
    /// Two-sided p-value that the areas are the same; 1 where the scores order all pairs alike.
    public let pValue: Double

    /// Compares two scores; `nil` with fewer than two rows of either class.
    /// - Parameters:
    ///   - labels: Whether each row is positive.
    ///   - one: The higher, the likelier positive; finite.
    ///   - other: The other score, likewise.
    public init?(labels: [Bool], one: [Double], other: [Double]) {
        precondition(labels.count == one.count && one.count == other.count, "every row needs a label and two scores")
        let positives = labels.indices.filter { labels[$0] }, negatives = labels.indices.filter { !labels[$0] }
        guard positives.count > 1, negatives.count > 1 else { return nil }
        let parts = [one, other].map { Self.placements($0, positives, negatives) }
        let areas = parts.map { $0.positive.reduce(0, +) / Double(positives.count) }
        func variance(_ left: [Double], _ right: [Double]) -> Double {
            let differences = zip(left, right).map { $0 - $1 }
            let mean = differences.reduce(0, +) / Double(differences.count)
            let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return squares / Double(differences.count - 1) / Double(differences.count)
        }
        (self.one, self.other) = (areas[0], areas[1])
        let total =
            variance(parts[0].positive, parts[1].positive) + variance(parts[0].negative, parts[1].negative)
        standardError = total.squareRoot()
        let difference = areas[0] - areas[1]
        pValue =
            total > 1e-30
            ? 2 * Distributions.normalCDF(-abs(difference) / total.squareRoot()) : difference == 0 ? 1 : 0
    }

    /// The interval of the difference `one − other` at `z` standard errors.
    public func interval(z: Double) -> (low: Double, high: Double) {
        (one - other - z * standardError, one - other + z * standardError)
    }

    /// Share of negative rows below each positive one, and of positive rows above each negative one.
    private static func placements(
        _ scores: [Double], _ positives: [Int], _ negatives: [Int]
    ) -> (positive: [Double], negative: [Double]) {
        let all = midRanks(scores)
        let within = (midRanks(positives.map { scores[$0] }), midRanks(negatives.map { scores[$0] }))
        let (m, n) = (Double(positives.count), Double(negatives.count))
        return (
            positives.indices.map { (all[positives[$0]] - within.0[$0]) / n },
            negatives.indices.map { 1 - (all[negatives[$0]] - within.1[$0]) / m }
        )
    }

    /// Ranks from 1; equal values share the mean of their ranks.
    private static func midRanks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
            for position in start...end { ranks[order[position]] = Double(start + end) / 2 + 1 }
            start = end + 1
        }
        return ranks
    }
}
