public import CasemateCore
import CasemateData

/// How a model's score and decision react when one or two features move and the rest stays: swings, smallest single
/// changes that flip, cliffs, interactions, broken directions, and impossible rows that score well.
///
/// The same problem, settings and seed give the same result. What is exact and what is not: `SingleFlipSearch` and
/// `docs/probes/sensitivity.md`.
public struct SensitivityAnalysis: Sendable {
    /// Quantiles in the grid of a number; half as many even steps come on top.
    public var grid = 20
    /// Differences of the score up to this many units are not followed in the search for steps.
    public var tolerance = 0.005
    /// Columns of one unit at most, and rounds of the search for steps.
    public var mostColumns = 256, rounds = 8
    /// Units swept at most; of more, those that move the score least are left out.
    public var mostUnits = 64
    /// Most influential units that are swept in pairs, and positions of each in a pair.
    public var paired = 4, pairGrid = 10
    /// Jump of the score, in its unit, within a share of the width of the data that makes a cliff.
    public var cliffJump = 0.2, cliffWidth = 0.001
    /// Rows from which the search for impossible rows starts.
    public var impossibleStarts = 20
    /// Reference rows that chance must put into a cell before its emptiness says something.
    public var expectedRows = 10.0
    /// Resamples of the bootstrap.
    public var replicates = 200

    /// Makes an analysis with the default settings.
    public init() {}

    /// Runs all parts.
    /// - Parameters:
    ///   - problem: Rows, and where they may move.
    ///   - function: The model.
    ///   - monotone: Declared direction of numeric features by index.
    ///   - rules: Declared rules over the features, for impossible rows.
    ///   - goals: What the best answers are; none skips impossible rows.
    /// - Throws: `Cancelled` when interrupted; what the model throws; `unusableData` for answers that are no numbers.
    public func run(
        _ problem: SensitivityProblem, function: any ScoreFunction, monotone: [Int: MonotoneDirection] = [:],
        rules: [ImpossibleRule] = [], goals: [ImpossibleGoal] = [], context: RunContext = RunContext()
    ) throws -> SensitivityResult {
        var result = SensitivityResult()
        result.profiled = problem.profiled
        guard problem.rows.count > 0, problem.profiled > 0 else { return result }
        var session: SensitivitySession?
        var open = SensitivityResult.Part.allCases
        do {
            let started = try SensitivitySession(problem, function, context)
            session = started
            (result.labels, result.scores) = (started.labels, started.scores)
            try sweep(started, monotone, &result)
            open.removeFirst()
            if started.hasDecisions { try flip(started, &result) }
            open.removeFirst()
            if started.hasScores { try pair(started, &result) }
            open.removeFirst()
            if started.hasScores { try combine(started, rules, goals, &result) }
            open.removeFirst()
        } catch is SensitivityStop {
        } catch let cancelled as Cancelled {
            guard cancelled.reason == .outOfTime else { throw cancelled }
        }
        result.unfinished = open
        result.queries = session?.queries ?? 0
        return result
    }

    private func sweep(
        _ session: SensitivitySession, _ monotone: [Int: MonotoneDirection], _ result: inout SensitivityResult
    ) throws {
        let problem = session.problem
        let wanted = try screened(session, keeping: Set(monotone.keys), &result)
        let grids = wanted.map { SweepGrid($0, problem.space, reference: problem.reference, points: grid) }
        var responses = try session.responses(over: grids.filter { !$0.positions.isEmpty })
        let unit = problem.scoreUnit
        // why: labels that tell classes apart by number are whole numbers; any difference is a step.
        let search = StepSearch(
            session: session, tolerance: session.hasScores ? tolerance * unit : 0.5, jump: cliffJump * unit,
            cliffWidth: cliffWidth, rounds: rounds, most: mostColumns)
        try search.refine(&responses)
        result.responses = responses
        guard session.hasScores else { return }
        for (index, response) in responses.enumerated() {
            try session.context.cancellation.check()
            result.swings.append(
                Swing(response, index: index, replicates: replicates, seed: session.context.seed))
            if let direction = monotone[response.unit.features[0]], response.unit.isNumber {
                let check = MonotonicityCheck(
                    tolerance: 1e-6 * unit, replicates: replicates, seed: session.context.seed)
                result.monotone.append(check.run(response, index: index, direction: direction))
            }
        }
        result.cliffs = CliffSearch(jump: cliffJump * unit, cliffWidth: cliffWidth).run(responses)
    }

