import Foundation

/// How sure a model is of a row's own label, on a scale on which the answers of many trainings are near normal.
///
/// With two classes both scales are log(p / (1 − p)) of the label's probability p. Source: Carlini et al., "Membership
/// inference attacks from first principles", IEEE S&P 2022, section VI.A (logit scaling) and its ablations (margin).
public struct LabelConfidence: Hashable, Sendable {
    /// What the label's probability is held against.
    public enum Scale: String, Hashable, Sendable, CaseIterable {
        /// The sum of all other classes.
        case logit
        /// The likeliest other class.
        case margin
    }
    /// What the label's probability is held against.
    public let scale: Scale
    /// Confidences stay within ± this many nats, so that a model that answers exactly 0 or 1 still has a finite one.
    public let limit: Double

    /// Makes a measure.
    /// - Parameters:
    ///   - scale: What the label's probability is held against.
    ///   - floor: Probabilities count as at least this far from 0 and 1; in (0, 0.5).
    public init(_ scale: Scale = .margin, floor: Double = 1e-5) {
        precondition(floor > 0 && floor < 0.5, "floor must be in (0, 0.5), got \(floor)")
        (self.scale, limit) = (scale, log((1 - floor) / floor))
    }

    /// Confidence in each row's label.
    /// - Parameters:
    ///   - probabilities: `[labels.count, classes]`, row-major.
    ///   - classes: Number of classes, at least 2.
    ///   - labels: Index of each row's class.
    public func values(probabilities: [Float], classes: Int, labels: [Int]) -> [Double] {
        precondition(probabilities.count == labels.count * classes, "probabilities do not fit \(labels.count) rows")
        return labels.enumerated().map { row, label in
            clamped(in: row * classes..<(row + 1) * classes, label) { log(max(0, Double(probabilities[$0]))) }
        }
    }

    /// Confidence in each row's label, from numbers that a softmax (or, for one number a row, a sigmoid) would turn
    /// into probabilities: nothing is lost near 0 and 1.
    /// - Parameters:
    ///   - logits: `[labels.count, outputs]`, row-major.
    ///   - outputs: 1 for two classes of which the number is that of class 1, else the number of classes.
    ///   - labels: Index of each row's class.
    public func values(logits: [Double], outputs: Int, labels: [Int]) -> [Double] {
        precondition(logits.count == labels.count * outputs, "logits do not fit \(labels.count) rows")
        return labels.enumerated().map { row, label in
            guard outputs > 1 else { return min(max(label == 1 ? logits[row] : -logits[row], -limit), limit) }
            return clamped(in: row * outputs..<(row + 1) * outputs, label) { logits[$0] }
        }
    }

    /// Cross-entropy −log p of each row's label, at most `limit` nats and a little.
    ///
    /// Taken from the other classes' share, so that probabilities next to 1 keep their order.
    public static func losses(probabilities: [Float], classes: Int, labels: [Int], floor: Double = 1e-5) -> [Double] {
        LabelConfidence(.logit, floor: floor).values(probabilities: probabilities, classes: classes, labels: labels)
            .map { $0 > 0 ? log1p(exp(-$0)) : log1p(exp($0)) - $0 }
    }

    private func clamped(in range: Range<Int>, _ label: Int, logarithm: (Int) -> Double) -> Double {
        let own = logarithm(range.lowerBound + label)
        let others = range.lazy.filter { $0 != range.lowerBound + label }.map(logarithm)
        var rival = others.max() ?? -.infinity
        if scale == .logit, rival.isFinite {
            let largest = rival
            rival += log(others.reduce(0) { $0 + exp($1 - largest) })
        }
        // why: an answer of nothing but zeros says nothing either way.
        let difference = own == rival ? 0 : own - rival
        return min(max(difference, -limit), limit)
    }
}
