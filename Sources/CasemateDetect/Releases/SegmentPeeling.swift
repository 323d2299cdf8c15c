import CasemateCore
import CasemateData

/// Peels rows away condition by condition until what is left has a mean far from all others: finds a small box with its
/// exact bounds, where a search over coarse bins finds a larger one around it.
///
/// Every cut between two values is tried, so that a branch that somebody put into a model is met at its own threshold.
/// Sources: Friedman and Fisher, "Bump hunting in high-dimensional data", Statistics and Computing, 1999 (peeling,
/// covering); Breiman et al., "Classification and Regression Trees", 1984 (the split by sums of squares).
struct SegmentPeeling {
    /// Most features of a segment, fewest rows of it, most segments.
    let conditions: Int, minimumRows: Int, most: Int
    /// Square of a normal deviate that a condition must be worth: beyond what the best of some thousand cuts reaches by
    /// chance.
    private let worth = 16.0

    /// The segments of `rows` whose mean of `values` is far from the rest, the clearest first.
    func segments(
        of matrix: FeatureMatrix, values: [Double], rows: [Int], cancellation: Cancellation
    ) throws -> [Segment] {
        let orders = Self.orders(matrix, rows)
        var isLeft = [Bool](repeating: false, count: matrix.count)
        for row in rows { isLeft[row] = true }
        var found: [Segment] = []
        while found.count < most {
            let left = rows.filter { isLeft[$0] }
            guard left.count >= 4 * minimumRows else { break }
            guard let segment = try peel(matrix, values, left, orders, cancellation) else { break }
            found.append(segment)
            for row in left where segment.contains(matrix[row: row]) { isLeft[row] = false }
        }
        return found
    }

    /// Rows with a value in ascending order of each feature, and those without one.
    private struct Order {
        let known: [Int32]
        let missing: [Int32]
    }
    private static func orders(_ matrix: FeatureMatrix, _ rows: [Int]) -> [Order] {
        let width = matrix.features.count
        return matrix.features.indices.map { feature in
            func value(_ row: Int) -> Float { matrix.values[row * width + feature] }
            let known = rows.filter { !value($0).isNaN }.sorted { (value($0), $0) < (value($1), $1) }
            return Order(known: known.map { Int32($0) }, missing: rows.filter { value($0).isNaN }.map { Int32($0) })
        }
    }

    private func peel(
        _ matrix: FeatureMatrix, _ values: [Double], _ left: [Int], _ orders: [Order], _ cancellation: Cancellation
    ) throws -> Segment? {
        var isInside = [Bool](repeating: false, count: matrix.count)
        for row in left { isInside[row] = true }
        let centre = left.reduce(0) { $0 + values[$1] } / Double(left.count)
        var chosen: [Segment.Condition] = []
        var rows = left
        // why twice: a range of one feature takes two steps.
        for _ in 0..<2 * conditions {
            try cancellation.check()
            let used = Set(chosen.map(\.feature))
            var best: Cut?
            for (feature, order) in orders.enumerated() where used.count < conditions || used.contains(feature) {
                let cuts = Scan(matrix: matrix, values: values, isInside: isInside, feature: feature, rows: rows)
                    .cuts(order.known, order.missing, minimum: minimumRows)
                for cut in cuts where cut.isBetter(than: best, centre: centre) { best = cut }
            }
            guard let best, best.worth >= worth else { break }
            chosen = Self.merged(chosen, best.condition)
            let width = matrix.features.count
            rows = rows.filter { best.condition.contains(matrix.values[$0 * width + best.condition.feature]) }
            isInside = [Bool](repeating: false, count: matrix.count)
            for row in rows { isInside[row] = true }
        }
        guard !chosen.isEmpty else { return nil }
        return pruned(Segment(chosen), matrix, values, left, centre)
    }

    /// The conditions with one more; one on the same feature becomes narrower.
    private static func merged(_ chosen: [Segment.Condition], _ more: Segment.Condition) -> [Segment.Condition] {
        guard let index = chosen.firstIndex(where: { $0.feature == more.feature }), !more.isMissing else {
            return chosen.filter { $0.feature != more.feature } + [more]
        }
        var result = chosen
        result[index] = Segment.Condition(
            feature: more.feature, low: max(chosen[index].low, more.low), high: min(chosen[index].high, more.high))
        return result
    }

