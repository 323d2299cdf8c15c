import CasemateCore
public import CasemateData

/// ZOO: slopes of the score by finite differences, some coordinates at a time, followed to the smallest change.
///
/// Source: Chen, Zhang, Sharma, Yi and Hsieh, "ZOO: zeroth order optimization based black-box attacks to deep neural
/// networks without training substitute models", AISec 2017 (arXiv 1708.03999), equation 6. Deviations, without which it
/// does nothing off images: no images are resized and no coordinates sampled by importance; a difference reaches 0.05 of
/// a feature's scale to either side, at least to the next whole number or step, instead of 0.0001, and twice as far for
/// a coordinate that changed nothing; levels are tried one by one; the walk looks for the smallest change
/// (`DescentWalk`) instead of weighing distance against success by a constant; a slope is kept until its coordinate
/// comes round again. Deterministic for one seed, at any batch size.
public struct ZerothOrder: EvasionAttack {
    /// `zoo`.
    public static let identifier = "zoo"
    /// Scores.
    public static let access = EvasionAccess.scores
    /// L2, L∞, L1.
    public static let norms: [FeatureSpace.Norm] = [.l2, .linf, .l1]
    /// Steps.
    public var iterations: Int
    /// Coordinates of one estimate, two queries each.
    public var coordinates: Int
    /// How far a difference reaches, in units of the features' scales.
    public var width: Double
    /// Queries for one sample at most.
    public var maxQueries: Int

    /// Makes the attack with the settings of this implementation.
    public init() { self.init(iterations: 60) }
    /// Makes the attack.
    public init(iterations: Int, coordinates: Int = 32, width: Double = 0.05, maxQueries: Int = 5_000) {
        (self.iterations, self.coordinates, self.width, self.maxQueries) = (iterations, coordinates, width, maxQueries)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "coordinates": String(coordinates), "width": String(width),
            "maxQueries": String(maxQueries),
        ]
    }

    /// Walks with all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require(iterations >= 1, Self.identifier, "iterations", "\(iterations)", "use 60")
        try require(coordinates >= 1, Self.identifier, "coordinates", "\(coordinates)", "use 32")
        try require(width > 0 && width.isFinite, Self.identifier, "width", "\(width)", "use 0.05")
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 5000")
        let source = DifferenceSource(session, coordinates: coordinates, width: Float(width))
        try DescentWalk(session).run(
            source, name: Self.identifier, iterations: iterations,
            allowance: QueryAllowance(session, most: maxQueries))
    }
}

/// The estimator of ZOO.
private final class DifferenceSource: DirectionSource {
    private let session: EvasionSession
    private let perStep: Int
    /// Coordinates of each sample that can be tried, in the order of this round, and how many of them were.
    private var order: [[Int]]
    private var done: [Int]
    /// Last slope and width of every coordinate.
    private let slopes: Lanes, widths: Lanes
    /// The unit and level of each coordinate behind the numbers.
    private let levels: [(unit: Int, level: Int)]
    /// The first answer of a pair.
    private let first: Scratch<(answer: Float, at: Float)>

    init(_ session: EvasionSession, coordinates: Int, width: Float) {
        self.session = session
        perStep = min(coordinates, max(1, session.dimension))
        levels = session.encoding.discrete.enumerated().flatMap { position, unit in
            (0..<unit.levels).map { (unit: position, level: $0) }
        }
        let samples = Array(0..<session.count)
        slopes = Lanes(samples: samples, dimension: session.dimension)
        widths = Lanes(samples: samples, dimension: session.dimension)
        order = samples.map { sample in
            let (low, high) = session.limits(of: sample)
            // why: the coordinate of the level that holds has no room above; leaving it is what the others do.
            return low.indices.filter { index in
                index < session.encoding.numeric.count ? low[index] < high[index] : high[index] > 0
            }
        }
        done = order.map(\.count)
        first = Scratch(session.count, filledWith: (0, 0))
        for sample in samples {
            for coordinate in 0..<session.dimension {
                widths[sample][coordinate] = max(width, session.encoding.quantum(coordinate))
            }
        }
    }

    func queries(for sample: Int) -> Int { 2 * min(perStep, order[sample].count) }

    func estimate(_ live: [Int], _ walk: DescentWalk) throws {
        var requests: [EvasionSession.Request] = []
        for sample in live {
            if done[sample] + perStep > order[sample].count {
                order[sample].shuffle(using: &session.generators[sample])
                done[sample] = 0
            }
            let count = min(perStep, order[sample].count)
            requests.append(.init(lane: sample, sample: sample, count: 2 * count))
        }
        try session.askScores(requests) { sample, index, point in
            let coordinate = order[sample][done[sample] + index / 2]
            _ = point.update(from: walk.points[sample])
            let width = widths[sample][coordinate]
            let numbers = session.encoding.numeric.count
            if coordinate < numbers {
                point[coordinate] += index.isMultiple(of: 2) ? width : -width
            } else {
                place(levels[coordinate - numbers], of: sample, isOther: index.isMultiple(of: 2), into: point)
            }
        } take: { sample, index, answer, point in
            let coordinate = order[sample][done[sample] + index / 2]
            if index.isMultiple(of: 2) {
                first[sample] = (answer.nearness, point[coordinate])
            } else {
                take(sample, coordinate, answer.nearness, point[coordinate])
            }
        }
        for sample in live {
            done[sample] += min(perStep, order[sample].count)
            _ = walk.direction[sample].update(from: slopes[sample])
        }
    }

    /// A level against the one that the row held before the attack.
    private func place(
        _ level: (unit: Int, level: Int), of sample: Int, isOther: Bool,
        into point: UnsafeMutableBufferPointer<Float>
    ) {
        let unit = session.encoding.discrete[level.unit]
        session.place(isOther ? level.level : nil, of: unit, held: session.room[sample].held[level.unit], into: point)
    }

    private func take(_ sample: Int, _ coordinate: Int, _ answer: Float, _ at: Float) {
        let (before, start) = (first[sample].answer, first[sample].at)
        guard answer.isFinite, before.isFinite else { return }
        slopes[sample][coordinate] = start == at ? 0 : (before - answer) / (start - at)
        let width = widths[sample][coordinate]
        if answer == before { widths[sample][coordinate] = min(2 * width, max(1, width)) }
    }
}

extension Encoding {
    /// The least that a numeric coordinate has to move before its row changes for certain; 0 for any amount.
    func quantum(_ coordinate: Int) -> Float {
        guard coordinate < numeric.count else { return 0 }
        let rule = space.rules[numeric[coordinate]]
        switch rule.domain {
        case .continuous, .categorical: return 0
        case .integer: return 1 / rule.scale
        case .ordinal(let steps): return zip(steps, steps.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } / rule.scale
        }
    }
}
