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
        let parts = [one, other].map { ClassPlacements($0, positive: positives, negative: negatives) }
        let areas = parts.map { $0.positive.reduce(0, +) / Double(positives.count) }
        func variance(_ left: [Double], _ right: [Double]) -> Double {
            let differences = zip(left, right).map { $0 - $1 }
            return ClassPlacements.variance(differences) / Double(differences.count)
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
}
