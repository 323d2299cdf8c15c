import CasemateCore
import Foundation

/// How well scores of a model with several classes agree with the labels.
public struct MulticlassPerformance: Hashable, Sendable {
    /// Share of rows whose highest score is at the label.
    public let accuracy: Double
    /// Rows decided rightly.
    public let correct: Int
    /// `confusion[label][decision]` counts rows.
    public let confusion: [[Int]]
    /// Mean negative log likelihood and its standard error, probabilities kept 1e-15 away from 0 and 1.
    public let logLoss: Double, logLossError: Double
    /// Unweighted mean over classes of the area under the one-against-rest curve; `nil` when a class is absent.
    public let macroArea: Double?
    /// Calibration of the highest score.
    public let calibration: Calibration

    /// Compares scores with labels.
    /// - Parameters:
    ///   - labels: Index of each row's class; at least one row.
    ///   - decisions: Index of the class that the model decides for.
    ///   - scores: `[rows, classes]` row-major.
    ///   - classes: Number of classes.
    ///   - weights: Weight of each row; `nil` weighs all alike. Counts stay unweighted.
    public init(
        labels: [Int], decisions: [Int], scores: [Double], classes: Int, weights: [Double]? = nil, bins: Int = 10
    ) {
        precondition(!labels.isEmpty && scores.count == labels.count * classes, "scores do not fit the labels")
        var table = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
        for (label, decision) in zip(labels, decisions) { table[label][decision] += 1 }
        let hits = zip(labels, decisions).map { $0 == $1 }
        let rows = labels.indices.map { row in Array(scores[row * classes..<(row + 1) * classes]) }
        let losses = zip(labels, rows).map { label, row in
            -Foundation.log(min(max(row[label], 1e-15), 1 - 1e-15))
        }
        let loss = WeightedMean(losses, weights: weights)
        (correct, confusion) = (hits.count { $0 }, table)
        accuracy = WeightedMean(hits.map { $0 ? 1 : 0 }, weights: weights).mean
        (logLoss, logLossError) = (loss.mean, loss.standardError)
        let areas = (0..<classes).map { index in
            RankStatistics(labels: labels.map { $0 == index }, scores: rows.map { $0[index] }, weights: weights).area
        }
        let present = areas.compactMap { $0 }
        macroArea = present.count == classes ? present.reduce(0, +) / Double(classes) : nil
        calibration = Calibration(outcomes: hits, confidences: rows.map { $0.max() ?? 0 }, weights: weights, bins: bins)
    }
}

/// How well values of a regression agree with the targets.
public struct RegressionPerformance: Hashable, Sendable {
    /// Root of the mean squared error, mean absolute error, median absolute error.
    public let rootMeanSquaredError: Double, meanAbsoluteError: Double, medianAbsoluteError: Double
    /// Share of the targets' variance that is explained; `nil` for constant targets.
    public let determination: Double?

    /// Compares values with targets; at least one row.
    public init(targets: [Double], values: [Double], weights: [Double]? = nil) {
        precondition(
            !targets.isEmpty && targets.count == values.count, "\(targets.count) targets, \(values.count) values")
        let errors = zip(targets, values).map { $1 - $0 }
        let squared = WeightedMean(errors.map { $0 * $0 }, weights: weights).mean
        rootMeanSquaredError = squared.squareRoot()
        meanAbsoluteError = WeightedMean(errors.map { abs($0) }, weights: weights).mean
        medianAbsoluteError = Bootstrap.quantile(errors.map { abs($0) }.sorted(), 0.5)
        let mean = WeightedMean(targets, weights: weights).mean
        let variance = WeightedMean(targets.map { ($0 - mean) * ($0 - mean) }, weights: weights).mean
        determination = variance > 0 ? 1 - squared / variance : nil
    }
}
