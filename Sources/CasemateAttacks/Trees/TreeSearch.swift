/// Best-first search over boxes of cells: the box whose bound is best is cut at the comparison over which the best
/// leaves of its groups disagree most, until they agree.
///
/// In search of the nearest row, the bound of a box is the smallest radius at which the best leaves within reach, one a
/// group, could add up to what is needed. In search of the largest sum it is the sum of the best leaves. Both are exact
/// once the best leaves meet in the box.
/// Source: the idea of best-first search over overlapping leaves is Devos et al., "Versatile verification of tree
/// ensembles", ICML 2021; here boxes are cut at thresholds in conflict instead of choosing leaf after leaf.
final class TreeSearch {
    struct Node {
        let parent: Int32
        let variable: Int32, cell: Int32, side: Int32
        /// Smallest radius, or minus the largest sum.
        let key: Double
        /// Sum of the best leaves at that radius.
        let bound: Double
    }
    /// Where the best leaves of all groups meet.
    struct Meeting {
        /// Bounds of the variables that some of them bounds.
        let bounds: [TreeRegion.Bound]
        /// The cheapest cell of each variable that is bounded to a set.
        let cells: [Int: Int]
        /// Cost of the way there.
        let cost: Double
        /// Sum of the leaves.
        let value: Double
    }

    let problem: TreeProblem
    let region: TreeRegion
    /// The sum that a row of the other class has at least; minus infinity in search of the largest sum.
    let needed: Double
    let isNearest: Bool
    /// Whether costs of variables are added.
    let isSum: Bool
    let nodes = TreePool<Node>()
    var heap = TreeHeap()
    private let setBase: Int
    private let events = TreeEvents()
    var current: Int32 = 0

    // The box that is open: its leaves, those within its radius, the best of each group.
    let alive: Scratch<UInt64>, inReach: Scratch<UInt64>, child: Scratch<UInt64>
    let chosen: Scratch<Int32>
    let boxed: Scratch<Double>, childBoxed: Scratch<Double>
    /// First and last cell of each variable in the box; for sets the place in `region.sets`, and -1.
    let low: Scratch<Int32>, high: Scratch<Int32>
    var boxCost = 0.0
    /// Variables that the box narrows.
    let touched = TreePool<Int32>()
    private var reached = 0
    private let byCost: [Int32]
    private let ball: Scratch<UInt64>

    // Where the chosen leaves meet.
    let meetLow: Scratch<Int32>, meetHigh: Scratch<Int32>
    let meetStamp: Scratch<Int32>
    var stamp: Int32 = 0
    let met = TreePool<Int32>(), conflicts = TreePool<Int32>()
    /// Bounds of the chosen leaves, chained by variable from `firstHolder` on.
    let holders = TreePool<Holder>()
    let firstHolder: Scratch<Int32>
    let cells = TreePool<Int32>()
    /// In search of the largest sum, the largest that was met.
    var incumbent = -Double.infinity

    /// A group whose best leaf bounds a variable.
    struct Holder {
        let group: Int32, low: Int32, high: Int32, next: Int32
    }

    init(_ problem: TreeProblem, needed: Double, isNearest: Bool) {
        (self.problem, self.needed, self.isNearest) = (problem, needed, isNearest)
        region = problem.region
        setBase = problem.region.sets.count
        isSum = problem.region.isSum && isNearest
        let slots = problem.words * 64
        alive = Scratch(problem.words, filledWith: 0)
        inReach = Scratch(problem.words, filledWith: 0)
        child = Scratch(problem.words, filledWith: 0)
        ball = Scratch(problem.words, filledWith: 0)
        chosen = Scratch(problem.groups, filledWith: 0)
        boxed = Scratch(isSum ? slots : 0, filledWith: 0)
        childBoxed = Scratch(isSum ? slots : 0, filledWith: 0)
        let variables = region.low.count
        low = Scratch(variables, filledWith: 0)
        high = Scratch(variables, filledWith: 0)
        meetLow = Scratch(variables, filledWith: 0)
        meetHigh = Scratch(variables, filledWith: 0)
        meetStamp = Scratch(variables, filledWith: 0)
        firstHolder = Scratch(variables, filledWith: -1)
        for variable in 0..<variables {
            (low[variable], high[variable]) = (region.low[variable], region.high[variable])
        }
        var order: [Int32] = []
        if isNearest, !isSum {
            let costs = problem.costs
            order = (0..<Int32(slots)).filter { costs[Int($0)] < .infinity }
            order.sort { (costs[Int($0)], $0) < (costs[Int($1)], $1) }
        }
        byCost = order
    }

    /// Puts the whole region into the queue.
    func start(upper: Double) {
        let costs = problem.costs.values.baseAddress
        guard let found = bound(problem.root, costs: costs, from: 0, upper: upper) else { return }
        push(Node(parent: -1, variable: -1, cell: 0, side: 0, key: found.key, bound: found.bound))
    }

    func push(_ node: Node) {
        heap.push(key: node.key, tie: node.bound, item: Int32(nodes.count))
        nodes.append(node)
    }

