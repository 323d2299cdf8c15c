import CasemateCore
import CasemateData

/// Changes a few values of training rows at random and looks where the answer is far from what the single changes add
/// up to; and scans single features closely.
struct BranchSampler {
    let session: BranchSession
    let grid: BranchGrid
    /// Training rows that are changed.
    let bases: [Int]
    /// Answers to each base with one value of the grid put in: `[base][feature][value]`.
    private let effects: [[[Float]]]
    private let own: [Float]

    init(_ session: BranchSession, _ grid: BranchGrid, bases: [Int]) throws {
        (self.session, self.grid, self.bases) = (session, grid, bases)
        own = bases.map { session.scores[$0] }
        var effects: [[[Float]]] = []
        for base in bases {
            let row = session.row(base)
            var rows: [Float] = []
            for (feature, column) in grid.columns.enumerated() {
                for value in column.values {
                    var changed = row
                    changed[feature] = value
                    rows += changed
                }
            }
            let scores = try session.ask(rows)
            var start = 0
            effects.append(
                grid.columns.map { column in
                    defer { start += column.values.count }
                    return Array(scores[start..<start + column.values.count])
                })
        }
        self.effects = effects
    }

    /// A change of some features of a base.
    private struct Change {
        let base: Int
        let parts: [(feature: Int, value: Int)]
    }

    /// The changes that surprise most, at most `keep` of them and `same` for each set of features.
    func surprises(
        _ count: Int, among wanted: [Int]? = nil, keep: Int, same: Int = 2, stream: UInt64
    ) throws -> [BranchCandidate] {
        let features = wanted ?? Array(0..<session.width)
        guard features.count > 1 else { return [] }
        var generator = SeededGenerator(seed: session.context.seed, stream: stream)
        var best: [[Int]: [BranchCandidate]] = [:]
        for start in stride(from: 0, to: count, by: session.batch) {
            let changes = (start..<min(count, start + session.batch)).map { _ in
                draw(features, all: wanted != nil, &generator)
            }
            var rows: [Float] = []
            rows.reserveCapacity(changes.count * session.width)
            for change in changes { rows += row(change) }
            let scores = try session.ask(rows)
            for (index, change) in changes.enumerated() {
                let gap = scores[index] - expected(change, scores[index])
                let key = change.parts.map(\.feature).sorted()
                var list = best[key] ?? []
                guard abs(gap) > 0.08, list.count < same || abs(gap) > abs(list[list.count - 1].gap) else { continue }
                list.append(
                    BranchCandidate(
                        row: row(change), base: session.row(bases[change.base]),
                        origin: wanted == nil ? .sampled : .graph,
                        gap: gap))
                list.sort { abs($0.gap) > abs($1.gap) }
                best[key] = Array(list.prefix(same))
            }
        }
        let all = best.keys.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { best[$0] ?? [] }
        let order = all.indices.sorted { (abs(all[$1].gap), $0) < (abs(all[$0].gap), $1) }
        return order.prefix(keep).map { all[$0] }
    }

    /// Changes on which the model and its reference differ most, beyond what they differ by on the unchanged row.
    func disagreements(_ count: Int, keep: Int, stream: UInt64) throws -> [BranchCandidate] {
        guard session.problem.other != nil else { return [] }
        var generator = SeededGenerator(seed: session.context.seed, stream: stream)
        let known = try session.reference(bases.flatMap { session.row($0) }) ?? []
        var best: [BranchCandidate] = []
        for start in stride(from: 0, to: count, by: session.batch) {
            let changes = (start..<min(count, start + session.batch)).map { _ in
                draw(Array(0..<session.width), all: false, &generator)
            }
            var rows: [Float] = []
            rows.reserveCapacity(changes.count * session.width)
            for change in changes { rows += row(change) }
            let scores = try session.ask(rows)
            guard let others = try session.reference(rows) else { return [] }
            for (index, change) in changes.enumerated() {
                let gap = scores[index] - others[index] - own[change.base] + known[change.base]
                guard abs(gap) > 0.1, best.count < 4 * keep || abs(gap) > abs(best[best.count - 1].gap) else {
                    continue
                }
                best.append(
                    BranchCandidate(
                        row: row(change), base: session.row(bases[change.base]), origin: .reference, gap: gap))
                best.sort { abs($0.gap) > abs($1.gap) }
                best = Array(best.prefix(4 * keep))
            }
        }
        var taken: [[Int]: Int] = [:]
        return Array(
            best.filter { candidate in
                taken[candidate.features, default: 0] += 1
                return taken[candidate.features, default: 0] <= 2
            }.prefix(keep))
    }

