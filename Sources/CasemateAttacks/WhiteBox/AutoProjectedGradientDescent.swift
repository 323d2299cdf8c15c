import CasemateCore
import CasemateModels

/// Auto-PGD on the cross-entropy: no step size to choose. See `AutoProjectedSearch` for source and deviations.
public struct AutoPGDCrossEntropy: WhiteBoxAttack {
    /// `apgd-ce`.
    public static let identifier = "apgd-ce"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Yes.
    public static let needsRadius = true
    /// Gradient steps of one start.
    public var steps: Int
    /// Number of starts; `nil` takes the published 1, and 5 in `l1`.
    public var restarts: Int?
    /// Makes the attack.
    public init(steps: Int, restarts: Int? = nil) { (self.steps, self.restarts) = (steps, restarts) }
    /// Makes the attack with 100 steps.
    public init() { self.init(steps: 100) }
    /// Steps and restarts.
    public var settings: [String: String] { AutoPGDStarts(steps, restarts).settings }

    /// Searches from every start.
    public func search(in session: WhiteBoxSession) throws {
        try AutoPGDStarts(steps, restarts ?? (session.problem.set.norm == .l1 ? 5 : 1))
            .search(session, Self.identifier) { GoalLoss.crossEntropy.resolve(in: session, for: $0) }
    }
}

/// Auto-PGD on the difference of logits ratio, which does not saturate; on the margin where classes are two.
public struct AutoPGDLogitsRatio: WhiteBoxAttack {
    /// `apgd-dlr`.
    public static let identifier = "apgd-dlr"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Yes.
    public static let needsRadius = true
    /// Gradient steps of one start.
    public var steps: Int
    /// Number of starts; `nil` takes 1, and 5 in `l1`.
    public var restarts: Int?
    /// Makes the attack.
    public init(steps: Int, restarts: Int? = nil) { (self.steps, self.restarts) = (steps, restarts) }
    /// Makes the attack with 100 steps.
    public init() { self.init(steps: 100) }
    /// Steps and restarts.
    public var settings: [String: String] { AutoPGDStarts(steps, restarts).settings }

    /// Searches from every start.
    public func search(in session: WhiteBoxSession) throws {
        try AutoPGDStarts(steps, restarts ?? (session.problem.set.norm == .l1 ? 5 : 1))
            .search(session, Self.identifier) { GoalLoss.differenceOfLogitsRatio.resolve(in: session, for: $0) }
    }
}

/// Auto-PGD towards the most likely wrong classes, one after the other, on the targeted difference of logits ratio.
///
/// With two or three classes, where the ratio is not defined, on the difference of two logits. Problems with targets
/// know only their own.
public struct AutoPGDTargeted: WhiteBoxAttack {
    /// `apgd-t`.
    public static let identifier = "apgd-t"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Yes.
    public static let needsRadius = true
    /// Gradient steps of one start.
    public var steps: Int
    /// Number of starts for each target.
    public var restarts: Int
    /// Wrong classes to go for, at most all there are; `nil` takes the published 9, and 5 in `l1`.
    public var targets: Int?
    /// Makes the attack.
    public init(steps: Int, restarts: Int = 1, targets: Int? = nil) {
        (self.steps, self.restarts, self.targets) = (steps, restarts, targets)
    }
    /// Makes the attack with 100 steps.
    public init() { self.init(steps: 100) }
    /// Steps, restarts, targets.
    public var settings: [String: String] {
        var all = AutoPGDStarts(steps, restarts).settings
        all["targets"] = targets.map { String($0) } ?? "9 (l1: 5)"
        return all
    }