    /// The best bound of all boxes that are left; `nil` when none is.
    var best: Double? { heap.first }

    // MARK: Bounds

    /// Smallest radius from `radius` on at which the best leaves of a box add up to what is needed, and their sum; for
    /// largest sums, minus the sum. `nil` where they do not below `upper`.
    func bound(
        _ leaves: Scratch<UInt64>, costs: UnsafeMutablePointer<Double>?, from radius: Double, upper: Double
    ) -> (key: Double, bound: Double)? {
        let (leaves, values) = (leaves.values, problem.values.values)
        guard let costs else { return problem.constant >= needed ? (radius, problem.constant) : nil }
        var sum = problem.constant
        if !isNearest {
            for group in 0..<problem.groups {
                guard let slot = best(of: group, leaves) else { return nil }
                sum += values[slot]
            }
            return -sum < upper ? (-sum, sum) : nil
        }
        events.removeAll()
        var radius = radius
        for group in 0..<problem.groups {
            var (pending, cheapest) = (-1, Double.infinity)
            var isInReach = false
            search: for word in problem.wordRange(group) {
                var bits = leaves[word]
                while bits != 0 {
                    let slot = word * 64 + bits.trailingZeroBitCount
                    bits &= bits - 1
                    let cost = costs[slot]
                    if cost >= cheapest { continue }
                    if pending >= 0 { events.append(cheapest, values[pending] - values[slot]) }
                    if cost <= radius {
                        sum += values[slot]
                        isInReach = true
                        break search
                    }
                    (pending, cheapest) = (slot, cost)
                }
            }
            if !isInReach {
                guard pending >= 0 else { return nil }
                sum += values[pending]
                radius = max(radius, cheapest)
            }
        }
        if radius >= upper { return nil }
        if sum >= needed { return (radius, sum) }
        guard let found = events.reach(needed - sum, below: upper) else { return nil }
        return (max(radius, found.cost), sum + found.gain)
    }

    @inline(__always)
    func best(of group: Int, _ leaves: UnsafeMutableBufferPointer<UInt64>) -> Int? {
        for word in problem.wordRange(group) where leaves[word] != 0 {
            return word * 64 + leaves[word].trailingZeroBitCount
        }
        return nil
    }

    // MARK: Opening a box

    /// Restores the leaves and bounds of a box and its best leaves.
    func open(_ index: Int32) {
        for position in 0..<touched.count {
            let variable = Int(touched[position])
            (low[variable], high[variable]) = (region.low[variable], region.high[variable])
        }
        touched.shrink(to: 0)
        region.sets.shrink(to: setBase)
        let (alive, words, nodes) = (alive.values, problem.words, nodes.base)
        for word in 0..<words { alive[word] = problem.root[word] }
        var index = Int(index)
        let key = nodes[index].key
        while nodes[index].parent >= 0 {
            let node = nodes[index]
            let variable = Int(node.variable)
            let mask = problem.mask(variable, node.cell, Int(node.side))
            let base = problem.maskBase + mask
            for word in 0..<words { alive[word] &= base[word] }
            if low[variable] == region.low[variable], high[variable] == region.high[variable] {
                touched.append(node.variable)
            }
            narrow(variable, node.cell, Int(node.side))
            index = Int(node.parent)
        }
        boxCost = 0
        for position in 0..<touched.count {
            let variable = Int(touched[position])
            boxCost = region.joined(boxCost, region.cost(variable, low[variable], high[variable]))
            if region.high[variable] < 0 { dropUnmet(variable, alive) }
        }
        if isSum { boxCosts() }
        reach(key)
        for group in 0..<problem.groups { chosen[group] = Int32(best(of: group, inReach.values) ?? -1) }
    }

    private func narrow(_ variable: Int, _ cell: Int32, _ side: Int) {
        let (low, high) = (low.values, high.values)
        if region.high[variable] >= 0 {
            if side == 0 {
                high[variable] = min(high[variable], region.opened(variable, upTo: cell))
            } else {
                low[variable] = max(low[variable], region.opened(variable, from: cell + 1))
            }
            return
        }
        let words = region.grid.variables[variable].words
        if low[variable] == region.low[variable] {
            let place = region.sets.count
            region.sets.append(repeating: 0, words)
            for word in 0..<words { region.sets[place + word] = region.sets[Int(low[variable]) + word] }
            low[variable] = Int32(place)
        }
        for word in 0..<words {
            let set = region.sets[Int(cell) + word]
            region.sets[Int(low[variable]) + word] &= side == 0 ? set : ~set
        }
    }

    /// Drops leaves whose set does not meet the box's, which single cuts cannot tell.
    private func dropUnmet(_ variable: Int, _ leaves: UnsafeMutableBufferPointer<UInt64>) {
        let words = region.grid.variables[variable].words
        for index in Int(problem.entryStart[variable])..<Int(problem.entryStart[variable + 1]) {
            let entry = problem.entries[index]
            var meets = false
            for word in 0..<words where region.sets[Int(entry.low) + word] & region.sets[Int(low[variable]) + word] != 0
            {
                meets = true
            }
            if !meets { leaves[Int(entry.slot) / 64] &= ~(1 << UInt64(entry.slot % 64)) }
        }
    }