    private func draw(_ features: [Int], all isAll: Bool, _ generator: inout SeededGenerator) -> Change {
        var wanted = min(features.count, [2, 2, 3, 3, 4][Int(generator.next() % 5)])
        if isAll, generator.next() % 4 != 0 { wanted = min(features.count, 5) }
        var parts: [(feature: Int, value: Int)] = []
        while parts.count < wanted {
            let feature = features[Int(generator.next() % UInt64(features.count))]
            guard !parts.contains(where: { $0.feature == feature }) else { continue }
            let count = grid.columns[feature].values.count
            // why: triggers sit in the tails more often than in the middle.
            let isTail = !grid.columns[feature].isCategory && generator.next() % 2 == 0
            let value = Int(generator.next() % UInt64(isTail ? min(8, count) : count))
            parts.append(
                (feature, isTail && value >= min(8, count) / 2 ? count - 1 - (value - min(8, count) / 2) : value))
        }
        return Change(base: Int(generator.next() % UInt64(bases.count)), parts: parts)
    }

    private func row(_ change: Change) -> [Float] {
        var row = session.row(bases[change.base])
        for part in change.parts { row[part.feature] = grid.columns[part.feature].values[part.value] }
        return row
    }

    /// What the single changes add up to, on the scale on which that is nearer to `score`.
    private func expected(_ change: Change, _ score: Float) -> Float {
        let own = own[change.base]
        var plain = own
        var bent = session.isShare ? BranchScale.logit(Double(own)) : 0
        let zero = bent
        for part in change.parts {
            let single = effects[change.base][part.feature][part.value]
            plain += single - own
            if session.isShare { bent += BranchScale.logit(Double(single)) - zero }
        }
        guard session.isShare else { return plain }
        plain = min(max(plain, 0), 1)
        let other = Float(BranchScale.share(bent))
        return abs(score - plain) < abs(score - other) ? plain : other
    }

    /// Single values that answer otherwise than both the values beside them, or than the end of the data.
    func singles(points: Int, keep: Int) throws -> [BranchCandidate] {
        var found: [BranchCandidate] = []
        for (feature, column) in grid.columns.enumerated() {
            let values = column.isCategory ? column.values : scan(column, points)
            guard values.count > 2 else { continue }
            for base in bases.prefix(6) {
                let own = session.row(base)
                var rows: [Float] = []
                for value in values {
                    var row = own
                    row[feature] = value
                    rows += row
                }
                let scores = try session.ask(rows)
                let middle = column.isCategory ? session.scores[base] : scores.sorted()[scores.count / 2]
                for index in values.indices where values[index] != own[feature] {
                    let before = index > 0 ? scores[index] - scores[index - 1] : .infinity
                    let after = index + 1 < values.count ? scores[index] - scores[index + 1] : .infinity
                    let isEdge = column.isCategory || values[index] < column.low || values[index] > column.high
                    // why: a stretch that differs from both its sides, or an end that differs from the middle.
                    let gap =
                        isEdge
                        ? scores[index] - middle
                        : before * after > 0 ? (abs(before) < abs(after) ? before : after) : 0
                    guard abs(gap) > 0.08 else { continue }
                    var row = own
                    row[feature] = values[index]
                    var twin = own
                    if !isEdge { twin[feature] = index > 0 ? values[index - 1] : values[index + 1] }
                    found.append(BranchCandidate(row: row, base: twin, origin: .single, gap: gap))
                }
            }
        }
        let order = found.indices.sorted { (abs(found[$1].gap), $0) < (abs(found[$0].gap), $1) }
        var taken: [Int: Int] = [:]
        var kept: [BranchCandidate] = []
        for index in order where kept.count < keep {
            let feature = found[index].features.first ?? 0
            guard taken[feature, default: 0] < 4 else { continue }
            taken[feature, default: 0] += 1
            kept.append(found[index])
        }
        return kept
    }

    private func scan(_ column: BranchGrid.Column, _ points: Int) -> [Float] {
        var values = Set(column.dense)
        for point in 0...points {
            let value = column.low + column.span * Float(point) / Float(points)
            values.insert(column.isWhole ? value.rounded() : value)
        }
        return values.sorted()
    }
}