    /// The units that are swept: all, or those whose values from other rows move the score most.
    private func screened(
        _ session: SensitivitySession, keeping kept: Set<Int>, _ result: inout SensitivityResult
    ) throws -> [SweepUnit] {
        let units = session.units
        guard units.count > mostUnits, session.problem.reference.count > 0 else { return units }
        let rows = min(session.problem.profiled, 50)
        let reference = session.problem.reference
        var generator = SeededGenerator(seed: session.context.seed, stream: 1 << 32)
        let donors = (0..<rows).map { _ in Array(reference[row: Int.random(in: 0..<reference.count, using: &generator)])
        }
        var moved = [Double](repeating: 0, count: units.count)
        try session.ask(count: units.count * rows) {
            $0 % rows
        } fill: { index, row in
            let unit = units[index / rows]
            let position = donors[index % rows].withUnsafeBufferPointer { unit.position(in: $0, session.space) }
            if !position.isNaN { unit.put(position, into: row) }
        } take: { index, score, _ in
            moved[index / rows] += abs(Double(score) - Double(session.scores[index % rows]))
        }
        let order = units.indices.sorted { (-moved[$0], $0) < (-moved[$1], $1) }
        let chosen = Set(order.prefix(mostUnits) + units.indices.filter { kept.contains(units[$0].features[0]) })
        result.leftOut = units.indices.filter { !chosen.contains($0) }.map { units[$0].name }
        return chosen.sorted().map { units[$0] }
    }

    private func flip(_ session: SensitivitySession, _ result: inout SensitivityResult) throws {
        let found = try SingleFlipSearch(session: session, responses: result.responses).run()
        (result.flips, result.discarded) = found
    }

    private func pair(_ session: SensitivitySession, _ result: inout SensitivityResult) throws {
        // why: features that act only together barely move the mean score, but the rows' own.
        let top = result.swings.indices.sorted {
            (-result.swings[$0].meanRange, $0) < (-result.swings[$1].meanRange, $1)
        }
        .prefix(paired).filter { result.swings[$0].meanRange > 0 }.sorted()
        let pairs = top.indices.flatMap { first in top[(first + 1)...].map { (top[first], $0) } }
        guard !pairs.isEmpty else { return }
        let flipped = Set(result.flips.map(\.sample))
        let search = PairSearch(
            session: session, responses: result.responses, points: max(2, pairGrid), replicates: replicates,
            unflipped: session.hasDecisions
                ? (0..<session.count).filter { session.goals[$0].isReached(by: session.labels[$0]) == false }
                    .filter { !flipped.contains($0) } : [])
        (result.pairs, result.jointFlips) = try search.run(pairs)
    }

    private func combine(
        _ session: SensitivitySession, _ rules: [ImpossibleRule], _ goals: [ImpossibleGoal],
        _ result: inout SensitivityResult
    ) throws {
        guard !goals.isEmpty, impossibleStarts > 0 else { return }
        let influential = result.ranking.prefix(12).sorted().map { result.responses[$0].unit }
        let support = PairSupport(
            influential, session.space, reference: session.problem.reference, minimum: expectedRows)
        var stream: UInt64 = 1 << 33
        for goal in goals {
            let starts = starts(session, goal)
            let search = ImpossibleSearch(session: session, responses: result.responses, starts: starts)
            var found: [ImpossibleResult] = []
            for rule in rules {
                found.append(try search.run(rule, goal, stream: stream))
                stream += 1
            }
            for group in session.units where group.kind == .group {
                found.append(try search.run(group, goal, stream: stream))
                stream += 1
            }
            if !support.empty.isEmpty { found.append(try search.run(support, goal, stream: stream)) }
            stream += 1
            result.impossible += found
        }
    }

    /// Rows that are not decided well, else those that do not score like the best.
    private func starts(_ session: SensitivitySession, _ goal: ImpossibleGoal) -> [Int] {
        let rows = (0..<session.count).filter { row in
            guard let tail = goal.tail else { return true }
            return goal.worth(Double(session.scores[row])) < goal.worth(tail)
        }
        let denied = rows.filter { goal.label != nil && session.hasDecisions && session.labels[$0] != goal.label }
        return Array((denied + rows.filter { !denied.contains($0) }).prefix(impossibleStarts)).sorted()
    }
}
