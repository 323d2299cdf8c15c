/// FAB: walks along the decision boundary towards the original by projections onto linearised boundaries.
///
/// Source: Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020
/// (arXiv 1907.02044), Algorithm 1, for L∞, L2 and L1. Every step linearises the differences of the logits to all other
/// classes and takes the nearest boundary: one forward and one backward pass a class. Where paper and the authors'
/// program differ the program is followed: steps may leave the ball of radius eps. Deviations: the final search runs
/// only when the smallest perturbation is wanted, as in AutoAttack, where only points within eps count; it works on the
/// margin to the best wrong class; exact projections use Newton's method where the authors sort; with a targeted goal
/// only the boundary to the target counts. Deterministic for one seed, whatever other samples are attacked.
public struct FastAdaptiveBoundary: WhiteBoxAttack {
    /// `fab`.
    public static let identifier = "fab"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Steps, sizes and restarts.
    public var configuration: FastAdaptiveBoundaryConfiguration
    /// Makes the attack with its published settings.
    public init() { self.init(FastAdaptiveBoundaryConfiguration()) }
    /// Makes the attack.
    public init(_ configuration: FastAdaptiveBoundaryConfiguration) { self.configuration = configuration }
    /// Every setting by name.
    public var settings: [String: String] { configuration.settings }

    /// Walks with all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        try configuration.check(Self.identifier)
        let walk = FastAdaptiveBoundaryWalk(session, configuration)
        for restart in 0..<configuration.restarts {
            try walk.run(round: restart, of: configuration.restarts, isRandom: restart > 0, rank: nil)
        }
    }
}

/// Targeted FAB: FAB towards each of the most likely wrong classes in turn, one backward pass a step.
///
/// Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
/// attacks", ICML 2020 (arXiv 2003.01690), where it is the third member of AutoAttack: 100 steps towards each of the
/// nine classes with the largest clean logits after the label, one start. Any wrong label counts as success on the way.
/// With fewer classes it takes all; with a targeted goal it takes the target. See `FastAdaptiveBoundary`.
public struct TargetedFastAdaptiveBoundary: WhiteBoxAttack {
    /// `fab-t`.
    public static let identifier = "fab-t"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Steps, sizes and restarts of one target class.
    public var configuration: FastAdaptiveBoundaryConfiguration
    /// Number of target classes.
    public var targetClasses: Int
    /// Makes the attack with its published settings.
    public init() { self.init(FastAdaptiveBoundaryConfiguration()) }
    /// Makes the attack.
    public init(_ configuration: FastAdaptiveBoundaryConfiguration, targetClasses: Int = 9) {
        (self.configuration, self.targetClasses) = (configuration, targetClasses)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        configuration.settings.merging(["targetClasses": String(targetClasses)]) { $1 }
    }

    /// Walks with all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        try configuration.check(Self.identifier)
        try MinimumNormSettings.require(targetClasses >= 1, Self.identifier, "target_classes", targetClasses, "use 9")
        let walk = FastAdaptiveBoundaryWalk(session, configuration)
        let ranks = session.problem.targets == nil ? min(targetClasses, session.classCount - 1) : 1
        let rounds = ranks * configuration.restarts
        for round in 0..<rounds {
            let (rank, restart) = round.quotientAndRemainder(dividingBy: configuration.restarts)
            try walk.run(round: round, of: rounds, isRandom: restart > 0, rank: rank)
        }
    }
}

/// What both forms of FAB can be told.
public struct FastAdaptiveBoundaryConfiguration: Hashable, Sendable {
    /// Steps of one start.
    public var iterations: Int
    /// Starts; the first at the original, the others at random points around it.
    public var restarts: Int
    /// Largest share of the step that starts at the original, `α_max`.
    public var largestBias: Double
    /// How far steps go beyond the boundary, `η`.
    public var extrapolation: Double
    /// How much of a perturbation remains after the step back from a misclassified point, `β`.
    public var backwardStep: Double
    /// Steps of the final search between the best point and the original.
    public var finalSteps: Int
    /// Radius around the original for random starts when the set has none, in units of the box's width; `nil` takes
    /// the authors' 0.3 for L∞, 1 for L2 and 5 for L1. The distance of the best point is taken where it is smaller.
    public var startRadius: Double?

    /// Makes a configuration; the defaults are the published settings, with one start as in AutoAttack.
    public init(
        iterations: Int = 100, restarts: Int = 1, largestBias: Double = 0.1, extrapolation: Double = 1.05,
        backwardStep: Double = 0.9, finalSteps: Int = 3, startRadius: Double? = nil
    ) {
        (self.iterations, self.restarts, self.finalSteps) = (iterations, restarts, finalSteps)
        (self.largestBias, self.extrapolation, self.backwardStep) = (largestBias, extrapolation, backwardStep)
        self.startRadius = startRadius
    }

    var settings: [String: String] {
        [
            "iterations": String(iterations), "restarts": String(restarts), "largestBias": String(largestBias),
            "extrapolation": String(extrapolation), "backwardStep": String(backwardStep),
            "finalSteps": String(finalSteps), "startRadius": startRadius.map { String($0) } ?? "by norm",
        ]
    }

    func check(_ attack: String) throws {
        func require(_ holds: Bool, _ setting: String, _ value: some Any, _ help: String) throws {
            try MinimumNormSettings.require(holds, attack, setting, value, help)
        }
        try require(iterations >= 1, "iterations", iterations, "use 100")
        try require(restarts >= 1, "restarts", restarts, "use 1 to 20")
        try require(largestBias >= 0 && largestBias <= 1, "largest_bias", largestBias, "use 0.1")
        try require(extrapolation >= 1 && extrapolation <= 2, "extrapolation", extrapolation, "use 1.05")
        try require(backwardStep > 0 && backwardStep < 1, "backward_step", backwardStep, "use 0.9")
        try require(finalSteps >= 0, "final_steps", finalSteps, "use 3")
        try require(startRadius.map { $0 > 0 && $0.isFinite } ?? true, "start_radius", startRadius ?? 0, "use 0.3")
    }
}
