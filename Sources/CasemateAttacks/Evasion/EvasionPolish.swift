import CasemateCore
import CasemateData

/// Makes adversarial rows sparser and closer after an attack, by label queries that count like all others.
///
/// Not part of any published attack: a search over coordinates that tables need, where walks along a smooth boundary
/// leave every feature a little changed. In turn, for all samples at once: (1) when few levels can change, every
/// combination of one, two and three of them on the original row, as far as the queries reach; (2) every changed
/// feature restored, the largest first (the smallest first for L∞); (3) every changed number moved back toward its
/// original by binary search (all at once for L∞); (4) the second again. The session keeps a row only when it is
/// closer, or as close with fewer changed features.
public struct EvasionPolish: Hashable, Sendable {
    /// Queries for one sample at most.
    public var maxQueries: Int
    /// Binary search steps for one number.
    public var shrinkSteps: Int

    /// Makes a polish.
    public init(maxQueries: Int = 1_000, shrinkSteps: Int = 7) {
        (self.maxQueries, self.shrinkSteps) = (maxQueries, shrinkSteps)
    }

    func check() throws(CasemateError) {
        guard maxQueries >= 1, (1...24).contains(shrinkSteps) else {
            throw CasemateError(
                .invalidSetting, at: "polish", "\(maxQueries) queries in \(shrinkSteps) steps make no sense",
                help: "give at least 1 query and 1 to 24 steps, or switch the polish off")
        }
    }

    func improve(_ session: EvasionSession) throws {
        session.report("polish", 0, of: 4)
        let work = PolishWork(session, maxQueries: maxQueries)
        for size in 1...3 { try work.tryCombinations(of: size) }
        session.report("polish", 1, of: 4)
        try work.restoreEach()
        session.report("polish", 2, of: 4)
        if session.norm == .linf {
            try work.shrinkTogether(steps: 2 * shrinkSteps)
        } else {
            try work.shrinkEach(steps: shrinkSteps)
        }
        session.report("polish", 3, of: 4)
        try work.restoreEach()
        session.report("polish", 4, of: 4)
    }
}

/// The stages of a polish on one session.
private final class PolishWork {
    /// What can move by itself: a numeric coordinate or a discrete unit.
    enum Unit { case number(coordinate: Int), level(unit: Int) }
    private let session: EvasionSession
    private let maxQueries: Int
    private let before: [Int]
    private let samples: [Int]
    private var width: Int { session.problem.space.features.count }

    init(_ session: EvasionSession, maxQueries: Int) {
        (self.session, self.maxQueries) = (session, maxQueries)
        before = Array(session.queries.values)
        samples = (0..<session.count).filter { !session.reachedAtStart.contains($0) && session.canMove($0) }
    }

    private func left(_ sample: Int) -> Int {
        min(session.remaining(sample), maxQueries - (session.queries[sample] - before[sample]))
    }
    private func best(_ sample: Int) -> UnsafeMutableBufferPointer<Float> { session.bestRow.row(sample, width) }

    /// Distance of a row in which `size` levels and nothing else changed.
    private func distance(ofLevels size: Int) -> Float {
        switch session.norm {
        case .l0, .l1: Float(size)
        case .l2: Float(size).squareRoot()
        case .linf: 1
        }
    }

    /// Tries every way to change exactly `size` levels of the original, for samples where that would be better than
    /// what they have and the queries suffice for all of them.
    func tryCombinations(of size: Int) throws {
        let distance = distance(ofLevels: size)
        var plans: [Int: [[(unit: Int, level: Int)]]] = [:]
        for sample in samples {
            let (best, changed) = (session.bestDistance[sample], session.bestChanged[sample])
            guard session.objective == .cost || best > distance || best == distance && changed > size else { continue }
            if let plan = combinations(of: size, for: sample, limit: left(sample)) { plans[sample] = plan }
        }
        let requests = samples.compactMap { sample in
            plans[sample].map { EvasionSession.Request(lane: sample, sample: sample, count: $0.count) }
        }
        try session.askRows(requests) { sample, index, row in
            for move in plans[sample]?[index] ?? [] {
                session.write(move.level, of: session.encoding.discrete[move.unit], into: row)
            }
        } take: { _, _, _, _ in
        }
    }

    private func combinations(of size: Int, for sample: Int, limit: Int) -> [[(unit: Int, level: Int)]]? {
        let row = UnsafeBufferPointer(session.original.row(sample, width))
        let moves = session.encoding.discrete.indices.flatMap { unit in
            session.encoding.options(session.encoding.discrete[unit], row).map { (unit: unit, level: $0) }
        }
        var built: [[(unit: Int, level: Int)]] = [[]]
        for _ in 0..<size {
            var longer: [[(unit: Int, level: Int)]] = []
            for start in built {
                for move in moves where move.unit > start.last?.unit ?? -1 { longer.append(start + [move]) }
                if longer.count > limit { return nil }
            }
            built = longer
        }
        return built.isEmpty ? nil : built
    }

