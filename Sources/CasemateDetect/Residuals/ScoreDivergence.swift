public import CasemateCore

/// How far the scores of two models for the same rows are apart: half the sum of absolute differences over the classes,
/// which for two classes is the difference of the probabilities.
public struct ScoreDivergence: Hashable, Sendable {
    /// Divergence of each row, 0…1.
    public let values: [Double]

    /// Compares the probabilities of one class.
    public init(_ one: [Double], _ other: [Double]) {
        precondition(one.count == other.count, "\(one.count) scores against \(other.count)")
        values = zip(one, other).map { abs($0 - $1) }
    }

    /// Compares probabilities of `classes` classes, `[count, classes]` row-major.
    public init(_ one: [Double], _ other: [Double], classes: Int) {
        precondition(one.count == other.count && classes > 0, "\(one.count) scores against \(other.count)")
        values = (0..<one.count / classes).map { row in
            (row * classes..<(row + 1) * classes).reduce(0) { $0 + abs(one[$1] - other[$1]) } / 2
        }
    }

    /// A quantile with its interval.
    public struct Quantile: Hashable, Sendable {
        /// Which: 0.99 for the value that one row in a hundred exceeds.
        public let probability: Double
        /// The quantile (Hyndman and Fan's type 7).
        public let value: Double
        /// Percentile bootstrap over rows.
        public let interval: Interval?
    }

    /// Quantiles with intervals; needs a row.
    public func quantiles(_ probabilities: [Double], seed: UInt64) -> [Quantile] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        let sorted = order.map { values[$0] }
        var place = [Int](repeating: 0, count: values.count)
        for (rank, row) in order.enumerated() { place[row] = rank }
        let intervals = Bootstrap.intervals(
            strata: [Array(values.indices)], replicates: Bootstrap.replicates(for: values.count), seed: seed,
            count: probabilities.count
        ) { rows in
            // why: counting how often each rank was drawn orders the resample without sorting it.
            var counts = [Int](repeating: 0, count: sorted.count)
            for row in rows { counts[place[row]] += 1 }
            return Self.quantiles(probabilities, sorted: sorted, counts: counts, total: rows.count)
        }
        return zip(probabilities, intervals).map {
            Quantile(probability: $0, value: Bootstrap.quantile(sorted, $0), interval: $1)
        }
    }

    private static func quantiles(
        _ probabilities: [Double], sorted: [Double], counts: [Int], total: Int
    ) -> [Double?] {
        let wanted = probabilities.map { $0 * Double(total - 1) }
        var result = [Double?](repeating: nil, count: wanted.count)
        var low = [Double?](repeating: nil, count: wanted.count)
        var seen = 0
        for (rank, count) in counts.enumerated() where count > 0 {
            seen += count
            for (index, position) in wanted.enumerated() where result[index] == nil {
                let floor = Int(position)
                if low[index] == nil, floor < seen { low[index] = sorted[rank] }
                if let base = low[index], floor + 1 < seen || floor == total - 1 {
                    result[index] = base + (position - Double(floor)) * (sorted[rank] - base)
                }
            }
        }
        return result
    }

    /// Rows further apart than `threshold`, the furthest first.
    public func rows(beyond threshold: Double) -> [Int] {
        values.indices.filter { values[$0] > threshold }.sorted { (values[$1], $0) < (values[$0], $1) }
    }
}
