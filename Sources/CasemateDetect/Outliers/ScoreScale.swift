import CasemateCore

/// Turns the raw scores of a detector into normal quantiles: by rank up to the 90 % quantile of rows that it did not
/// learn from, beyond on a straight line through the median and that quantile.
///
/// What lies far out so stays far out, and a few bad rows among those that it was made of do not hide themselves.
struct ScoreScale: Hashable, Sendable {
    /// Raw scores, strictly ascending, with their normal quantiles.
    let knots: [Double], quantiles: [Double]
    /// Raw scores of one unit beyond the last knot.
    let unit: Double

    init(knots: [Double], quantiles: [Double], unit: Double) {
        (self.knots, self.quantiles, self.unit) = (knots, quantiles, unit)
    }

    /// Learns from raw scores; there must be at least one.
    init(_ scores: [Double]) {
        let sorted = scores.sorted()
        var knots: [Double] = []
        var quantiles: [Double] = []
        for step in 1...45 {
            let share = Double(step) / 50
            let value = Bootstrap.quantile(sorted, share)
            let quantile = Distributions.normalQuantile(share)
            if let last = knots.last, value <= last {
                quantiles[knots.count - 1] = quantile
            } else {
                knots.append(value)
                quantiles.append(quantile)
            }
        }
        let (median, high) = (Bootstrap.quantile(sorted, 0.5), Bootstrap.quantile(sorted, 0.9))
        let spread = (high - median) / Distributions.normalQuantile(0.9)
        // why: where most rows score alike, what differs is measured by the whole spread.
        let whole = (Bootstrap.quantile(sorted, 0.99) - Bootstrap.quantile(sorted, 0.01)) / 4.653
        self.init(knots: knots, quantiles: quantiles, unit: max(spread > 0 ? spread : whole, 1e-9))
    }

    /// The normal quantile of a raw score.
    func quantile(of score: Double) -> Double {
        guard let first = knots.first, let last = knots.last, let top = quantiles.last else { return 0 }
        if score >= last { return min(top + (score - last) / unit, 1e6) }
        if score <= first { return max(quantiles[0] - (first - score) / unit, -1e6) }
        var (low, high) = (0, knots.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if knots[middle] <= score { low = middle } else { high = middle }
        }
        let share = (score - knots[low]) / (knots[high] - knots[low])
        return quantiles[low] + share * (quantiles[high] - quantiles[low])
    }
}
