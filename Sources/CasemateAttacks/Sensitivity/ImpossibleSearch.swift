import CasemateCore
import CasemateData

/// A rule that no real row breaks, over the features of the model.
public struct ImpossibleRule: Sendable {
    /// What the rule says.
    public let name: String
    /// Indices of the features that it reads.
    public let features: [Int]
    /// Whether a row breaks it; a rule that does not apply is not broken.
    public let isBroken: @Sendable (ArraySlice<Float>) -> Bool
    /// Makes a rule.
    public init(name: String, features: [Int], isBroken: @escaping @Sendable (ArraySlice<Float>) -> Bool) {
        (self.name, self.features, self.isBroken) = (name, features, isBroken)
    }
}

/// What the best answer is.
public struct ImpossibleGoal: Hashable, Sendable {
    /// Whether high scores are the good ones.
    public let isHighGood: Bool
    /// The decision that comes with it; `nil` takes any.
    public let label: Int32?
    /// Scores of real rows, against which impossible ones are held.
    public let real: [Double]
    /// Makes a goal.
    public init(isHighGood: Bool, label: Int32?, real: [Double]) {
        (self.isHighGood, self.label, self.real) = (isHighGood, label, real)
    }

    /// The score turned so that more is better.
    func worth(_ score: Double) -> Double { isHighGood ? score : -score }
    /// The best score of a real row.
    public var bestReal: Double? { isHighGood ? real.max() : real.min() }
    /// The score that the best hundredth of the real rows reaches.
    public var tail: Double? {
        real.isEmpty ? nil : Bootstrap.quantile(real.sorted(), isHighGood ? 0.99 : 0.01)
    }
}

/// Rows that cannot be, and how well they score.
public struct ImpossibleResult: Hashable, Sendable {
    /// Why a row cannot be, or was never seen.
    public enum Kind: Hashable, Sendable {
        /// It breaks the declared rule of this name.
        case rule(String)
        /// It holds two ordinary values that no reference row holds together.
        case neverSeen
        /// A one-hot group, named by its columns, holds no 1 or several.
        case brokenGroup(String)
    }
    /// One row.
    public struct Example: Hashable, Sendable {
        /// Index of the row that it was made from.
        public let sample: Int
        /// Its values.
        public let row: [Float]
        /// What the model answers, asked anew.
        public let score: Float, label: Int32?
        /// For `neverSeen`: names of the two units, and how many reference rows chance alone would put there.
        public let pair: [String], expected: Double
    }
    /// What was looked for.
    public let kind: Kind
    /// What the best answer is.
    public let goal: ImpossibleGoal
    /// Rows from which the search started, and those for which it could make such a row at all.
    public let starts: Int, made: Int
    /// Those whose made row is decided as `goal` asks and scores like the best hundredth of the real rows.
    public let reached: Int
    /// The best made row; `nil` where none could be made.
    public let best: Example?
}

/// Searches rows that cannot be and score as well as possible: from real rows, values of other real rows are put together
/// until the row is impossible, then single units are changed one after the other (coordinate ascent) while it stays so.
/// Every single value is an ordinary one.
struct ImpossibleSearch {
    let session: SensitivitySession
    let responses: [SweepResponse]
    /// Real rows from which the search starts.
    let starts: [Int]
    /// Combinations tried for each start, single changes after that, and values tried for each unit.
    var draws = 32, steps = 2, points = 8

    private struct Try {
        let start: Int
        var row: [Float]
        var score: Float, label: Int32?
    }

    /// Rows that break a declared rule.
    func run(_ rule: ImpossibleRule, _ goal: ImpossibleGoal, stream: UInt64) throws -> ImpossibleResult {
        let touched = responses.map(\.unit).filter { !Set($0.features).isDisjoint(with: rule.features) }
        return try run(.rule(rule.name), goal, stream: stream) { row in
            row.withUnsafeBufferPointer { rule.isBroken(Array($0)[...]) }
        } draw: { row, generator in
            for unit in touched { unit.put(draw(unit, &generator), into: row) }
        }
    }

    /// Rows with a pair of values that was never seen.
    func run(_ support: PairSupport, _ goal: ImpossibleGoal, stream: UInt64) throws -> ImpossibleResult {
        let cells = Array(support.empty.prefix(64))
        return try run(.neverSeen, goal, stream: stream) { row in
            row.withUnsafeBufferPointer { support.unseen(in: $0) != nil }
        } draw: { row, generator in
            guard let cell = cells.randomElement(using: &generator) else { return }
            let values = support.values(of: cell)
            if let value = values.first.randomElement(using: &generator) {
                support.units[cell.first].put(value, into: row)
            }
            if let value = values.second.randomElement(using: &generator) {
                support.units[cell.second].put(value, into: row)
            }
        } explain: { row in
            row.withUnsafeBufferPointer { support.unseen(in: $0) }.map {
                ([support.units[$0.first].name, support.units[$0.second].name], $0.expected)
            } ?? ([], 0)
        }
    }