    /// Units in which the best row differs, with their sizes, the largest first.
    private func changed(_ sample: Int) -> [(unit: Unit, amount: Float)] {
        let (now, then) = (best(sample), session.original.row(sample, width))
        var found: [(unit: Unit, amount: Float)] = []
        for (coordinate, feature) in session.encoding.numeric.enumerated() where now[feature] != then[feature] {
            let amount = abs(now[feature] - then[feature]) / session.rules[coordinate].scale
            if !amount.isNaN { found.append((.number(coordinate: coordinate), amount)) }
        }
        for (index, unit) in session.encoding.discrete.enumerated()
        where unit.members.contains(where: { now[$0] != then[$0] && !now[$0].isNaN }) {
            found.append((.level(unit: index), 1))
        }
        // why: sorting by position as well keeps equal amounts in one order on every machine.
        return found.enumerated().sorted { ($1.element.amount, $0.offset) < ($0.element.amount, $1.offset) }
            .map(\.element)
    }

    /// Puts the original value of every changed unit back, one after the other.
    func restoreEach() throws {
        var plans: [Int: [Unit]] = [:]
        for sample in samples where session.bestDistance[sample].isFinite {
            let units = changed(sample).map(\.unit)
            plans[sample] = session.norm == .linf ? units.reversed() : units
        }
        for round in 0..<(plans.values.map(\.count).max() ?? 0) {
            let active = samples.filter { round < plans[$0]?.count ?? 0 && left($0) > 0 }
            try session.askRows(active.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }) {
                sample, _, row in
                guard let unit = plans[sample]?[round] else { return }
                self.copyBest(sample, into: row, restoring: unit)
            } take: { _, _, _, _ in
            }
        }
    }

    private func copyBest(_ sample: Int, into row: UnsafeMutableBufferPointer<Float>, restoring unit: Unit) {
        _ = row.update(from: best(sample))
        let original = session.original.row(sample, width)
        switch unit {
        case .number(let coordinate):
            let feature = session.encoding.numeric[coordinate]
            row[feature] = original[feature]
        case .level(let index):
            for member in session.encoding.discrete[index].members { row[member] = original[member] }
        }
    }

    /// Moves every changed number toward its original as far as the goal stays reached, the largest first.
    func shrinkEach(steps: Int) throws {
        var plans: [Int: [(feature: Int, value: Float)]] = [:]
        for sample in samples where session.bestDistance[sample].isFinite {
            plans[sample] = changed(sample).compactMap { unit, _ in
                guard case .number(let coordinate) = unit else { return nil }
                let feature = session.encoding.numeric[coordinate]
                return (feature, self.best(sample)[feature])
            }
        }
        for round in 0..<(plans.values.map(\.count).max() ?? 0) {
            var shares: [Int: (low: Float, high: Float)] = [:]
            for _ in 0..<steps {
                let active = samples.filter { round < plans[$0]?.count ?? 0 && left($0) > 0 }
                if active.isEmpty { return }
                try session.askRows(active.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }) {
                    sample, _, row in
                    guard let move = plans[sample]?[round] else { return }
                    let share = shares[sample] ?? (0, 1)
                    let then = row[move.feature]
                    _ = row.update(from: self.best(sample))
                    row[move.feature] = then + (move.value - then) * (share.low + share.high) / 2
                } take: { sample, _, answer, _ in
                    let share = shares[sample] ?? (0, 1)
                    let middle = (share.low + share.high) / 2
                    shares[sample] = answer.isReached ? (share.low, middle) : (middle, share.high)
                }
            }
        }
    }

    /// Clips all changed numbers to a smaller and smaller range around the original.
    func shrinkTogether(steps: Int) throws {
        var shares: [Int: (low: Float, high: Float)] = [:]
        var starts: [Int: [Float]] = [:]
        for sample in samples where session.bestDistance[sample].isFinite {
            shares[sample] = (0, self.largestChange(sample))
            starts[sample] = Array(best(sample))
        }
        for _ in 0..<steps {
            let active = samples.filter { shares[$0] != nil && left($0) > 0 }
            try session.askRows(active.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }) {
                sample, _, row in
                guard let share = shares[sample], let start = starts[sample] else { return }
                self.clip(start, to: (share.low + share.high) / 2, into: row)
            } take: { sample, _, answer, _ in
                guard let share = shares[sample] else { return }
                let middle = (share.low + share.high) / 2
                shares[sample] = answer.isReached ? (share.low, middle) : (middle, share.high)
            }
        }
    }

    /// The largest change of a number in the best row, in units of its scale.
    private func largestChange(_ sample: Int) -> Float {
        let (now, then) = (best(sample), session.original.row(sample, width))
        var largest: Float = 0
        for (coordinate, feature) in session.encoding.numeric.enumerated() where now[feature] != then[feature] {
            largest = max(largest, abs(now[feature] - then[feature]) / session.rules[coordinate].scale)
        }
        return largest
    }

    private func clip(_ start: [Float], to limit: Float, into row: UnsafeMutableBufferPointer<Float>) {
        for (coordinate, feature) in session.encoding.numeric.enumerated() where start[feature] != row[feature] {
            let range = limit * session.rules[coordinate].scale
            let offset = start[feature] - row[feature]
            if !offset.isNaN { row[feature] += min(max(offset, -range), range) }
        }
        for unit in session.encoding.discrete { for member in unit.members { row[member] = start[member] } }
    }
}
