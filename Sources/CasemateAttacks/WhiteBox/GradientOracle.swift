public import CasemateCore
public import CasemateModels

/// A classifier that an attacker knows from the inside: logits, and gradients of losses by the input.
///
/// Two classes at least: a network with a single logit `z` answers `[0, z]`. The rows of a batch do not influence one
/// another. Called from one thread at a time.
public protocol GradientOracle: Sendable {
    /// Axes of one sample, such as `[1, 28, 28]`; their product is the number of values of a row.
    var sampleShape: [Int] { get }
    /// Number of logits, at least 2.
    var classCount: Int { get }
    /// Logits of `count` rows, `[count, classCount]` row-major: one forward pass.
    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float]
    /// Logits, losses and gradients of `count` rows: one forward and one backward pass.
    /// - Parameters:
    ///   - labels: The label of each row.
    ///   - targets: The target of each row; empty for losses without one.
    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation
}
