import CasemateCore
import CasemateModels

/// The part of the grid in which a search moves, and the leaves of the trees that reach into it.
final class TreeRegion {
    /// A leaf that reaches into the region, or leaves of several trees that meet there.
    struct Leaf {
        /// What it adds.
        var value: Double
        /// Cost of the way to it.
        var cost: Double
        /// Its bounds in `bounds`.
        var start: Int32, count: Int32
    }
    /// A variable that a leaf keeps narrower than the region does.
    struct Bound {
        let variable: Int32
        /// First and last cell; for sets the place in `sets`, and -1.
        let low: Int32, high: Int32
    }

    let grid: TreeGrid
    let row: TreeRow?
    /// Whether costs of variables are added; else the largest counts.
    let isSum: Bool
    /// Variables that are missing or infinite, and the row that says how.
    private let isHeld: [Bool], held: [Float]
    /// First and last open cell of each variable; for sets the place in `sets`, and -1.
    private(set) var low: [Int32], high: [Int32]
    /// Sets of cells.
    let sets = TreePool<UInt64>()
    /// Bounds of the leaves, by variable ascending in each leaf.
    let bounds = TreePool<Bound>()
    /// Leaves, tree after tree.
    let leaves = TreePool<Leaf>()
    /// First leaf of each tree that was collected, with the end behind the last.
    private(set) var starts: [Int] = []
    /// Sum of the trees that are constant in the region.
    private(set) var constant = 0.0
    private var nextOpen: [[Int32]?] = [], lastOpen: [[Int32]?] = []

    /// The cells that cost less than `radius` to reach from a row.
    init(_ grid: TreeGrid, row: TreeRow, isSum: Bool, radius: Double) {
        (self.grid, self.row, self.isSum) = (grid, row, isSum)
        (isHeld, held) = (row.isHeld, row.values)
        low = row.own
        high = row.own
        nextOpen = [[Int32]?](repeating: nil, count: low.count)
        lastOpen = nextOpen
        for (index, variable) in grid.variables.enumerated() where !row.isHeld[index] {
            let start = grid.cellStart[index]
            if variable.isSet {
                open(index, variable.words) { cell in row.costs[start + cell] < radius || cell == Int(row.own[index]) }
                continue
            }
            var first = Int(row.own[index]), last = first
            if row.isGappy[index] {
                for cell in 0..<variable.cells where row.costs[start + cell] < radius {
                    first = min(first, cell)
                    last = max(last, cell)
                }
                closeGaps(index, radius, first, last)
            } else {
                while first > 0, row.costs[start + first - 1] < radius { first -= 1 }
                while last + 1 < variable.cells, row.costs[start + last + 1] < radius { last += 1 }
            }
            (low[index], high[index]) = (Int32(first), Int32(last))
        }
    }

    /// Given cells, without a row to measure from.
    /// - Parameters:
    ///   - isOpen: For each variable, whether each of its cells is open; no cells where it is missing.
    ///   - held: A row with the missing values.
    init(_ grid: TreeGrid, isOpen: [[Bool]], held: [Float]) {
        (self.grid, row, isSum) = (grid, nil, false)
        (isHeld, self.held) = (isOpen.map(\.isEmpty), held)
        low = [Int32](repeating: 0, count: grid.variables.count)
        high = low
        nextOpen = [[Int32]?](repeating: nil, count: low.count)
        lastOpen = nextOpen
        for (index, variable) in grid.variables.enumerated() {
            let cells = isOpen[index]
            if variable.isSet {
                open(index, variable.words) { cell in cell < cells.count && cells[cell] }
                continue
            }
            low[index] = Int32(cells.firstIndex(of: true) ?? 0)
            high[index] = Int32(cells.lastIndex(of: true) ?? 0)
            if cells[Int(low[index])..<min(Int(high[index]) + 1, cells.count)].contains(false) {
                closeGaps(index, cells)
            }
        }
    }

    /// Keeps a number to one of its open cells.
    func pin(_ variable: Int, to cell: Int) {
        if high[variable] < 0 {
            open(variable, grid.variables[variable].words) { $0 == cell }
        } else {
            (low[variable], high[variable]) = (Int32(cell), Int32(cell))
        }
    }

