/// A function of the logits that an attacker raises, one value a sample.
///
/// `z` are the logits, `y` the label to get away from, `t` the target to get to, `z1 ≥ z2 ≥ …` the sorted logits. The
/// larger a loss, the closer is the attacker to his goal; margins are positive exactly when it is reached.
public enum ClassificationLoss: String, Hashable, Sendable, CaseIterable {
    /// `-log softmax(z)[y]`; training lowers the same function.
    case crossEntropy
    /// `log softmax(z)[t]`.
    case targetedCrossEntropy
    /// `max_{j ≠ y} z_j - z_y`.
    case margin
    /// `z_t - max_{j ≠ t} z_j`.
    case targetedMargin
    /// `z_t - z_y`.
    case logitDifference
    /// `-(z_y - max_{j ≠ y} z_j) / (z1 - z3)`; needs three classes. Source: Croce and Hein, ICML 2020, equation 6.
    case differenceOfLogitsRatio
    /// `-(z_y - z_t) / (z1 - (z3 + z4) / 2)`; needs four classes. Source: the same, equation 7.
    case targetedDifferenceOfLogitsRatio

    /// Whether it needs a target beside the label.
    public var isTargeted: Bool {
        switch self {
        case .crossEntropy, .margin, .differenceOfLogitsRatio: false
        case .targetedCrossEntropy, .targetedMargin, .logitDifference, .targetedDifferenceOfLogitsRatio: true
        }
    }
    /// The number of classes below which it is not defined.
    public var fewestClasses: Int {
        switch self {
        case .differenceOfLogitsRatio: 3
        case .targetedDifferenceOfLogitsRatio: 4
        default: 2
        }
    }
}

/// What a model with gradients answers for a batch.
public struct LossEvaluation: Hashable, Sendable {
    /// Logits, `[count, classCount]` row-major.
    public var logits: [Float]
    /// The loss of each sample, `[count]`.
    public var losses: [Float]
    /// The gradient of each sample's own loss by its own values, `[count, size]` row-major.
    public var gradients: [Float]
    /// Makes an evaluation.
    public init(logits: [Float], losses: [Float], gradients: [Float]) {
        (self.logits, self.losses, self.gradients) = (logits, losses, gradients)
    }
}
