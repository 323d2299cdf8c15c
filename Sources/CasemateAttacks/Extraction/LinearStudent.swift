import CasemateCore
import CasemateData
import CasemateModels

/// Logistic regression on probabilities or labels, one against the rest for several classes; ridge regression on values.
public struct LinearStudent: StudentLearner {
    /// Name in configuration and reports.
    public static let identifier = "linear"
    /// Name for people.
    public static let title = "linear model"
    /// Needs no engine.
    public static let needsBoosting = false
    /// Penalty on standardised coefficients where scores are answered, which carry no noise, and where labels are.
    public var scorePenalty = 1e-3, labelPenalty = 1.0
    /// Creates it.
    public init() {}

    /// Learns.
    public func study(_ lesson: Lesson) throws -> any Student {
        switch lesson.answers {
        case .labels(let labels, let classes):
            let first = classes == 2 ? 1 : 0
            return try logistic(lesson, classes: classes, penalty: labelPenalty) { column, row in
                labels[row] == Int32(column + first) ? 1 : 0
            }
        case .probabilities(let scores, let classes, _):
            let first = classes == 2 ? 1 : 0
            return try logistic(lesson, classes: classes, penalty: scorePenalty) { column, row in
                min(max(scores[row * classes + column + first], 0), 1)
            }
        case .values(let values, let outputs):
            return try LinearValues(lesson, values, outputs: outputs, penalty: scorePenalty)
        }
    }

    private func logistic(
        _ lesson: Lesson, classes: Int, penalty: Double, target: (Int, Int) -> Double
    ) throws -> any Student {
        let design = DesignMatrix(fitting: lesson.rows)
        let dense = design.dense(lesson.rows)
        let models = try (0..<ScoreLink.columns(classes)).map { column in
            let targets = (0..<lesson.rows.count).map { target(column, $0) }
            let sum = targets.reduce(0, +)
            // why: a class that never shows has no optimum; it is as unlikely as one row in twice as many.
            guard sum > 0, sum < Double(targets.count) else {
                let share = (sum + 0.5) / (Double(targets.count) + 1)
                return LogisticRegression(
                    intercept: (share / (1 - share)).logarithm,
                    coefficients: [Double](repeating: 0, count: design.width))
            }
            return try LogisticRegression.fit(
                rows: dense, width: design.width, targets: targets, l2: penalty, cancellation: lesson.cancellation)
        }
        return LogisticColumns(design: design, models: models, classes: classes)
    }
}

/// Logistic regressions side by side; several classes share their sum.
private struct LogisticColumns: Student {
    let design: DesignMatrix
    let models: [LogisticRegression]
    let classes: Int

    func scores(_ rows: [Float], count: Int) throws -> [Double] {
        let columns = models.map {
            LogisticModel(design: design, regression: $0).probabilities(rows: rows, count: count)
        }
        if classes == 2 { return columns[0].flatMap { [1 - $0, $0] } }
        return (0..<count).flatMap { row in
            let own = columns.map { $0[row] }
            let sum = own.reduce(0, +)
            return own.map { sum > 0 ? $0 / sum : 1 / Double(classes) }
        }
    }
}

/// Ridge regressions side by side.
private struct LinearValues: Student {
    private let design: DesignMatrix
    private let weights: [[Double]]

    init(_ lesson: Lesson, _ values: [Double], outputs: Int, penalty: Double) throws {
        design = DesignMatrix(fitting: lesson.rows)
        let (dense, count, width) = (design.dense(lesson.rows), lesson.rows.count, design.width)
        var rows: [Double] = []
        rows.reserveCapacity(count * (width + 1))
        for row in 0..<count { rows += dense[row * width..<(row + 1) * width] + [1] }
        weights = try (0..<outputs).map { output in
            try LeastSquares(ridge: penalty).solve(
                rows: rows, width: width + 1, targets: (0..<count).map { values[$0 * outputs + output] },
                cancellation: lesson.cancellation)
        }
    }

    func scores(_ rows: [Float], count: Int) throws -> [Double] {
        let (dense, width) = (design.dense(rows), design.width)
        return (0..<count).flatMap { row in
            weights.map { weights in
                var sum = weights[width]
                for column in 0..<width { sum += weights[column] * dense[row * width + column] }
                return sum
            }
        }
    }
}