    private func open(_ index: Int, _ words: Int, _ isOpen: (Int) -> Bool) {
        let place = sets.count
        sets.append(repeating: 0, words)
        for cell in 0...grid.variables[index].cells where isOpen(cell) {
            sets[place + cell / 64] |= 1 << UInt64(cell % 64)
        }
        (low[index], high[index]) = (Int32(place), -1)
    }

    private func closeGaps(_ index: Int, _ radius: Double, _ first: Int, _ last: Int) {
        guard let row else { return }
        let start = grid.cellStart[index]
        closeGaps(index, (0..<grid.variables[index].cells).map { row.costs[start + $0] < radius })
    }

    private func closeGaps(_ index: Int, _ isOpen: [Bool]) {
        var next = [Int32](repeating: .max, count: isOpen.count + 1)
        var last = [Int32](repeating: -1, count: isOpen.count + 1)
        for cell in isOpen.indices.reversed() { next[cell] = isOpen[cell] ? Int32(cell) : next[cell + 1] }
        for cell in isOpen.indices { last[cell + 1] = isOpen[cell] ? Int32(cell) : last[cell] }
        (nextOpen[index], lastOpen[index]) = (next, last)
    }

    /// The first open cell from `cell` on.
    @inline(__always)
    func opened(_ variable: Int, from cell: Int32) -> Int32 {
        guard let next = nextOpen[variable] else { return cell }
        return next[min(Int(cell), next.count - 1)]
    }
    /// The last open cell up to `cell`.
    @inline(__always)
    func opened(_ variable: Int, upTo cell: Int32) -> Int32 {
        guard let last = lastOpen[variable] else { return cell }
        return last[max(0, min(Int(cell) + 1, last.count - 1))]
    }

    /// Cost of a variable while it is kept to open cells `low...high`, or to a set.
    @inline(__always)
    func cost(_ variable: Int, _ low: Int32, _ high: Int32) -> Double {
        guard let row else { return 0 }
        let own = row.own[variable]
        if high >= 0 {
            if low > own { return row.costs[grid.cellStart[variable] + Int(low)] }
            return high < own ? row.costs[grid.cellStart[variable] + Int(high)] : 0
        }
        return cheapest(variable, low).cost
    }

    /// The cheapest cell of a set.
    func cheapest(_ variable: Int, _ place: Int32) -> (cell: Int, cost: Double) {
        var best = (cell: 0, cost: Double.infinity)
        for word in 0..<grid.variables[variable].words {
            var bits = sets[Int(place) + word]
            while bits != 0 {
                let cell = word * 64 + bits.trailingZeroBitCount
                bits &= bits - 1
                let cost = row.map { $0.costs[grid.cellStart[variable] + cell] } ?? 0
                if cost < best.cost { best = (cell, cost) }
            }
        }
        return best
    }

    /// Joins the costs of two variables.
    @inline(__always)
    func joined(_ one: Double, _ other: Double) -> Double { isSum ? one + other : max(one, other) }
}

// MARK: Collecting

extension TreeRegion {
    /// Most leaves of one row.
    static var mostLeaves: Int { 1 << 24 }

    private struct Frame {
        let node: Int32
        /// Length of the list of undone bounds before this node.
        let depth: Int32
        /// What the way to this node keeps; -1 for nothing.
        let variable: Int32, low: Int32, high: Int32
    }
    private struct Undone {
        let variable: Int32, low: Int32, high: Int32
    }

    /// Finds the leaves that reach into the region and cost less than `radius`.
    /// - Parameters:
    ///   - coefficients: What a weight counts, by output.
    ///   - radius: Leaves at this cost and beyond are left out.
    /// - Throws: `limitExceeded` for trees whose shared nodes make too many leaves.
    func collect(_ coefficients: [Double], radius: Double = .infinity) throws(CasemateError) {
        leaves.shrink(to: 0)
        bounds.shrink(to: 0)
        starts = [0]
        constant = 0
        let stack = TreePool<Frame>(), undone = TreePool<Undone>()
        for tree in 0..<grid.ensemble.trees {
            let start = leaves.count
            walk(Int(grid.ensemble.roots[tree]), coefficients, radius, stack, undone)
            try checkCount()
            var (least, most) = (Double.infinity, -Double.infinity)
            for leaf in start..<leaves.count {
                least = min(least, leaves[leaf].value)
                most = max(most, leaves[leaf].value)
            }
            if least == most {
                constant += least
                leaves.shrink(to: start)
                if start == 0 { bounds.shrink(to: 0) }
            } else {
                starts.append(leaves.count)
            }
        }
    }

