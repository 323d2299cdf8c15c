public import CasemateCore

/// How the scores of the same rows moved from one model to another.
public struct ScoreShift: Sendable {
    /// Rows.
    public let count: Int
    /// Mean change with its normal 95 % interval.
    public let mean: Double, interval: Interval?
    /// Mean size of the change, and its median, 90 % and 99 % quantile and largest.
    public let meanSize: Double, quantiles: (median: Double, q90: Double, q99: Double, largest: Double)
    /// Kolmogorov-Smirnov distance of the two score distributions.
    public let distance: Double
    /// Share of random exchanges of the two scores of each row that give at least this distance, the observed counted in.
    ///
    /// The usual table is for samples of different rows; the same rows keep the distributions close, so that it would
    /// call hardly any shift significant.
    public let pValue: Double

    /// Compares finite scores of the same rows in the same order.
    /// - Throws: `Cancelled`.
    public init(
        old: [Double], new: [Double], permutations: Int = 199, seed: UInt64, cancellation: Cancellation
    ) throws {
        precondition(old.count == new.count && !old.isEmpty, "\(old.count) and \(new.count) scores")
        let changes = zip(new, old).map { $0 - $1 }
        let n = Double(changes.count)
        let mean = changes.reduce(0, +) / n
        let variance = changes.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, n - 1)
        let reach = Distributions.normalQuantile(0.975) * (variance / n).squareRoot()
        let sizes = changes.map(abs).sorted()
        func quantile(_ share: Double) -> Double { Bootstrap.quantile(sizes, share) }
        (count, self.mean) = (changes.count, mean)
        interval = changes.count > 1 ? Interval(mean - reach, mean + reach) : nil
        meanSize = sizes.reduce(0, +) / n
        quantiles = (quantile(0.5), quantile(0.9), quantile(0.99), sizes[sizes.count - 1])
        let walk = Walk(old: old, new: new)
        let observed = walk.distance { _ in false }
        var reached = 1
        for permutation in 0..<permutations {
            try cancellation.check()
            var generator = SeededGenerator(seed: seed, stream: 0x5C0E_0000 + UInt64(permutation))
            let swaps = changes.map { _ in generator.next() & 1 == 1 }
            if walk.distance({ swaps[$0] }) >= observed - 1e-12 { reached += 1 }
        }
        (distance, pValue) = (observed, Double(reached) / Double(permutations + 1))
    }

    /// All scores in ascending order, so that each exchange costs one walk.
    private struct Walk {
        private let scores: [Double]
        private let rows: [Int]
        private let isNew: [Bool]

        init(old: [Double], new: [Double]) {
            let all = old + new
            let order = all.indices.sorted { all[$0] < all[$1] }
            scores = order.map { all[$0] }
            rows = order.map { $0 % old.count }
            isNew = order.map { $0 >= old.count }
        }
        func distance(_ isSwapped: (Int) -> Bool) -> Double {
            var (ahead, largest) = (0, 0)
            for (position, score) in scores.enumerated() {
                ahead += isNew[position] != isSwapped(rows[position]) ? 1 : -1
                let isLast = position + 1 == scores.count || scores[position + 1] != score
                if isLast { largest = max(largest, abs(ahead)) }
            }
            return Double(largest) * 2 / Double(scores.count)
        }
    }
}
