import CasemateCore
public import CasemateData

/// Square for tables: random search over sets of coordinates at the edge of a ball that shrinks after each success.
///
/// Source: Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a query-efficient black-box adversarial attack
/// via random search", ECCV 2020 (arXiv 1912.00049), Algorithm 1 with the sampling of Algorithms 2 (L∞) and 3 (L2; for
/// L1 the same with sums). Deviations: the features of a table have no places, so a window is a random set of
/// coordinates; the radius doubles from a thirty-second of the space until a point is found, then it is halved between
/// the largest that failed and the smallest point found, four times over, each time with a share of the queries and the
/// schedule shrunk to them, from the best point before; answers that are as good are accepted, which carries the search
/// over the flat steps of trees. Deterministic for one seed, at any batch size.
public struct SquareSearch: EvasionAttack {
    /// `square`.
    public static let identifier = "square"
    /// Scores.
    public static let access = EvasionAccess.scores
    /// L∞, L2, L1.
    public static let norms: [FeatureSpace.Norm] = [.linf, .l2, .l1]
    /// Queries for one sample at most.
    public var maxQueries: Int
    /// Radii that all queries suffice for; until a point is found each takes half as many.
    public var rounds: Int
    /// Share of the coordinates that the first sets hold.
    public var initialShare: Double
    /// Times that radii which failed are tried again while queries are left.
    static let repeats = 3

    /// Makes the attack with 5,000 queries and a share of 0.8, as in AutoAttack.
    public init() { self.init(maxQueries: 5_000) }
    /// Makes the attack.
    public init(maxQueries: Int, rounds: Int = 10, initialShare: Double = 0.8) {
        (self.maxQueries, self.rounds, self.initialShare) = (maxQueries, rounds, initialShare)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        ["maxQueries": String(maxQueries), "rounds": String(rounds), "initialShare": String(initialShare)]
    }

    /// Searches for all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 5000")
        try require((1...1_000).contains(rounds), Self.identifier, "rounds", "\(rounds)", "use 10")
        try require(
            initialShare > 0 && initialShare <= 1, Self.identifier, "initial_share", "\(initialShare)", "use 0.8")
        let allowance = QueryAllowance(session, most: maxQueries)
        let work = SquareLanes(session, self, allowance)
        while true {
            let live = session.open.filter { allowance.left($0) > 0 && work.isOpen($0) }
            if live.isEmpty { break }
            try work.step(live)
        }
        try session.approach(
            work.best, among: session.open.filter(work.hasFound), threshold: { $0 * 0.01 },
            isBox: session.norm == .linf)
    }
}

/// The state of the search for every sample. Lane and sample are the same number.
private final class SquareLanes {
    private let session: EvasionSession
    private let initialShare: Double
    private let shares: [Int]
    /// Points of the search, proposals for a sample in turn, and the smallest points that reached the goal.
    private let points: Lanes
    let best: Lanes
    private let bestSize: Scratch<Float>, failed: Scratch<Float>, radius: Scratch<Float>, largest: Scratch<Float>
    private let nearness: Scratch<Float>
    /// Queries of the round so far, and times that the radii below the best were tried again.
    private let asked: Scratch<Int>, again: Scratch<Int>
    /// Coordinates that can move, and room to draw from them.
    private let free: [[Int]]
    private let shuffled: Scratch<Int>
    private let allowance: QueryAllowance
    private var done = 0

    init(_ session: EvasionSession, _ attack: SquareSearch, _ allowance: QueryAllowance) {
        (self.session, initialShare, self.allowance) = (session, attack.initialShare, allowance)
        let samples = Array(0..<session.count)
        points = Lanes(samples: samples, dimension: session.dimension)
        best = Lanes(samples: samples, dimension: session.dimension)
        bestSize = Scratch(session.count, filledWith: .infinity)
        failed = Scratch(session.count, filledWith: 0)
        (radius, largest) = (Scratch(session.count, filledWith: 0), Scratch(session.count, filledWith: 0))
        nearness = Scratch(session.count, filledWith: -.infinity)
        asked = Scratch(session.count, filledWith: 0)
        again = Scratch(session.count, filledWith: 0)
        shuffled = Scratch(session.dimension, filledWith: 0)
        shares = samples.map { max(2, allowance.left($0) / attack.rounds) }
        free = samples.map { sample in
            let (low, high) = session.limits(of: sample)
            return low.indices.filter { low[$0] < high[$0] }
        }
        for sample in session.open {
            largest[sample] = reach(of: sample)
            radius[sample] = largest[sample] / 32
        }
    }

    /// Size of the farthest corner; 4 scales where a side has no bound.
    private func reach(of sample: Int) -> Float {
        let (low, high) = session.limits(of: sample)
        var measured = EvasionSession.Measured()
        for index in low.indices {
            let side = max(-low[index], high[index])
            measured.add(side.isFinite ? side : 4)
        }
        return measured.distance(session.norm)
    }

    /// Whether another radius can bring something.
    func isOpen(_ sample: Int) -> Bool {
        bestSize[sample].isFinite ? bestSize[sample] - failed[sample] > 0.02 * bestSize[sample] : radius[sample] > 0
    }
    private func perRound(_ sample: Int) -> Int {
        bestSize[sample].isFinite ? shares[sample] : max(1, shares[sample] / 2)
    }
    func hasFound(_ sample: Int) -> Bool { bestSize[sample].isFinite }

