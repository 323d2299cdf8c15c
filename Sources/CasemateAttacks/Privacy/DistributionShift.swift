public import CasemateCore
public import CasemateData
public import CasemateModels

/// Whether two sets of rows come from one distribution: a classifier tries to tell them apart by their features alone.
///
/// Trees are trained by cross-validation; the area under the ROC curve of the held-out scores is 0.5 where the sets are
/// alike. Source: Lopez-Paz, Oquab, "Revisiting classifier two-sample tests", ICLR 2017, with the area in place of the
/// accuracy.
public struct DistributionShift: Hashable, Sendable {
    /// The area, with DeLong's standard error, of the held-out scores; the second set is the positive class.
    public let ranks: RankStatistics
    /// Number of rows of both sets that were compared.
    public let count: Int

    /// 95 % interval of the area.
    public var interval: Interval? {
        ranks.interval(z: Distributions.normalQuantile(0.975)).map { Interval($0.low, $0.high) }
    }
    /// Whether the area is above `threshold` and its interval above 0.5: large and significant.
    public func isFound(above threshold: Double = 0.55) -> Bool {
        guard let area = ranks.area else { return false }
        // why: at an area of 1 there is no interval on the logit scale, and no doubt either.
        return area > threshold && (interval?.low ?? area) > 0.5
    }

    /// Compares two matrices over the same features.
    /// - Parameters:
    ///   - folds: Parts of the cross-validation.
    ///   - rounds: Trees of a fold.
    /// - Throws: `unusableData` with fewer rows than folds in either set; what LightGBM throws; `Cancelled`.
    public init(
        between first: FeatureMatrix, and second: FeatureMatrix, engine: LightGBM, folds: Int = 5, rounds: Int = 30,
        context: RunContext
    ) throws {
        precondition(first.features == second.features, "the two sets have other features")
        precondition(folds >= 2, "folds must be at least 2, got \(folds)")
        guard min(first.count, second.count) >= folds else {
            throw CasemateError(
                .unusableData, at: "distribution shift",
                "\(first.count) and \(second.count) rows are too few for \(folds) folds", help: "give more rows")
        }
        let both = FeatureMatrix(features: first.features, values: first.values + second.values)
        let isSecond = (0..<both.count).map { $0 >= first.count }
        let fold = Self.folds(first.count, folds, context.seed, 0) + Self.folds(second.count, folds, context.seed, 1)
        let parts = try ParallelTasks.map(folds, threads: context.threads) { part in
            try context.cancellation.check()
            let (learnt, held) = (fold.indices.filter { fold[$0] != part }, fold.indices.filter { fold[$0] == part })
            let rows = both.rows(learnt)
            var parameters = ["objective": "binary", "num_leaves": "15"]
            if let categorical = rows.categoricalParameter { parameters["categorical_feature"] = categorical }
            let answers = try Booster.answers(
                training: engine, rows: rows.values, features: rows.features.count,
                labels: learnt.map { isSecond[$0] ? 1 : 0 }, asked: both.rows(held).values, parameters: parameters,
                rounds: rounds, isRaw: true, cancellation: context.cancellation)
            return (held, answers.values)
        }
        var scores = [Double](repeating: 0, count: both.count)
        for (held, answers) in parts { for (row, answer) in zip(held, answers) { scores[row] = answer } }
        ranks = RankStatistics(labels: isSecond, scores: scores)
        count = both.count
    }

    /// A fold for each of `count` rows, as equal in size as can be.
    private static func folds(_ count: Int, _ folds: Int, _ seed: UInt64, _ stream: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed, stream: stream)
        return (0..<count).map { $0 % folds }.shuffled(using: &generator)
    }
}
