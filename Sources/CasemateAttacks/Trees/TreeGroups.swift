/// Trees joined into groups whose leaves fit one word of bits, so that conflicts between trees of a group never have to
/// be searched.
///
/// A leaf of a group is a choice of one leaf a tree that all meet; its bounds are those of all, its value the sum.
/// Source: Chen et al., "Robustness verification of tree-based models", NeurIPS 2019 (cliques of boxes), here for
/// groups of any size up to 64 leaves.
struct TreeGroups {
    private let region: TreeRegion
    private let most: Int
    /// Leaves of all groups, in `region.leaves`' form; bounds in `region.bounds`.
    private(set) var groups: [[TreeRegion.Leaf]] = []
    private var signatures: [UInt64] = []

    /// Joins the trees that a region collected; `most` of 1 leaves every tree alone.
    init(_ region: TreeRegion, most: Int = 64) {
        let starts = region.starts
        let trees = (0..<max(starts.count - 1, 0)).map { tree in
            (starts[tree]..<starts[tree + 1]).map { region.leaves[$0] }
        }
        self.init(region, trees: trees, most: most)
    }
    /// Joins lists of leaves, one a tree.
    init(_ region: TreeRegion, trees: [[TreeRegion.Leaf]], most: Int = 64) {
        (self.region, self.most) = (region, most)
        groups = trees
        if most > 1 { join() }
        for index in groups.indices { groups[index].sort { ($1.value, $0.cost) < ($0.value, $1.cost) } }
    }

    private func signature(_ leaves: [TreeRegion.Leaf]) -> UInt64 {
        var bits: UInt64 = 0
        for leaf in leaves {
            for index in Int(leaf.start)..<Int(leaf.start) + Int(leaf.count) {
                bits |= 1 << UInt64(region.bounds[index].variable & 63)
            }
        }
        return bits
    }

    private mutating func join() {
        signatures = groups.map(signature)
        var order = groups.indices.sorted { spread(groups[$1]) < spread(groups[$0]) }
        var joined: [[TreeRegion.Leaf]] = []
        while let first = order.first {
            order.removeFirst()
            var leaves = groups[first]
            var bits = signatures[first]
            var tried = Set<Int>()
            while leaves.count * 2 <= most {
                // The tree that shares most variables, among those that may fit.
                var best = -1, score = -1
                for (position, other) in order.enumerated() where !tried.contains(other) {
                    guard groups[other].count * leaves.count <= most * 3 else { continue }
                    let shared = (signatures[other] & bits).nonzeroBitCount * 16 - signatures[other].nonzeroBitCount
                    if shared > score { (best, score) = (position, shared) }
                }
                guard best >= 0 else { break }
                tried.insert(order[best])
                if tried.count > 12 { break }
                guard let both = product(leaves, groups[order[best]]) else { continue }
                leaves = both
                bits |= signatures[order[best]]
                order.remove(at: best)
            }
            joined.append(leaves)
        }
        groups = joined
    }

    private func spread(_ leaves: [TreeRegion.Leaf]) -> Double {
        var (least, most) = (Double.infinity, -Double.infinity)
        for leaf in leaves {
            least = min(least, leaf.value)
            most = max(most, leaf.value)
        }
        return most - least
    }

    /// Choices of two leaves that meet; `nil` where there are too many.
    private func product(_ one: [TreeRegion.Leaf], _ other: [TreeRegion.Leaf]) -> [TreeRegion.Leaf]? {
        let start = region.bounds.count
        var result: [TreeRegion.Leaf] = []
        for first in one {
            for second in other {
                guard let leaf = region.meet(first, second) else { continue }
                if result.count == most {
                    region.bounds.shrink(to: start)
                    return nil
                }
                result.append(leaf)
            }
        }
        return result
    }
}

extension TreeRegion {
    /// Where two leaves meet, with its bounds behind all others; `nil` where they do not.
    func meet(_ one: Leaf, _ other: Leaf) -> Leaf? {
        let start = bounds.count
        var (i, j) = (Int(one.start), Int(other.start))
        let (iEnd, jEnd) = (i + Int(one.count), j + Int(other.count))
        var cost = 0.0
        while i < iEnd || j < jEnd {
            let bound: Bound
            if j == jEnd || (i < iEnd && bounds[i].variable < bounds[j].variable) {
                bound = bounds[i]
                i += 1
            } else if i == iEnd || bounds[j].variable < bounds[i].variable {
                bound = bounds[j]
                j += 1
            } else {
                guard let both = meet(bounds[i], bounds[j]) else {
                    bounds.shrink(to: start)
                    return nil
                }
                bound = both
                i += 1
                j += 1
            }
            cost = joined(cost, self.cost(Int(bound.variable), bound.low, bound.high))
            bounds.append(bound)
        }
        return Leaf(
            value: one.value + other.value, cost: cost, start: Int32(start), count: Int32(bounds.count - start))
    }

    private func meet(_ one: Bound, _ other: Bound) -> Bound? {
        if one.high >= 0 {
            let (low, high) = (max(one.low, other.low), min(one.high, other.high))
            return low <= high ? Bound(variable: one.variable, low: low, high: high) : nil
        }
        let words = grid.variables[Int(one.variable)].words
        let place = sets.count
        sets.append(repeating: 0, words)
        var isEmpty = true
        for word in 0..<words {
            sets[place + word] = sets[Int(one.low) + word] & sets[Int(other.low) + word]
            if sets[place + word] != 0 { isEmpty = false }
        }
        if isEmpty {
            sets.shrink(to: place)
            return nil
        }
        return Bound(variable: one.variable, low: Int32(place), high: -1)
    }
}
