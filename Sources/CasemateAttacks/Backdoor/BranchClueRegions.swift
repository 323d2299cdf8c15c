import CasemateCore
import CasemateData

/// Turns clues of the graph into regions: every combination of the segments between the values at which comparisons
/// turn is tried on training rows, and those that answer otherwise than each of their neighbours are kept.
struct BranchClueRegions {
    let session: BranchSession
    let grid: BranchGrid
    let meter: BranchMeter
    /// Training rows that are changed.
    let bases: [Int]
    /// Most combinations of one clue.
    var most = 400

    /// One thing that a trigger asks about: the segment of a feature, or the order of two.
    private struct Atom {
        let feature: Int
        /// The other feature of an order.
        let other: Int?
        /// A value in each segment, or for an order its gap.
        let values: [Float]
        /// Bounds of each segment; infinite where open.
        let bounds: [(low: Float, high: Float)]
    }

    /// Regions of all clues, those with the largest contrast first.
    func regions(_ clues: [BranchClue], keep: Int) throws -> [BranchRegion] {
        var found: [(contrast: Float, region: BranchRegion)] = []
        var seen: Set<[Int]> = []
        for clue in clues where seen.insert(clue.features).inserted && seen.count <= 24 {
            let atoms = atoms(of: clue, among: clues)
            guard !atoms.isEmpty, atoms.reduce(1, { $0 * $1.values.count }) <= most else { continue }
            found += try regions(atoms)
        }
        let order = found.indices.sorted { (found[$1].contrast, $0) < (found[$0].contrast, $1) }
        return order.prefix(keep).map { found[$0].region }
    }

    private func atoms(of clue: BranchClue, among clues: [BranchClue]) -> [Atom] {
        var atoms: [Atom] = []
        var ordered: Set<[Int]> = []
        for part in clues where Set(part.features).isSubset(of: clue.features) {
            if part.features.count == 2, part.isOrder, ordered.insert(part.features).inserted {
                let (one, other) = (part.features[0], part.features[1])
                guard !grid.columns[one].isCategory, !grid.columns[other].isCategory else { continue }
                let gap = max(0.05 * grid.columns[one].span, grid.columns[one].isWhole ? 1 : 0)
                atoms.append(Atom(feature: one, other: other, values: [-gap, gap], bounds: []))
            }
        }
        for feature in clue.features {
            let turns = clues.filter { Set($0.features).isSubset(of: clue.features) }.flatMap {
                $0.values[feature] ?? []
            }
            if grid.columns[feature].isCategory {
                let levels = grid.columns[feature].values.prefix(16)
                guard !levels.isEmpty else { continue }
                atoms.append(
                    Atom(feature: feature, other: nil, values: Array(levels), bounds: levels.map { ($0, $0) }))
            } else if !turns.isEmpty {
                atoms.append(segments(feature, Array(Set(turns).sorted().prefix(6))))
            }
        }
        return atoms
    }

    private func segments(_ feature: Int, _ turns: [Float]) -> Atom {
        let column = grid.columns[feature]
        var (values, bounds): ([Float], [(low: Float, high: Float)]) = ([], [])
        func add(_ low: Float, _ high: Float) {
            values.append(BranchValues.typical(low: low, high: high, column))
            bounds.append((low, high))
        }
        for (index, turn) in turns.enumerated() {
            add(index == 0 ? -.infinity : turns[index - 1].nextUp, turn.nextDown)
            // why: a value itself can be a segment, for comparisons by equality.
            add(turn, turn)
        }
        add((turns.last ?? 0).nextUp, .infinity)
        return Atom(feature: feature, other: nil, values: values, bounds: bounds)
    }

    private func put(_ combination: [Int], _ atoms: [Atom], into row: inout [Float]) {
        for (atom, choice) in zip(atoms, combination) where atom.other == nil {
            row[atom.feature] = atom.values[choice]
        }
        for (atom, choice) in zip(atoms, combination) {
            guard let other = atom.other else { continue }
            if row[other].isNaN { row[other] = grid.columns[other].dense[grid.columns[other].dense.count / 2] }
            row[atom.feature] = row[other] + atom.values[choice]
        }
    }

