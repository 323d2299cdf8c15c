public import CasemateCore

/// Logistic regression with an L2 penalty on its coefficients: the plain model that others are compared with.
///
/// Minimises Σ w_i·loss_i + l2/2·|coefficients|², loss = −t·ln p − (1 − t)·ln(1 − p); the intercept is not penalised,
/// so `l2` is 1/C of the common parametrisation. Targets may be fractions, so that it can also be fitted to another
/// model's probabilities. The optimum is unique for `l2` > 0, also on data that a plane separates. Deterministic.
/// Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd ed., sections 4.4.1 and 18.4
/// (Newton's method, penalty); Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithm 7.4 (limited memory
/// BFGS, used when the matrix of Newton's method would be too large).
public struct LogisticRegression: Hashable, Sendable {
    /// Logit of a row of zeros.
    public let intercept: Double
    /// Change of the logit for each unit of a column.
    public let coefficients: [Double]
    /// Steps that the training took.
    public let iterations: Int
    /// Whether the gradient vanished within the bound on steps.
    public let isConverged: Bool

    /// Makes a model of known coefficients.
    public init(intercept: Double, coefficients: [Double], iterations: Int = 0, isConverged: Bool = true) {
        (self.intercept, self.coefficients) = (intercept, coefficients)
        (self.iterations, self.isConverged) = (iterations, isConverged)
    }

    /// Trains on a dense matrix.
    /// - Parameters:
    ///   - rows: `[targets.count, width]` row-major, all finite; best standardised, because the penalty looks at units.
    ///   - width: Number of columns.
    ///   - targets: Probability of the positive class of each row, 0…1; 0 and 1 for plain labels.
    ///   - weights: Weight of each row, not negative; `nil` weighs all 1.
    ///   - l2: Strength of the penalty, at least 0.
    ///   - cancellation: Looked at in every step.
    /// - Throws: `mismatch` for shapes that do not fit, `unusableData` for values that are not finite, targets beyond
    ///   0…1 or of one class only, `invalidSetting` for a penalty that is no number from 0 on, `Cancelled`.
    public static func fit(
        rows: [Double], width: Int, targets: [Double], weights: [Double]? = nil, l2: Double = 1,
        cancellation: Cancellation = Cancellation()
    ) throws -> LogisticRegression {
        try check(rows, width, targets, weights, l2)
        let problem = LogisticProblem(rows: rows, width: width, targets: targets, weights: weights, l2: l2)
        return try LogisticSolver(problem: problem, cancellation: cancellation).solve()
    }

    /// Trains on labels; otherwise as above.
    public static func fit(
        rows: [Double], width: Int, labels: [Bool], weights: [Double]? = nil, l2: Double = 1,
        cancellation: Cancellation = Cancellation()
    ) throws -> LogisticRegression {
        try fit(
            rows: rows, width: width, targets: labels.map { $0 ? 1 : 0 }, weights: weights, l2: l2,
            cancellation: cancellation)
    }

    /// Trains on float32 values as they are, `[labels.count, features]`; otherwise as above.
    public static func fit(
        rows: [Float], labels: [Bool], weights: [Double]? = nil, l2: Double = 1,
        cancellation: Cancellation = Cancellation()
    ) throws -> LogisticRegression {
        try fit(
            rows: rows.map(Double.init), width: labels.isEmpty ? 0 : rows.count / labels.count, labels: labels,
            weights: weights, l2: l2, cancellation: cancellation)
    }

    /// Logits of rows, `[count, coefficients.count]` row-major.
    public func logits(_ rows: [Double]) -> [Double] {
        precondition(
            coefficients.isEmpty || rows.count.isMultiple(of: coefficients.count),
            "\(rows.count) values do not make rows of \(coefficients.count)")
        let width = coefficients.count
        let count = width == 0 ? 0 : rows.count / width
        return rows.withUnsafeBufferPointer { rows in
            coefficients.withUnsafeBufferPointer { weights in
                (0..<count).map { row in
                    DenseAlgebra.dot(rows, row * width, weights, 0, width) + intercept
                }
            }
        }
    }

    /// Probabilities of the positive class.
    public func probabilities(_ rows: [Double]) -> [Double] { logits(rows).map(Self.logistic) }

    /// Probabilities of the positive class for `count` rows of float32.
    public func probabilities(rows: [Float], count: Int) -> [Double] {
        if coefficients.isEmpty { return [Double](repeating: Self.logistic(intercept), count: count) }
        return probabilities(rows.map(Double.init))
    }

    /// 1/(1 + e^−x), without overflow.
    package static func logistic(_ x: Double) -> Double {
        if x >= 0 { return 1 / (1 + (-x).exponential) }
        let power = x.exponential
        return power / (1 + power)
    }

    private static func check(
        _ rows: [Double], _ width: Int, _ targets: [Double], _ weights: [Double]?, _ l2: Double
    ) throws(CasemateError) {
        func refuse(_ code: CasemateError.Code, _ what: String, _ help: String) -> CasemateError {
            CasemateError(code, at: "logistic regression", what, help: help)
        }
        let (cells, overflow) = targets.count.multipliedReportingOverflow(by: width)
        guard width >= 0, !overflow, rows.count == cells, weights == nil || weights?.count == targets.count else {
            throw refuse(
                .mismatch, "\(rows.count) values and \(targets.count) targets do not make rows of \(width)",
                "give every row one target, one weight and \(width) values")
        }
        guard l2 >= 0, l2.isFinite else {
            throw refuse(.invalidSetting, "a penalty of \(l2)", "give a number from 0 on")
        }
        guard rows.allSatisfy(\.isFinite), weights?.allSatisfy({ $0.isFinite && $0 >= 0 }) ?? true,
            targets.allSatisfy({ $0 >= 0 && $0 <= 1 })
        else {
            throw refuse(
                .unusableData, "a value, weight or target is missing, infinite or out of range",
                "impute what is missing, keep targets within 0…1 and weights from 0 on")
        }
        var (share, total) = (0.0, 0.0)
        for (row, target) in targets.enumerated() {
            share += (weights?[row] ?? 1) * target
            total += weights?[row] ?? 1
        }
        guard total > 0, share > 0, share < total else {
            throw refuse(.unusableData, "the target is the same in every row", "give rows of both classes")
        }
    }
}
