import CasemateCore
import CasemateData

/// The best single move, again and again: cost-aware, over numbers, categories and one-hot groups alike.
///
/// With scores every allowed move of every feature is asked about, and the one that brings the score nearest to the goal
/// for each unit of the objective (the distance, or the cost of the feature space) is made, until the decision changes.
/// Rows that end on a plateau, and all rows where only labels are seen, are worked from the other side: first every single
/// move by rising objective, then the nearest row decided as wanted (known rows, else noise), from which one feature
/// after the other is put back, the one that saves most first. All end with `EvasionPolish`: numbers are moved back as
/// far as the decision allows. Ours; the search of adversarial costs for linear classifiers goes back to Lowd and Meek,
/// "Adversarial learning", KDD 2005. Deterministic for one seed, at any batch size.
public struct GreedySearch: EvasionAttack {
    /// `greedy`.
    public static let identifier = "greedy"
    /// Scores, where they are seen.
    public static let richestAccess = EvasionAccess.scores
    /// Yes.
    public static let isPolished = true
    /// Values tried for a number.
    public var values: Int
    /// Moves in a row at most; the feature space may allow fewer.
    public var maxMoves: Int
    /// Queries for one sample at most.
    public var maxQueries: Int

    /// Makes the attack with 16 values a number and 20 moves.
    public init() { self.init(values: 16) }
    /// Makes the attack.
    public init(values: Int, maxMoves: Int = 20, maxQueries: Int = 10_000) {
        (self.values, self.maxMoves, self.maxQueries) = (values, maxMoves, maxQueries)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        ["values": String(values), "maxMoves": String(maxMoves), "maxQueries": String(maxQueries)]
    }

    /// Searches for all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require((1...1_000).contains(values), Self.identifier, "values", "\(values)", "use 16")
        try require(maxMoves >= 1, Self.identifier, "max_moves", "\(maxMoves)", "use 20")
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 10000")
        let allowance = QueryAllowance(session, most: maxQueries)
        let work = GreedyWork(session, values: values, allowance: allowance)
        if session.scoring != nil { try work.climb(moves: maxMoves) } else { try work.trySingles() }
        try work.workBack()
        let polish = EvasionPolish(maxQueries: max(1, min(1_000, maxQueries)))
        try polish.improve(session)
    }
}

/// The stages of a greedy search. Lane and sample are the same number.
final class GreedyWork {
    private let session: EvasionSession
    private let allowance: QueryAllowance
    private let table: MoveTable
    private let samples: [Int]
    private let moves: [[MoveTable.Move]]
    private var width: Int { session.problem.space.features.count }

    init(_ session: EvasionSession, values: Int, allowance: QueryAllowance) {
        (self.session, self.allowance) = (session, allowance)
        let table = MoveTable(session)
        (self.table, samples) = (table, session.open)
        var moves = [[MoveTable.Move]](repeating: [], count: session.count)
        for sample in session.open {
            // why: a search that is to make three moves cannot spend more than a quarter of its queries on the first.
            let most = max(1, min(values, allowance.left(sample) / (4 * max(1, table.units))))
            moves[sample] = table.moves(of: sample, values: most)
        }
        self.moves = moves
    }

    private func hasFound(_ sample: Int) -> Bool { session.bestDistance[sample].isFinite }