    /// Costs of the leaves inside the box, where costs of variables are added.
    private func boxCosts() {
        for slot in 0..<problem.words * 64 { boxed[slot] = problem.costs[slot] }
        for position in 0..<touched.count {
            let variable = Int(touched[position])
            shift(boxed, variable, from: 0, to: region.cost(variable, low[variable], high[variable]))
        }
    }

    /// Raises the least cost of a variable in all leaves.
    func shift(_ costs: Scratch<Double>, _ variable: Int, from before: Double, to after: Double) {
        if after <= before { return }
        for slot in 0..<problem.words * 64 { costs[slot] += after - before }
        for index in Int(problem.entryStart[variable])..<Int(problem.entryStart[variable + 1]) {
            let entry = problem.entries[index]
            let own = region.cost(variable, entry.low, entry.high)
            costs[Int(entry.slot)] += (max(own, after) - max(own, before)) - (after - before)
        }
    }

    /// The leaves of the box within a radius.
    private func reach(_ radius: Double) {
        if !isNearest {
            for word in 0..<problem.words { inReach[word] = alive[word] }
        } else if isSum {
            for word in 0..<problem.words {
                var (bits, kept) = (alive[word], alive[word])
                while bits != 0 {
                    let bit = bits.trailingZeroBitCount
                    bits &= bits - 1
                    if boxed[word * 64 + bit] > radius { kept &= ~(1 << UInt64(bit)) }
                }
                inReach[word] = kept
            }
        } else {
            // why: boxes come in the order of their radius, so leaves only ever come into reach.
            while reached < byCost.count, problem.costs[Int(byCost[reached])] <= radius {
                ball[Int(byCost[reached]) / 64] |= 1 << UInt64(byCost[reached] % 64)
                reached += 1
            }
            for word in 0..<problem.words { inReach[word] = alive[word] & ball[word] }
        }
    }
}

/// Gains that come within reach at a cost.
final class TreeEvents {
    private let costs = TreePool<Double>(), gains = TreePool<Double>()

    func removeAll() {
        costs.shrink(to: 0)
        gains.shrink(to: 0)
    }
    @inline(__always)
    func append(_ cost: Double, _ gain: Double) {
        costs.append(cost)
        gains.append(gain)
    }

    /// The smallest cost below `limit` up to which the gains are at least `deficit`, and those gains; `nil` where there
    /// is none. Selection by halves, without sorting all.
    func reach(_ deficit: Double, below limit: Double) -> (cost: Double, gain: Double)? {
        var (first, end) = (0, costs.count)
        var sum = 0.0
        while first < end {
            let pivot = costs[first + (end - first) / 2]
            var (less, scan, more, gain, equal) = (first, first, end, 0.0, 0.0)
            while scan < more {
                let cost = costs[scan]
                if cost < pivot {
                    gain += gains[scan]
                    swap(scan, less)
                    less += 1
                    scan += 1
                } else if cost > pivot {
                    more -= 1
                    swap(scan, more)
                } else {
                    equal += gains[scan]
                    scan += 1
                }
            }
            if sum + gain >= deficit {
                end = less
            } else if sum + gain + equal >= deficit {
                return pivot < limit ? (pivot, sum + gain + equal) : nil
            } else {
                sum += gain + equal
                first = more
            }
        }
        return nil
    }

    @inline(__always)
    private func swap(_ one: Int, _ other: Int) {
        (costs[one], costs[other]) = (costs[other], costs[one])
        (gains[one], gains[other]) = (gains[other], gains[one])
    }
}

/// A queue of boxes, the smallest key first, among equal ones the smallest tie.
struct TreeHeap {
    private struct Entry {
        var key: Double, tie: Double
        var item: Int32
        func isBefore(_ other: Entry) -> Bool {
            key != other.key ? key < other.key : tie != other.tie ? tie < other.tie : item < other.item
        }
    }
    private var entries: [Entry] = []

    var first: Double? { entries.first?.key }
    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// The item that `pop` would give.
    func peek() -> Int32? { entries.first?.item }

    mutating func push(key: Double, tie: Double, item: Int32) {
        let entry = Entry(key: key, tie: tie, item: item)
        entries.append(entry)
        var index = entries.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.isBefore(entries[parent]) else { break }
            entries[index] = entries[parent]
            index = parent
        }
        entries[index] = entry
    }

    mutating func pop() -> Int32? {
        guard let top = entries.first, let last = entries.popLast() else { return nil }
        if entries.isEmpty { return top.item }
        var index = 0
        while true {
            var child = 2 * index + 1
            if child >= entries.count { break }
            if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(last) else { break }
            entries[index] = entries[child]
            index = child
        }
        entries[index] = last
        return top.item
    }
}
