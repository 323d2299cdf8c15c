public import CasemateCore
public import CasemateData

/// A logistic regression over the features of a table: the columns that it makes of them and the model on top.
public struct LogisticModel: Hashable, Sendable {
    /// How rows become dense columns.
    public let design: DesignMatrix
    /// The model over the dense columns.
    public let regression: LogisticRegression

    /// Makes a model of its parts.
    public init(design: DesignMatrix, regression: LogisticRegression) {
        (self.design, self.regression) = (design, regression)
    }

    /// Trains on the rows of a matrix; parameters and errors as in `LogisticRegression.fit`.
    public static func fit(
        _ matrix: FeatureMatrix, targets: [Double], weights: [Double]? = nil, l2: Double = 1,
        cancellation: Cancellation = Cancellation()
    ) throws -> LogisticModel {
        let design = DesignMatrix(fitting: matrix)
        let regression = try LogisticRegression.fit(
            rows: design.dense(matrix), width: design.width, targets: targets, weights: weights, l2: l2,
            cancellation: cancellation)
        return LogisticModel(design: design, regression: regression)
    }

    /// Trains on labels; otherwise as above.
    public static func fit(
        _ matrix: FeatureMatrix, labels: [Bool], weights: [Double]? = nil, l2: Double = 1,
        cancellation: Cancellation = Cancellation()
    ) throws -> LogisticModel {
        try fit(matrix, targets: labels.map { $0 ? 1 : 0 }, weights: weights, l2: l2, cancellation: cancellation)
    }

    /// Probabilities of the positive class for rows over the features, `[count, features.count]` row-major.
    public func probabilities(rows: [Float], count: Int) -> [Double] {
        // why: without columns there is nothing to count rows by.
        if design.width == 0 {
            return [Double](repeating: LogisticRegression.logistic(regression.intercept), count: count)
        }
        return regression.probabilities(design.dense(rows))
    }

    /// Probabilities of the positive class for the rows of a matrix.
    public func probabilities(_ matrix: FeatureMatrix) -> [Double] {
        probabilities(rows: matrix.values, count: matrix.count)
    }
}
