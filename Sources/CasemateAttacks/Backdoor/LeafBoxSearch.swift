public import CasemateCore
public import CasemateModels

/// The most extreme sum of leaves that an ensemble can reach where at most a few training rows lie.
public struct LeafBoxExtreme: Hashable, Sendable {
    /// Whether the largest sum was sought.
    public let isLargest: Bool
    /// Sum of the leaves before base values and transform: the best box found, and what no box exceeds.
    public let margin: Double, bound: Double
    /// Whether both are equal, so that nothing more extreme exists.
    public var isExact: Bool { abs(margin - bound) <= 1e-9 * max(1, abs(margin)) }
    /// Smallest and largest value of each column of the trees' input inside; columns that are free are left out.
    public let box: [Int: ClosedRange<Float>]
    /// Training rows in all of the box's leaves.
    public let support: Int
    /// Boxes looked at.
    public let nodes: Int
}

/// Branch and bound over intersections of leaf boxes, one leaf a tree.
///
/// A box is widened by the leaf of one more tree at a time; what it can still reach is bounded by the best compatible
/// leaf of each remaining tree. Best first, so that the first full box with support of at most `most` is the optimum;
/// a beam gives an answer when the nodes run out before. Source of the scheme: Devos, Meert, Davis, "Versatile
/// verification of tree ensembles", ICML 2021, there without support.
public struct LeafBoxSearch: Sendable {
    /// Training rows that a box may hold.
    public var most = 0
    /// Boxes that are opened at most, and width of the beam.
    public var nodes = 2_000, beam = 8

    /// Makes a search.
    public init() {}

    /// A leaf: its weight, its box, and the training rows in it.
    private struct Leaf {
        let weight: Double
        let box: [(column: Int, low: Float, high: Float)]
        let rows: [UInt64]
    }
    private struct Box {
        var depth: Int
        var sum: Double
        var bound: Double
        /// Ranges and rows of the box that it was made from, until `tightened` takes `last` into account.
        var ranges: [Int: (low: Float, high: Float)]
        var rows: [UInt64]
        var last: Leaf?
    }

    /// Searches one direction; `nil` for ensembles of several outputs or comparisons that are no intervals.
    /// - Parameters:
    ///   - ensemble: The trees; sums and averages of one margin only.
    ///   - leaves: The leaf of each training row in each tree, as `TreeEnsemble.leaves` gives them.
    ///   - count: Training rows.
    public func extreme(
        of ensemble: TreeEnsemble, isLargest: Bool, leaves: [Int32], count: Int, context: RunContext
    ) throws -> LeafBoxExtreme? {
        guard let trees = prepared(ensemble, isLargest ? 1 : -1, leaves, count) else { return nil }
        let start = tightened(
            Box(depth: 0, sum: 0, bound: 0, ranges: [:], rows: Self.all(count), last: nil), trees)
        var open = Heap()
        open.insert(start)
        var best = try dive(start, trees, context)
        var (looked, bound) = (0, -Double.infinity)
        while let next = open.popLargest() {
            bound = next.bound
            if let known = best, next.bound <= known.sum { break }
            if next.last != nil {
                // why: a box is only worked out when its turn comes; most never have one.
                let tight = tightened(next, trees)
                if tight.bound > best?.sum ?? -.infinity { open.insert(tight) }
                if open.isEmpty { bound = best?.sum ?? bound }
                continue
            }
            if next.depth == trees.count {
                if Self.size(next.rows) <= most { best = next }
                if let best, best.sum >= next.bound { break }
                continue
            }
            if looked >= nodes || (context.deadline.map { ContinuousClock.now >= $0 } ?? false) { break }
            looked += 1
            if looked.isMultiple(of: 256) { try context.cancellation.check() }
            for child in children(next, trees) where child.bound > best?.sum ?? -.infinity { open.insert(child) }
            if open.isEmpty { bound = best?.sum ?? bound }
        }
        guard let best else { return nil }
        let scale = ensemble.form.aggregate == .average ? 1 / Double(max(1, ensemble.trees)) : 1
        let sign: Double = isLargest ? scale : -scale
        return LeafBoxExtreme(
            isLargest: isLargest, margin: sign * best.sum, bound: sign * max(best.sum, bound),
            box: best.ranges.filter { $0.value.low.isFinite || $0.value.high.isFinite }.mapValues { $0.low...$0.high },
            support: Self.size(best.rows), nodes: looked)
    }

    // MARK: Preparing

    private func prepared(_ ensemble: TreeEnsemble, _ sign: Double, _ leaves: [Int32], _ count: Int) -> [[Leaf]]? {
        let isOne = ensemble.form.outputs == 1 || ensemble.form.classes.count == 2
        guard isOne, [.sum, .average].contains(ensemble.form.aggregate), leaves.count == count * ensemble.trees else {
            return nil
        }
        var inside = [Int: [UInt64]](minimumCapacity: ensemble.nodes.count)
        let words = (count + 63) / 64
        for row in 0..<count {
            for leaf in leaves[row * ensemble.trees..<(row + 1) * ensemble.trees] {
                inside[Int(leaf), default: [UInt64](repeating: 0, count: words)][row / 64] |= 1 << UInt64(row % 64)
            }
        }
        let none = [UInt64](repeating: 0, count: words)
        var trees: [[Leaf]] = []
        for tree in 0..<ensemble.trees {
            guard let boxes = LeafIntervals.boxes(ensemble, ensemble.range(ofTree: tree)) else { return nil }
            trees.append(
                boxes.sorted { $0.key < $1.key }.map { node, box in
                    Leaf(
                        weight: sign * BranchLeaves.weight(ensemble, node),
                        box: box.sorted { $0.key < $1.key }.map { ($0.key, $0.value.low, $0.value.high) },
                        rows: inside[node] ?? none)
                })
        }
        // why: trees that decide most come first, so that bounds fall early.
        func range(_ leaves: [Leaf]) -> Double {
            (leaves.map(\.weight).max() ?? 0) - (leaves.map(\.weight).min() ?? 0)
        }
        let order = trees.indices.sorted { (range(trees[$1]), $0) < (range(trees[$0]), $1) }
        return order.map { trees[$0] }
    }

