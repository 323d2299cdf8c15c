import CasemateCore
import CasemateData

/// Pairs of numbers whose order is never, or hardly ever, turned round in the training rows.
struct BranchRelations {
    let session: BranchSession
    let grid: BranchGrid
    /// Training rows that are changed.
    let bases: [Int]

    /// Rows in which the order is turned round, where the answer jumps with it.
    /// - Parameter pinned: Pairs that are tried whatever the training rows say.
    func candidates(pinned: [(Int, Int)], most: Int, keep: Int) throws -> [BranchCandidate] {
        let known = pinned.filter { !grid.columns[$0.0].isCategory && !grid.columns[$0.1].isCategory }
        var pairs = known + known.map { ($0.1, $0.0) }
        pairs += ordered(most: most)
        var found: [BranchCandidate] = []
        for start in stride(from: 0, to: pairs.count, by: 64) {
            let part = Array(pairs[start..<min(pairs.count, start + 64)])
            var rows: [Float] = []
            for (one, other) in part {
                for base in bases {
                    let twins = turned(session.row(base), one, other)
                    rows += twins.above + twins.below
                }
            }
            let scores = try session.ask(rows)
            for (index, (one, other)) in part.enumerated() {
                let gaps = bases.indices.map { base in
                    scores[2 * (index * bases.count + base)] - scores[2 * (index * bases.count + base) + 1]
                }
                let mean = gaps.reduce(0, +) / Float(max(1, gaps.count))
                guard abs(mean) > 0.06, let best = gaps.indices.max(by: { gaps[$0] * mean < gaps[$1] * mean }) else {
                    continue
                }
                let twins = turned(session.row(bases[best]), one, other)
                found.append(BranchCandidate(row: twins.above, base: twins.below, origin: .relation, gap: mean))
            }
        }
        let order = found.indices.sorted { (abs(found[$1].gap), $0) < (abs(found[$0].gap), $1) }
        return order.prefix(keep).map { found[$0] }
    }

    /// The row with the first feature a little above the second, and a little below.
    func turned(_ row: [Float], _ one: Int, _ other: Int) -> (above: [Float], below: [Float]) {
        let column = grid.columns[one]
        let gap =
            column.isWhole && grid.columns[other].isWhole ? max(1, (0.02 * column.span).rounded()) : 0.02 * column.span
        var (above, below) = (row, row)
        let middle = row[other].isNaN ? (column.low + column.high) / 2 : row[other]
        (above[one], below[one]) = (middle + gap, middle - gap)
        return (above, below)
    }

    /// Pairs on one scale of which the first is larger in at most 3 of 100 rows, the most overlapping first.
    private func ordered(most: Int) -> [(Int, Int)] {
        let rows = session.draw(400, stream: 0x9E1)
        var found: [(pair: (Int, Int), overlap: Float)] = []
        for one in 0..<session.width where isNumber(one) {
            for other in 0..<session.width where other != one && isNumber(other) {
                let (a, b) = (grid.columns[one], grid.columns[other])
                let overlap = min(a.high, b.high) - max(a.low, b.low)
                guard overlap > 0.1 * min(a.span, b.span), overlap > 0.01 * max(a.span, b.span) else { continue }
                let larger = rows.count {
                    session.rows.values[$0 * session.width + one] > session.rows.values[$0 * session.width + other]
                }
                guard larger * 100 <= 3 * rows.count else { continue }
                found.append(((one, other), overlap / max(a.span, b.span)))
            }
        }
        let order = found.indices.sorted { (found[$1].overlap, $0) < (found[$0].overlap, $1) }
        return order.prefix(most).map { found[$0].pair }
    }
    private func isNumber(_ feature: Int) -> Bool {
        !grid.columns[feature].isCategory && grid.columns[feature].dense.count > 8
    }

    /// The region as an order of two of its features, where its answer jumps at their equality for most rows.
    func related(_ region: BranchRegion, movers: [Int]) throws -> BranchRegion? {
        let numbers = region.bounds.map(\.feature).filter(isNumber)
        guard numbers.count > 1 || (numbers.count == 1 && region.bounds.count == 1) else { return nil }
        var pairs: [(Int, Int)] = []
        for one in numbers {
            for other in numbers where one != other && region.row[one] > region.row[other] {
                pairs.append((one, other))
            }
        }
        var best: (mean: Float, pair: (Int, Int))?
        for (one, other) in pairs {
            var rows: [Float] = []
            for mover in movers {
                var row = session.row(mover)
                for bound in region.bounds where bound.feature != one && bound.feature != other {
                    row[bound.feature] = region.row[bound.feature]
                }
                let (above, below) = nearest(row, one, other)
                rows += above + below
            }
            let scores = try session.ask(rows)
            let sign: Float = region.jump < 0 ? -1 : 1
            let gaps = movers.indices.map { sign * (scores[2 * $0] - scores[2 * $0 + 1]) }
            // why: a row that already answers like the branch has no room left to jump.
            let rooms = movers.indices.map { sign > 0 ? 1 - scores[2 * $0 + 1] : scores[2 * $0 + 1] }
            let large = gaps.indices.count {
                gaps[$0] >= 0.4 * min(abs(region.jump), session.isShare ? rooms[$0] : 1e9)
            }
            let mean = gaps.reduce(0, +) / Float(max(1, gaps.count))
            guard large * 10 >= 7 * gaps.count, mean > max(0.05, best?.mean ?? 0) else { continue }
            best = (mean, (one, other))
        }
        guard let (one, other) = best?.pair else { return nil }
        var found = region
        found.relation = HiddenBranch.Relation(larger: one, smaller: other)
        found.bounds = region.bounds.map { bound in
            // why: one box of those that the order holds in: beyond the row's own values on both sides.
            if bound.feature == one { return HiddenBranch.Bound(feature: one, low: region.row[one], high: nil) }
            if bound.feature == other { return HiddenBranch.Bound(feature: other, low: nil, high: region.row[other]) }
            return bound
        }
        found.faces = region.faces.filter { $0.feature != one && $0.feature != other }
        return found
    }

    /// The row with the first feature right above the second, and right below.
    func nearest(_ row: [Float], _ one: Int, _ other: Int) -> (above: [Float], below: [Float]) {
        let gap = 1e-3 * grid.columns[one].span
        var (above, below) = (row, row)
        let middle = row[other].isNaN ? (grid.columns[one].low + grid.columns[one].high) / 2 : row[other]
        (above[one], below[one]) = (middle + gap, middle - gap)
        return (above, below)
    }
}
