import CasemateData
import CasemateModels

/// One regression tree (one for each class when there are more than two): a copy that a person can read.
///
/// Leaves hold the mean logit, value, or share of a label, so a tree of labels decides by the majority of its leaf.
public struct TreeStudent: StudentLearner {
    /// Name in configuration and reports.
    public static let identifier = "tree"
    /// Name for people.
    public static let title = "one tree"
    /// Trains with LightGBM.
    public static let needsBoosting = true
    /// Most leaves.
    public var leaves = 32
    /// Creates it.
    public init() {}

    /// Learns.
    public func study(_ lesson: Lesson) throws -> any Student {
        let parameters = [
            "num_leaves": String(leaves), "min_data_in_leaf": "5", "learning_rate": "1", "min_sum_hessian_in_leaf": "0",
        ]
        if let (targets, columns) = lesson.targets {
            let trees = try BoostedColumns.regress(
                lesson, targets: targets, columns: columns, parameters: parameters, rounds: 1)
            return BoostedColumns(trees, lesson)
        }
        guard case .labels(let labels, let classes) = lesson.answers else { return BoostedColumns([], lesson) }
        let columns = ScoreLink.columns(classes)
        var indicators = [Double](repeating: 0, count: labels.count * columns)
        for (row, label) in labels.enumerated() {
            if columns == 1 {
                indicators[row] = Double(label)
            } else {
                indicators[row * columns + Int(label)] = 1
            }
        }
        let trees = try BoostedColumns.regress(
            lesson, targets: indicators, columns: columns, parameters: parameters, rounds: 1)
        return LabelTrees(trees: trees, classes: classes)
    }
}

/// Trees that give the share of each class.
private struct LabelTrees: Student {
    let trees: [Booster]
    let classes: Int

    func scores(_ rows: [Float], count: Int) throws -> [Double] {
        let shares = try BoostedColumns.predict(trees, rows, count: count)
        return classes == 2 ? shares.flatMap { [1 - $0, $0] } : shares
    }
}
