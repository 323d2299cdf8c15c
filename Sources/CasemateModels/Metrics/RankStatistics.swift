import Foundation

/// The area under the ROC curve with its standard error, and the curve itself.
///
/// Ties count one half. Source: DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more correlated
/// receiver operating characteristic curves", Biometrics, 1988; mid-ranks as in Sun and Xu, 2014.
public struct RankStatistics: Hashable, Sendable {
    /// One point of the ROC curve.
    public struct Point: Hashable, Sendable {
        /// False positive rate, true positive rate.
        public let falsePositiveRate: Double, truePositiveRate: Double
        /// Rows with at least this score are called positive; infinite at the origin.
        public let threshold: Double
    }
    /// The area; `nil` when one of the two classes is absent.
    public let area: Double?
    /// DeLong's standard error of the area; `nil` for weighted data or fewer than two rows of a class.
    public let standardError: Double?
    /// The curve from (0, 0) to (1, 1), one point a distinct score; empty when a class is absent.
    public let curve: [Point]

    /// Computes area and curve.
    /// - Parameters:
    ///   - labels: Whether each row is positive.
    ///   - scores: The higher, the likelier positive; finite.
    ///   - weights: Weight of each row, not negative; `nil` weighs all alike.
    public init(labels: [Bool], scores: [Double], weights: [Double]? = nil) {
        precondition(labels.count == scores.count, "\(labels.count) labels for \(scores.count) scores")
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        func weight(_ row: Int) -> Double { weights?[row] ?? 1 }
        let positives = labels.indices.reduce(0) { labels[$1] ? $0 + weight($1) : $0 }
        let negatives = labels.indices.reduce(0) { labels[$1] ? $0 : $0 + weight($1) }
        guard positives > 0, negatives > 0 else {
            (area, standardError, curve) = (nil, nil, [])
            return
        }
        var (truePositives, falsePositives, sum) = (0.0, 0.0, 0.0)
        var points = [Point(falsePositiveRate: 0, truePositiveRate: 0, threshold: .infinity)]
        var index = 0
        while index < order.count {
            let score = scores[order[index]]
            let (oldTrue, oldFalse) = (truePositives, falsePositives)
            while index < order.count, scores[order[index]] == score {
                if labels[order[index]] {
                    truePositives += weight(order[index])
                } else {
                    falsePositives += weight(order[index])
                }
                index += 1
            }
            sum += (falsePositives - oldFalse) * (truePositives + oldTrue) / 2
            points.append(
                Point(
                    falsePositiveRate: falsePositives / negatives, truePositiveRate: truePositives / positives,
                    threshold: score))
        }
        area = sum / (positives * negatives)
        curve = points
        standardError = weights == nil ? Self.deLongError(labels: labels, scores: scores) : nil
    }

    /// Interval of the area, normal on the logit scale so that it stays within 0…1; `nil` without a standard error
    /// or at an area of 0 or 1.
    public func interval(z: Double) -> (low: Double, high: Double)? {
        guard let area, let standardError, area > 0, area < 1 else { return nil }
        let centre = Foundation.log(area / (1 - area))
        let spread = z * standardError / (area * (1 - area))
        func logistic(_ x: Double) -> Double { 1 / (1 + Foundation.exp(-x)) }
        return (logistic(centre - spread), logistic(centre + spread))
    }

    private static func deLongError(labels: [Bool], scores: [Double]) -> Double? {
        let positive = labels.indices.filter { labels[$0] }
        let negative = labels.indices.filter { !labels[$0] }
        let (m, n) = (Double(positive.count), Double(negative.count))
        guard positive.count > 1, negative.count > 1 else { return nil }
        let placements = ClassPlacements(scores, positive: positive, negative: negative)
        let error =
            ClassPlacements.variance(placements.positive) / m + ClassPlacements.variance(placements.negative) / n
        return error.squareRoot()
    }
}