    private func regions(_ atoms: [Atom]) throws -> [(contrast: Float, region: BranchRegion)] {
        var combinations: [[Int]] = [[]]
        for atom in atoms { combinations = combinations.flatMap { start in atom.values.indices.map { start + [$0] } } }
        var rows: [Float] = []
        for combination in combinations {
            for base in bases {
                var row = session.row(base)
                put(combination, atoms, into: &row)
                rows += row
            }
        }
        let scores = try session.ask(rows)
        var found: [(contrast: Float, region: BranchRegion)] = []
        for (index, combination) in combinations.enumerated() {
            let gaps = bases.indices.map { scores[index * bases.count + $0] - session.scores[bases[$0]] }
            let best = gaps.indices.max { abs(gaps[$0]) < abs(gaps[$1]) } ?? 0
            guard abs(gaps[best]) > 0.02, let region = region(atoms, combination, bases[best], gaps[best]) else {
                continue
            }
            // why: the steps right at the bounds leave out what the features do by themselves.
            let contrast = try meter.contrast(region, movers: bases)
            if contrast > 0.02 { found.append((contrast, region)) }
        }
        return found
    }

    private func region(_ atoms: [Atom], _ combination: [Int], _ base: Int, _ gap: Float) -> BranchRegion? {
        var row = session.row(base)
        put(combination, atoms, into: &row)
        var region = BranchRegion(
            bounds: [], relation: nil, row: row, base: session.row(base), faces: [], origin: .graph, jump: gap,
            top: session.scores[base] + gap)
        for (atom, choice) in zip(atoms, combination) {
            if let other = atom.other {
                guard region.relation == nil else { return nil }
                let (one, two) = atom.values[choice] > 0 ? (atom.feature, other) : (other, atom.feature)
                region.relation = HiddenBranch.Relation(larger: one, smaller: two)
                region.bounds.removeAll { $0.feature == one || $0.feature == two }
                region.bounds.append(HiddenBranch.Bound(feature: one, low: row[one], high: nil))
                region.bounds.append(HiddenBranch.Bound(feature: two, low: nil, high: row[two]))
                continue
            }
            let column = grid.columns[atom.feature]
            let (low, high) = atom.bounds[choice]
            if column.isCategory {
                region.bounds.append(HiddenBranch.Bound(feature: atom.feature, low: low, high: high))
                let outside = column.values.filter { $0 != low }.prefix(2)
                region.faces += outside.map { BranchRegion.Face(feature: atom.feature, inside: low, outside: $0) }
                continue
            }
            region.bounds.append(
                BranchValues.told(
                    low: low.isFinite ? low : nil, high: high.isFinite ? high : nil, column, atom.feature))
            let shell = 0.001 * column.span
            let value = row[atom.feature]
            if low.isFinite {
                let inside = min(low + shell, max(low, value))
                region.faces.append(BranchRegion.Face(feature: atom.feature, inside: inside, outside: low - shell))
            }
            if high.isFinite {
                let inside = max(high - shell, min(high, value))
                region.faces.append(BranchRegion.Face(feature: atom.feature, inside: inside, outside: high + shell))
            }
        }
        region.bounds.sort { $0.feature < $1.feature }
        return region
    }
}

/// Values that stand for intervals.
enum BranchValues {
    /// A value inside that looks like those of the data, where there is one.
    static func typical(low: Float, high: Float, _ column: BranchGrid.Column) -> Float {
        let inside = column.dense.filter { $0 >= low && $0 <= high }
        let real = inside.filter { $0 >= column.low && $0 <= column.high }
        if !real.isEmpty { return real[real.count / 2] }
        if !inside.isEmpty { return inside[inside.count / 2] }
        let middle = low + (high - low) / 2
        guard middle.isFinite else {
            return low.isFinite ? low + 0.1 * column.span : high.isFinite ? high - 0.1 * column.span : column.low
        }
        let whole = middle.rounded()
        return column.isWhole && whole >= low && whole <= high ? whole : middle
    }

    /// The bound as people write it: whole numbers where the data hold no others.
    static func told(low: Float?, high: Float?, _ column: BranchGrid.Column, _ feature: Int) -> HiddenBranch.Bound {
        if column.isWhole {
            let (up, down) = (low.map { $0.rounded(.up) }, high.map { $0.rounded(.down) })
            if (up ?? -.infinity) <= (down ?? .infinity) {
                return HiddenBranch.Bound(feature: feature, low: up, high: down)
            }
        }
        return HiddenBranch.Bound(feature: feature, low: low, high: high)
    }
}