    /// For each output, the sums of the smallest and of the largest leaves of all trees that cost less than `radius`.
    func ranges(radius: Double) -> [ClosedRange<Double>] {
        let outputs = grid.ensemble.form.outputs
        let stack = TreePool<Frame>(), undone = TreePool<Undone>()
        var (low, high) = ([Double](repeating: 0, count: outputs), [Double](repeating: 0, count: outputs))
        var least = low, most = high, seen = [Int](repeating: 0, count: outputs)
        for root in grid.ensemble.roots {
            var leaves = 0
            for output in 0..<outputs { (least[output], most[output], seen[output]) = (.infinity, -.infinity, 0) }
            visit(Int(root), stack, undone) { node in
                leaves += 1
                for weight in grid.ensemble.weights(ofNode: node) {
                    let output = Int(weight.output)
                    least[output] = min(least[output], weight.value)
                    most[output] = max(most[output], weight.value)
                    seen[output] += 1
                }
            }
            for output in 0..<outputs where seen[output] > 0 {
                // why: a leaf without a weight adds 0.
                low[output] += seen[output] < leaves ? min(0, least[output]) : least[output]
                high[output] += seen[output] < leaves ? max(0, most[output]) : most[output]
            }
        }
        return zip(low, high).map { $0...max($0, $1) }
    }

    private func checkCount() throws(CasemateError) {
        guard leaves.count <= Self.mostLeaves else {
            throw CasemateError(
                .limitExceeded, at: "trees", "more than \(Self.mostLeaves) leaves", help: "use a query-based attack")
        }
    }

    /// Leaves of one tree, behind those that were collected.
    func collect(tree: Int, _ coefficients: [Double]) throws(CasemateError) -> [Leaf] {
        let start = leaves.count
        let stack = TreePool<Frame>(), undone = TreePool<Undone>()
        walk(Int(grid.ensemble.roots[tree]), coefficients, .infinity, stack, undone)
        try checkCount()
        return (start..<leaves.count).map { leaves[$0] }
    }

    private func walk(
        _ root: Int, _ coefficients: [Double], _ radius: Double, _ stack: TreePool<Frame>, _ undone: TreePool<Undone>
    ) {
        visit(root, stack, undone) { node in emit(node, coefficients, radius, undone) }
    }

    private func visit(
        _ root: Int, _ stack: TreePool<Frame>, _ undone: TreePool<Undone>, _ body: (Int) -> Void
    ) {
        undone.shrink(to: 0)
        stack.shrink(to: 0)
        stack.append(Frame(node: Int32(root), depth: 0, variable: -1, low: 0, high: 0))
        while stack.count > 0 {
            let frame = stack[stack.count - 1]
            stack.shrink(to: stack.count - 1)
            undo(undone, to: Int(frame.depth))
            if frame.variable >= 0 {
                let variable = Int(frame.variable)
                undone.append(Undone(variable: frame.variable, low: low[variable], high: high[variable]))
                (low[variable], high[variable]) = (frame.low, frame.high)
            }
            let node = grid.nodes[Int(frame.node)]
            if node.variable < 0 {
                body(Int(frame.node))
            } else {
                follow(Int(frame.node), node, Int32(undone.count), stack)
            }
            if leaves.count > Self.mostLeaves { break }
        }
        undo(undone, to: 0)
    }

    @inline(__always)
    private func undo(_ undone: TreePool<Undone>, to depth: Int) {
        while undone.count > depth {
            let last = undone[undone.count - 1]
            (low[Int(last.variable)], high[Int(last.variable)]) = (last.low, last.high)
            undone.shrink(to: undone.count - 1)
        }
    }

