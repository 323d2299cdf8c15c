import CasemateCore

/// How far two samples of one column are apart.
package enum ShiftMeasures {
    /// Kolmogorov and Smirnov's statistic: the largest gap between two distribution functions, with a bound on how much
    /// larger the true one can be.
    package struct Gap: Hashable, Sendable {
        /// The largest gap that is known.
        package let statistic: Double
        /// The true one is at most this much larger; 0 where exact.
        package let error: Double
        /// Makes a gap.
        package init(statistic: Double, error: Double = 0) { (self.statistic, self.error) = (statistic, error) }
    }

    /// The exact gap between two sorted samples without missing values.
    package static func gap(_ one: [Double], _ other: [Double]) -> Gap {
        guard !one.isEmpty, !other.isEmpty else { return Gap(statistic: 0) }
        var (i, j, largest) = (0, 0, 0.0)
        while i < one.count, j < other.count {
            let value = min(one[i], other[j])
            while i < one.count, one[i] == value { i += 1 }
            while j < other.count, other[j] == value { j += 1 }
            largest = max(largest, abs(Double(i) / Double(one.count) - Double(j) / Double(other.count)))
        }
        return Gap(statistic: largest)
    }

    /// The gap between counts over the same edges: exact at the edges. Between two edges of which the second is not the
    /// next double, it can be larger by the smaller of the two shares there.
    package static func gap(_ one: [Int], _ other: [Int], edges: [Double]) -> Gap {
        let (n, m) = (Double(one.reduce(0, +)), Double(other.reduce(0, +)))
        guard n > 0, m > 0 else { return Gap(statistic: 0) }
        var left = 0.0, right = 0.0, largest = 0.0, bound = 0.0
        for bin in one.indices {
            let (p, q) = (Double(one[bin]) / n, Double(other[bin]) / m)
            let isPoint = bin > 0 && bin < edges.count && edges[bin - 1].nextUp == edges[bin]
            if !isPoint { bound = max(bound, max(abs(left + p - right), abs(right + q - left))) }
            left += p
            right += q
            largest = max(largest, abs(left - right))
        }
        return Gap(statistic: largest, error: max(0, bound - largest))
    }

    /// Probability of so large a gap where both samples come from one distribution: Kolmogorov's limit, which is
    /// careful where values repeat.
    package static func gapProbability(_ gap: Double, _ n: Int, _ m: Int) -> Double {
        guard n > 0, m > 0 else { return 1 }
        let size = Double(n) * Double(m) / (Double(n) + Double(m))
        return Distributions.kolmogorovSurvival(gap * size.squareRoot())
    }

    /// Population stability index over the same bins, `Σ (p - q) ln (p / q)`; half a row is added to every bin, so that
    /// an empty one is not infinite.
    package static func stability(_ one: [Int], _ other: [Int]) -> Double {
        sums(one, other, added: 0.5) { p, q in (p - q) * (p / q).logarithm }
    }

    /// What the index is expected to be where nothing shifted: about `(k - 1)(1/n + 1/m)`.
    package static func expectedStability(_ one: [Int], _ other: [Int]) -> Double {
        let (n, m) = (Double(one.reduce(0, +)), Double(other.reduce(0, +)))
        return n > 0 && m > 0 ? Double(max(0, one.count - 1)) * (1 / n + 1 / m) : 0
    }

    /// Jensen and Shannon's distance over the same bins, in 0…1: the root of the divergence in bits.
    package static func divergence(_ one: [Int], _ other: [Int]) -> Double {
        let bits = sums(one, other, added: 0) { p, q in
            let middle = (p + q) / 2
            func part(_ share: Double) -> Double { share > 0 ? share * (share / middle).logarithm : 0 }
            return (part(p) + part(q)) / 2
        }
        return max(0, bits / 2.0.logarithm).squareRoot()
    }

    /// Total variation: half the sum of absolute differences of shares, in 0…1.
    package static func variation(_ one: [Int], _ other: [Int]) -> Double {
        sums(one, other, added: 0) { p, q in abs(p - q) } / 2
    }

    /// Wasserstein's first distance of two sorted samples, in units of the column.
    package static func transport(_ one: [Double], _ other: [Double]) -> Double {
        guard !one.isEmpty, !other.isEmpty else { return 0 }
        var (i, j, total) = (0, 0, 0.0)
        var previous = min(one[0], other[0])
        while i < one.count || j < other.count {
            let value = min(i < one.count ? one[i] : .infinity, j < other.count ? other[j] : .infinity)
            let difference = Double(i) / Double(one.count) - Double(j) / Double(other.count)
            total += abs(difference) * (value - previous)
            while i < one.count, one[i] == value { i += 1 }
            while j < other.count, other[j] == value { j += 1 }
            previous = value
        }
        return total
    }

    /// The same from counts over the same edges; within a bin values count as evenly spread from `low` to `high`.
    package static func transport(
        _ one: [Int], _ other: [Int], edges: [Double], low: Double, high: Double
    ) -> Double {
        let (n, m) = (Double(one.reduce(0, +)), Double(other.reduce(0, +)))
        guard n > 0, m > 0 else { return 0 }
        var before = 0.0, total = 0.0
        for bin in one.indices {
            let after = before + Double(one[bin]) / n - Double(other[bin]) / m
            let start = bin == 0 ? min(low, edges.first ?? low) : edges[bin - 1]
            let end = bin == edges.count ? max(high, edges.last ?? high) : edges[bin]
            let (left, right) = (abs(before), abs(after))
            let isCrossing = before * after < 0
            let mean = isCrossing ? (left * left + right * right) / (2 * (left + right)) : (left + right) / 2
            // why: where a step between two listed values is empty in both, the gap is constant, which the mean gives.
            total += mean * max(0, end - start)
            before = after
        }
        return total
    }

    private static func sums(
        _ one: [Int], _ other: [Int], added: Double, _ term: (Double, Double) -> Double
    ) -> Double {
        let extra = added * Double(one.count)
        let (n, m) = (Double(one.reduce(0, +)) + extra, Double(other.reduce(0, +)) + extra)
        guard n > 0, m > 0 else { return 0 }
        return zip(one, other).reduce(0) { sum, pair in
            sum + term((Double(pair.0) + added) / n, (Double(pair.1) + added) / m)
        }
    }
}
