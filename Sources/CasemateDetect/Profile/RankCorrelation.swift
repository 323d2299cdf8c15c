import CasemateCore

/// Spearman's rank correlations between columns of a sample.
struct RankCorrelation {
    let threads: Int
    /// Rows that correlations rest on at most: their error is then below 0.01.
    static let rowLimit = 20_000

    /// Correlations of columns of equal length, NaN where missing; a missing value counts as the middle rank.
    func matrix(_ columns: [(name: String, values: [Double])]) -> CorrelationMatrix? {
        guard let all = columns.first?.values.count, all > 3 else { return nil }
        let step = (all + Self.rowLimit - 1) / Self.rowLimit
        let picked = Array(stride(from: 0, to: all, by: step))
        let ranks = columns.map { column in Self.ranks(picked.map { column.values[$0] }) }
        let rows = try? ParallelTasks.map(columns.count, threads: threads) { row in
            (0..<row).map { Self.product(ranks[row], ranks[$0]) }
        }
        return rows.map { rows in
            CorrelationMatrix(columns: columns.map(\.name), rows: picked.count, values: rows.flatMap(\.self))
        }
    }

    /// Ranks with ties averaged, centred and of length 1; zeros where nothing varies.
    static func ranks(_ values: [Double]) -> [Float] {
        let order = values.indices.filter { !values[$0].isNaN }.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        let middle = Double(order.count - 1) / 2
        var start = 0, squares = 0.0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            let rank = Double(start + end - 1) / 2 - middle
            for position in start..<end { ranks[order[position]] = rank }
            squares += rank * rank * Double(end - start)
            start = end
        }
        let scale = squares > 0 ? 1 / squares.squareRoot() : 0
        return ranks.map { Float($0 * scale) }
    }

    /// Sum of products, eight at a time, so that the order of the sum is fixed.
    private static func product(_ one: [Float], _ other: [Float]) -> Double {
        one.withUnsafeBufferPointer { one in
            other.withUnsafeBufferPointer { other in
                var sums = SIMD8<Double>(repeating: 0)
                var index = 0
                while index + 8 <= one.count {
                    var left = SIMD8<Float>(), right = SIMD8<Float>()
                    for lane in 0..<8 { (left[lane], right[lane]) = (one[index + lane], other[index + lane]) }
                    sums += SIMD8<Double>(left * right)
                    index += 8
                }
                var total = sums.sum()
                while index < one.count {
                    total += Double(one[index] * other[index])
                    index += 1
                }
                return max(-1, min(1, total))
            }
        }
    }
}