    private func follow(_ index: Int, _ node: TreeGrid.Node, _ depth: Int32, _ stack: TreePool<Frame>) {
        let variable = Int(node.variable)
        func push(_ child: Int32, _ low: Int32, _ high: Int32) {
            let isSame = low == self.low[variable] && high == self.high[variable]
            stack.append(
                Frame(node: child, depth: depth, variable: isSame ? -1 : node.variable, low: low, high: high))
        }
        if isHeld[variable] {
            let column = Int(grid.ensemble.nodes[index].column)
            let value = held.withUnsafeBufferPointer { grid.columnValue(column, row: $0) }
            push(grid.holds(index, value) ? node.whenTrue : node.whenFalse, low[variable], high[variable])
            return
        }
        if node.set >= 0 {
            followSet(index, node, push)
            return
        }
        let below = min(high[variable], opened(variable, upTo: node.cut - 1))
        let above = max(low[variable], opened(variable, from: node.cut))
        if low[variable] <= below { push(node.holdsBelow ? node.whenTrue : node.whenFalse, low[variable], below) }
        if above <= high[variable] { push(node.holdsBelow ? node.whenFalse : node.whenTrue, above, high[variable]) }
    }

    private func followSet(_ index: Int, _ node: TreeGrid.Node, _ push: (Int32, Int32, Int32) -> Void) {
        let variable = Int(node.variable)
        let words = grid.variables[variable].words
        let now = Int(low[variable])
        let (yes, no) = (sets.count, sets.count + words)
        sets.append(repeating: 0, 2 * words)
        for word in 0..<words {
            sets[yes + word] = sets[now + word] & grid.sets[Int(node.set) + word]
            sets[no + word] = sets[now + word] & ~grid.sets[Int(node.set) + word]
        }
        let own = grid.variables[variable].cells
        let (word, bit) = (own / 64, UInt64(1) << UInt64(own % 64))
        if sets[now + word] & bit != 0 {
            // why: a row outside all cells is none of the values that the set was made of.
            let column = Int(grid.ensemble.nodes[index].column)
            let value = held.withUnsafeBufferPointer { grid.columnValue(column, row: $0) }
            let holds = grid.holds(index, value)
            sets[(holds ? yes : no) + word] |= bit
            sets[(holds ? no : yes) + word] &= ~bit
        }
        for (place, child) in [(yes, node.whenTrue), (no, node.whenFalse)] {
            var (isSame, isEmpty) = (true, true)
            for word in 0..<words {
                if sets[place + word] != 0 { isEmpty = false }
                if sets[place + word] != sets[now + word] { isSame = false }
            }
            if !isEmpty { push(child, isSame ? Int32(now) : Int32(place), -1) }
        }
    }

    private func emit(_ node: Int, _ coefficients: [Double], _ radius: Double, _ undone: TreePool<Undone>) {
        let start = bounds.count
        var cost = 0.0
        for index in 0..<undone.count {
            let variable = undone[index].variable
            // why: the list is short, and a variable that is tested twice is in it twice.
            var place = bounds.count
            var isNew = true
            for other in start..<bounds.count where bounds[other].variable == variable { isNew = false }
            if !isNew { continue }
            let bound = Bound(variable: variable, low: low[Int(variable)], high: high[Int(variable)])
            cost = joined(cost, self.cost(Int(variable), bound.low, bound.high))
            bounds.append(bound)
            while place > start, bounds[place - 1].variable > variable {
                bounds[place] = bounds[place - 1]
                place -= 1
            }
            bounds[place] = bound
        }
        guard cost < radius else {
            bounds.shrink(to: start)
            return
        }
        var value = 0.0
        let ensemble = grid.ensemble
        for index in Int(ensemble.weightStart[node])..<Int(ensemble.weightStart[node + 1]) {
            let weight = ensemble.weights[index]
            value += coefficients[Int(weight.output)] * weight.value
        }
        leaves.append(Leaf(value: value, cost: cost, start: Int32(start), count: Int32(bounds.count - start)))
    }
}
