import Foundation

/// Where numbers usually end, judged by how the outermost of those that were seen thin out.
///
/// The excesses over the outermost twentieth follow a generalised Pareto distribution, fitted by probability-weighted
/// moments; its quantile at the wanted share is the end, never inside what was seen. Ours: the tail's weight is kept within
/// -0.5 and 0.9; numbers that were never negative stay so; a number with two values or fewer has no tail; an end that a
/// twentieth of the rows share is the end. Source: Hosking and Wallis, "Parameter and quantile estimation for the
/// generalized Pareto distribution", Technometrics, 1987.
struct UsualRange: Hashable, Sendable {
    /// Ends of what was seen.
    let seenLow: Float, seenHigh: Float
    /// Ends of what is usual.
    let low: Float, high: Float
    /// Whether all numbers are whole.
    let isWhole: Bool

    /// Looks at numbers in ascending order, finite ones; `nil` where there are none.
    /// - Parameter share: Share of usual values that may lie beyond each end.
    init?(ascending sorted: [Float], share: Double) {
        guard let first = sorted.first, let last = sorted.last else { return nil }
        (seenLow, seenHigh) = (first, last)
        isWhole = sorted.allSatisfy { $0 == $0.rounded() }
        let distinct = sorted.firstIndex { $0 != first }.map { sorted[$0] == last ? 2 : 3 } ?? 1
        guard distinct > 2 else {
            (low, high) = (first, last)
            return
        }
        var top = Self.end(sorted.suffix(Self.outermost(sorted.count) + 1).map(Double.init), sorted.count, share)
        var bottom = -Self.end(
            sorted.prefix(Self.outermost(sorted.count) + 1).reversed().map { -Double($0) }, sorted.count, share)
        if first >= 0 { bottom = max(0, bottom) }
        if last <= 0 { top = min(0, top) }
        if isWhole { (bottom, top) = (bottom.rounded(.up), top.rounded(.down)) }
        let most = Double(Float.greatestFiniteMagnitude)
        low = min(first, Float(max(-most, bottom)))
        high = max(last, Float(min(most, top)))
    }

    /// Rows in a tail: a twentieth, at least 5 and at most 500, never more than a third.
    private static func outermost(_ count: Int) -> Int { max(1, min(count / 3, max(5, min(500, count / 20)))) }

    /// The end of a tail whose outermost values stand behind the value that it begins at, ascending.
    private static func end(_ tail: [Double], _ count: Int, _ share: Double) -> Double {
        guard let start = tail.first, let last = tail.last, tail.count > 1 else { return .infinity }
        let number = Double(tail.count - 1)
        var mean = 0.0, weighted = 0.0
        for (position, value) in tail.dropFirst().enumerated() {
            let excess = value - start
            mean += excess / number
            weighted += excess * (1 - (Double(position) + 0.65) / number) / number
        }
        guard mean > 0, mean.isFinite else { return last }
        let spread = mean - 2 * weighted
        let weight = spread > 0 ? min(0.9, max(-0.5, 2 - mean / spread)) : -0.5
        let scale = mean * (1 - weight)
        let ratio = max(1, number / (Double(count) * share))
        let reach = abs(weight) < 1e-6 ? scale * log(ratio) : scale / weight * (pow(ratio, weight) - 1)
        return max(last, start + reach)
    }
}