    private static func all(_ count: Int) -> [UInt64] {
        (0..<(count + 63) / 64).map { word in
            let left = count - word * 64
            return left >= 64 ? .max : (1 << UInt64(left)) - 1
        }
    }
    private static func size(_ rows: [UInt64]) -> Int { rows.reduce(0) { $0 + $1.nonzeroBitCount } }

    // MARK: Searching

    private func fits(_ leaf: Leaf, _ ranges: [Int: (low: Float, high: Float)]) -> Bool {
        for part in leaf.box {
            guard let known = ranges[part.column] else { continue }
            if part.low > known.high || part.high < known.low { return false }
        }
        return true
    }

    /// The box with its last leaf taken in, and the bound that follows.
    private func tightened(_ box: Box, _ trees: [[Leaf]]) -> Box {
        var copy = box
        if let leaf = box.last {
            for part in leaf.box {
                let known = copy.ranges[part.column] ?? (-.infinity, .infinity)
                copy.ranges[part.column] = (max(known.low, part.low), min(known.high, part.high))
            }
            for word in copy.rows.indices { copy.rows[word] &= leaf.rows[word] }
            copy.last = nil
        }
        copy.bound = copy.sum
        for tree in trees[copy.depth...] {
            var top = -Double.infinity
            for leaf in tree where leaf.weight > top && fits(leaf, copy.ranges) { top = leaf.weight }
            copy.bound += top
        }
        return copy
    }

    /// The boxes with one more leaf, their bounds taken over from the box itself.
    private func children(_ box: Box, _ trees: [[Leaf]]) -> [Box] {
        let fitting = trees[box.depth].filter { fits($0, box.ranges) }
        let top = fitting.map(\.weight).max() ?? 0
        return fitting.map { leaf in
            var next = box
            next.depth += 1
            next.sum += leaf.weight
            next.bound = box.bound - top + leaf.weight
            next.last = leaf
            return next
        }
    }

    /// A beam through all trees: some full box with little support, quickly.
    private func dive(_ start: Box, _ trees: [[Leaf]], _ context: RunContext) throws -> Box? {
        var front = [start]
        for _ in trees {
            try context.cancellation.check()
            var next = front.flatMap { children($0, trees) }
            next.sort { $0.bound > $1.bound }
            front = next.prefix(beam).map { tightened($0, trees) }.filter { $0.bound.isFinite }
        }
        return front.filter { Self.size($0.rows) <= most }.max { $0.sum < $1.sum }
    }

    /// Boxes by descending bound.
    private struct Heap {
        private var items: [Box] = []
        var isEmpty: Bool { items.isEmpty }

        mutating func insert(_ box: Box) {
            items.append(box)
            var child = items.count - 1
            while child > 0, items[(child - 1) / 2].bound < items[child].bound {
                items.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        }
        mutating func popLargest() -> Box? {
            guard let first = items.first, let last = items.popLast() else { return nil }
            guard !items.isEmpty else { return first }
            items[0] = last
            var parent = 0
            while true {
                var top = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < items.count {
                    if items[child].bound > items[top].bound { top = child }
                }
                if top == parent { return first }
                items.swapAt(parent, top)
                parent = top
            }
        }
    }
}

/// Leaf boxes over the columns of an ensemble's input.
enum LeafIntervals {
    /// The values of a column that go one way at a node; `nil` where these are no interval.
    static func part(_ node: TreeEnsemble.Node, _ holds: Bool) -> (low: Float, high: Float)? {
        let at = node.threshold
        return switch (node.mode, holds) {
        case (.lessOrEqual, true), (.greater, false): (-.infinity, at)
        case (.lessOrEqual, false), (.greater, true): (at.nextUp, .infinity)
        case (.less, true), (.greaterOrEqual, false): (-.infinity, at.nextDown)
        case (.less, false), (.greaterOrEqual, true): (at, .infinity)
        case (.equal, true), (.notEqual, false): (at, at)
        default: nil
        }
    }

    /// The box of each leaf of a tree by node; `nil` for comparisons that are no intervals, and trees whose nodes are
    /// shared so often that paths explode. Missing values are left out.
    static func boxes(_ ensemble: TreeEnsemble, _ range: Range<Int>) -> [Int: [Int: (low: Float, high: Float)]]? {
        var found: [Int: [Int: (low: Float, high: Float)]] = [:]
        var open: [(node: Int, box: [Int: (low: Float, high: Float)])] = [(range.lowerBound, [:])]
        var steps = 0
        while let next = open.popLast() {
            steps += 1
            guard steps <= 4 * range.count else { return nil }
            let node = ensemble.nodes[next.node]
            if node.mode == .leaf {
                found[next.node] = next.box
                continue
            }
            for (child, holds) in [(node.whenTrue, true), (node.whenFalse, false)] {
                guard let (low, high) = part(node, holds) else { return nil }
                var box = next.box
                let known = box[Int(node.column)] ?? (-.infinity, .infinity)
                let both = (low: max(known.low, low), high: min(known.high, high))
                guard both.low <= both.high else { continue }
                box[Int(node.column)] = both
                open.append((Int(child), box))
            }
        }
        return found
    }
}
