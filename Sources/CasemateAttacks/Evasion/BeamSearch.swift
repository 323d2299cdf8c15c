import CasemateCore
import CasemateData

/// Several half-made changes at once, each taken one move further: cost-aware, within the number of changes allowed.
///
/// At every depth each state of the beam is followed by every move of a feature that it has not changed. States are
/// ranked by the objective (distance, or cost of the feature space) at which they would reach the goal if the rest went on
/// at the rate so far; those that cannot become better than what was found are left out. With a beam and a depth that
/// leave nothing out, and an objective that grows with every change, the result is the optimum over the values tried.
/// Rows for which the beam ends without a way go on as in `GreedySearch`. Ends with `EvasionPolish`. Ours.
/// Deterministic, at any batch size.
public struct BeamSearch: EvasionAttack {
    /// `beam`.
    public static let identifier = "beam"
    /// Scores.
    public static let access = EvasionAccess.scores
    /// Yes.
    public static let isPolished = true
    /// States kept for a sample.
    public var width: Int
    /// Changed features at most; the feature space may allow fewer.
    public var depth: Int
    /// Values tried for a number.
    public var values: Int
    /// Queries for one sample at most.
    public var maxQueries: Int

    /// Makes the attack with 8 states and 5 changes.
    public init() { self.init(width: 8) }
    /// Makes the attack.
    public init(width: Int, depth: Int = 5, values: Int = 12, maxQueries: Int = 10_000) {
        (self.width, self.depth, self.values, self.maxQueries) = (width, depth, values, maxQueries)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "width": String(width), "depth": String(depth), "values": String(values), "maxQueries": String(maxQueries),
        ]
    }

    /// Searches for all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require((1...100_000).contains(width), Self.identifier, "width", "\(width)", "use 8")
        try require((1...1_000).contains(depth), Self.identifier, "depth", "\(depth)", "use 5")
        try require((1...1_000).contains(values), Self.identifier, "values", "\(values)", "use 12")
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 10000")
        let depth = min(depth, session.spaceRules.maxChanges ?? .max)
        let allowance = QueryAllowance(session, most: maxQueries)
        let work = BeamWork(session, self, depth: depth, allowance)
        for level in 0..<depth {
            session.report(Self.identifier, level, of: depth)
            if try !work.deepen(level) { break }
        }
        let rest = GreedyWork(session, values: values, allowance: allowance)
        try rest.climb(moves: 20)
        try rest.workBack()
        try EvasionPolish(maxQueries: max(1, min(1_000, maxQueries))).improve(session)
    }
}

/// The beam of every sample. Lane and sample are the same number.
private final class BeamWork {
    private struct State {
        var row: [Float]
        /// The features changed so far, ascending.
        var units: [Int]
        /// The objective so far, and where it would end.
        var value: Float, projected: Float
    }
    private struct Step {
        let state: Int, move: Int
    }
    private let session: EvasionSession
    private let attack: BeamSearch
    private let depth: Int
    private let allowance: QueryAllowance
    private let table: MoveTable
    private var beams: [[State]]
    private let moves: [[MoveTable.Move]]

    init(_ session: EvasionSession, _ attack: BeamSearch, depth: Int, _ allowance: QueryAllowance) {
        (self.session, self.attack, self.depth, self.allowance) = (session, attack, depth, allowance)
        let table = MoveTable(session)
        self.table = table
        let width = session.problem.space.features.count
        beams = [[State]](repeating: [], count: session.count)
        var moves = [[MoveTable.Move]](repeating: [], count: session.count)
        for sample in session.open {
            let row = Array(session.original.row(sample, width))
            beams[sample] = [State(row: row, units: [], value: 0, projected: .infinity)]
            // why: every depth is to see every feature, and what the beam does not find is looked for in another way.
            let share = allowance.left(sample) / ((max(1, depth) + 1) * max(1, table.units))
            moves[sample] = table.moves(of: sample, values: max(1, min(attack.values, share)))
        }
        self.moves = moves
    }

    /// Takes every beam one move further; false when none is left.
    func deepen(_ level: Int) throws -> Bool {
        let live = session.open.filter { !beams[$0].isEmpty && allowance.left($0) > 0 }
        var plans = [[Step]](repeating: [], count: session.count)
        for sample in live { plans[sample] = plan(sample, level) }
        var next = [[State]](repeating: [], count: session.count)
        var reached = [[Bool]](repeating: [], count: session.count)
        try session.askRows(
            live.map { .init(lane: $0, sample: $0, count: min(plans[$0].count, allowance.left($0))) },
            onlyBetter: level > 0
        ) { sample, index, row in
            let step = plans[sample][index]
            row.copy(beams[sample][step.state].row)
            table.write(moves[sample][step.move], into: row)
        } take: { sample, index, answer, row in
            if level == 0 { reached[sample].append(answer.isReached) }
            guard answer.isAsked, !answer.isReached else { return }
            keep(sample, plans[sample][index], answer, row, in: &next[sample])
        }
        if level == 0 { try table.refineSingles(live, moves: moves, answers: reached, left: allowance.left) }
        for sample in live { beams[sample] = next[sample] }
        return live.contains { !beams[$0].isEmpty }
    }

    /// What is asked about next: the states in their order, as many as the queries left for this depth allow, each set
    /// of changes once.
    private func plan(_ sample: Int, _ level: Int) -> [Step] {
        let share = allowance.left(sample) / (max(1, depth - level) + 1)
        var seen = Set<[MoveTable.Move]>()
        var plan: [Step] = []
        for (position, state) in beams[sample].enumerated() {
            if position > 0, plan.count + moves[sample].count > max(share, moves[sample].count) { break }
            for (index, move) in moves[sample].enumerated() where !state.units.contains(move.unit) {
                plan.append(Step(state: position, move: index))
            }
        }
        guard level > 0, beams[sample].count > 1 else { return plan }
        return plan.filter { seen.insert(key(sample, $0)).inserted }
    }

    /// The changes of a step without their order: two states reach the same row in two ways.
    private func key(_ sample: Int, _ step: Step) -> [MoveTable.Move] {
        let state = beams[sample][step.state]
        let numbers = session.encoding.numeric
        let now = state.units.map { unit in
            let value =
                unit < numbers.count
                ? state.row[numbers[unit]]
                : Float(level(session.encoding.discrete[unit - numbers.count], state.row))
            return MoveTable.Move(unit: unit, value: value)
        }
        return (now + [moves[sample][step.move]]).sorted { $0.unit < $1.unit }
    }

    private func level(_ unit: Encoding.Discrete, _ row: [Float]) -> Int {
        row.withUnsafeBufferPointer { session.encoding.heldLevel(unit, $0) } ?? -1
    }

    private func keep(
        _ sample: Int, _ step: Step, _ answer: EvasionSession.Answer, _ row: UnsafeBufferPointer<Float>,
        in states: inout [State]
    ) {
        let start = session.startNearness[sample]
        let gain = answer.nearness - start
        // why: a move that gains nothing by itself may still be half of a pair that does.
        let projected = gain > 0 ? answer.value * -start / gain : .greatestFiniteMagnitude
        if states.count == attack.width, let last = states.last, last.projected <= projected { return }
        let units = (beams[sample][step.state].units + [moves[sample][step.move].unit]).sorted()
        let state = State(row: Array(row), units: units, value: answer.value, projected: projected)
        var (low, high) = (0, states.count)
        while low < high {
            let middle = (low + high) / 2
            if states[middle].projected <= projected { low = middle + 1 } else { high = middle }
        }
        states.insert(state, at: low)
        if states.count > attack.width { states.removeLast() }
    }
}
