public import CasemateCore

/// A place where a tiny change of one number makes the score jump for many rows.
public struct Cliff: Hashable, Sendable {
    /// Index of the response.
    public let response: Int
    /// The two values between which the score jumps, as close as they were found.
    public let low: Float, high: Float
    /// Profiled rows, and those whose score jumps at least as far as asked.
    public let rows: Int, jumped: Int
    /// Wilson interval of the share that jumps, at 95 % after Bonferroni's correction for all places looked at.
    public let share: Interval
    /// Rows whose decision is another one on the other side.
    public let flipped: Int
    /// Median of the jumps of the rows that jump, from low to high, and of the share that the jump has in all that the
    /// unit can do to such a row.
    public let medianJump: Double, medianPart: Double
}

/// Looks through swept responses for cliffs: windows of columns no wider than `cliffWidth` of the width of the data.
struct CliffSearch {
    /// Smallest jump, in the unit of the score.
    let jump: Double
    /// Widest window, as a share of the width of the data.
    let cliffWidth: Double
    /// Places reported for one unit at most.
    let most = 3

    /// Cliffs of each response, the most rows first.
    func run(_ responses: [SweepResponse]) -> [Cliff] {
        let places = responses.filter(\.unit.isNumber).reduce(0) { $0 + max(0, $1.columns.count - 1) }
        return responses.indices.flatMap { cliffs(of: responses[$0], index: $0, places: max(1, places)) }
    }

    private func cliffs(of response: SweepResponse, index: Int, places: Int) -> [Cliff] {
        guard response.unit.isNumber, response.profiled > 0 else { return [] }
        let columns = response.columns
        let limit = cliffWidth * response.width
        var windows: [(low: Int, high: Int, count: Int)] = []
        var far = 0
        for near in columns.indices {
            far = max(far, near)
            while far + 1 < columns.count, distance(columns, near, far + 1) <= limit { far += 1 }
            guard far > near else { continue }
            let counted = Set([near + 1, far]).map { (near, $0, jumps(columns[near], columns[$0], response.profiled)) }
            if let best = counted.max(by: { ($0.2, -$0.1) < ($1.2, -$1.1) }), best.2 > 0 { windows.append(best) }
        }
        windows.sort { ($1.count, distance(columns, $0.low, $0.high)) < ($0.count, distance(columns, $1.low, $1.high)) }
        var kept: [(low: Int, high: Int, count: Int)] = []
        for window in windows where kept.count < most {
            let isNear = kept.contains {
                distance(columns, min($0.low, window.low), max($0.high, window.high)) <= 2 * limit
            }
            if !isNear { kept.append(tightened(window, columns, response.profiled)) }
        }
        return kept.compactMap { measured($0, response, index, places) }
    }

    private func distance(_ columns: [SweepResponse.Column], _ low: Int, _ high: Int) -> Double {
        Double(columns[high].position) - Double(columns[low].position)
    }

    private func jumps(_ low: SweepResponse.Column, _ high: SweepResponse.Column, _ rows: Int) -> Int {
        (0..<rows).count { abs(Double(high.scores[$0]) - Double(low.scores[$0])) >= jump }
    }

    /// Moves the ends of a window together while hardly fewer rows jump: a slope around a step adds a few.
    private func tightened(
        _ window: (low: Int, high: Int, count: Int), _ columns: [SweepResponse.Column], _ rows: Int
    ) -> (low: Int, high: Int, count: Int) {
        var (low, high, count) = window
        let enough = Int((0.9 * Double(count)).rounded(.up))
        while low + 1 < high, jumps(columns[low + 1], columns[high], rows) >= enough { low += 1 }
        while low + 1 < high, jumps(columns[low], columns[high - 1], rows) >= enough { high -= 1 }
        count = jumps(columns[low], columns[high], rows)
        return (low, high, count)
    }

    private func measured(
        _ window: (low: Int, high: Int, count: Int), _ response: SweepResponse, _ index: Int, _ places: Int
    ) -> Cliff? {
        let (low, high) = (response.columns[window.low], response.columns[window.high])
        let rows = response.profiled
        guard
            let share = Intervals.wilson(
                successes: window.count, trials: rows, confidence: 1 - 0.05 / Double(places))
        else { return nil }
        let ranges = response.ranges
        let moves = (0..<rows).map { Double(high.scores[$0]) - Double(low.scores[$0]) }
        let large = (0..<rows).filter { abs(moves[$0]) >= jump }
        return Cliff(
            response: index, low: low.position, high: high.position, rows: rows, jumped: window.count, share: share,
            flipped: low.labels.isEmpty ? 0 : (0..<rows).count { low.labels[$0] != high.labels[$0] },
            medianJump: Bootstrap.quantile(large.map { moves[$0] }.sorted(), 0.5),
            medianPart: Bootstrap.quantile(large.map { abs(moves[$0]) / ranges[$0] }.sorted(), 0.5))
    }
}
