import CasemateCore
public import CasemateData

/// NES: slopes estimated from the scores of normal probes in opposite pairs, followed to the smallest change.
///
/// Source: Ilyas, Engstrom, Athalye and Lin, "Black-box adversarial attacks with limited queries and information", ICML
/// 2018 (arXiv 1804.08598), the estimator of section 2.1. Deviations, without which it does nothing off images: probes
/// are 0.1 of a feature's scale wide instead of 0.001, twice as wide where all answers are the same; a feature's slope is
/// its covariance with the score over its own variance, so that whole numbers and edges of the space do not bend it; of
/// categories and one-hot groups three in ten move to another level in a probe; the walk looks for the smallest change
/// (`DescentWalk`) instead of a point in a given ball. Deterministic for one seed, at any batch size.
public struct NaturalEvolution: EvasionAttack {
    /// `nes`.
    public static let identifier = "nes"
    /// Scores.
    public static let access = EvasionAccess.scores
    /// L2, L∞, L1.
    public static let norms: [FeatureSpace.Norm] = [.l2, .linf, .l1]
    /// Steps.
    public var iterations: Int
    /// Probes of one estimate; an even number.
    public var probes: Int
    /// Standard deviation of a probe, in units of the features' scales.
    public var width: Double
    /// Queries for one sample at most.
    public var maxQueries: Int

    /// Makes the attack with 50 probes, as published.
    public init() { self.init(iterations: 60) }
    /// Makes the attack.
    public init(iterations: Int, probes: Int = 50, width: Double = 0.1, maxQueries: Int = 5_000) {
        (self.iterations, self.probes, self.width, self.maxQueries) = (iterations, probes, width, maxQueries)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "probes": String(probes), "width": String(width),
            "maxQueries": String(maxQueries),
        ]
    }

    /// Walks with all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require(iterations >= 1, Self.identifier, "iterations", "\(iterations)", "use 60")
        try require(probes >= 2 && probes.isMultiple(of: 2), Self.identifier, "probes", "\(probes)", "use 50")
        try require(width > 0 && width.isFinite, Self.identifier, "width", "\(width)", "use 0.1")
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 5000")
        let source = EvolutionSource(session, probes: probes, width: Float(width))
        try DescentWalk(session).run(
            source, name: Self.identifier, iterations: iterations,
            allowance: QueryAllowance(session, most: maxQueries))
    }
}

/// The estimator of NES.
private final class EvolutionSource: DirectionSource {
    private let session: EvasionSession
    private let probes: Int
    private let width: Float
    /// Width of each sample's probes.
    private let widths: Scratch<Float>
    /// The draw that the second probe of a pair mirrors.
    private let draw: Scratch<Float>
    /// Sums over the probes of a sample: offsets, their squares, offsets times answers, answers, number.
    private let sums: Lanes, squares: Lanes, products: Lanes
    private let answers: Scratch<Float>, counts: Scratch<Float>, lowest: Scratch<Float>, highest: Scratch<Float>

    init(_ session: EvasionSession, probes: Int, width: Float) {
        (self.session, self.probes, self.width) = (session, probes, width)
        widths = Scratch(session.count, filledWith: width)
        draw = Scratch(session.dimension, filledWith: 0)
        let samples = Array(0..<session.count)
        sums = Lanes(samples: samples, dimension: session.dimension)
        squares = Lanes(samples: samples, dimension: session.dimension)
        products = Lanes(samples: samples, dimension: session.dimension)
        answers = Scratch(session.count, filledWith: 0)
        counts = Scratch(session.count, filledWith: 0)
        lowest = Scratch(session.count, filledWith: 0)
        highest = Scratch(session.count, filledWith: 0)
    }

    func queries(for sample: Int) -> Int { probes }

    func estimate(_ live: [Int], _ walk: DescentWalk) throws {
        for sample in live {
            for lanes in [sums, squares, products] { lanes[sample].update(repeating: 0) }
            (answers[sample], counts[sample]) = (0, 0)
            (lowest[sample], highest[sample]) = (.infinity, -.infinity)
        }
        let requests = live.map { EvasionSession.Request(lane: $0, sample: $0, count: probes) }
        try session.askScores(requests) { sample, index, point in
            fill(sample, index, point, from: walk.points[sample])
        } take: { sample, _, answer, point in
            guard answer.isAsked, answer.nearness.isFinite else { return }
            let from = walk.points[sample]
            let (sum, square, product) = (sums[sample], squares[sample], products[sample])
            for index in point.indices {
                let offset = point[index] - from[index]
                sum[index] += offset
                square[index] += offset * offset
                product[index] += answer.nearness * offset
            }
            answers[sample] += answer.nearness
            counts[sample] += 1
            lowest[sample] = min(lowest[sample], answer.nearness)
            highest[sample] = max(highest[sample], answer.nearness)
        }
        for sample in live { setSlopes(sample, walk.direction[sample]) }
    }

    private func fill(
        _ sample: Int, _ index: Int, _ point: UnsafeMutableBufferPointer<Float>,
        from: UnsafeMutableBufferPointer<Float>
    ) {
        let isMirrored = !index.isMultiple(of: 2)
        if !isMirrored { session.drawNormal(for: sample, into: draw.values) }
        let width = isMirrored ? -widths[sample] : widths[sample]
        for index in point.indices { point[index] = from[index] + width * draw[index] }
        session.moveLevels(of: sample, share: 0.3, from: from, into: point)
    }

    private func setSlopes(_ sample: Int, _ slope: UnsafeMutableBufferPointer<Float>) {
        let count = counts[sample]
        guard count > 1, highest[sample] > lowest[sample] else {
            widths[sample] = min(2 * widths[sample], 1)
            return
        }
        widths[sample] = max(width, 0.8 * widths[sample])
        let (sum, square, product) = (sums[sample], squares[sample], products[sample])
        let mean = answers[sample] / count
        for index in slope.indices {
            let variance = square[index] - sum[index] * sum[index] / count
            slope[index] = variance > 1e-12 ? (product[index] - mean * sum[index]) / variance : 0
        }
    }
}

extension EvasionSession {
    /// Puts every category and one-hot group of a point back to where `from` has it, and some of them to another level.
    func moveLevels(
        of sample: Int, share: Float, from: UnsafeMutableBufferPointer<Float>,
        into point: UnsafeMutableBufferPointer<Float>
    ) {
        for (position, unit) in encoding.discrete.enumerated() {
            for index in unit.offset..<unit.offset + unit.levels { point[index] = from[index] }
            let isMoved = generators[sample].uniform() < share
            let pick = generators[sample].uniform()
            guard isMoved else { continue }
            let held = room[sample].held[position]
            let start = sample * dimension + unit.offset
            let options = (0..<unit.levels).filter { $0 == held || high[start + $0] > 0 }
            guard options.count > 1 else { continue }
            let choice = min(Int(pick * Float(options.count)), options.count - 1)
            place(options[choice], of: unit, held: held, into: point)
        }
    }
}