    /// By scores: the move that gains most for what it adds to the objective.
    func climb(moves most: Int) throws {
        var rows: [[Float]] = (0..<session.count).map { Array(session.original.row($0, width)) }
        var nearness = Array(session.startNearness.values)
        var values = [Float](repeating: 0, count: session.count)
        var live = samples
        for step in 0..<min(most, session.spaceRules.maxChanges ?? .max) {
            session.report(GreedySearch.identifier, step, of: most)
            live.removeAll { hasFound($0) || allowance.left($0) == 0 || moves[$0].isEmpty }
            if live.isEmpty { return }
            var best: [Int: (rate: Float, nearness: Float, value: Float, row: [Float])] = [:]
            var reached = [[Bool]](repeating: [], count: session.count)
            try session.askRows(
                live.map { .init(lane: $0, sample: $0, count: min(moves[$0].count, allowance.left($0))) }
            ) { sample, index, row in
                row.copy(rows[sample])
                table.write(moves[sample][index], into: row)
            } take: { sample, _, answer, row in
                if step == 0 { reached[sample].append(answer.isReached) }
                let gain = answer.nearness - nearness[sample]
                guard answer.isAsked, gain > 0 else { return }
                let rate = gain / max(answer.value - values[sample], 1e-6)
                if rate > best[sample]?.rate ?? 0 { best[sample] = (rate, answer.nearness, answer.value, Array(row)) }
            }
            if step == 0 { try table.refineSingles(live, moves: moves, answers: reached, left: allowance.left) }
            for sample in live {
                guard let step = best[sample] else { continue }
                (rows[sample], nearness[sample], values[sample]) = (step.row, step.nearness, step.value)
            }
            live.removeAll { best[$0] == nil }
        }
    }

    /// By labels: every single move by rising objective, until one is enough.
    func trySingles() throws {
        var plans = moves
        for sample in samples { plans[sample] = sorted(moves[sample], sample) }
        var done = 0
        var live = samples
        while !live.isEmpty {
            live.removeAll { hasFound($0) || done >= plans[$0].count || allowance.left($0) == 0 }
            try session.askRows(
                live.map {
                    .init(lane: $0, sample: $0, count: min(16, plans[$0].count - done, allowance.left($0)))
                }
            ) { sample, index, row in
                table.write(plans[sample][done + index], into: row)
            } take: { _, _, _, _ in
            }
            done += 16
        }
    }

    private func sorted(_ moves: [MoveTable.Move], _ sample: Int) -> [MoveTable.Move] {
        let row = Scratch<Float>(width, filledWith: 0)
        let values = moves.map { move in
            _ = row.values.update(from: session.original.row(sample, width))
            table.write(move, into: row.values)
            return session.measure(UnsafeBufferPointer(row.values), of: sample).value
        }
        return moves.indices.sorted { (values[$0], $0) < (values[$1], $1) }.map { moves[$0] }
    }

    /// From a row decided as wanted: puts features back, the one that saves most first.
    func workBack() throws {
        let before = session.open
        session.open = session.scoring == nil ? samples : samples.filter { !hasFound($0) }
        if !session.open.isEmpty {
            let lanes = try session.findStarts(trials: 100, neighbours: 10)
            try session.approach(lanes, among: session.open, threshold: { _ in 0.05 }, isBox: false)
        }
        session.open = before
        for _ in 0..<table.units {
            var plans: [Int: [Int]] = [:]
            var rows: [Int: [Float]] = [:]
            for sample in samples where hasFound(sample) && allowance.left(sample) > 0 {
                let row = Array(session.bestRow.row(sample, width))
                let changed = (0..<table.units).filter { table.isChanged($0, of: sample, in: row) }
                if changed.count > 1 { (plans[sample], rows[sample]) = (changed, row) }
            }
            let live = samples.filter { plans[$0] != nil }
            if live.isEmpty { return }
            var improved = Set<Int>()
            try session.askRows(
                live.map { .init(lane: $0, sample: $0, count: min(plans[$0]?.count ?? 0, allowance.left($0))) },
                onlyBetter: true
            ) { sample, index, row in
                guard let from = rows[sample], let unit = plans[sample]?[index] else { return }
                row.copy(from)
                table.restore(unit, of: sample, into: row)
            } take: { sample, _, answer, _ in
                if answer.isReached { improved.insert(sample) }
            }
            if improved.isEmpty { return }
        }
    }
}

extension UnsafeMutableBufferPointer<Float> {
    /// Takes over the values of an array of the same length.
    func copy(_ values: [Float]) {
        for index in values.indices { self[index] = values[index] }
    }
}
