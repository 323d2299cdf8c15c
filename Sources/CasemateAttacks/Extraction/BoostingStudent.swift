import CasemateData
import CasemateModels

/// Gradient-boosted trees: regression on logits (or values) where scores are answered, classification on labels.
///
/// Small trees with few rows a leaf and half of the features each: query budgets are small, answers carry no noise.
public struct BoostingStudent: StudentLearner {
    /// Name in configuration and reports.
    public static let identifier = "boosting"
    /// Name for people.
    public static let title = "boosted trees"
    /// Trains with LightGBM.
    public static let needsBoosting = true
    /// Trees of each booster.
    public var rounds = 200
    /// Creates it.
    public init() {}

    /// Learns.
    public func study(_ lesson: Lesson) throws -> any Student {
        let (count, width) = (lesson.rows.count, lesson.rows.features.count)
        var parameters = [
            "num_leaves": count < 2_000 ? "8" : "16", "min_data_in_leaf": "5", "learning_rate": "0.1",
        ]
        if width >= 8 { parameters["feature_fraction"] = "0.5" }
        if let (targets, columns) = lesson.targets {
            let boosters = try BoostedColumns.regress(
                lesson, targets: targets, columns: columns, parameters: parameters,
                rounds: max(20, rounds / max(1, columns / 2)))
            return BoostedColumns(boosters, lesson)
        }
        guard case .labels(let labels, let classes) = lesson.answers else { return BoostedColumns([], lesson) }
        parameters["objective"] = classes == 2 ? "binary" : "multiclass"
        if classes > 2 { parameters["num_class"] = String(classes) }
        let booster = try BoostedColumns.train(
            lesson, labels: labels.map(Float.init), parameters: parameters,
            rounds: max(20, rounds / max(1, (classes - 1) / 2)))
        return BoostedClasses(booster: booster, classes: classes)
    }
}

/// A booster that gives probabilities of classes.
private struct BoostedClasses: Student {
    let booster: Booster
    let classes: Int

    func scores(_ rows: [Float], count: Int) throws -> [Double] {
        let chances = try booster.predict(rows, count: count)
        return classes == 2 ? chances.flatMap { [1 - $0, $0] } : chances
    }
}
