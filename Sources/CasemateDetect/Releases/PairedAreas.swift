public import CasemateCore

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
        let (one, two) = (Self.placements(old, positive, negative), Self.placements(new, positive, negative))
        let (m, n) = (Double(positive.count), Double(negative.count))
        self.old = one.positive.reduce(0, +) / m
        self.new = two.positive.reduce(0, +) / m
        let variance =
            Self.variance(of: zip(two.positive, one.positive).map { $0 - $1 }) / m
            + Self.variance(of: zip(two.negative, one.negative).map { $0 - $1 }) / n
        standardError = variance.squareRoot()
        let z = standardError > 0 ? (self.new - self.old) / standardError : nil
        pValue = z.map { 2 * Distributions.normalCDF(-abs($0)) }
    }

    /// For each row of a class, the share of the other class that it is ranked rightly against.
    private static func placements(
        _ scores: [Double], _ positive: [Int], _ negative: [Int]
    ) -> (positive: [Double], negative: [Double]) {
        let all = midRanks(scores)
        let (own, other) = (midRanks(positive.map { scores[$0] }), midRanks(negative.map { scores[$0] }))
        let (m, n) = (Double(positive.count), Double(negative.count))
        return (
            positive.indices.map { (all[positive[$0]] - own[$0]) / n },
            negative.indices.map { 1 - (all[negative[$0]] - other[$0]) / m }
        )
    }

    private static func variance(of values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
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