    /// Searches for each target in turn.
    public func search(in session: WhiteBoxSession) throws {
        guard targets ?? 1 >= 1 else {
            throw CasemateError(
                .invalidSetting, at: Self.identifier, "\(targets ?? 0) targets make no sense",
                help: "give at least one")
        }
        let starts = AutoPGDStarts(steps, restarts)
        if session.problem.targets != nil {
            return try starts.search(session, Self.identifier) { GoalLoss.margin.resolve(in: session, for: $0) }
        }
        let isDefined = session.classCount >= ClassificationLoss.targetedDifferenceOfLogitsRatio.fewestClasses
        let loss = isDefined ? ClassificationLoss.targetedDifferenceOfLogitsRatio : .logitDifference
        let wanted = targets ?? (session.problem.set.norm == .l1 ? 5 : 9)
        let ranking = WrongClasses(session)
        var randomness = RandomStarts(session)
        for rank in 0..<min(wanted, session.classCount - 1) where !session.open.isEmpty {
            try starts.search(session, Self.identifier, &randomness) { lanes in
                (loss, lanes.map { ranking.label(of: $0, rank: rank) })
            }
            session.report(rank + 1, of: min(wanted, session.classCount - 1))
        }
    }
}

/// Starts of Auto-PGD, one after the other.
struct AutoPGDStarts {
    let steps: Int, restarts: Int?

    init(_ steps: Int, _ restarts: Int?) { (self.steps, self.restarts) = (steps, restarts) }

    var settings: [String: String] {
        ["steps": String(steps), "restarts": restarts.map { String($0) } ?? "1 (l1: 5)", "rho": "0.75"]
    }

    func search(
        _ session: WhiteBoxSession, _ name: String, _ goal: ([Int]) -> (ClassificationLoss, [Int32])
    ) throws {
        var randomness = RandomStarts(session)
        try search(session, name, &randomness, goal)
    }

    func search(
        _ session: WhiteBoxSession, _ name: String, _ randomness: inout RandomStarts,
        _ goal: ([Int]) -> (ClassificationLoss, [Int32])
    ) throws {
        let restarts = restarts ?? 1
        guard steps >= 1, restarts >= 1 else {
            throw CasemateError(
                .invalidSetting, at: name, "\(steps) steps from \(restarts) starts make no sense",
                help: "give at least one of each")
        }
        for _ in 0..<restarts where !session.open.isEmpty {
            let lanes = session.open
            var points = session.originals(lanes)
            scatter(&points, lanes, &randomness, session.problem.set)
            let (loss, targets) = goal(lanes)
            let search = AutoProjectedSearch(steps: steps, session: session, loss: loss)
            try search.run(lanes, from: points, targets: targets)
        }
    }

    /// The published starts: on the surface of the ball; in `l1` a normal point that is projected later.
    private func scatter(
        _ points: inout [Float], _ lanes: [Int], _ randomness: inout RandomStarts, _ set: PerturbationSet
    ) {
        let radius = set.epsilon ?? 0
        randomness.each(&points, lanes) { row, original, sampler, generator in
            guard let base = row.baseAddress else { return }
            var length = 0.0
            if set.norm == .linf {
                generator.fillUniform(row, from: -1, to: 1)
                length = Double(Steepest.largest(base, row.count, rank: 0))
            } else {
                sampler.fill(row, using: &generator)
                length = set.norm == .l2 ? MinimumNormVectors.norm(.l2, base, count: row.count) : radius
            }
            let scale = length > 0 ? Float(radius / length) : 0
            for index in row.indices { row[index] = original[index] + scale * row[index] }
        }
    }
}

/// The wrong classes of each sample, the most likely first, by the logits of the sample as it is.
struct WrongClasses {
    private let logits: [Float], labels: [Int32], width: Int

    init(_ session: WhiteBoxSession) {
        (logits, labels, width) = (session.cleanLogits, session.problem.labels, session.classCount)
    }

    /// The class with this rank among the wrong ones, 0 for the most likely.
    func label(of sample: Int, rank: Int) -> Int32 {
        let start = sample * width
        let wrong = (0..<width).filter { $0 != Int(labels[sample]) }
            .sorted { (-logits[start + $0], $0) < (-logits[start + $1], $1) }
        return Int32(truncatingIfNeeded: wrong[min(rank, wrong.count - 1)])
    }
}