    /// Leaves out conditions without which the rows that come in moved as far as those inside.
    private func pruned(
        _ segment: Segment, _ matrix: FeatureMatrix, _ values: [Double], _ rows: [Int], _ centre: Double
    ) -> Segment {
        var segment = segment
        func mean(_ rows: [Int]) -> Double { rows.reduce(0) { $0 + values[$1] } / Double(max(1, rows.count)) - centre }
        for condition in segment.conditions where segment.conditions.count > 1 {
            let wider = Segment(segment.conditions.filter { $0 != condition })
            let inside = rows.filter { segment.contains(matrix[row: $0]) }
            let added = rows.filter { wider.contains(matrix[row: $0]) && !segment.contains(matrix[row: $0]) }
            if mean(added) / mean(inside) > 0.75 { segment = wider }
        }
        return Segment(segment.conditions.sorted { $0.feature < $1.feature })
    }

    /// A condition with what it is worth.
    private struct Cut {
        let condition: Segment.Condition
        let worth: Double
        let mean: Double
        /// Whether it says more; of the two sides of one cut, the one farther from all other rows.
        func isBetter(than other: Cut?, centre: Double) -> Bool {
            guard let other else { return true }
            let scale = max(worth, other.worth)
            if abs(worth - other.worth) > 1e-9 * scale { return worth > other.worth }
            return abs(mean - centre) > abs(other.mean - centre)
        }
    }

    /// All cuts of one feature among the rows that are inside.
    private struct Scan {
        let matrix: FeatureMatrix
        let values: [Double]
        let isInside: [Bool]
        let feature: Int
        private let count: Double, mean: Double, variance: Double

        init(matrix: FeatureMatrix, values: [Double], isInside: [Bool], feature: Int, rows: [Int]) {
            (self.matrix, self.values, self.isInside, self.feature) = (matrix, values, isInside, feature)
            let n = Double(rows.count)
            let centre = rows.reduce(0) { $0 + values[$1] } / n
            let squares = rows.reduce(0) { $0 + (values[$1] - centre) * (values[$1] - centre) }
            (count, mean, variance) = (n, centre, squares / max(1, n - 1))
        }

        func cuts(_ known: [Int32], _ missing: [Int32], minimum: Int) -> [Cut] {
            let width = matrix.features.count
            let isCategory = matrix.features[feature].levels != nil
            var best: [Cut] = []
            func offer(_ low: Float, _ high: Float, _ rows: Int, _ sum: Double, isMissing: Bool = false) {
                guard rows >= minimum, Double(rows) < count, variance > 0 else { return }
                let n = Double(rows)
                let excess = sum / n - mean
                let worth = n * count / (count - n) * excess * excess / variance
                guard best.isEmpty || worth >= best[0].worth * (1 - 1e-9) else { return }
                let condition = Segment.Condition(feature: feature, low: low, high: high, isMissing: isMissing)
                best =
                    best.filter { $0.worth > worth * (1 - 1e-9) } + [
                        Cut(condition: condition, worth: worth, mean: sum / n)
                    ]
            }
            let rows = known.filter { isInside[Int($0)] }
            let all = rows.reduce(0) { $0 + values[Int($1)] }
            var (sum, run, runRows) = (0.0, 0.0, 0)
            for (position, row) in rows.enumerated() {
                let value = matrix.values[Int(row) * width + feature]
                sum += values[Int(row)]
                (run, runRows) = (run + values[Int(row)], runRows + 1)
                let next = position + 1 < rows.count ? matrix.values[Int(rows[position + 1]) * width + feature] : nil
                guard next != value else { continue }
                if isCategory {
                    offer(value, value, runRows, run)
                } else if let next {
                    offer(-.infinity, value, position + 1, sum)
                    offer(next, .infinity, rows.count - position - 1, all - sum)
                }
                (run, runRows) = (0, 0)
            }
            let absent = missing.filter { isInside[Int($0)] }
            let absentSum = absent.reduce(0) { $0 + values[Int($1)] }
            offer(-.infinity, .infinity, absent.count, absentSum, isMissing: true)
            return best
        }
    }
}
