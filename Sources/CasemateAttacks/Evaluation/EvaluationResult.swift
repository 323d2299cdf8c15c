/// What an evaluation found: the worst case over everything that was tried, and what to distrust about it.
public struct EvaluationResult: Sendable {
    /// Accuracy at one radius.
    public struct CurvePoint: Hashable, Sendable {
        /// The radius, in input units.
        public let epsilon: Double
        /// Samples that are right and for which no attack was found within the radius: an upper bound.
        public let share: RobustnessResult.Share
    }
    /// Masking that was seen, and what an attack that takes it into account did about it.
    public struct Adaptation: Hashable, Sendable {
        /// Number of the check that called for it.
        public let check: Int
        /// What was changed, such as `straight-through gradients`.
        public let change: String
        /// Identifiers of the attacks that were run with the change.
        public let attacks: [String]
        /// Samples that were right, on which both are compared.
        public let samples: Int
        /// Samples that withstood the attacks before the change.
        public let withstoodBefore: Int
        /// Samples among them that withstood the changed attacks as well.
        public let withstoodAfter: Int
    }
    /// The worst case of each sample over everything that was tried, checks included. Its passes are those of attacks;
    /// what checks asked beside them is in `attacks`.
    public let result: RobustnessResult
    /// Accuracy by radius, falling; 0 first. An upper bound at every radius, from the smallest perturbation known of
    /// each sample.
    public let curve: [CurvePoint]
    /// Everything that ran, in order.
    public let attacks: [AttackSummary]
    /// Masking seen and what was done about it; both figures.
    public let adaptations: [Adaptation]
    /// All 22 rows of the checklist, in order.
    public let checks: [EvaluationCheck]
    /// Settings, seeds, versions and digest of the model.
    public let settings: [String: String]

    /// The checks that failed.
    public var findings: [EvaluationCheck] { checks.filter { $0.status == .failed } }
    /// A check by its number, 1 to 22.
    public func check(_ number: Int) -> EvaluationCheck? { checks.first { $0.number == number } }
}

/// One attack as it was run within an evaluation.
public struct AttackSummary: Hashable, Sendable {
    /// Why it was run.
    public enum Role: String, Hashable, Sendable, Codable, CaseIterable {
        /// It was asked for.
        case attack
        /// Masking was seen, and this takes it into account.
        case adapted
        /// A check needed it.
        case check
        /// The curve needed it.
        case curve
    }
    /// Identifier of the attack; of a check, what it measures.
    public let identifier: String
    /// What was changed about it, such as `20 gradients averaged`; `nil` when nothing was.
    public let variant: String?
    /// Why it was run.
    public let role: Role
    /// Radius that it had; `nil` for the smallest perturbation.
    public let epsilon: Double?
    /// Samples that it was given.
    public let samples: Int
    /// Samples among them that it moved over the border within its radius.
    public let broken: Int
    /// Forward passes of the model, one for each row.
    public let forwardPasses: Int
    /// Backward passes of the model, one for each row.
    public let backwardPasses: Int
    /// Time that it took.
    public let seconds: Double
}
