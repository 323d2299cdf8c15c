public import CasemateCore

/// How a group fares beside its matched peers in one respect: a score, a label, a decision.
///
/// The residual of a row is its value minus the mean of its peers'. Under the hypothesis that membership of the group
/// makes no difference, any member of a matched set (the row and its peers) could be the one of the group: the test
/// permutes the membership within the sets and asks how often the mean residual gets as large. Source: Fisher's
/// randomisation test in matched sets, Rosenbaum, "Observational Studies", 2002, chapter 2. One-sided: it asks whether the
/// group is favoured.
public struct PeerComparison: Hashable, Sendable {
    /// Value minus the mean of the peers' values, row by row.
    public let residuals: [Double]
    /// Share of the matched set below the row, ties and itself counted half, in 0…1; uniform without favours.
    public let percentiles: [Double]
    /// Mean of the rows and mean of their peers; `nil` without rows.
    public let mean: Double?, peerMean: Double?
    /// Probability of a mean residual at least as large when nobody is favoured; `nil` without rows.
    public let pValue: Double?
    /// Permutations that it rests on.
    public let permutations: Int
    /// Standard deviation of the mean residual over all permutations.
    private let nullDeviation: Double

    /// Compares.
    /// - Parameters:
    ///   - values: The value of every row of the data, high is good.
    ///   - matched: Who is compared with whom.
    ///   - permutations: Most permutations; fewer for more than 2,000 rows, never under 1,000.
    ///   - seed: Seed of the permutations.
    ///   - cancellation: Looked at between permutations.
    /// - Throws: `Cancelled`.
    public init(
        _ values: [Double], matched: MatchedPeers, permutations: Int = 9_999, seed: UInt64,
        cancellation: Cancellation = Cancellation()
    ) throws {
        let sets = zip(matched.rows, matched.peers).map { row, peers in [values[row]] + peers.map { values[$0] } }
        residuals = sets.map { Self.residual(of: 0, in: $0) }
        percentiles = sets.map { set in
            let below = set.count { $0 < set[0] }
            let ties = set.count { $0 == set[0] }
            return (Double(below) + Double(ties) / 2) / Double(set.count)
        }
        guard !sets.isEmpty else {
            (mean, peerMean, pValue, self.permutations, nullDeviation) = (nil, nil, nil, 0, 0)
            return
        }
        let count = Double(sets.count)
        let own = sets.reduce(0) { $0 + $1[0] } / count
        let observed = residuals.reduce(0, +)
        (mean, peerMean) = (own, own - observed / count)
        let rounds = min(permutations, max(1_000, 20_000_000 / sets.count))
        self.permutations = rounds
        let choices = sets.map { set in set.indices.map { Self.residual(of: $0, in: set) } }
        // why: the residuals of a set sum to 0, so that their mean square is their variance.
        let variances = choices.map { set in set.reduce(0) { $0 + $1 * $1 } / Double(set.count) }
        nullDeviation = variances.reduce(0, +).squareRoot() / count
        // why: sums in another order differ in the last bits, and an equal sum must count as reached.
        let bound = observed - 1e-9 * max(1, residuals.reduce(0) { $0 + abs($1) })
        var reached = 0
        var generator = SeededGenerator(seed: seed, stream: 0x5045_524D)
        for round in 0..<rounds {
            if round.isMultiple(of: 512) { try cancellation.check() }
            var sum = 0.0
            for set in choices { sum += set[Int.random(in: 0..<set.count, using: &generator)] }
            if sum >= bound { reached += 1 }
        }
        pValue = Double(reached + 1) / Double(rounds + 1)
    }

    /// Mean of the residuals; `nil` without rows.
    public var meanResidual: Double? {
        residuals.isEmpty ? nil : residuals.reduce(0, +) / Double(residuals.count)
    }
    /// The mean residual and 1.96 standard deviations of it under permutation to both sides; `nil` without rows.
    ///
    /// why not Student's: rows that all carry the same label have no spread of their own, and are uncertain all the same.
    public var residualInterval: Interval? {
        meanResidual.map { Interval($0 - 1.959964 * nullDeviation, $0 + 1.959964 * nullDeviation) }
    }
    /// Mean of the percentiles, 0.5 without favours; `nil` without rows.
    public var meanPercentile: Double? {
        percentiles.isEmpty ? nil : percentiles.reduce(0, +) / Double(percentiles.count)
    }
    /// Student's interval of the mean percentile; `nil` with fewer than two rows.
    public var percentileInterval: Interval? {
        Self.student(percentiles).map { Interval(max(0, $0.low), min(1, $0.high)) }
    }

    private static func residual(of index: Int, in set: [Double]) -> Double {
        let sum = set.reduce(0, +)
        return set[index] - (sum - set[index]) / Double(set.count - 1)
    }

    private static func student(_ values: [Double]) -> Interval? {
        guard values.count > 1 else { return nil }
        let n = Double(values.count)
        let mean = values.reduce(0, +) / n
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        let reach = Distributions.studentQuantile(0.975, degrees: n - 1) * (variance / n).squareRoot()
        return Interval(mean - reach, mean + reach)
    }
}
