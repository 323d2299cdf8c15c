import CasemateCore
public import CasemateData

/// HopSkipJump: walks along the decision boundary by directions estimated from labels, for all samples in lockstep.
///
/// Source: Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", IEEE S&P 2020
/// (arXiv 1904.02144), Algorithms 1 and 2, for L2 and L∞. Where the paper and its authors' program differ (size of the
/// first probe, probe size relative to the point before the binary search), the program is followed, as other
/// implementations do. Deviations: points are offsets in the relaxed space of the `FeatureSpace`; the closest point that
/// was ever asked is the result; the walk ends with one more binary search; the step search gives up after 20 halvings
/// and stays; with `startingPoints` in the problem it starts from the nearest known rows instead of noise.
/// Deterministic for one seed, at any batch size.
public struct HopSkipJump: EvasionAttack {
    /// `hop_skip_jump`.
    public static let identifier = "hop_skip_jump"
    /// L2 and L∞.
    public static let norms: [FeatureSpace.Norm] = [.l2, .linf]
    /// Steps along the boundary.
    public var iterations: Int
    /// Queries of the first direction estimate, `B_0`; estimate `t` makes `B_0 √t` of them.
    public var initialEvaluations: Int
    /// Queries of one estimate at most.
    public var maxEvaluations: Int
    /// Points of noise tried for a start.
    public var initTrials: Int
    /// Precision of the binary search times `√d` (L2) or `d` (L∞).
    public var tolerance: Double
    /// Size of the probes that estimate a direction, relative to the distance.
    public var probeSize: Double
    /// Known rows tried for a start.
    public var neighbours: Int

    /// Makes the attack with 50 steps and the defaults below.
    public init() { self.init(iterations: 50) }
    /// The settings for audits of tables: wider probes, which see over the flat steps of tree ensembles.
    ///
    /// Measured on 100 boosted trees over 30 features at 10 iterations: median L2 0.27 instead of 0.40, L∞ 0.12 instead
    /// of 0.16, at the same number of queries. On a linear model the size of a probe makes no difference.
    public static func forTables(_ norm: FeatureSpace.Norm, iterations: Int = 10) -> HopSkipJump {
        HopSkipJump(iterations: iterations, probeSize: norm == .linf ? 0.5 : 0.2)
    }
    /// Makes the attack. Defaults: 50 steps (peers' default; the paper goes by queries), 100 first and 10,000 last
    /// evaluations and 100 trials as published; tolerance and probes of 0.01, which do not grow when there are few
    /// features as the paper's `d^(-3/2)` does.
    public init(
        iterations: Int, initialEvaluations: Int = 100, maxEvaluations: Int = 10_000, initTrials: Int = 100,
        tolerance: Double = 0.01, probeSize: Double = 0.01, neighbours: Int = 10
    ) {
        (self.iterations, self.initialEvaluations, self.maxEvaluations) = (
            iterations, initialEvaluations, maxEvaluations
        )
        (self.initTrials, self.tolerance, self.neighbours) = (initTrials, tolerance, neighbours)
        self.probeSize = probeSize
    }

    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "initialEvaluations": String(initialEvaluations),
            "maxEvaluations": String(maxEvaluations), "initTrials": String(initTrials),
            "tolerance": String(tolerance), "probeSize": String(probeSize), "neighbours": String(neighbours),
        ]
    }

    /// Walks with all open samples of the session; see the type.
    public func search(in session: EvasionSession) throws {
        try check()
        let lanes = try session.findStarts(trials: initTrials, neighbours: neighbours)
        let walk = BoundaryWalk(session, lanes, self)
        try session.approach(lanes, among: session.open, threshold: { _ in 0.001 }, isBox: false)
        for step in 0..<iterations {
            session.report(Self.identifier, step, of: iterations)
            let live = session.open.filter { session.remaining($0) > 0 }
            if live.isEmpty { break }
            let evaluations = min(Int(Double(initialEvaluations) * Double(step + 1).squareRoot()), maxEvaluations)
            walk.setProbes(live, isFirst: step == 0)
            try walk.approach(live)
            try walk.estimate(live, evaluations: evaluations)
            try walk.advance(live, step: step)
        }
        try walk.approach(session.open)
        session.report(Self.identifier, iterations, of: iterations)
    }

    private func check() throws(CasemateError) {
        func refuse(_ setting: String, _ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: "hop_skip_jump.\(setting)", what, help: help)
        }
        guard iterations >= 0 else { throw refuse("iterations", "'\(iterations)' is negative", "use 10 to 50") }
        guard initialEvaluations >= 1, initialEvaluations <= maxEvaluations else {
            throw refuse(
                "initial_evaluations", "'\(initialEvaluations)' is not between 1 and '\(maxEvaluations)'",
                "use 100, at most max_evaluations")
        }
        guard initTrials >= 1 else { throw refuse("init_trials", "'\(initTrials)' gives no start", "use 100") }
        guard neighbours >= 1 else { throw refuse("neighbours", "'\(neighbours)' gives no start", "use 10") }
        for (name, value) in [("tolerance", tolerance), ("probe_size", probeSize)] where !(value > 0 && value < 1) {
            throw refuse(name, "'\(value)' is not between 0 and 1", "use 0.01 to 0.2")
        }
    }
}
