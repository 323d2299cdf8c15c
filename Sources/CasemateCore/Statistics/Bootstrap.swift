/// Percentile bootstrap.
public enum Bootstrap {
    /// The interval of `statistic` over resamples within strata, so that every stratum keeps its size.
    ///
    /// `nil` when fewer than nine in ten resamples give a value. Deterministic in `seed`.
    /// Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    /// - Parameters:
    ///   - strata: Row indices of each stratum.
    ///   - replicates: Number of resamples.
    ///   - confidence: Share of resamples inside the interval.
    ///   - seed: Seed of the resampling.
    ///   - statistic: Value of a resample given as row indices; `nil` where it is undefined.
    public static func interval(
        strata: [[Int]], replicates: Int = 1_000, confidence: Double = 0.95, seed: UInt64,
        statistic: ([Int]) -> Double?
    ) -> Interval? {
        intervals(strata: strata, replicates: replicates, confidence: confidence, seed: seed, count: 1) {
            [statistic($0)]
        }[0]
    }

    /// The intervals of `count` statistics over the same resamples; otherwise as `interval`.
    public static func intervals(
        strata: [[Int]], replicates: Int = 1_000, confidence: Double = 0.95, seed: UInt64, count: Int,
        statistics: ([Int]) -> [Double?]
    ) -> [Interval?] {
        guard replicates > 1, strata.contains(where: { !$0.isEmpty }) else {
            return [Interval?](repeating: nil, count: count)
        }
        var values = [[Double]](repeating: [], count: count)
        for replicate in 0..<replicates {
            var generator = SeededGenerator(seed: seed, stream: UInt64(replicate))
            let sample = strata.flatMap { rows in
                rows.map { _ in rows[Int.random(in: 0..<rows.count, using: &generator)] }
            }
            for (index, value) in statistics(sample).enumerated() {
                if let value, value.isFinite { values[index].append(value) }
            }
        }
        let tail = (1 - confidence) / 2
        return values.map { values in
            guard Double(values.count) >= 0.9 * Double(replicates) else { return nil }
            let sorted = values.sorted()
            return Interval(quantile(sorted, tail), quantile(sorted, 1 - tail))
        }
    }

    /// Resamples that a measure over `count` rows can afford: 300, fewer above 50,000 rows, never below 100.
    public static func replicates(for count: Int) -> Int { max(100, min(300, 15_000_000 / max(1, count))) }

    /// The quantile of sorted values with linear interpolation (Hyndman and Fan's type 7).
    public static func quantile(_ sorted: [Double], _ probability: Double) -> Double {
        guard let last = sorted.last else { return .nan }
        let position = probability * Double(sorted.count - 1)
        let lower = min(max(Int(position), 0), sorted.count - 1)
        guard lower + 1 < sorted.count else { return last }
        return sorted[lower] + (position - Double(lower)) * (sorted[lower + 1] - sorted[lower])
    }
}
