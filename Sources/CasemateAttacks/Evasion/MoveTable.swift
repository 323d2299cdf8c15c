import CasemateCore
import CasemateData

/// Everything that can be done to one feature of a row: a number set to a value, a category or group to a level.
struct MoveTable {
    /// One change of one feature.
    struct Move: Hashable {
        /// The feature's number among those that move: numbers first, then categories and groups.
        let unit: Int
        /// The new value of a number; the level otherwise.
        let value: Float
    }
    private let session: EvasionSession
    /// Values of known rows by numeric coordinate, ascending and different.
    private let known: [[Float]]

    init(_ session: EvasionSession) {
        self.session = session
        let rows = session.problem.startingPoints
        let width = session.problem.space.features.count
        known = session.encoding.numeric.map { feature in
            guard let rows, rows.count > 0 else { return [] }
            let step = max(1, rows.count / 2_000)
            let values = stride(from: 0, to: rows.count, by: step).map { rows.values[$0 * width + feature] }
            return values.filter(\.isFinite).sorted()
        }
    }

    /// Number of features that can move by themselves.
    var units: Int { session.encoding.numeric.count + session.encoding.discrete.count }

    /// All moves of a sample, at most `values` for a number, the first of each feature first.
    func moves(of sample: Int, values: Int) -> [Move] {
        var byUnit: [[Move]] = []
        for coordinate in session.encoding.numeric.indices {
            byUnit.append(numbers(sample, coordinate, values).map { Move(unit: coordinate, value: $0) })
        }
        let row = UnsafeBufferPointer(session.original.row(sample, session.problem.space.features.count))
        for (position, unit) in session.encoding.discrete.enumerated() {
            let number = session.encoding.numeric.count + position
            byUnit.append(session.encoding.options(unit, row).map { Move(unit: number, value: Float($0)) })
        }
        // why: turn by turn, so that a budget which ends early has seen something of every feature.
        let longest = byUnit.map(\.count).max() ?? 0
        return (0..<longest).flatMap { turn in byUnit.compactMap { turn < $0.count ? $0[turn] : nil } }
    }

    /// Writes a move into a row.
    func write(_ move: Move, into row: UnsafeMutableBufferPointer<Float>) {
        let numbers = session.encoding.numeric.count
        if move.unit < numbers {
            row[session.encoding.numeric[move.unit]] = move.value
        } else {
            session.write(Int(move.value), of: session.encoding.discrete[move.unit - numbers], into: row)
        }
    }

    /// Looks for the smallest change of each single number that reaches the goal: binary search between the original and
    /// the nearest value that did, as far as it could become the best. `answers` are those to the moves of each sample, in
    /// order, as far as they were asked.
    func refineSingles(
        _ samples: [Int], moves: [[Move]], answers: [[Bool]], left: (Int) -> Int, steps: Int = 8
    ) throws {
        var lanes: [(sample: Int, unit: Int, near: Float, far: Float)] = []
        for sample in samples {
            for coordinate in session.encoding.numeric.indices {
                let before = session.original.row(sample, session.problem.space.features.count)[
                    session.encoding.numeric[coordinate]]
                for isUp in [false, true] {
                    let side = zip(moves[sample], answers[sample])
                        .filter { $0.0.unit == coordinate && ($0.0.value > before) == isUp }
                        .sorted { abs($0.0.value - before) < abs($1.0.value - before) }
                    guard let first = side.firstIndex(where: \.1) else { continue }
                    let near = first == 0 ? before : side[first - 1].0.value
                    lanes.append((sample, coordinate, near, side[first].0.value))
                }
            }
        }
        for _ in 0..<steps {
            let live = lanes.indices.filter { left(lanes[$0].sample) > 0 }
            if live.isEmpty { return }
            try session.askRows(
                live.map { .init(lane: $0, sample: lanes[$0].sample, count: 1) }, onlyBetter: true
            ) { lane, _, row in
                row[session.encoding.numeric[lanes[lane].unit]] = (lanes[lane].near + lanes[lane].far) / 2
            } take: { lane, _, answer, _ in
                let middle = (lanes[lane].near + lanes[lane].far) / 2
                // why: a value that costs too much to be asked is as good as one that is too far.
                if answer.isReached || !answer.isAsked { lanes[lane].far = middle } else { lanes[lane].near = middle }
            }
        }
    }

