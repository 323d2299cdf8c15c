import CasemateCore
import CasemateData
import CasemateModels

/// The leaves of a model's trees as boxes over the features, with the training rows that end in each.
///
/// A leaf that no training row reaches cannot have been learnt from these rows, whatever its weight.
struct BranchLeaves {
    /// One leaf.
    struct Leaf {
        let tree: Int, node: Int
        /// Its weight against the mean of its tree, positive where it raises the score.
        let weight: Double
        /// What the features must be.
        let box: [Int: (low: Float, high: Float)]
    }
    let session: BranchSession
    let grid: BranchGrid
    /// Leaves without a training row, by descending size of weight; at most `most`.
    let empty: [Leaf]
    /// Leaves that training rows reach, and all.
    let reached: Int, total: Int
    /// Whether empty leaves mean something: where many are, the model was trained on other rows than these.
    var tellsTraining: Bool { Double(reached) >= 0.85 * Double(total) }

    /// Reads the leaves; `nil` when the model has no trees or they read something else than features.
    init?(_ session: BranchSession, _ grid: BranchGrid, most: Int = 400) throws {
        guard let trees = session.problem.trees else { return nil }
        let leaves = try trees.leaves(session.rows, cancellation: session.context.cancellation)
        let ensemble = trees.ensemble
        var counts = [Int](repeating: 0, count: ensemble.nodes.count)
        for leaf in leaves { counts[Int(leaf)] += 1 }
        let rows = max(1, session.rows.count)
        var (empty, reached, total): ([Leaf], Int, Int) = ([], 0, 0)
        for tree in 0..<ensemble.trees {
            let range = ensemble.range(ofTree: tree)
            func weight(_ node: Int) -> Double { Self.weight(ensemble, node) }
            let mean = range.reduce(0.0) { $0 + Double(counts[$1]) * weight($1) } / Double(rows)
            let all = range.filter { ensemble.nodes[$0].mode == .leaf }
            total += all.count
            reached += all.count { counts[$0] > 0 }
            let bare = all.filter { counts[$0] == 0 && abs(weight($0) - mean) > 1e-9 }
            guard !bare.isEmpty else { continue }
            let boxes = Self.boxes(ensemble, range, trees.columns, session.problem.space.features)
            for node in bare {
                guard let box = boxes[node] else { continue }
                empty.append(Leaf(tree: tree, node: node, weight: weight(node) - mean, box: box))
            }
        }
        let order = empty.indices.sorted { (abs(empty[$1].weight), $0) < (abs(empty[$0].weight), $1) }
        (self.session, self.grid, self.reached, self.total) = (session, grid, reached, total)
        self.empty = order.prefix(most).map { empty[$0] }
    }

    /// What a leaf adds to the positive class: its weight there, against the others.
    static func weight(_ ensemble: TreeEnsemble, _ node: Int) -> Double {
        var sum = 0.0
        for weight in ensemble.weights(ofNode: node) {
            sum +=
                ensemble.form.outputs == 2 && weight.output == 0 && ensemble.form.classes.count == 2
                    && ensemble.weights(ofNode: node).count > 1 ? 0 : weight.value
        }
        return sum
    }

    /// The box of each leaf of a tree; leaves behind comparisons that no interval says are left out.
    static func boxes(
        _ ensemble: TreeEnsemble, _ range: Range<Int>, _ columns: [TreeColumn], _ features: [Feature]
    ) -> [Int: [Int: (low: Float, high: Float)]] {
        var found: [Int: [Int: (low: Float, high: Float)]] = [:]
        var open: [(node: Int, box: [Int: (low: Float, high: Float)])] = [(range.lowerBound, [:])]
        var steps = 0
        while let next = open.popLast(), steps < 200_000 {
            steps += 1
            let node = ensemble.nodes[next.node]
            if node.mode == .leaf {
                found[next.node] = next.box
                continue
            }
            for (child, holds) in [(node.whenTrue, true), (node.whenFalse, false)] {
                guard columns.indices.contains(Int(node.column)),
                    let (feature, low, high) = part(node, holds, columns[Int(node.column)], features)
                else { continue }
                var box = next.box
                let known = box[feature] ?? (-.infinity, .infinity)
                box[feature] = (max(known.low, low), min(known.high, high))
                if let now = box[feature], now.low > now.high { continue }
                open.append((Int(child), box))
            }
        }
        return found
    }

    private static func part(
        _ node: TreeEnsemble.Node, _ holds: Bool, _ column: TreeColumn, _ features: [Feature]
    ) -> (feature: Int, low: Float, high: Float)? {
        guard let interval = LeafIntervals.part(node, holds) else { return nil }
        switch column {
        case .number(let feature, let offset, let scale):
            if features[feature].levels != nil { return nil }
            if offset == 0, scale == 1 { return (feature, interval.low, interval.high) }
            let ends = [interval.low, interval.high].map { Float(Double($0) / scale + offset) }
            return (feature, min(ends[0], ends[1]), max(ends[0], ends[1]))
        case .level(let feature, let level):
            // why: only "is this level" is an interval of level numbers; "is not" leaves all others open.
            if interval.low > 0, interval.high >= 1 { return (feature, Float(level), Float(level)) }
            return (feature, -.infinity, .infinity)
        case .unknown: return nil
        }
    }

    // MARK: Candidates

    /// Rows put into the boxes in which the empty leaves of several trees lie over each other.
    func candidates(bases: [Int], keep: Int) -> [BranchCandidate] {
        var found: [BranchCandidate] = []
        var used: Set<Int> = []
        for start in empty.indices where found.count < keep && !used.contains(start) {
            var box = empty[start].box
            var trees: Set<Int> = [empty[start].tree]
            for (index, leaf) in empty.enumerated() where !trees.contains(leaf.tree) {
                guard leaf.weight * empty[start].weight > 0, let both = Self.intersection(box, leaf.box),
                    both.count <= max(box.count, 6)
                else { continue }
                box = both
                trees.insert(leaf.tree)
                used.insert(index)
            }
            guard let nearest = nearest(to: box, bases) else { continue }
            found.append(nearest)
        }
        return found
    }

    private static func intersection(
        _ one: [Int: (low: Float, high: Float)], _ other: [Int: (low: Float, high: Float)]
    ) -> [Int: (low: Float, high: Float)]? {
        var both = one
        for (feature, bound) in other {
            let known = both[feature] ?? (-.infinity, .infinity)
            let now = (low: max(known.low, bound.low), high: min(known.high, bound.high))
            guard now.low <= now.high else { return nil }
            both[feature] = now
        }
        return both
    }

    /// The training row with the fewest values outside of a box, put into it.
    private func nearest(to box: [Int: (low: Float, high: Float)], _ bases: [Int]) -> BranchCandidate? {
        var best: (count: Int, row: [Float], base: [Float])?
        for base in bases {
            let own = session.row(base)
            var row = own
            for (feature, bound) in box where !(own[feature] >= bound.low && own[feature] <= bound.high) {
                row[feature] = BranchValues.typical(low: bound.low, high: bound.high, grid.columns[feature])
            }
            let count = row.indices.count { row[$0] != own[$0] }
            if count > 0, count < best?.count ?? .max { best = (count, row, own) }
        }
        return best.map { BranchCandidate(row: $0.row, base: $0.base, origin: .leaves, gap: 0) }
    }
}
