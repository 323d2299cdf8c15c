import CasemateCore
import CasemateData

/// SimBA: one coordinate at a time, up or down, kept when the score gets nearer.
///
/// Source: Guo, Gardner, You, Wilson and Weinberger, "Simple black-box adversarial attacks", ICML 2019 (arXiv
/// 1905.07121), Algorithm 1 over coordinates. Deviations: a step of a whole number or an ordinal feature reaches its next
/// value, a category or a one-hot group steps to a level; a pass over all coordinates that gains nothing doubles the step,
/// as trees are flat; after a success the point is drawn toward the original by binary search and the search begins
/// anew with half the step, `rounds` times. Deterministic for one seed, at any batch size.
public struct SimpleBlackBox: EvasionAttack {
    /// `simba`.
    public static let identifier = "simba"
    /// Scores.
    public static let access = EvasionAccess.scores
    /// Step, in units of a feature's scale.
    public var step: Double
    /// Times that the search begins anew with half the step.
    public var rounds: Int
    /// Queries for one sample at most.
    public var maxQueries: Int

    /// Makes the attack with a step of 0.2, as published.
    public init() { self.init(step: 0.2) }
    /// Makes the attack.
    public init(step: Double, rounds: Int = 3, maxQueries: Int = 5_000) {
        (self.step, self.rounds, self.maxQueries) = (step, rounds, maxQueries)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        ["step": String(step), "rounds": String(rounds), "maxQueries": String(maxQueries)]
    }

    /// Searches for all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require(step > 0 && step.isFinite, Self.identifier, "step", "\(step)", "use 0.2")
        try require((1...100).contains(rounds), Self.identifier, "rounds", "\(rounds)", "use 3")
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 5000")
        let allowance = QueryAllowance(session, most: maxQueries)
        let isBox = session.norm == .linf
        for round in 0..<rounds {
            session.report(Self.identifier, round, of: rounds)
            let work = CoordinateLanes(session, step: Float(step) / Float(1 << round))
            while true {
                let live = session.open.filter { allowance.left($0) > 0 && work.isSearching($0) }
                if live.isEmpty { break }
                try work.ask(live)
            }
            let found = session.open.filter(work.hasFound)
            try session.approach(work.points, among: found, threshold: { $0 * 0.01 }, isBox: isBox)
        }
    }
}

/// The state of one round for every sample. Lane and sample are the same number.
private final class CoordinateLanes {
    private enum Move { case number(coordinate: Int), level(unit: Int, level: Int) }
    private let session: EvasionSession
    let points: Lanes
    private var moves: [[Move]]
    /// The move that is next, whether it goes down, and whether the pass has gained anything.
    private var next: [Int], isDown: [Bool], hasGained: [Bool], isDone: [Bool], isFound: [Bool]
    private var steps: [Float]
    private let nearness: Scratch<Float>

    init(_ session: EvasionSession, step: Float) {
        self.session = session
        let samples = Array(0..<session.count)
        points = Lanes(samples: samples, dimension: session.dimension)
        nearness = Scratch(session.count, filledWith: 0)
        for sample in samples { nearness[sample] = session.startNearness[sample] }
        moves = samples.map { Self.moves(of: $0, session) }
        next = moves.map(\.count)
        isDown = [Bool](repeating: false, count: session.count)
        hasGained = [Bool](repeating: true, count: session.count)
        isDone = moves.map(\.isEmpty)
        isFound = [Bool](repeating: false, count: session.count)
        steps = [Float](repeating: step, count: session.count)
    }

    private static func moves(of sample: Int, _ session: EvasionSession) -> [Move] {
        let (low, high) = session.limits(of: sample)
        let numbers = session.encoding.numeric.indices.filter { low[$0] < high[$0] }.map { Move.number(coordinate: $0) }
        let levels = session.encoding.discrete.enumerated().flatMap { position, unit in
            (0..<unit.levels).filter { high[unit.offset + $0] > 0 }.map { Move.level(unit: position, level: $0) }
        }
        return numbers + levels
    }

    func isSearching(_ sample: Int) -> Bool { !isDone[sample] }
    func hasFound(_ sample: Int) -> Bool { isFound[sample] }

    /// One query for each live sample.
    func ask(_ live: [Int]) throws {
        for sample in live where next[sample] == moves[sample].count { startPass(sample) }
        let waiting = live.filter { !isDone[$0] }
        try session.askScores(waiting.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }) {
            sample, _, point in
            _ = point.update(from: points[sample])
            write(moves[sample][next[sample]], of: sample, into: point)
        } take: { sample, _, answer, point in
            take(sample, answer, point)
        }
    }

    private func startPass(_ sample: Int) {
        if !hasGained[sample] {
            steps[sample] *= 2
            // why: at four scales every feature that is bounded has been at both of its ends.
            if steps[sample] > 4 { isDone[sample] = true }
        }
        moves[sample].shuffle(using: &session.generators[sample])
        (next[sample], isDown[sample], hasGained[sample]) = (0, false, false)
    }

    private func write(_ move: Move, of sample: Int, into point: UnsafeMutableBufferPointer<Float>) {
        switch move {
        case .number(let coordinate):
            let size = max(steps[sample], session.encoding.quantum(coordinate))
            point[coordinate] += isDown[sample] ? -size : size
        case .level(let unit, let level):
            // why: the second try of a level is the way back to the one that the row held.
            session.place(
                isDown[sample] ? nil : level, of: session.encoding.discrete[unit],
                held: session.room[sample].held[unit], into: point)
        }
    }

    private func take(_ sample: Int, _ answer: EvasionSession.Answer, _ point: UnsafeBufferPointer<Float>) {
        let isBetter = answer.nearness > nearness[sample]
        if isBetter || answer.isReached {
            nearness[sample] = answer.nearness
            hasGained[sample] = true
            _ = points[sample].update(from: point)
        }
        if answer.isReached { (isFound[sample], isDone[sample]) = (true, true) }
        if isBetter || isDown[sample] {
            next[sample] += 1
            isDown[sample] = false
        } else {
            isDown[sample] = true
        }
    }
}
