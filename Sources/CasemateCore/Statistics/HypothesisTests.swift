/// Tests of whether two shares differ, and the correction for many of them.
public enum HypothesisTests {
    /// Fisher's exact two-sided p-value of the table `[[a, b], [c, d]]`: the tables no likelier than the given one.
    ///
    /// 1 when a row or column of the table is empty. Source: Fisher, "On the interpretation of chi-square", 1922.
    public static func fisherExact(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Double {
        let (draws, marked, population) = (a + b, a + c, a + b + c + d)
        guard min(a, b, c, d) >= 0, draws > 0, c + d > 0, marked > 0, b + d > 0 else { return 1 }
        func probability(_ k: Int) -> Double {
            Distributions.hypergeometric(successes: k, draws: draws, marked: marked, population: population)
        }
        // why: equal probabilities must count as "no likelier" in spite of rounding, as SciPy and R do it.
        let bound = probability(a) * (1 + 1e-7)
        let range = max(0, draws + marked - population)...min(draws, marked)
        return min(1, range.lazy.map(probability).filter { $0 <= bound }.reduce(0, +))
    }

    /// Two-sided p-value of the pooled z test that two shares are equal; `nil` when the pooled share is 0 or 1.
    public static func twoProportionZ(
        successes: Int, trials: Int, referenceSuccesses: Int, referenceTrials: Int
    ) -> Double? {
        guard trials > 0, referenceTrials > 0 else { return nil }
        let (n1, n0) = (Double(trials), Double(referenceTrials))
        let pooled = Double(successes + referenceSuccesses) / (n1 + n0)
        guard pooled > 0, pooled < 1 else { return nil }
        let deviation = (pooled * (1 - pooled) * (1 / n1 + 1 / n0)).squareRoot()
        let z = (Double(successes) / n1 - Double(referenceSuccesses) / n0) / deviation
        return 2 * Distributions.normalCDF(-abs(z))
    }

    /// Holm's step-down adjustment: adjusted p-values in the order given, each at most 1.
    ///
    /// Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    public static func holm(_ pValues: [Double]) -> [Double] {
        let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
        var adjusted = [Double](repeating: 1, count: pValues.count)
        var running = 0.0
        for (rank, index) in order.enumerated() {
            running = max(running, min(1, Double(pValues.count - rank) * pValues[index]))
            adjusted[index] = running
        }
        return adjusted
    }

    /// Benjamini and Hochberg's step-up adjustment: the smallest false-discovery rate at which each hypothesis is
    /// rejected, in the order given, each at most 1.
    ///
    /// Source: Benjamini and Hochberg, "Controlling the false discovery rate", 1995.
    public static func benjaminiHochberg(_ pValues: [Double]) -> [Double] {
        let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
        var adjusted = [Double](repeating: 1, count: pValues.count)
        var running = 1.0
        for (rank, index) in order.enumerated().reversed() {
            running = min(running, pValues[index] * Double(pValues.count) / Double(rank + 1))
            adjusted[index] = running
        }
        return adjusted
    }

    /// Pearson's chi-square statistic that two rows of counts come from one distribution, with its p-value.
    ///
    /// Columns that are empty in both rows are left out. `nil` where fewer than two columns or a row without counts is
    /// left. Without Yates' correction.
    public static func chiSquared(
        _ counts: [Int], _ others: [Int]
    ) -> (statistic: Double, degrees: Int, pValue: Double)? {
        let cells = zip(counts, others).filter { $0 + $1 > 0 }
        let (n, m) = (Double(counts.reduce(0, +)), Double(others.reduce(0, +)))
        guard cells.count > 1, n > 0, m > 0 else { return nil }
        var statistic = 0.0
        for (one, other) in cells {
            let total = Double(one) + Double(other)
            let (expected, rest) = (total * n / (n + m), total * m / (n + m))
            statistic += (Double(one) - expected) * (Double(one) - expected) / expected
            statistic += (Double(other) - rest) * (Double(other) - rest) / rest
        }
        let p = Distributions.chiSquaredSurvival(statistic, degrees: Double(cells.count - 1))
        return (statistic, cells.count - 1, p)
    }
}
