import CasemateCore
import Foundation

/// How well scores of a two-class model agree with the labels.
public struct BinaryPerformance: Hashable, Sendable {
    /// Counts of decisions against labels.
    public struct Confusion: Hashable, Sendable {
        /// Positive rows called positive, negative rows called positive, negative called negative, positive called
        /// negative.
        public let truePositives: Int, falsePositives: Int, trueNegatives: Int, falseNegatives: Int
        /// Makes counts.
        public init(truePositives: Int, falsePositives: Int, trueNegatives: Int, falseNegatives: Int) {
            (self.truePositives, self.falsePositives) = (truePositives, falsePositives)
            (self.trueNegatives, self.falseNegatives) = (trueNegatives, falseNegatives)
        }
        /// Number of rows.
        public var count: Int { truePositives + falsePositives + trueNegatives + falseNegatives }
    }
    /// Confusion at the threshold: a row is called positive when its score is at least the threshold.
    public let confusion: Confusion
    /// Share of rows decided rightly, weighted where weights are given.
    public let accuracy: Double
    /// ROC curve and the area under it.
    public let ranks: RankStatistics
    /// Mean negative log likelihood and its standard error; probabilities are kept 1e-15 away from 0 and 1.
    public let logLoss: Double, logLossError: Double
    /// Mean squared error of the probability and its standard error.
    public let brier: Double, brierError: Double
    /// Expected calibration error and its bins.
    public let calibration: Calibration

    /// Compares scores with labels.
    /// - Parameters:
    ///   - labels: Whether each row is positive; at least one row.
    ///   - scores: Probability of the positive class.
    ///   - weights: Weight of each row; `nil` weighs all alike.
    ///   - threshold: Scores from here on are called positive.
    ///   - decisions: Whether each row is called positive, for models that decide otherwise than by a threshold.
    ///   - bins: Number of calibration bins of equal width.
    public init(
        labels: [Bool], scores: [Double], weights: [Double]? = nil, threshold: Double = 0.5, decisions: [Bool]? = nil,
        bins: Int = 10
    ) {
        precondition(!labels.isEmpty && labels.count == scores.count, "\(labels.count) labels, \(scores.count) scores")
        let called = decisions ?? scores.map { $0 >= threshold }
        var counts = (tp: 0, fp: 0, tn: 0, fn: 0)
        for (label, decision) in zip(labels, called) {
            switch (label, decision) {
            case (true, true): counts.tp += 1
            case (false, true): counts.fp += 1
            case (false, false): counts.tn += 1
            case (true, false): counts.fn += 1
            }
        }
        confusion = Confusion(
            truePositives: counts.tp, falsePositives: counts.fp, trueNegatives: counts.tn, falseNegatives: counts.fn)
        let right = zip(labels, called).map { $0 == $1 ? 1.0 : 0.0 }
        accuracy = WeightedMean(right, weights: weights).mean
        ranks = RankStatistics(labels: labels, scores: scores, weights: weights)
        let losses = zip(labels, scores).map { label, score in
            let p = min(max(label ? score : 1 - score, 1e-15), 1 - 1e-15)
            return -Foundation.log(p)
        }
        let squares = zip(labels, scores).map { label, score in (score - (label ? 1 : 0)) * (score - (label ? 1 : 0)) }
        let (loss, square) = (WeightedMean(losses, weights: weights), WeightedMean(squares, weights: weights))
        (logLoss, logLossError) = (loss.mean, loss.standardError)
        (brier, brierError) = (square.mean, square.standardError)
        calibration = Calibration(outcomes: labels, confidences: scores, weights: weights, bins: bins)
    }
}

/// A mean with its standard error.
public struct WeightedMean: Hashable, Sendable {
    /// The mean; NaN without values or weight.
    public let mean: Double
    /// Standard error of the mean; with weights the linearised one of a ratio.
    public let standardError: Double
    /// Averages `values`; `nil` weights weigh all alike.
    public init(_ values: [Double], weights: [Double]? = nil) {
        let total = weights?.reduce(0, +) ?? Double(values.count)
        func weight(_ index: Int) -> Double { weights?[index] ?? 1 }
        let average = values.indices.reduce(0) { $0 + weight($1) * values[$1] } / total
        let squares = values.indices.reduce(0) { sum, index in
            let part = weight(index) * (values[index] - average)
            return sum + part * part
        }
        mean = average
        let n = Double(values.count)
        standardError = values.count > 1 ? (squares * n / (n - 1)).squareRoot() / total : .nan
    }
}

/// Reliability of probabilities: how often what is said to be likely happens.
///
/// Source: Naeini, Cooper, Hauskrecht, AAAI 2015; Guo et al., ICML 2017. Bins are (low, high] of equal width, the
/// first holds 0 too.
public struct Calibration: Hashable, Sendable {
    /// One bin.
    public struct Bin: Hashable, Sendable {
        /// Ends.
        public let low: Double, high: Double
        /// Rows in it, those with the outcome among them.
        public let count: Int, outcomes: Int
        /// Mean confidence and share with the outcome (weighted); NaN when empty.
        public let meanConfidence: Double, share: Double
    }
    /// The bins in order, empty ones included.
    public let bins: [Bin]
    /// Expected calibration error: mean over rows of |share − mean confidence| of their bin.
    public let error: Double

    /// Bins confidences.
    public init(outcomes: [Bool], confidences: [Double], weights: [Double]? = nil, bins count: Int = 10) {
        precondition(count > 0, "bins must be positive, got \(count)")
        var rows = [[Int]](repeating: [], count: count)
        for (row, confidence) in confidences.enumerated() {
            let bin = (confidence * Double(count)).rounded(.up) - 1
            rows[bin.isFinite ? min(max(Int(bin), 0), count - 1) : 0].append(row)
        }
        func weight(_ row: Int) -> Double { weights?[row] ?? 1 }
        let total = confidences.indices.reduce(0) { $0 + weight($1) }
        var sum = 0.0
        bins = rows.enumerated().map { index, members in
            let mass = members.reduce(0) { $0 + weight($1) }
            let confidence = members.reduce(0) { $0 + weight($1) * confidences[$1] } / mass
            let share = members.reduce(0) { outcomes[$1] ? $0 + weight($1) : $0 } / mass
            if mass > 0 { sum += mass / total * abs(share - confidence) }
            return Bin(
                low: Double(index) / Double(count), high: Double(index + 1) / Double(count), count: members.count,
                outcomes: members.count { outcomes[$0] }, meanConfidence: confidence, share: share)
        }
        error = sum
    }
}
