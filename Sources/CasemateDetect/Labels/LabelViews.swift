import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// What one learner says of every row without having seen it: `[count, classes]` logarithms of probabilities.
typealias LabelView = [Double]

/// Learners whose mistakes differ, each asked about rows that it did not learn from.
enum LabelViews {
    /// Probabilities are held this far from 0 and 1, so that no learner outvotes the others by being too sure.
    static let bound = 0.01

    /// Normalised logarithms of `values`, which are probabilities.
    static func view(probabilities values: [Double], classes: Int) -> LabelView {
        var result = values
        for start in stride(from: 0, to: values.count, by: classes) {
            var total = 0.0
            for index in start..<start + classes {
                result[index] = min(max(values[index], bound), 1 - bound)
                total += result[index]
            }
            for index in start..<start + classes { result[index] = log(result[index] / total) }
        }
        return result
    }

    /// `[count, classes]` values brought to normalised logarithms of probabilities.
    static func view(logits values: [Double], classes: Int, scale: Double) -> LabelView {
        var result = values
        for start in stride(from: 0, to: values.count, by: classes) {
            let top = values[start..<start + classes].max() ?? 0
            let sum = (start..<start + classes).reduce(0) { $0 + exp(scale * (values[$1] - top)) }
            for index in start..<start + classes { result[index] = scale * (values[index] - top) - log(sum) }
        }
        return result
    }

    /// Boosted trees over random halves of rows and thirds of columns, cross-validated `repeats` times; the mean.
    static func boosted(
        _ rows: LabelRows, folds: Int, repeats: Int, engine: LightGBM, context: RunContext
    ) throws -> LabelView {
        let classes = rows.classes.count
        let width = rows.matrix.features.count
        var parameters = [
            "objective": classes == 2 ? "binary" : "multiclass", "num_leaves": "15", "learning_rate": "0.05",
            "lambda_l2": "5", "min_data_in_leaf": "\(min(20, max(3, rows.count / 100)))",
            "feature_fraction": "\(min(1, max(0.3, 4 / Double(max(1, width)))))", "bagging_fraction": "0.5",
            "bagging_freq": "1",
        ]
        if classes > 2 { parameters["num_class"] = "\(classes)" }
        let categorical = rows.matrix.features.indices.filter { rows.matrix.features[$0].levels != nil }
        if !categorical.isEmpty {
            parameters["categorical_feature"] = categorical.map(String.init).joined(separator: ",")
        }
        let dealt = (0..<repeats).map { rows.folds(folds, seed: context.seed &+ UInt64($0)) }
        let settings = parameters
        let answers = try ParallelTasks.map(folds * repeats, threads: context.threads) { task in
            let (turn, fold) = (task / folds, task % folds)
            let (kept, left) = (
                dealt[turn].indices.filter { dealt[turn][$0] != fold },
                dealt[turn].indices.filter { dealt[turn][$0] == fold }
            )
            return try Booster.answers(
                training: engine, rows: rows.matrix.rows(kept).values, features: width,
                labels: kept.map { Float(rows.labels[$0]) }, asked: rows.matrix.rows(left).values,
                parameters: settings.merging(["seed": "\(turn + 1)"]) { $1 }, rounds: 150,
                cancellation: context.cancellation
            ).values
        }
        var sums = [Double](repeating: 0, count: rows.count * classes)
        for (task, values) in answers.enumerated() {
            let left = dealt[task / folds].indices.filter { dealt[task / folds][$0] == task % folds }
            for (place, row) in left.enumerated() {
                for index in 0..<classes {
                    let value =
                        classes == 2
                        ? (index == 1 ? values[place] : 1 - values[place])
                        : values[place * classes + index]
                    sums[row * classes + index] += value / Double(repeats)
                }
            }
        }
        return view(probabilities: sums, classes: classes)
    }

    /// Words as independent witnesses (Bernoulli naive Bayes over the words that a text holds), cross-validated.
    static func words(_ rows: LabelRows, _ words: TokenRows, isLeftOut: [Bool], folds: Int, seed: UInt64) -> LabelView {
        let classes = rows.classes.count
        let fold = rows.folds(folds, seed: seed)
        var texts = [Double](repeating: 0, count: folds * classes)
        var held = [Double](repeating: 0, count: folds * classes * words.width)
        for row in 0..<rows.count where !isLeftOut[row] {
            let place = fold[row] * classes + Int(rows.labels[row])
            texts[place] += 1
            for token in words[row] { held[place * words.width + Int(token)] += 1 }
        }
        func others(_ values: [Double], _ own: Int, _ index: Int, _ width: Int, _ token: Int) -> Double {
            (0..<folds).reduce(0) { $0 + ($1 == own ? 0 : values[($1 * classes + index) * width + token]) }
        }
        var result = [Double](repeating: 0, count: rows.count * classes)
        for row in 0..<rows.count {
            for index in 0..<classes {
                let total = others(texts, fold[row], index, 1, 0)
                result[row * classes + index] = words[row].reduce(log(total + 1)) { sum, token in
                    sum + log((others(held, fold[row], index, words.width, Int(token)) + 0.1) / (total + 1))
                }
            }
        }
        return view(logits: result, classes: classes, scale: 1)
    }
}
