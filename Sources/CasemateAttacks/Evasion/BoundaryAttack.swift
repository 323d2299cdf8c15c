import CasemateCore
public import CasemateData

/// The boundary attack: a random walk along the decision boundary toward the original, by labels alone.
///
/// Source: Brendel, Rauber and Bethge, "Decision-based adversarial attacks: reliable attacks against black-box machine
/// learning models", ICLR 2018 (arXiv 1712.04248). A step goes sideways on the sphere around the original, then toward
/// it; the length of each adapts to how often it stays on the far side. Deviations: `proposals` sideways steps are tried
/// at once, and those that stay are tried toward the original; the first steps are 0.1 of the distance, as the steps of
/// trees are wide; starts are known rows where there are any; the closest point ever asked is the result.
/// Deterministic for one seed, at any batch size.
public struct BoundaryAttack: EvasionAttack {
    /// `boundary`.
    public static let identifier = "boundary"
    /// L2.
    public static let norms: [FeatureSpace.Norm] = [.l2]
    /// Rounds of steps.
    public var iterations: Int
    /// Sideways steps tried in a round.
    public var proposals: Int
    /// First length of both kinds of steps, relative to the distance.
    public var firstStep: Double
    /// What a length is multiplied by when too few steps stay.
    public var adaptation: Double
    /// Points of noise and known rows tried for a start.
    public var initTrials: Int, neighbours: Int

    /// Makes the attack with 200 rounds.
    public init() { self.init(iterations: 200) }
    /// Makes the attack.
    public init(
        iterations: Int, proposals: Int = 10, firstStep: Double = 0.1, adaptation: Double = 0.667,
        initTrials: Int = 100, neighbours: Int = 10
    ) {
        (self.iterations, self.proposals, self.firstStep) = (iterations, proposals, firstStep)
        (self.adaptation, self.initTrials, self.neighbours) = (adaptation, initTrials, neighbours)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "proposals": String(proposals), "firstStep": String(firstStep),
            "adaptation": String(adaptation), "initTrials": String(initTrials), "neighbours": String(neighbours),
        ]
    }

    /// Walks with all open samples of the session.
    public func search(in session: EvasionSession) throws {
        try check()
        let lanes = try session.findStarts(trials: initTrials, neighbours: neighbours)
        try session.approach(lanes, among: session.open, threshold: { _ in 0.001 }, isBox: false)
        let walk = SphereWalk(session, lanes, self)
        for step in 0..<iterations {
            session.report(Self.identifier, step, of: iterations)
            let live = session.open.filter { session.remaining($0) > 0 && walk.canStep($0) }
            if live.isEmpty { break }
            try walk.goSideways(live)
            try walk.goInward(live)
        }
        try session.approach(lanes, among: session.open, threshold: { _ in 0.001 }, isBox: false)
    }

    private func check() throws(CasemateError) {
        let require = QueryAllowance.require
        try require(iterations >= 0, Self.identifier, "iterations", "\(iterations)", "use 200")
        try require((1...1_000).contains(proposals), Self.identifier, "proposals", "\(proposals)", "use 10")
        try require(firstStep > 0 && firstStep < 1, Self.identifier, "first_step", "\(firstStep)", "use 0.1")
        try require(adaptation > 0 && adaptation < 1, Self.identifier, "adaptation", "\(adaptation)", "use 0.667")
        try require(initTrials >= 1, Self.identifier, "init_trials", "\(initTrials)", "use 100")
        try require(neighbours >= 1, Self.identifier, "neighbours", "\(neighbours)", "use 10")
    }
}

/// The two steps of a round, each for all live samples at once. Lane and sample are the same number.
private final class SphereWalk {
    private let session: EvasionSession
    private let lanes: Lanes
    private let proposals: Int
    private let adaptation: Float
    /// Lengths of both kinds of steps, relative to the distance.
    private let sideways: Scratch<Float>, inward: Scratch<Float>
    /// Sideways steps that stayed, `proposals` rows a sample, and how many.
    private let kept: Scratch<Float>
    private let keptCount: Scratch<Int>

