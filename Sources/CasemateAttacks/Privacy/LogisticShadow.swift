public import CasemateCore
import CasemateData
import CasemateModels

/// Shadows made of logistic regression, for targets that are linear; two classes only.
public struct LogisticShadow: ShadowLearner {
    /// Strength of the penalty on standardised columns.
    public var l2: Double
    /// How confidences are measured.
    public var confidence: LabelConfidence

    /// Makes a learner.
    public init(l2: Double = 1, confidence: LabelConfidence = LabelConfidence()) {
        (self.l2, self.confidence) = (l2, confidence)
    }

    /// Trains one shadow.
    /// - Throws: `unsupported` for several classes; what `LogisticRegression.fit` throws.
    public func confidences(
        trainingOn members: [Int], of pool: ShadowPool, cancellation: Cancellation
    ) throws -> [Double] {
        guard pool.classes == 2 else {
            throw CasemateError(
                .unsupported, at: "shadow models", "logistic shadows for \(pool.classes) classes",
                help: "use boosted shadows")
        }
        let model = try LogisticModel.fit(
            pool.matrix.rows(members), labels: members.map { pool.labels[$0] == 1 }, l2: l2, cancellation: cancellation)
        let logits = model.regression.logits(model.design.dense(pool.matrix))
        return confidence.values(logits: logits, outputs: 1, labels: pool.labels)
    }
}
