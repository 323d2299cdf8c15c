package import CasemateCore

/// The difference and the ratio of two groups' shares among comparable rows: rows of the same stratum.
///
/// Sources: Mantel and Haenszel, "Statistical aspects of the analysis of data from retrospective studies", 1959;
/// Greenland and Robins, "Estimation of a common effect parameter from sparse follow-up data", Biometrics, 1985 (both
/// variances); Cochran, "Some methods for strengthening the common chi-square tests", 1954 (the test).
package struct StratifiedGap: Hashable, Sendable {
    /// Favourable rows and all rows of the group and of the comparison group in one stratum.
    package struct Stratum: Hashable, Sendable {
        /// Favourable rows of the group, its rows, and the same of the comparison group.
        package var favourable = 0, rows = 0, otherFavourable = 0, otherRows = 0
        /// An empty stratum.
        package init(favourable: Int = 0, rows: Int = 0, otherFavourable: Int = 0, otherRows: Int = 0) {
            (self.favourable, self.rows) = (favourable, rows)
            (self.otherFavourable, self.otherRows) = (otherFavourable, otherRows)
        }
    }
    /// Share of the group minus the comparison group's over strata, with its 95 % interval.
    package let difference: Double, differenceInterval: Interval
    /// Ratio of the shares with its 95 % interval; `nil` where the comparison group has no favourable row.
    package let ratio: Double?, ratioInterval: Interval?
    /// Two-sided p-value that the shares are equal in every stratum.
    package let pValue: Double
    /// Rows of the group and of the comparison group in strata that hold both.
    package let rows: Int, otherRows: Int

    /// Combines strata; `nil` when none holds rows of both groups.
    package init?(_ strata: [Stratum]) {
        let both = strata.filter { $0.rows > 0 && $0.otherRows > 0 }
        guard !both.isEmpty else { return nil }
        (rows, otherRows) = (both.reduce(0) { $0 + $1.rows }, both.reduce(0) { $0 + $1.otherRows })
        var (weight, gap, spread) = (0.0, 0.0, 0.0)
        var (top, bottom, ratioSpread) = (0.0, 0.0, 0.0)
        var (excess, variance) = (0.0, 0.0)
        for stratum in both {
            let (a, n1) = (Double(stratum.favourable), Double(stratum.rows))
            let (c, n0) = (Double(stratum.otherFavourable), Double(stratum.otherRows))
            let total = n1 + n0
            let hits = a + c
            weight += n1 * n0 / total
            gap += (a * n0 - c * n1) / total
            spread += (a * (n1 - a) * n0 * n0 * n0 + c * (n0 - c) * n1 * n1 * n1) / (n1 * n0 * total * total)
            top += a * n0 / total
            bottom += c * n1 / total
            ratioSpread += (n1 * n0 * hits - a * c * total) / (total * total)
            excess += a - n1 * hits / total
            if total > 1 { variance += n1 * n0 * hits * (total - hits) / (total * total * (total - 1)) }
        }
        let z = Distributions.normalQuantile(0.975)
        difference = gap / weight
        let error = spread.squareRoot() / weight
        differenceInterval = Interval(max(-1, difference - z * error), min(1, difference + z * error))
        if top > 0, bottom > 0 {
            let ratio = top / bottom
            let deviation = max(0, ratioSpread / (top * bottom)).squareRoot()
            self.ratio = ratio
            ratioInterval = Interval(
                (ratio.logarithm - z * deviation).exponential, (ratio.logarithm + z * deviation).exponential)
        } else {
            (ratio, ratioInterval) = (bottom > 0 ? 0 : nil, nil)
        }
        pValue = variance > 0 ? 2 * Distributions.normalCDF(-abs(excess) / variance.squareRoot()) : 1
    }
}
