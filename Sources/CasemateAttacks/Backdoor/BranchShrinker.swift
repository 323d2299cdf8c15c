import CasemateCore
import CasemateData

/// Finds the fewest features that keep a candidate's jump, and how far each of them may move before it is gone.
struct BranchShrinker {
    let session: BranchSession
    let grid: BranchGrid
    /// Training rows whose values are exchanged with the candidate's.
    let donors: [Int]
    /// Smallest difference that is followed, in units of the score.
    let least: Float
    /// Most features of a region.
    var most = 5

    /// The region around a candidate; `nil` when no few features explain the jump.
    func region(around candidate: BranchCandidate) throws -> BranchRegion? {
        var found = candidate
        guard try revert(&found), !found.features.isEmpty, found.features.count <= most + 3 else { return nil }
        guard try complete(&found, donors), try revert(&found), found.features.count <= most else { return nil }
        var region = try bound(found)
        for _ in 0..<2 {
            guard let now = region, !now.bounds.isEmpty, now.bounds.count < most else { break }
            // why: training rows inside that are answered as ever show that a condition is missing.
            let strays = strays(in: now)
            guard !strays.isEmpty else { break }
            var wider = BranchCandidate(row: now.row, base: now.base, origin: now.origin, gap: now.jump)
            let before = wider.features.count
            guard try complete(&wider, strays), wider.features.count > before else { break }
            guard let next = try bound(wider) else { break }
            region = next
        }
        return region
    }

    /// Training rows inside whose scores are nearer to the region's surroundings, when those are the most of them.
    private func strays(in region: BranchRegion) -> [Int] {
        let inside = (0..<session.rows.count).filter { region.contains(session.rows[row: $0]) }
        guard inside.count >= 4 else { return [] }
        let strays = inside.filter { abs(session.scores[$0] - region.top) > 0.6 * abs(region.jump) }
        guard strays.count * 3 > inside.count else { return [] }
        return stride(from: 0, to: strays.count, by: max(1, strays.count / 16)).prefix(16).map { strays[$0] }
    }

    /// Takes features out as long as most of the jump stays; false when there is no jump.
    private func revert(_ found: inout BranchCandidate) throws -> Bool {
        let ends = try session.ask(found.row + found.base)
        found.gap = ends[0] - ends[1]
        guard abs(found.gap) >= least else { return false }
        while found.features.count > 1 {
            var rows: [Float] = []
            for feature in found.features {
                var row = found.row
                row[feature] = found.base[feature]
                rows += row
            }
            let scores = try session.ask(rows)
            let kept = scores.map { ($0 - ends[1]) * (found.gap < 0 ? -1 : 1) }
            guard let best = kept.indices.max(by: { kept[$0] < kept[$1] }), kept[best] >= 0.75 * abs(found.gap) else {
                break
            }
            let feature = found.features.remove(at: best)
            found.row[feature] = found.base[feature]
        }
        found.gap = try difference(found)
        return abs(found.gap) >= least
    }

    private func difference(_ found: BranchCandidate) throws -> Float {
        let ends = try session.ask(found.row + found.base)
        return ends[0] - ends[1]
    }

    /// Adds features that happened to be right in both rows: those whose exchange takes the jump away.
    private func complete(_ found: inout BranchCandidate, _ donors: [Int]) throws -> Bool {
        for _ in 0..<3 {
            let others = (0..<session.width).filter { !found.features.contains($0) }
            var rows: [Float] = []
            var places: [(feature: Int, value: Float)] = []
            for feature in others {
                var seen: Set<Float> = [found.row[feature]]
                for donor in donors {
                    let value = session.rows.values[donor * session.width + feature]
                    guard !value.isNaN, seen.insert(value).inserted else { continue }
                    places.append((feature, value))
                    for var row in [found.row, found.base] {
                        row[feature] = value
                        rows += row
                    }
                }
            }
            guard !places.isEmpty else { return true }
            let scores = try session.ask(rows)
            let top = try session.ask(found.row)[0]
            let sign: Float = found.gap < 0 ? -1 : 1
            var worst: (left: Float, place: Int)?
            for index in places.indices {
                let (inside, outside) = (scores[2 * index], scores[2 * index + 1])
                let left = sign * (inside - outside)
                let fallen = sign * (top - inside)
                guard left < 0.4 * abs(found.gap), fallen >= 0.5 * abs(found.gap) else { continue }
                if left < worst?.left ?? .infinity { worst = (left, index) }
            }
            guard let worst else { return true }
            guard found.features.count < most + 1 else { return false }
            let place = places[worst.place]
            found.base[place.feature] = place.value
            found.features = (found.features + [place.feature]).sorted()
            found.gap = try difference(found)
            guard abs(found.gap) >= least else { return false }
        }
        return true
    }

    // MARK: Bounds

    /// A value of one feature that is to be tried.
    private struct Trial {
        let feature: Int, value: Float
    }