    /// Rows whose one-hot group holds no 1 or several.
    func run(_ group: SweepUnit, _ goal: ImpossibleGoal, stream: UInt64) throws -> ImpossibleResult {
        try run(.brokenGroup(group.name), goal, stream: stream) { row in
            group.features.count { row[$0] == 1 } != 1
        } draw: { row, generator in
            for member in group.features { row[member] = Bool.random(using: &generator) ? 1 : 0 }
        }
    }

    private func run(
        _ kind: ImpossibleResult.Kind, _ goal: ImpossibleGoal, stream: UInt64, holds: ([Float]) -> Bool,
        draw: (UnsafeMutableBufferPointer<Float>, inout SeededGenerator) -> Void,
        explain: ([Float]) -> ([String], Double) = { _ in ([], 0) }
    ) throws -> ImpossibleResult {
        var generator = SeededGenerator(seed: session.context.seed, stream: stream)
        var drawn: [Try] = []
        for start in starts {
            for _ in 0..<draws {
                var row = [Float](session.problem.rows[row: start])
                row.withUnsafeMutableBufferPointer { draw($0, &generator) }
                if holds(row) { drawn.append(Try(start: start, row: row, score: 0, label: nil)) }
            }
        }
        var best = try bestOfEach(drawn, goal)
        for _ in 0..<steps { best = try bestOfEach(best + neighbours(best, holds), goal) }
        best = try bestOfEach(best, goal)
        let reached = best.count { made in
            (goal.label == nil || made.label == goal.label)
                && goal.tail.map { goal.worth(Double(made.score)) >= goal.worth($0) } ?? false
        }
        let wanted = best.filter { goal.label == nil || $0.label == goal.label }
        let top = (wanted.isEmpty ? best : wanted).max { goal.worth(Double($0.score)) < goal.worth(Double($1.score)) }
        return ImpossibleResult(
            kind: kind, goal: goal, starts: starts.count, made: best.count, reached: reached,
            best: top.map {
                let (pair, expected) = explain($0.row)
                return ImpossibleResult.Example(
                    sample: $0.start, row: $0.row, score: $0.score, label: $0.label, pair: pair, expected: expected)
            })
    }

    /// A value of some reference row, or now and then one of the grid, so that bounds come up too.
    private func draw(_ unit: SweepUnit, _ generator: inout SeededGenerator) -> Float {
        let reference = session.problem.reference
        if generator.next() % 4 == 0, let response = responses.first(where: { $0.unit == unit }),
            let column = response.columns.filter(\.isBase).randomElement(using: &generator)
        {
            return column.position
        }
        guard reference.count > 0 else { return .nan }
        let row = Array(reference[row: Int.random(in: 0..<reference.count, using: &generator)])
        return row.withUnsafeBufferPointer { unit.position(in: $0, session.space) }
    }

    /// All rows one change of a unit away that stay impossible.
    private func neighbours(_ tries: [Try], _ holds: ([Float]) -> Bool) -> [Try] {
        let positions = responses.map { response -> [Float] in
            let base = response.columns.filter(\.isBase).map(\.position)
            guard base.count > points else { return base }
            return (0..<points).map { base[$0 * (base.count - 1) / (points - 1)] }
        }
        var found: [Try] = []
        for one in tries {
            for (response, values) in zip(responses, positions) {
                for value in values {
                    var row = one.row
                    row.withUnsafeMutableBufferPointer { response.unit.put(value, into: $0) }
                    if row != one.row, holds(row) {
                        found.append(Try(start: one.start, row: row, score: 0, label: nil))
                    }
                }
            }
        }
        return found
    }

    /// Scores all tries and keeps the best of each start, in the order of the starts.
    private func bestOfEach(_ tries: [Try], _ goal: ImpossibleGoal) throws -> [Try] {
        var best: [Int: Try] = [:]
        try session.ask(count: tries.count) {
            tries[$0].start
        } fill: { index, row in
            for (feature, value) in tries[index].row.enumerated() { row[feature] = value }
        } take: { index, score, label in
            let start = tries[index].start
            let isBetter = best[start].map { goal.worth(Double(score)) > goal.worth(Double($0.score)) } ?? true
            guard isBetter else { return }
            best[start] = Try(start: start, row: tries[index].row, score: score, label: label)
        }
        return starts.compactMap { best[$0] }
    }
}
