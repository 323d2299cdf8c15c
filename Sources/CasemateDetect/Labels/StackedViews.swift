import CasemateCore
import Foundation

/// Learners added up with the weights that make the labels likeliest, none of them below 0.
///
/// Every view is out of sample, so that a handful of weights can be learnt from the same rows. Source: Wolpert,
/// "Stacked generalization", Neural Networks 5, 1992; Breiman, "Stacked regressions", 1996 (weights not below 0).
struct StackedViews: Sendable {
    /// `[count, classes]`.
    let probabilities: [Double]
    /// Weight of each view.
    let weights: [Double]

    /// Searches one weight at a time, a few times over; the loss is convex in the weights.
    init(_ views: [LabelView], _ labels: [Int32], classes: Int, _ cancellation: Cancellation) throws {
        let cells = labels.count * classes
        // why: weights need no more rows than this, whole rows in their order.
        let step = max(1, labels.count / 30_000)
        var weights = [Double](repeating: 1 / Double(max(1, views.count)), count: views.count)
        var sum = LabelView(repeating: 0, count: cells)
        for (index, view) in views.enumerated() { Self.add(view, weights[index], to: &sum) }
        for _ in 0..<4 {
            for (index, view) in views.enumerated() {
                try cancellation.check()
                Self.add(view, -weights[index], to: &sum)
                weights[index] = Self.best { Self.loss(sum, view, $0, labels, classes, step) }
                Self.add(view, weights[index], to: &sum)
            }
        }
        self.weights = weights
        probabilities = LabelViews.view(logits: sum, classes: classes, scale: 1).map { exp($0) }
    }

    private static func add(_ view: LabelView, _ weight: Double, to sum: inout LabelView) {
        for index in sum.indices { sum[index] += weight * view[index] }
    }

    /// The best weight in 0…2; what is next to nothing is nothing.
    private static func best(_ loss: (Double) -> Double) -> Double {
        let found = GoldenSection.least(upTo: 2, steps: 14, of: loss)
        return found.low < 1e-3 ? 0 : found.middle
    }

    private static func loss(
        _ sum: LabelView, _ view: LabelView, _ weight: Double, _ labels: [Int32], _ classes: Int, _ step: Int
    ) -> Double {
        sum.withUnsafeBufferPointer { sum in
            view.withUnsafeBufferPointer { view in
                var total = 0.0
                for row in stride(from: 0, to: labels.count, by: step) {
                    let start = row * classes
                    let own = sum[start + Int(labels[row])] + weight * view[start + Int(labels[row])]
                    var odds = 0.0
                    for index in start..<start + classes {
                        odds += exp(min(600, sum[index] + weight * view[index] - own))
                    }
                    total += log(odds)
                }
                return total
            }
        }
    }
}
