public import CasemateCore
public import CasemateData
public import CasemateModels

/// Predictions for the training rows by boosted trees that did not see them: stratified cross-validation.
///
/// The trees are few-leaved and slow learners on purpose: a model that can learn single rows learns a planted label
/// too. The same seed gives the same predictions at any number of threads. Sources: Stone, "Cross-validatory choice
/// and assessment of statistical predictions", 1974; Ke et al., "LightGBM", NeurIPS 2017.
public struct OutOfFold: Hashable, Sendable {
    /// Number of folds.
    public var folds = 5
    /// Trees, and leaves of each.
    public var trees = 100, leaves = 8
    /// Share of each tree that is added.
    public var learningRate = 0.05

    /// Makes it with the defaults.
    public init() {}

    /// Fold of each row: rows of either outcome are dealt out evenly in an order that the seed shuffles. Rows that repeat
    /// another one go where that one goes, so that no model is asked about a row that it has seen.
    /// - Parameter matrix: The rows; `nil` takes each for one of its own.
    public static func assignment(
        outcomes: [Bool], folds: Int, seed: UInt64, matrix: FeatureMatrix? = nil
    ) -> [Int] {
        precondition(folds > 1, "folds must be at least 2, got \(folds)")
        var generator = SeededGenerator(seed: seed, stream: 0xF01D)
        var result = [Int](repeating: 0, count: outcomes.count)
        let first = matrix.map(firsts) ?? Array(outcomes.indices)
        var next = 0
        for outcome in [true, false] {
            let rows = outcomes.indices.filter { outcomes[$0] == outcome && first[$0] == $0 }.shuffled(
                using: &generator)
            for row in rows {
                result[row] = next % folds
                next += 1
            }
        }
        for row in outcomes.indices where first[row] != row { result[row] = result[first[row]] }
        return result
    }

    /// The first row that equals each one, bit by bit.
    private static func firsts(_ matrix: FeatureMatrix) -> [Int] {
        var known: [[UInt32]: Int] = [:]
        return (0..<matrix.count).map { row in
            let bits = matrix[row: row].map(\.bitPattern)
            if let first = known[bits] { return first }
            known[bits] = row
            return row
        }
    }

    /// Probability of a true outcome for each row.
    /// - Throws: `unusableData` when an outcome has fewer rows than there are folds; `engineFailed`, `Cancelled`.
    public func probabilities(
        of matrix: FeatureMatrix, outcomes: [Bool], engine: LightGBM, context: RunContext
    ) throws -> [Double] {
        let rare = min(outcomes.count { $0 }, outcomes.count { !$0 })
        guard rare >= folds else {
            throw CasemateError(
                .unusableData, at: "training data", "\(rare) rows of one outcome for \(folds) folds",
                help: "use fewer folds, or more rows")
        }
        return try predict(
            matrix, targets: outcomes.map { $0 ? 1 : 0 }, objective: "binary",
            Self.assignment(outcomes: outcomes, folds: folds, seed: context.seed, matrix: matrix), engine, context)
    }

    /// Value of a regression for each row; errors as above.
    public func values(
        of matrix: FeatureMatrix, targets: [Double], engine: LightGBM, context: RunContext
    ) throws -> [Double] {
        let fold = Self.assignment(
            outcomes: [Bool](repeating: true, count: targets.count), folds: folds, seed: context.seed,
            matrix: matrix)
        return try predict(matrix, targets: targets.map(Float.init), objective: "regression", fold, engine, context)
    }

    private func predict(
        _ matrix: FeatureMatrix, targets: [Float], objective: String, _ fold: [Int], _ engine: LightGBM,
        _ context: RunContext
    ) throws -> [Double] {
        let parameters = parameters(objective, matrix.features)
        let answers = try ParallelTasks.map(folds, threads: context.threads) { part in
            try answer(matrix, targets, parameters, fold, part: part, engine, context.cancellation)
        }
        var result = [Double](repeating: 0, count: matrix.count)
        for (part, values) in answers.enumerated() {
            for (row, value) in zip(fold.indices.filter { fold[$0] == part }, values) { result[row] = value }
        }
        return result
    }

    private func answer(
        _ matrix: FeatureMatrix, _ targets: [Float], _ parameters: [String: String], _ fold: [Int], part: Int,
        _ engine: LightGBM, _ cancellation: Cancellation
    ) throws -> [Double] {
        let kept = fold.indices.filter { fold[$0] != part }
        let left = fold.indices.filter { fold[$0] == part }
        let booster = try Booster(
            training: engine, rows: matrix.rows(kept).values, features: matrix.features.count,
            labels: kept.map { targets[$0] }, parameters: parameters, rounds: trees, cancellation: cancellation)
        return try booster.predict(matrix.rows(left).values, count: left.count)
    }

    /// LightGBM's parameters for an objective.
    func parameters(_ objective: String, _ features: [Feature]) -> [String: String] {
        var result = [
            "objective": objective, "num_leaves": "\(leaves)", "learning_rate": "\(learningRate)", "lambda_l2": "5",
        ]
        let categorical = features.indices.filter { features[$0].levels != nil }
        if !categorical.isEmpty {
            result["categorical_feature"] = categorical.map(String.init).joined(separator: ",")
        }
        return result
    }
}
