import CasemateCore
import Foundation

/// Square: random search over windows at the border of the ball, with the model's logits only.
///
/// Source: Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a query-efficient black-box adversarial attack
/// via random search", ECCV 2020 (arXiv 1912.00049), Algorithms 1 to 3, for L∞ and L2; for L1 the L2 form with sums of
/// absolute values, as in AutoAttack. The loss is the margin of the label, with a targeted goal the cross-entropy of
/// the target. A query is one forward pass; the first is the start. Every sample draws its own windows and signs.
///
/// Windows are squares where the plane of a sample allows (see `SquareAttackGrid`): on rows of a table they are
/// segments of features in the model's order, on images at most as high and wide as the image, and then of the same
/// area. L2 and L1 windows are odd and at least three wide, on planes of less than nine values a side at least one.
/// Deviations: with L∞ signs that would change nothing are drawn again, as in the authors' first program; a
/// window lies at each place with the same probability, the last included, as in the paper; L1 points are stretched to
/// the radius before they are projected. Deterministic for one seed, whatever other samples are attacked.
public struct SquareAttack: WhiteBoxAttack {
    /// `square`.
    public static let identifier = "square"
    /// L∞, L2 and L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Scores.
    public static let access = AttackAccess.scores
    /// Yes.
    public static let needsRadius = true
    /// Queries a sample at most.
    public var queries: Int
    /// Share of the plane that the first windows cover.
    public var initialShare: Double
    /// Whether the schedule, which is made for 10,000 queries, is shrunk to `queries`.
    public var isScheduleRescaled: Bool

    /// Makes the attack as AutoAttack has it: 5,000 queries, a share of 0.8, the schedule not rescaled.
    public init() { self.init(queries: 5000) }
    /// Makes the attack.
    public init(queries: Int, initialShare: Double = 0.8, isScheduleRescaled: Bool = false) {
        (self.queries, self.initialShare, self.isScheduleRescaled) = (queries, initialShare, isScheduleRescaled)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "queries": String(queries), "initialShare": String(initialShare),
            "isScheduleRescaled": String(isScheduleRescaled),
        ]
    }

    /// The share of the plane that the windows of an iteration, counted from 0, cover.
    package func share(at iteration: Int) -> Double {
        let scaled = isScheduleRescaled ? Int(Double(iteration) / Double(queries) * 10_000) : iteration
        let ends = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
        let halvings = ends.firstIndex { scaled <= $0 } ?? ends.count
        return initialShare / Double(1 << halvings)
    }

    /// Searches for all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        let name = Self.identifier
        try MinimumNormSettings.require(queries >= 1, name, "queries", queries, "use 5000")
        try MinimumNormSettings.require(
            initialShare > 0 && initialShare <= 1, name, "initial_share", initialShare, "use 0.8")
        guard let epsilon = session.problem.set.epsilon else {
            throw CasemateError(.invalidSetting, at: name, "needs a radius", help: "give eps")
        }
        let lanes = MinimumNormLanes(session.open, in: session)
        let proposals = SquareAttackProposals(lanes, session.problem.set, epsilon: epsilon)
        var generators = lanes.samples.map { session.generator(for: $0) }
        var losses = [Float](repeating: .infinity, count: lanes.samples.count)
        for query in 0..<queries {
            session.report(query, of: queries)
            for lane in lanes.live {
                if query == 0 {
                    proposals.start(lane, using: &generators[lane])
                } else {
                    proposals.propose(lane, share: share(at: query - 1), using: &generators[lane])
                }
            }
            let logits = try lanes.forward(lanes.live, isConfined: true)
            for (row, lane) in lanes.live.enumerated() {
                let loss = lanes.searchLoss(logits, row: row, lane: lane)
                if loss < losses[lane] || query == 0 || lanes.isReached(logits, row: row, lane: lane) {
                    proposals.accept(lane)
                    losses[lane] = min(losses[lane], loss)
                }
            }
            lanes.dropClosed()
            if lanes.live.isEmpty { return }
        }
    }
}

extension MinimumNormLanes {
    /// What Square lowers: the margin of the label, or with a targeted goal the cross-entropy of the target.
    fileprivate func searchLoss(_ logits: [Float], row: Int, lane: Int) -> Float {
        guard let targets = problem.targets else { return -margin(logits, row: row, lane: lane) }
        let start = row * classCount
        var largest = -Float.infinity
        for index in 0..<classCount { largest = max(largest, logits[start + index]) }
        var sum: Float = 0
        for index in 0..<classCount { sum += exp(logits[start + index] - largest) }
        return log(sum) + largest - logits[start + Int(targets[samples[lane]])]
    }
}