    /// One query for each live sample.
    func step(_ live: [Int]) throws {
        done += 1
        if done.isMultiple(of: 64) { session.report(SquareSearch.identifier, done, of: shares.max() ?? 1) }
        try session.askScores(live.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }) {
            sample, _, point in
            propose(sample, into: point)
        } take: { sample, _, answer, point in
            take(sample, answer, point)
        }
        // why: a proposal that no repair makes lawful costs no query; it counts here, so that the search ends.
        for sample in live where asked[sample] >= perRound(sample) { nextRadius(sample, isReached: false) }
    }

    private func take(_ sample: Int, _ answer: EvasionSession.Answer, _ point: UnsafeBufferPointer<Float>) {
        asked[sample] += 1
        guard answer.isAsked else { return }
        if answer.nearness >= nearness[sample] {
            nearness[sample] = answer.nearness
            _ = points[sample].update(from: point)
        }
        guard answer.isReached else { return }
        let size = session.size(point)
        if size < bestSize[sample] {
            bestSize[sample] = size
            _ = best[sample].update(from: point)
        }
        nextRadius(sample, isReached: true)
    }

    private func nextRadius(_ sample: Int, isReached: Bool) {
        asked[sample] = 0
        nearness[sample] = -.infinity
        guard bestSize[sample].isFinite else {
            radius[sample] = radius[sample] < largest[sample] ? min(2 * radius[sample], largest[sample]) : 0
            return
        }
        if !isReached { failed[sample] = max(failed[sample], radius[sample]) }
        if bestSize[sample] - failed[sample] <= 0.02 * bestSize[sample], again[sample] < SquareSearch.repeats {
            // why: a failure of a random search proves little; some queries are left to try once more.
            again[sample] += 1
            failed[sample] = 0.8 * bestSize[sample]
        }
        radius[sample] = (failed[sample] + bestSize[sample]) / 2
        // why: the best point, drawn into the smaller ball, is where the next round begins.
        let point = points[sample]
        _ = point.update(from: best[sample])
        if session.norm == .linf {
            for index in point.indices { point[index] = min(max(point[index], -radius[sample]), radius[sample]) }
        } else {
            for index in point.indices { point[index] *= radius[sample] / bestSize[sample] }
        }
    }

    /// Size of the sets by the published schedule, which is made for 10,000 queries.
    private func share(_ sample: Int) -> Double {
        let scaled = asked[sample] * 10_000 / perRound(sample)
        let halvings = [10, 50, 200, 500, 1_000, 2_000, 4_000, 6_000, 8_000].firstIndex { scaled <= $0 } ?? 9
        return initialShare / Double(1 << halvings)
    }

    private func propose(_ sample: Int, into point: UnsafeMutableBufferPointer<Float>) {
        _ = point.update(from: points[sample])
        let isFirst = asked[sample] == 0
        // why: the first query of a round is the best point before, where there is one.
        if isFirst, bestSize[sample].isFinite { return }
        let count = free[sample].count
        let size = isFirst ? count : min(count, max(1, Int((share(sample) * Double(count)).rounded())))
        if session.norm == .linf {
            draw(size, of: sample)
            for position in 0..<size { point[shuffled[position]] = sign(sample) * radius[sample] }
        } else {
            moveMass(sample, size, isFirst: isFirst, point)
        }
    }

    private func sign(_ sample: Int) -> Float { session.generators[sample].next() & 1 == 0 ? 1 : -1 }

    /// Puts `size` random coordinates that can move at the front of `shuffled`.
    private func draw(_ size: Int, of sample: Int) {
        let coordinates = free[sample]
        for position in coordinates.indices { shuffled[position] = coordinates[position] }
        for position in 0..<size {
            let left = UInt64(coordinates.count - position)
            let other = position + Int(session.generators[sample].next() % left)
            let value = shuffled[position]
            shuffled[position] = shuffled[other]
            shuffled[other] = value
        }
    }

    /// Takes what one set of coordinates holds, and what the clipping left over, to another one.
    private func moveMass(_ sample: Int, _ size: Int, isFirst: Bool, _ point: UnsafeMutableBufferPointer<Float>) {
        let count = free[sample].count
        let taken = isFirst ? 0 : min(size, count - size)
        draw(size + taken, of: sample)
        for position in size..<size + taken { point[shuffled[position]] = 0 }
        let isSquared = session.norm == .l2
        func mass(_ value: Float) -> Float { isSquared ? value * value : abs(value) }
        var (rest, own): (Float, Float) = (0, 0)
        for value in point { rest += mass(value) }
        for position in 0..<size { own += mass(point[shuffled[position]]) }
        let total = isSquared ? radius[sample] * radius[sample] : radius[sample]
        let budget = max(0, total - (rest - own))
        // why: half of the new direction is random, half is what the set held already, as in Algorithm 3.
        let scale = own > 0 ? (isSquared ? own.squareRoot() : own) : 1
        var squares: Float = 0
        let even = isSquared ? 1 / Float(size).squareRoot() : 1 / Float(size)
        for position in 0..<size {
            let index = shuffled[position]
            point[index] = (isFirst ? 0 : point[index] / scale) + sign(sample) * even
            squares += mass(point[index])
        }
        let factor = squares > 0 ? (isSquared ? (budget / squares).squareRoot() : budget / squares) : 0
        for position in 0..<size { point[shuffled[position]] *= factor }
    }
}
