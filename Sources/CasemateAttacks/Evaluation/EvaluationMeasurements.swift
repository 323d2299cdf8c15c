/// What an evaluation measured for its checklist; `nil` where nothing was.
struct EvaluationMeasurements {
    /// Gradients at the samples as they are.
    struct Gradients {
        var samples = 0
        /// Samples whose gradient of the cross-entropy is zero, or holds what is no number.
        var zero = 0, broken = 0
        /// Samples whose gradient of the margin is zero.
        var zeroMargin = 0
        /// Samples whose probability of the label rounds to 1.
        var saturated = 0
        /// Whether every row of logits lies in 0...1 and sums to 1.
        var areProbabilities = false
        /// Whether attacks on cross-entropy are blind, and those on differences of logits are not.
        var blindsCrossEntropy: Bool { zeroMargin < samples && (zero > 0 || broken > 0 || 2 * saturated > samples) }
        /// Whether there are samples without any gradient.
        var hasZeros: Bool { zero > 0 || broken > 0 || zeroMargin > 0 }
    }
    /// Attacks as they were asked for.
    struct Member {
        let identifier: String, isGradient: Bool, usesCrossEntropy: Bool
        let broken: Set<Int>
    }
    /// Samples that something broke, out of those it was tried on.
    struct Tally {
        var broken = 0, of = 0
    }
    /// What came of longer attacks.
    struct Convergence {
        var attack = "", extra = Tally()
        /// Share of the loss's range that the last ten steps moved; `nil` when it was not measured.
        var movement: Double?
        /// Whether the loss never moved at all.
        var isFlat = false
    }
    /// What HopSkipJump did on a few samples.
    struct Decision {
        var tally = Tally(), queries = 0, median: Double?
    }

    /// Largest difference of logits over five runs, relative to the largest logit of a row.
    var randomness: Double?
    var gradients: Gradients?
    var members: [Member] = []
    var adaptations: [EvaluationResult.Adaptation] = []
    /// Why steps were not let straight through, where they could not be.
    var straightThroughError: String?
    /// What weaker attacks broke among the samples that gradient attacks left over.
    var singleStep: Tally?, noise: Tally?, blackBox: Tally?
    var convergence: Convergence?
    var unbounded: Tally?
    /// Share of the margin that its gradient does not explain within a tenth of the radius, mean over samples.
    var localNoise: (share: Double, samples: Int)?
    var decision: Decision?
    var transfer: Tally?
    var recheck: Tally?
    /// Whether time ran out before everything was measured.
    var isCut = false

    /// Whether gradients say little of what lies a tenth of the radius away.
    var isNoisy: Bool { localNoise.map { $0.share > Self.noiseLimit } ?? false }
    /// The share of the margin that a gradient may leave unexplained.
    static let noiseLimit = 0.1
    /// Whether the model answers the same row differently.
    var isRandom: Bool { randomness.map { !($0 <= 1e-4) } ?? false }
}