    init(_ session: EvasionSession, _ lanes: Lanes, _ attack: BoundaryAttack) {
        (self.session, self.lanes, proposals) = (session, lanes, attack.proposals)
        adaptation = Float(attack.adaptation)
        sideways = Scratch(lanes.count, filledWith: Float(attack.firstStep))
        inward = Scratch(lanes.count, filledWith: Float(attack.firstStep))
        kept = Scratch(lanes.count * attack.proposals * lanes.dimension, filledWith: 0)
        keptCount = Scratch(lanes.count, filledWith: 0)
    }

    /// Whether steps are still long enough to matter.
    func canStep(_ sample: Int) -> Bool { sideways[sample] > 1e-5 || inward[sample] > 1e-5 }

    private func keptPoint(_ sample: Int, _ index: Int) -> UnsafeMutableBufferPointer<Float> {
        kept.row(sample * proposals + index, lanes.dimension)
    }

    /// Random steps on the sphere around the original; keeps those that stay on the far side.
    func goSideways(_ live: [Int]) throws {
        for sample in live { keptCount[sample] = 0 }
        var asked = [Int](repeating: 0, count: lanes.count)
        try session.ask(live.map { EvasionSession.Request(lane: $0, sample: $0, count: proposals) }) {
            sample, _, point in
            step(sample, into: point)
        } take: { sample, _, isReached, point in
            asked[sample] += 1
            guard isReached else { return }
            _ = keptPoint(sample, keptCount[sample]).update(from: point)
            keptCount[sample] += 1
        }
        for sample in live where asked[sample] > 0 {
            adapt(sideways, sample, Float(keptCount[sample]) / Float(asked[sample]))
        }
    }

    private func step(_ sample: Int, into point: UnsafeMutableBufferPointer<Float>) {
        let from = lanes[sample]
        let distance = session.size(UnsafeBufferPointer(from))
        session.drawNormal(for: sample, into: point)
        let (low, high) = session.limits(of: sample)
        var (along, squares): (Float, Float) = (0, 0)
        for index in point.indices {
            if low[index] == high[index] { point[index] = 0 }
            along += point[index] * from[index]
        }
        // why: what points toward or away from the original is no step sideways.
        let share = distance > 0 ? along / (distance * distance) : 0
        for index in point.indices {
            point[index] -= share * from[index]
            squares += point[index] * point[index]
        }
        let length = squares > 0 ? sideways[sample] * distance / squares.squareRoot() : 0
        squares = 0
        for index in point.indices {
            point[index] = from[index] + length * point[index]
            squares += point[index] * point[index]
        }
        let factor = squares > 0 ? distance / squares.squareRoot() : 0
        for index in point.indices { point[index] *= factor }
    }

    /// Moves what stayed toward the original; goes on from the closest point that reached the goal.
    func goInward(_ live: [Int]) throws {
        var (asked, stayed) = ([Int](repeating: 0, count: lanes.count), [Int](repeating: 0, count: lanes.count))
        var nearest = [Float](repeating: .infinity, count: lanes.count)
        let requests = live.map { EvasionSession.Request(lane: $0, sample: $0, count: keptCount[$0]) }
        try session.ask(requests) { sample, index, point in
            let from = keptPoint(sample, index)
            for position in point.indices { point[position] = from[position] * (1 - inward[sample]) }
        } take: { sample, _, isReached, point in
            asked[sample] += 1
            guard isReached else { return }
            stayed[sample] += 1
            let size = session.size(point)
            guard size < nearest[sample] else { return }
            nearest[sample] = size
            _ = lanes[sample].update(from: point)
        }
        for sample in live {
            if asked[sample] > 0 { adapt(inward, sample, Float(stayed[sample]) / Float(asked[sample])) }
            // why: where no step inward stays, another place on the sphere is still a way on.
            if stayed[sample] == 0, keptCount[sample] > 0 { _ = lanes[sample].update(from: keptPoint(sample, 0)) }
        }
    }

    /// Shorter steps when fewer than a fifth stay, longer ones when more than half do.
    private func adapt(_ lengths: Scratch<Float>, _ sample: Int, _ share: Float) {
        if share < 0.2 { lengths[sample] *= adaptation }
        if share > 0.5 { lengths[sample] = min(lengths[sample] / adaptation, 0.9) }
    }
}
