import CasemateCore
public import CasemateData

/// What an attack works with: the only way to the oracle. Forces every proposal into the feature space, counts queries
/// for each sample, keeps the best point of each, and ends the search when its time is over.
///
/// Owned by one thread. Not `Sendable`.
public final class EvasionSession {
    /// How distances are measured.
    public let norm: FeatureSpace.Norm
    /// What is made small.
    public let objective: EvasionRun.Objective
    /// What the attack may see of the model.
    public let access: EvasionAccess
    /// Coordinates of a point in the relaxed space (see `Encoding`), all as offsets from the sample's original row.
    public let dimension: Int
    /// Number of samples.
    public let count: Int
    /// Samples that do not reach their goal as they are and have room to move, in order.
    public package(set) var open: [Int] = []

    let problem: EvasionProblem
    let oracle: any DecisionOracle
    /// The same oracle where scores may be seen.
    let scoring: (any ScoringOracle)?
    /// The model's gradients where they may be seen.
    let gradients: (any GradientOracle)?
    let spaceRules: EvasionRules
    let context: RunContext
    let limits: EvasionRun.Limits
    let encoding: Encoding
    let sampler = NormalSampler()
    /// Bounds and scale of each numeric coordinate, small enough to stay in cache.
    let rules: [Bounds]
    /// Original rows, limits of the relaxed coordinates, best rows: a row a sample.
    let original: Scratch<Float>, low: Scratch<Float>, high: Scratch<Float>, bestRow: Scratch<Float>
    let room: [Room]
    /// Distance (or cost, by the objective) and changed features of `bestRow`; infinite while there is none.
    let bestDistance: Scratch<Float>, bestChanged: Scratch<Int>
    let queries: Scratch<Int>
    /// Proposals that no repair made lawful.
    let unrepairable: Scratch<Int>
    /// Queries of each sample that are spent elsewhere, as on a surrogate that all samples share.
    var reserved = 0
    let generators: Scratch<SeededGenerator>
    /// Queries for labels of starting points.
    var sharedQueries = 0
    /// How near the originals are to their goals.
    let startNearness: Scratch<Float>
    /// Samples that reached their goal before anything was changed.
    var reachedAtStart: Set<Int> = []
    /// Whether the originals were asked.
    var hasJudgedOriginals = false
    /// The rows of the call that is being put together, and what belongs to them.
    var rows: [Float] = []
    let points: Scratch<Float>
    let marks: Scratch<Mark>

    /// Bounds and scale of one numeric coordinate.
    struct Bounds {
        let low: Float, high: Float, scale: Float
    }
    /// What is remembered of a row until its label comes. `value` is infinite for a row that is not asked.
    struct Mark {
        var request: Int, index: Int
        var value: Float, changed: Int
    }

    init(
        _ problem: EvasionProblem, oracle: any DecisionOracle, gradients: (any GradientOracle)? = nil, run: EvasionRun,
        context: RunContext
    ) {
        (self.problem, self.oracle, norm) = (problem, oracle, run.norm)
        (objective, access) = (run.objective, run.access)
        scoring = run.access >= .scores ? oracle as? any ScoringOracle : nil
        self.gradients = run.access >= .gradients ? gradients : nil
        (limits, self.context) = (run.limits, context)
        let limits = run.limits
        spaceRules = EvasionRules(problem.space)
        let encoding = Encoding(problem.space, norm: run.norm)
        let (count, width) = (problem.originals.count, problem.space.features.count)
        (self.encoding, self.count, dimension) = (encoding, count, encoding.dimension)
        rules = encoding.numeric.map { problem.space.rules[$0] }
            .map { Bounds(low: $0.low, high: $0.high, scale: $0.scale) }
        original = Scratch(count * width, filledWith: 0)
        bestRow = Scratch(count * width, filledWith: 0)
        low = Scratch(count * dimension, filledWith: 0)
        high = Scratch(count * dimension, filledWith: 0)
        bestDistance = Scratch(count, filledWith: .infinity)
        bestChanged = Scratch(count, filledWith: 0)
        queries = Scratch(count, filledWith: 0)
        unrepairable = Scratch(count, filledWith: 0)
        startNearness = Scratch(count, filledWith: 0)
        points = Scratch(limits.batch * dimension, filledWith: 0)
        marks = Scratch(limits.batch, filledWith: Mark(request: 0, index: 0, value: 0, changed: 0))
        generators = Scratch(count, filledWith: SeededGenerator(seed: 0))
        var room: [Room] = []
        for sample in 0..<count {
            let row = original.row(sample, width)
            _ = row.update(from: problem.originals[row: sample])
            room.append(
                encoding.room(
                    of: UnsafeBufferPointer(row), low: low.row(sample, dimension), high: high.row(sample, dimension)))
            let stream = UInt64(bitPattern: Int64(problem.identifiers[sample]))
            generators[sample] = SeededGenerator(seed: context.seed, stream: stream)
        }
        self.room = room
        rows.reserveCapacity(limits.batch * width)
    }

    /// Whether anything of a sample can move.
    func canMove(_ sample: Int) -> Bool {
        (sample * dimension..<(sample + 1) * dimension).contains { low[$0] < high[$0] }
    }

    /// Queries that a sample may still make.
    public func remaining(_ sample: Int) -> Int { max(0, limits.maxQueriesPerSample - reserved - queries[sample]) }
    /// What the objective says of the best point of a sample so far: its distance or cost; infinite while there is none.
    public func bestValue(of sample: Int) -> Double { Double(bestDistance[sample]) }
    /// Limits of the coordinates of a sample's points.
    public func limits(of sample: Int) -> (low: UnsafeBufferPointer<Float>, high: UnsafeBufferPointer<Float>) {
        (UnsafeBufferPointer(low.row(sample, dimension)), UnsafeBufferPointer(high.row(sample, dimension)))
    }
    /// Fills a point with independent standard normal numbers from the sample's own generator.
    public func drawNormal(for sample: Int, into point: UnsafeMutableBufferPointer<Float>) {
        sampler.fill(point, using: &generators[sample])
    }
    /// Fills a point with independent numbers uniform in `low..<high` from the sample's own generator.
    public func drawUniform(
        for sample: Int, from low: Float, to high: Float, into point: UnsafeMutableBufferPointer<Float>
    ) {
        generators[sample].fillUniform(point, from: low, to: high)
    }
    /// Says how far the work is.
    public func report(_ stage: String, _ done: Int, of total: Int) { context.progress(stage, done, total) }

    /// Asks the oracle about the originals and opens the samples that are worth a search.
    func judgeOriginals() throws {
        try askScores((0..<count).map { Request(lane: $0, sample: $0, count: 1) }) { _, _, point in
            point.update(repeating: 0)
        } take: { sample, _, answer, _ in
            startNearness[sample] = answer.nearness
            if answer.isReached { reachedAtStart.insert(sample) }
        }
        // why: the originals themselves are no changes; what `ask` kept of them is dropped.
        for sample in 0..<count { bestDistance[sample] = .infinity }
        hasJudgedOriginals = true
        open = (0..<count).filter { !reachedAtStart.contains($0) && canMove($0) }
    }
}

/// Thrown by a session when the search has to end; the harness keeps what was found. Attacks let it pass.
package struct EvasionStop: Error, Sendable {}