    /// Puts a feature of a row back to what it was.
    func restore(_ unit: Int, of sample: Int, into row: UnsafeMutableBufferPointer<Float>) {
        let before = session.original.row(sample, session.problem.space.features.count)
        for feature in features(unit) { row[feature] = before[feature] }
    }

    /// Whether a feature differs from what it was.
    func isChanged(_ unit: Int, of sample: Int, in row: [Float]) -> Bool {
        let before = session.original.row(sample, session.problem.space.features.count)
        return features(unit).contains { row[$0] != before[$0] && !(row[$0].isNaN && before[$0].isNaN) }
    }

    private func features(_ unit: Int) -> [Int] {
        let numbers = session.encoding.numeric.count
        return unit < numbers ? [session.encoding.numeric[unit]] : session.encoding.discrete[unit - numbers].members
    }

    /// Values that a number can take: all where they are few, else some near the original with known ones, else with ones
    /// evenly between the limits; the ends first, then those that halve what is left.
    private func numbers(_ sample: Int, _ coordinate: Int, _ count: Int) -> [Float] {
        let rule = session.problem.space.rules[session.encoding.numeric[coordinate]]
        let before = session.original.row(sample, session.problem.space.features.count)[
            session.encoding.numeric[coordinate]]
        let (low, high) = session.limits(of: sample)
        guard low[coordinate] < high[coordinate], count > 0 else { return [] }
        func value(_ offset: Float, _ reach: Float) -> Float {
            before + (offset.isFinite ? offset : reach) * rule.scale
        }
        let (bottom, top) = (value(low[coordinate], -4), value(high[coordinate], 4))
        var found = Set<Float>()
        let near = count < 4 ? [] : [0.05, -0.05, 0.2, -0.2].map { before + Float($0) * rule.scale }
        for candidate in near + candidates(rule, coordinate, bottom, top, max(1, count - near.count)) {
            let nearest = rule.nearest(to: min(max(candidate, bottom), top), from: before)
            if nearest != before, nearest.isFinite { found.insert(nearest) }
        }
        return Self.spread(found.sorted())
    }

    private func candidates(
        _ rule: FeatureSpace.Rule, _ coordinate: Int, _ bottom: Float, _ top: Float, _ count: Int
    ) -> [Float] {
        if case .ordinal(let steps) = rule.domain, steps.count <= 2 * count { return steps }
        if case .integer = rule.domain, top - bottom <= Float(2 * count) {
            return Array(stride(from: bottom.rounded(.up), through: top, by: 1))
        }
        let values = known[coordinate]
        let shares = (0..<count).map { count == 1 ? 0.5 : Float($0) / Float(count - 1) }
        let even = shares.map { bottom + (top - bottom) * $0 }
        guard values.count > 1 else { return even }
        return [bottom, top] + shares.map { values[min(Int($0 * Float(values.count - 1) + 0.5), values.count - 1)] }
    }

    /// Both ends, then the middle of every gap, and so on.
    private static func spread(_ values: [Float]) -> [Float] {
        guard values.count > 2 else { return values }
        var order = [values[0], values[values.count - 1]]
        var gaps = [(0, values.count - 1)]
        while !gaps.isEmpty {
            var next: [(Int, Int)] = []
            for (left, right) in gaps where right - left > 1 {
                let middle = (left + right) / 2
                order.append(values[middle])
                next += [(left, middle), (middle, right)]
            }
            gaps = next
        }
        return order
    }
}
