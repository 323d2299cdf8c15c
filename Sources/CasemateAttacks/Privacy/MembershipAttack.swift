/// What an attacker has on a number of rows: the target's answers, and the shadows'.
public struct MembershipEvidence: Sendable {
    /// Whether the target decides each row as it is labelled.
    public let isRight: [Bool]
    /// The target's loss on each row's label; `nil` for a target that gives labels only.
    public let losses: [Double]?
    /// The target's confidence in each row's label (`LabelConfidence`); `nil` where its scores are no probabilities.
    public let confidences: [Double]?
    /// The shadows' confidences about the same rows; `nil` without shadows.
    public let shadows: ShadowConfidences?

    /// Puts evidence together; all parts are about the same rows.
    public init(
        isRight: [Bool], losses: [Double]? = nil, confidences: [Double]? = nil, shadows: ShadowConfidences? = nil
    ) {
        precondition(losses.map { $0.count == isRight.count } ?? true, "losses of other rows")
        precondition(confidences.map { $0.count == isRight.count } ?? true, "confidences of other rows")
        precondition(shadows.map { $0.design.rows == isRight.count } ?? true, "shadows of other rows")
        (self.isRight, self.losses, self.confidences, self.shadows) = (isRight, losses, confidences, shadows)
    }
}

/// A way of telling the rows that a model was trained on from others.
public protocol MembershipAttack: Sendable {
    /// Stable name in configuration and reports, in snake case.
    static var identifier: String { get }
    /// Name in sentences.
    static var title: String { get }
    /// Creates the attack with its published settings.
    init()
    /// A number a row, the higher the likelier a member; `nil` when the evidence lacks what the attack needs.
    func scores(_ evidence: MembershipEvidence) -> [Double]?
}

/// The attacks that ship, from the one that knows least to the one that knows most.
public let builtInMembershipAttacks: [any MembershipAttack.Type] = [
    GapAttack.self, LossThreshold.self, OfflineLikelihoodRatio.self, OnlineLikelihoodRatio.self,
]
