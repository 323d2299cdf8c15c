public import CasemateCore

/// Whether rows with a surprising outcome gather in groups that the model does not know of, such as sources or times.
public struct ResidualGroups: Hashable, Sendable {
    /// One group.
    public struct Row: Hashable, Sendable {
        /// Index of the group, and its rows.
        public let group: Int, count: Int
        /// Rows of it among the most surprising ones, and the share of those that it should have by its odds.
        public let observed: Int, share: Double
        /// Observed over expected among the most surprising rows, with the interval of Clopper and Pearson; `nil` where
        /// nothing is expected.
        public let ratio: Double?, interval: Interval?
        /// Exact binomial probability of at least as many, adjusted by Holm over the groups.
        public let pValue: Double
        /// Mean deviation of all outcomes of the group from their odds in the direction, and its one-sided p-value,
        /// adjusted by Holm.
        public let excess: Double, excessPValue: Double
    }
    /// The groups that have rows, in order of their index.
    public let rows: [Row]

    /// Compares groups.
    /// - Parameters:
    ///   - residuals: The residuals.
    ///   - top: The most surprising rows.
    ///   - groups: Group of each row, `nil` where it is not known.
    public init(_ residuals: OddsResiduals, top: [Int], groups: [Int?], _ direction: OddsResiduals.Direction) {
        let chances = residuals.chances(ofBeingIn: top, direction)
        let sign: Double = direction == .granted ? 1 : -1
        var members: [Int: [Int]] = [:]
        for (row, group) in groups.enumerated() { if let group { members[group, default: []].append(row) } }
        let known = top.filter { groups[$0] != nil }
        let isTop = Set(known)
        let order = members.keys.sorted()
        // why by row: sums in the order of a dictionary would differ in the last digit from run to run.
        let mass = groups.indices.reduce(0) { groups[$1] == nil ? $0 : $0 + chances[$1] }
        let found = order.map { group in
            let rows = members[group] ?? []
            let share = mass > 0 ? rows.reduce(0) { $0 + chances[$1] } / mass : 0
            let observed = rows.count { isTop.contains($0) }
            let deviate = residuals.deviate(of: rows) ?? 0
            return (
                rows: rows, share: share, observed: observed,
                pValue: ExactTests.binomial(atLeast: observed, trials: known.count, share: share),
                excess: sign * rows.reduce(0) { $0 + residuals.excess[$1] } / Double(rows.count),
                excessPValue: Distributions.normalCDF(-sign * deviate)
            )
        }
        let adjusted = HypothesisTests.holm(found.map(\.pValue))
        let adjustedExcess = HypothesisTests.holm(found.map(\.excessPValue))
        self.rows = found.indices.map { index in
            let one = found[index]
            let interval = Intervals.clopperPearson(successes: one.observed, trials: known.count)
            let expected = one.share * Double(known.count)
            return Row(
                group: order[index], count: one.rows.count, observed: one.observed, share: one.share,
                ratio: expected > 0 ? Double(one.observed) / expected : nil,
                interval: expected > 0 ? interval.map { Interval($0.low / one.share, $0.high / one.share) } : nil,
                pValue: adjusted[index], excess: one.excess, excessPValue: adjustedExcess[index])
        }
    }

    /// Windows of about as many rows each over ascending `times`; equal times share a window, NaN has none.
    public static func windows(_ times: [Double], count: Int) -> [Int?] {
        let order = times.indices.filter { !times[$0].isNaN }.sorted { (times[$0], $0) < (times[$1], $1) }
        var result = [Int?](repeating: nil, count: times.count)
        var window = 0
        for (rank, row) in order.enumerated() {
            if rank == 0 || times[order[rank - 1]] != times[row] { window = rank * max(1, count) / order.count }
            result[row] = window
        }
        return result
    }
}