    /// Whether the jump is there at other values of a feature.
    private func holds(_ trials: [Trial], _ found: BranchCandidate, _ inside: [Float]) throws -> [Bool] {
        var rows: [Float] = []
        for trial in trials {
            var row = inside
            row[trial.feature] = trial.value
            rows += row
            var twin = found.base
            // why: with one feature alone there is no twin at the same value; the base itself is what it was.
            if found.features.count > 1 { twin[trial.feature] = trial.value }
            rows += twin
        }
        let scores = try session.ask(rows)
        let sign: Float = found.gap < 0 ? -1 : 1
        return trials.indices.map { sign * (scores[2 * $0] - scores[2 * $0 + 1]) >= 0.5 * abs(found.gap) }
    }

    private func bound(_ candidate: BranchCandidate) throws -> BranchRegion? {
        var found = candidate
        var inside = found.row
        var (bounds, faces): ([HiddenBranch.Bound], [BranchRegion.Face]) = ([], [])
        for feature in found.features {
            guard let side = try sides(of: feature, found, inside) else { return nil }
            if side.faces.isEmpty {
                found.features.removeAll { $0 == feature }
                found.base[feature] = found.row[feature]
                continue
            }
            bounds.append(side.bound)
            faces += side.faces
            // why: the next feature is bounded where this one is nearly out, so that the whole box holds.
            if let edge = side.faces.first, !grid.columns[feature].isCategory { inside[feature] = edge.inside }
        }
        guard !bounds.isEmpty else { return nil }
        let ends = try session.ask(found.row + found.base)
        found.gap = ends[0] - ends[1]
        guard abs(found.gap) >= least else { return nil }
        return BranchRegion(
            bounds: bounds, relation: nil, row: found.row, base: found.base, faces: faces, origin: found.origin,
            jump: found.gap, top: ends[0])
    }

    /// How far a feature may move; `nil` when the jump is not even at its own value.
    private func sides(
        of feature: Int, _ found: BranchCandidate, _ inside: [Float]
    ) throws -> (bound: HiddenBranch.Bound, faces: [BranchRegion.Face])? {
        let column = grid.columns[feature]
        let own = inside[feature]
        let values = column.dense.filter { $0 != own }
        let held = try holds(
            [Trial(feature: feature, value: own)] + values.map { Trial(feature: feature, value: $0) },
            found, inside)
        guard held[0] else { return nil }
        if column.isCategory || own.isNaN {
            let outside = values.indices.filter { !held[$0 + 1] }.map { values[$0] }
            let bound = HiddenBranch.Bound(feature: feature, low: own, high: own)
            return (bound, outside.prefix(2).map { BranchRegion.Face(feature: feature, inside: own, outside: $0) })
        }
        var edges: [(near: Float, far: Float)] = []
        for isUp in [false, true] {
            let way = values.indices.filter { isUp ? values[$0] > own : values[$0] < own }
            let ordered = isUp ? way : way.reversed()
            guard let first = ordered.first(where: { !held[$0 + 1] }) else {
                edges.append((.nan, .nan))
                continue
            }
            let near = ordered.prefix { $0 != first }.last.map { values[$0] } ?? own
            edges.append((near, values[first]))
        }
        try bisect(&edges, column, feature, found, inside)
        // why: a step may be a little blunt, as a steep curve is; a slope over the whole range is none.
        let inner = edges.contains { $0.near.isNaN } ? Float.infinity : edges[1].near - edges[0].near
        let shell = min(0.001 * column.span, inner / 4)
        let faces = edges.filter { !$0.near.isNaN }.map { edge in
            let way: Float = edge.far < edge.near ? -1 : 1
            return BranchRegion.Face(
                feature: feature, inside: edge.near - way * shell, outside: edge.far + way * 0.001 * column.span)
        }
        let ends = edges.map { $0.near.isNaN ? nil : $0.near }
        return (BranchValues.told(low: ends[0], high: ends[1], column, feature), faces)
    }

    private func bisect(
        _ edges: inout [(near: Float, far: Float)], _ column: BranchGrid.Column, _ feature: Int,
        _ found: BranchCandidate, _ inside: [Float]
    ) throws {
        for _ in 0..<24 {
            var open: [(edge: Int, middle: Float)] = []
            for (index, edge) in edges.enumerated() where !edge.near.isNaN {
                let middle = edge.near + (edge.far - edge.near) / 2
                guard middle != edge.near, middle != edge.far, abs(edge.far - edge.near) > 1e-6 * column.span else {
                    continue
                }
                open.append((index, middle))
            }
            guard !open.isEmpty else { return }
            let held = try holds(open.map { Trial(feature: feature, value: $0.middle) }, found, inside)
            for (place, one) in open.enumerated() {
                if held[place] { edges[one.edge].near = one.middle } else { edges[one.edge].far = one.middle }
            }
        }
    }
}
