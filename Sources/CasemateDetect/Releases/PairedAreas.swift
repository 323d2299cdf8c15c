public import CasemateCore
import CasemateModels

/// The areas under the ROC curves of two scores of the same rows.
///
/// Source: DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
/// characteristic curves", Biometrics, 1988; mid-ranks as in Sun and Xu, 2014.
public struct PairedAreas: Hashable, Sendable {
    /// Area of each score.
    public let old: Double, new: Double
    /// Standard error of the difference.
    public let standardError: Double
    /// Two-sided p-value that both areas are the same; `nil` when the scores rank all rows alike.
    public let pValue: Double?
    /// Area of the new score minus that of the old.
    public var difference: Double { new - old }
    /// 95 % interval of the difference.
    public var interval: Interval {
        let z = Distributions.normalQuantile(0.975)
        return Interval(max(-1, difference - z * standardError), min(1, difference + z * standardError))
    }

    /// Compares two scores; `nil` with fewer than two rows of either class.
    public init?(labels: [Bool], old: [Double], new: [Double]) {
        precondition(labels.count == old.count && old.count == new.count, "scores and labels of different length")
        let positive = labels.indices.filter { labels[$0] }
        let negative = labels.indices.filter { !labels[$0] }
        guard positive.count > 1, negative.count > 1 else { return nil }
        let one = ClassPlacements(old, positive: positive, negative: negative)
        let two = ClassPlacements(new, positive: positive, negative: negative)
        let (m, n) = (Double(positive.count), Double(negative.count))
        self.old = one.positive.reduce(0, +) / m
        self.new = two.positive.reduce(0, +) / m
        let variance =
            ClassPlacements.variance(zip(two.positive, one.positive).map { $0 - $1 }) / m
            + ClassPlacements.variance(zip(two.negative, one.negative).map { $0 - $1 }) / n
        standardError = variance.squareRoot()
        let z = standardError > 0 ? (self.new - self.old) / standardError : nil
        pValue = z.map { 2 * Distributions.normalCDF(-abs($0)) }
    }
}
