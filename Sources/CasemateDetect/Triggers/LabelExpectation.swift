import CasemateCore
import CasemateData
import CasemateModels

/// What the rest of a row says of its label: boosted trees that cannot learn a trigger.
///
/// The first look at all rows is by trees whose leaves hold at least a tenth of the rows, so that no rare value has
/// one of its own, cross-validated. A candidate is then looked at by finer trees that were trained without its rows,
/// once with and once without its columns; whichever explains a row better counts.
struct LabelExpectation: Sendable {
    /// `[count, width]` values, NaN for missing.
    let values: [Float]
    let width: Int
    /// Columns that are categories.
    let categorical: Set<Int>
    /// Class of each row.
    let labels: [Int32]
    let classes: Int
    let engine: LightGBM
    let settings: TriggerSettings
    /// Leaves of the first trees hold at least one part in so many of the rows.
    var leafPart = 10
    /// Whether all columns are made of texts: they tell more, so that finer trees pay.
    var isText = false
    /// Number of rows.
    var count: Int { labels.count }
    /// With more classes, base rates stand in for the first model.
    static let classLimit = 12

    /// Share of each class.
    var baseRates: [Double] {
        var counts = [Double](repeating: 0, count: classes)
        for label in labels { counts[Int(label)] += 1 }
        return counts.map { $0 / Double(max(1, count)) }
    }

    /// Probabilities `[count, classes]` for rows by models that did not see them.
    func outOfFold(context: RunContext) throws -> [Float] {
        let rates = baseRates
        guard classes <= Self.classLimit, width > 0 else {
            return (0..<count).flatMap { _ in rates.map { Float($0) } }
        }
        let folds = 4
        var generator = SeededGenerator(seed: context.seed, stream: 0x7126)
        let order = Array(0..<count).shuffled(using: &generator)
        let parts = try ParallelTasks.map(folds, threads: context.threads) { part in
            let left = order.indices.filter { $0 % folds == part }.map { order[$0] }
            let kept = order.indices.filter { $0 % folds != part }.prefix(settings.trainingRows).map { order[$0] }
            return (left, try coarse(kept, asked: left, context.cancellation))
        }
        var result = [Float](repeating: 0, count: count * classes)
        for (rows, answers) in parts {
            for (place, row) in rows.enumerated() {
                for label in 0..<classes { result[row * classes + label] = answers[place * classes + label] }
            }
        }
        return result
    }

    private func coarse(_ kept: [Int], asked: [Int], _ cancellation: Cancellation) throws -> [Float] {
        let present = Set(kept.map { labels[$0] })
        guard present.count == classes else {
            let rates = baseRates
            return asked.flatMap { _ in rates.map { Float($0) } }
        }
        var parameters = [
            "num_leaves": "8", "learning_rate": "0.1", "lambda_l2": "5",
            "min_data_in_leaf": "\(max(20, kept.count / leafPart))", "max_bin": "63",
        ]
        parameters["objective"] = classes == 2 ? "binary" : "multiclass"
        if classes > 2 { parameters["num_class"] = "\(classes)" }
        let answers = try answer(
            kept, targets: kept.map { Float(labels[$0]) }, asked: asked, columns: Array(0..<width), parameters,
            rounds: classes == 2 ? 60 : 30, cancellation)
        if classes == 2 { return answers.flatMap { [Float(1 - $0), Float($0)] } }
        return answers.map { Float($0) }
    }

    /// Probability of `target` for some rows, by models trained without them: the larger of two answers a row.
    /// - Parameters:
    ///   - rows: Rows asked about.
    ///   - left: Rows besides them that are left out of training.
    ///   - columns: Columns that the second model does not see.
    func without(
        _ rows: [Int], leaving left: Set<Int>, columns: Set<Int>, target: Int, context: RunContext
    ) throws -> [Double] {
        let gone = left.union(rows)
        var generator = SeededGenerator(seed: context.seed, stream: 0x7127)
        var kept = (0..<count).filter { !gone.contains($0) }
        if kept.count > settings.trainingRows {
            kept = Array(kept.shuffled(using: &generator).prefix(settings.trainingRows)).sorted()
        }
        let hits = kept.count { Int(labels[$0]) == target }
        guard hits > 0, hits < kept.count else {
            return [Double](repeating: hits == 0 ? 0 : 1, count: rows.count)
        }
        let targets = kept.map { Int(labels[$0]) == target ? Float(1) : 0 }
        let parameters = [
            "objective": "binary", "num_leaves": "15", "learning_rate": "0.1", "lambda_l2": isText ? "1" : "5",
            "min_data_in_leaf": isText ? "5" : "10", "feature_fraction": width > 64 ? "0.5" : "1",
        ]
        var sets = [Array(0..<width)]
        if !columns.isEmpty, columns.count < width { sets.append((0..<width).filter { !columns.contains($0) }) }
        let (training, choices) = (kept, sets)
        let answers = try ParallelTasks.map(choices.count, threads: context.threads) { index in
            try answer(
                training, targets: targets, asked: rows, columns: choices[index], parameters, rounds: isText ? 150 : 80,
                context.cancellation)
        }
        return rows.indices.map { place in answers.map { $0[place] }.max() ?? 0 }
    }

    private func answer(
        _ kept: [Int], targets: [Float], asked: [Int], columns: [Int], _ parameters: [String: String], rounds: Int,
        _ cancellation: Cancellation
    ) throws -> [Double] {
        var parameters = parameters
        let categories = columns.indices.filter { categorical.contains(columns[$0]) }
        if !categories.isEmpty {
            parameters["categorical_feature"] = categories.map { String($0) }.joined(separator: ",")
        }
        return try Booster.answers(
            training: engine, rows: part(kept, columns), features: columns.count, labels: targets,
            asked: part(asked, columns), parameters: parameters, rounds: rounds, cancellation: cancellation
        ).values
    }

    private func part(_ rows: [Int], _ columns: [Int]) -> [Float] {
        [Float](unsafeUninitializedCapacity: rows.count * columns.count) { target, done in
            values.withUnsafeBufferPointer { values in
                for row in rows {
                    for column in columns {
                        target.initializeElement(at: done, to: values[row * width + column])
                        done += 1
                    }
                }
            }
        }
    }
}
