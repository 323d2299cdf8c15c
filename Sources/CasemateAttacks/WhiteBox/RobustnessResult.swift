public import CasemateCore

/// What an attack achieved, after everything it found was confirmed by the deployed model.
///
/// That no attack was found proves nothing: every accuracy under attack here is an upper bound.
public struct RobustnessResult: Hashable, Sendable {
    /// What became of one sample.
    public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        /// The model was wrong before anything was changed.
        case alreadyMisclassified = "already misclassified"
        /// A perturbed sample was found and confirmed.
        case broken
        /// The search ended without one. This says nothing about whether one exists.
        case notBroken = "no attack found"
        /// The search was stopped before it had found one.
        case unfinished
        /// The oracle took a point for adversarial and the deployed model did not; no other was found.
        case discarded

        /// What became of a sample, by what is known of it; what stands first wins.
        init(isWrong: Bool, isBroken: Bool, isPartial: Bool, wasRefused: Bool) {
            if isWrong {
                self = .alreadyMisclassified
            } else if isBroken {
                self = .broken
            } else if isPartial {
                self = .unfinished
            } else {
                self = wasRefused ? .discarded : .notBroken
            }
        }
    }
    /// One sample.
    public struct Sample: Hashable, Sendable {
        /// As given in the problem.
        public let identifier: Int
        /// The right label.
        public let label: Int32
        /// What the deployed model says to the sample as it is; `nil` when the run ended before it was asked.
        public let predicted: Int32?
        /// What became of it.
        public let outcome: Outcome
        /// Identifier of the attack that found `adversarial`.
        public let brokenBy: String?
        /// The confirmed point: the first (bounded) or the closest (unbounded).
        public let adversarial: [Float]?
        /// What the deployed model says to `adversarial`.
        public let adversarialLabel: Int32?
        /// Distance of `adversarial`; 0 when already misclassified, infinite without one.
        public let distance: Double
        /// Forward passes of the oracle for this sample.
        public let forwardPasses: Int
        /// Backward passes of the oracle for this sample.
        public let backwardPasses: Int
        /// Rows that the judge was asked for this sample.
        public let judgements: Int
        /// Whether the sample counts as right under attack: it was right, and no attack was found.
        public var withstood: Bool { outcome != .alreadyMisclassified && outcome != .broken }
    }
    /// A share of samples with its interval.
    public struct Share: Hashable, Sendable {
        /// Samples that count.
        public let count: Int
        /// Samples in all.
        public let total: Int
        /// The share; `nil` without samples.
        public var value: Double? { total == 0 ? nil : Double(count) / Double(total) }
        /// Wilson interval of the share, 95 %; `nil` without samples.
        public var interval: Interval? { Intervals.wilson(successes: count, trials: total) }
        /// Makes a share.
        public init(_ count: Int, of total: Int) { (self.count, self.total) = (count, total) }
    }
    /// One entry a sample of the problem, in its order.
    public let samples: [Sample]
    /// How far samples were moved at most.
    public let set: PerturbationSet
    /// Samples that oracle and judge label differently as they are: more than none says that the oracle is not the
    /// deployed model (in a transfer attack, that the surrogate differs).
    public let disagreements: Int
    /// Whether the search was stopped by its deadline; what had been found by then is in `samples`.
    public let isPartial: Bool
    /// Attack and every setting that the figures depend on.
    public let settings: [String: String]

    /// Samples that the deployed model labels rightly as they are, among those that it was asked.
    public var cleanAccuracy: Share {
        let asked = samples.filter { $0.predicted != nil }
        return Share(asked.count { $0.outcome != .alreadyMisclassified }, of: asked.count)
    }
    /// Samples that are right and for which no attack was found, the worst case over everything that was tried: an
    /// upper bound, in which unfinished samples count as right.
    public var robustAccuracy: Share { Share(samples.count(where: \.withstood), of: samples.count) }
    /// Broken samples among those that were right.
    public var attackSuccessRate: Share {
        Share(count(.broken), of: samples.count - count(.alreadyMisclassified))
    }
    /// Number of samples with this outcome.
    public func count(_ outcome: Outcome) -> Int { samples.count { $0.outcome == outcome } }
    /// Number of samples that each attack broke.
    public var brokenBy: [String: Int] {
        samples.reduce(into: [:]) { counts, sample in
            if let name = sample.brokenBy { counts[name, default: 0] += 1 }
        }
    }
    /// Forward passes over all samples.
    public var forwardPasses: Int { samples.reduce(0) { $0 + $1.forwardPasses } }
    /// Backward passes over all samples.
    public var backwardPasses: Int { samples.reduce(0) { $0 + $1.backwardPasses } }
    /// Median distance of the samples broken; `nil` when there are none.
    public var medianDistance: Double? {
        let distances = samples.filter { $0.outcome == .broken }.map(\.distance).sorted()
        guard !distances.isEmpty else { return nil }
        return (distances[(distances.count - 1) / 2] + distances[distances.count / 2]) / 2
    }
}

extension RobustnessCurve {
    /// Makes the curve of a search for smallest perturbations.
    public init(_ result: RobustnessResult, epsilons: [Double]) throws(CasemateError) {
        try self.init(
            distances: result.samples.map(\.distance), epsilons: epsilons, undecided: result.count(.unfinished))
    }
}
