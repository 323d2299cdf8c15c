/// For each row of a class, the share of the other class that a score ranks it rightly against; ties count one half.
///
/// Their means are the area under the ROC curve and their variances its error. Sources: DeLong, DeLong, Clarke-Pearson,
/// Biometrics 1988; mid-ranks as in Sun and Xu, IEEE Signal Processing Letters 2014.
package struct ClassPlacements: Sendable {
    /// One share a positive row and one a negative row, in row order.
    package let positive: [Double], negative: [Double]

    /// Places the rows; `positive` and `negative` are their indices, of which there is at least one each.
    package init(_ scores: [Double], positive: [Int], negative: [Int]) {
        let all = Self.midRanks(scores)
        let (own, other) = (Self.midRanks(positive.map { scores[$0] }), Self.midRanks(negative.map { scores[$0] }))
        let (m, n) = (Double(positive.count), Double(negative.count))
        self.positive = positive.indices.map { (all[positive[$0]] - own[$0]) / n }
        self.negative = negative.indices.map { 1 - (all[negative[$0]] - other[$0]) / m }
    }

    /// Sample variance of at least two values.
    package static func variance(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    }

    /// Ranks from 1; equal values share the mean of their ranks.
    private static func midRanks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
            for position in start...end { ranks[order[position]] = Double(start + end) / 2 + 1 }
            start = end + 1
        }
        return ranks
    }
}
