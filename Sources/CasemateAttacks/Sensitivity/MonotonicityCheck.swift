public import CasemateCore

/// A direction in which the score is declared to move with a number.
public enum MonotoneDirection: String, Hashable, Sendable, CaseIterable {
    /// A larger value never lowers the score.
    case increasing
    /// A larger value never raises it.
    case decreasing
}

/// How often a declared direction is broken.
public struct MonotonicityResult: Hashable, Sendable {
    /// Index of the response, and what was declared.
    public let response: Int, direction: MonotoneDirection
    /// Steps of the grid over all profiled rows (whole numbers on at most 64 values: unit steps), and those on which
    /// the score moves the wrong way.
    public let steps: Int, brokenSteps: Int
    /// Percentile bootstrap interval (95 %) of the share of broken steps over rows, since steps of a row go together.
    public let interval: Interval?
    /// Profiled rows, and those with a wrong move between any two neighbouring columns.
    public let rows: Int, brokenRows: Int
    /// The step on which the score moves farthest the wrong way; `nil` when none does.
    public let worst: Worst?

    /// A wrong move.
    public struct Worst: Hashable, Sendable {
        /// Index of the row.
        public let sample: Int
        /// Positions, the smaller value first.
        public let low: Float, high: Float
        /// Scores at both.
        public let before: Float, after: Float
    }
}

/// Tests declared directions on swept responses.
struct MonotonicityCheck {
    /// Moves up to this size are rounding of float32, not steps.
    let tolerance: Double
    let replicates: Int
    let seed: UInt64

    func run(_ response: SweepResponse, index: Int, direction: MonotoneDirection) -> MonotonicityResult {
        let rows = response.profiled
        let base = response.columns.filter(\.isBase)
        var broken = [Int](repeating: 0, count: rows)
        for (low, high) in zip(base, base.dropFirst()) {
            for row in 0..<rows where wrong(low, high, row, direction) > tolerance { broken[row] += 1 }
        }
        let each = max(0, base.count - 1)
        var worst: (size: Double, at: MonotonicityResult.Worst)?
        var isBroken = broken.map { $0 > 0 }
        for (low, high) in zip(response.columns, response.columns.dropFirst()) {
            for row in 0..<rows {
                let size = wrong(low, high, row, direction)
                guard size > tolerance else { continue }
                isBroken[row] = true
                guard size > worst?.size ?? 0 else { continue }
                worst = (
                    size,
                    MonotonicityResult.Worst(
                        sample: row, low: low.position, high: high.position, before: low.scores[row],
                        after: high.scores[row])
                )
            }
        }
        let total = broken.reduce(0, +)
        let interval =
            total == 0 || each == 0
            ? Intervals.wilson(successes: 0, trials: rows)
            : Bootstrap.interval(strata: [Array(0..<rows)], replicates: replicates, seed: seed) { sample in
                Double(sample.reduce(0) { $0 + broken[$1] }) / Double(sample.count * each)
            }
        return MonotonicityResult(
            response: index, direction: direction, steps: each * rows, brokenSteps: total, interval: interval,
            rows: rows, brokenRows: isBroken.count { $0 }, worst: worst?.at)
    }

    /// How far the score of a row moves the wrong way; negative for the right way.
    private func wrong(
        _ low: SweepResponse.Column, _ high: SweepResponse.Column, _ row: Int, _ direction: MonotoneDirection
    ) -> Double {
        let rise = Double(high.scores[row]) - Double(low.scores[row])
        return direction == .increasing ? -rise : rise
    }
}
