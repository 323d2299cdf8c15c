extension TreeSearch {
    /// A way to cut a box in two.
    struct Cut {
        var variable = -1
        var cell: Int32 = 0
        var score = -1.0
    }

    /// Intersects the best leaves of all groups, and lists the variables over which they disagree.
    func meetChosen() {
        stamp += 1
        met.shrink(to: 0)
        holders.shrink(to: 0)
        let (meetLow, meetHigh, firstHolder) = (meetLow.values, meetHigh.values, firstHolder.values)
        for position in 0..<touched.count { enter(Int(touched[position])) }
        let bounds = region.bounds.base
        for group in 0..<problem.groups {
            let slot = Int(chosen[group])
            if slot < 0 { continue }
            let start = Int(problem.starts[slot])
            for index in start..<start + Int(problem.counts[slot]) {
                let bound = bounds[index]
                let variable = Int(bound.variable)
                if meetStamp[variable] != stamp { enter(variable) }
                holders.append(
                    Holder(group: Int32(group), low: bound.low, high: bound.high, next: firstHolder[variable]))
                firstHolder[variable] = Int32(holders.count - 1)
                if bound.high >= 0 {
                    meetLow[variable] = max(meetLow[variable], bound.low)
                    meetHigh[variable] = min(meetHigh[variable], bound.high)
                } else {
                    intersect(variable, bound.low)
                }
            }
        }
        conflicts.shrink(to: 0)
        for position in 0..<met.count {
            let variable = Int(met[position])
            let isEmpty =
                meetHigh[variable] < 0
                ? isEmptySet(variable, meetLow[variable]) : meetLow[variable] > meetHigh[variable]
            if isEmpty { conflicts.append(met[position]) }
        }
    }

    private func enter(_ variable: Int) {
        meetStamp[variable] = stamp
        met.append(Int32(variable))
        firstHolder[variable] = -1
        (meetLow[variable], meetHigh[variable]) = (low[variable], high[variable])
        if high[variable] < 0 { meetLow[variable] = copied(low[variable], variable) }
    }

    private func intersect(_ variable: Int, _ place: Int32) {
        let sets = region.sets.base
        for word in 0..<region.grid.variables[variable].words {
            sets[Int(meetLow[variable]) + word] &= sets[Int(place) + word]
        }
    }

    private func copied(_ place: Int32, _ variable: Int) -> Int32 {
        let words = region.grid.variables[variable].words
        let copy = region.sets.count
        region.sets.append(repeating: 0, words)
        for word in 0..<words { region.sets[copy + word] = region.sets[Int(place) + word] }
        return Int32(copy)
    }

    private func isEmptySet(_ variable: Int, _ place: Int32) -> Bool {
        (0..<region.grid.variables[variable].words).allSatisfy { region.sets[Int(place) + $0] == 0 }
    }

    // MARK: Choosing a cut

    /// The cut after which the best leaves lose most on both sides, over variables in conflict.
    func bestCut(sum: Double) -> Cut {
        var best = Cut()
        let need = max(sum - (isNearest ? needed : max(needed, incumbent)), 1e-12 * (1 + abs(sum)))
        for position in 0..<conflicts.count {
            let variable = Int(conflicts[position])
            listCells(variable)
            for index in 0..<cells.count { consider(variable, cells[index], need, &best) }
        }
        return best
    }

    /// Where a variable may be cut between best leaves that disagree, ascending; for sets the leaves' sets.
    private func listCells(_ variable: Int) {
        cells.shrink(to: 0)
        let holders = holders.base
        var next = Int(firstHolder[variable])
        if region.high[variable] < 0 {
            while next >= 0 {
                if divides(variable, holders[next].low) { cells.append(holders[next].low) }
                next = Int(holders[next].next)
            }
            return
        }
        var (firstEnd, lastStart) = (high[variable], low[variable])
        while next >= 0 {
            firstEnd = min(firstEnd, holders[next].high)
            lastStart = max(lastStart, holders[next].low)
            next = Int(holders[next].next)
        }
        next = Int(firstHolder[variable])
        while next >= 0 {
            if holders[next].high < lastStart { insert(holders[next].high) }
            if holders[next].low > firstEnd { insert(holders[next].low - 1) }
            next = Int(holders[next].next)
        }
    }

    /// Whether a set has some of the open cells of a variable and leaves some out.
    private func divides(_ variable: Int, _ set: Int32) -> Bool {
        var (inside, outside): (UInt64, UInt64) = (0, 0)
        for word in 0..<region.grid.variables[variable].words {
            let open = region.sets[Int(low[variable]) + word]
            inside |= open & region.sets[Int(set) + word]
            outside |= open & ~region.sets[Int(set) + word]
        }
        return inside != 0 && outside != 0
    }

    private func insert(_ cell: Int32) {
        var place = cells.count
        while place > 0, cells[place - 1] >= cell {
            if cells[place - 1] == cell { return }
            place -= 1
        }
        cells.append(cell)
        let base = cells.base
        var index = cells.count - 1
        while index > place {
            base[index] = base[index - 1]
            index -= 1
        }
        base[place] = cell
    }

    private func consider(_ variable: Int, _ cell: Int32, _ need: Double, _ best: inout Cut) {
        let isSet = region.high[variable] < 0
        var losses = (0.0, 0.0)
        let (left, right) = (problem.mask(variable, cell, 0), problem.mask(variable, cell, 1))
        let (base, holders) = (problem.maskBase, holders.base)
        var next = Int(firstHolder[variable])
        while next >= 0 {
            let holder = holders[next]
            next = Int(holder.next)
            if isSet || holder.low > cell { losses.0 += loss(Int(holder.group), base + left) }
            if isSet || holder.high <= cell { losses.1 += loss(Int(holder.group), base + right) }
        }
        let (one, other) = (min(losses.0 / need, 1.5), min(losses.1 / need, 1.5))
        let score = max(one, 1e-3) * max(other, 1e-3)
        if score > best.score { best = Cut(variable: variable, cell: cell, score: score) }
    }

    /// What the best leaf of a group loses under a mask.
    @inline(__always)
    private func loss(_ group: Int, _ mask: UnsafeMutablePointer<UInt64>) -> Double {
        for word in problem.wordRange(group) {
            let bits = inReach[word] & mask[word]
            if bits != 0 {
                return problem.values[Int(chosen[group])] - problem.values[word * 64 + bits.trailingZeroBitCount]
            }
        }
        return .infinity
    }

    /// A cut between what the box costs and what the way to where its best leaves meet costs, over the variable that
    /// makes most of the difference.
    private func dearestCut() -> Cut? {
        var best: Cut?
        var most = 0.0
        for position in 0..<met.count {
            let variable = Int(met[position])
            let more =
                region.cost(variable, meetLow[variable], meetHigh[variable])
                - region.cost(variable, low[variable], high[variable])
            guard more > most else { continue }
            if meetHigh[variable] >= 0 {
                let own = region.row?.own[variable] ?? 0
                let cell = meetLow[variable] > own ? meetLow[variable] - 1 : meetHigh[variable]
                (best, most) = (Cut(variable: variable, cell: cell), more)
                continue
            }
            var next = Int(firstHolder[variable])
            while next >= 0 {
                let set = holders[next].low
                next = Int(holders[next].next)
                if divides(variable, set) { (best, most) = (Cut(variable: variable, cell: set), more) }
            }
        }
        return best
    }

    /// A cut between two leaves of one group, where the best leaves meet and the answer is not what was hoped for.
    private func anyCut() -> Cut? {
        for group in 0..<problem.groups {
            let slot = Int(chosen[group])
            guard slot >= 0 else { continue }
            for word in problem.wordRange(group) {
                var bits = alive[word]
                while bits != 0 {
                    let other = word * 64 + bits.trailingZeroBitCount
                    bits &= bits - 1
                    if other != slot, let cut = cut(between: slot, other) { return cut }
                }
            }
        }
        return nil
    }

    private func cut(between one: Int, _ other: Int) -> Cut? {
        let bounds = region.bounds
        for index in Int(problem.starts[one])..<Int(problem.starts[one] + problem.counts[one]) {
            for against in Int(problem.starts[other])..<Int(problem.starts[other] + problem.counts[other])
            where bounds[index].variable == bounds[against].variable {
                let (first, second) = (bounds[index], bounds[against])
                let variable = Int(first.variable)
                if first.high >= 0 {
                    if first.high < second.low { return Cut(variable: variable, cell: first.high) }
                    if second.high < first.low { return Cut(variable: variable, cell: second.high) }
                } else if (0..<region.grid.variables[variable].words).allSatisfy({
                    region.sets[Int(first.low) + $0] & region.sets[Int(second.low) + $0] == 0
                }) {
                    return Cut(variable: variable, cell: first.low)
                }
            }
        }
        return nil
    }

    // MARK: Stepping

    /// What a step found.
    enum Step {
        /// The box was cut, or closed.
        case went
        /// The best leaves of the best box meet.
        case met(Meeting)
        /// No box is left.
        case done
    }

    /// Takes the best box from the queue and cuts it; where its best leaves meet, it stays open for `split`.
    func step(upper: Double) -> Step {
        problem.trimMasks()
        guard let index = heap.pop() else { return .done }
        current = index
        open(index)
        meetChosen()
        if conflicts.count == 0 { return .met(meeting()) }
        divide(bestCut(sum: chosenSum()), upper: upper)
        return .went
    }

    /// Cuts the box that `step` left open although its best leaves meet; a box that has no cut is closed.
    func split(upper: Double) {
        if let cut = dearestCut() ?? anyCut() { divide(cut, upper: upper) }
    }

    private func chosenSum() -> Double {
        var sum = problem.constant
        for group in 0..<problem.groups where chosen[group] >= 0 { sum += problem.values[Int(chosen[group])] }
        return sum
    }

    func meeting() -> Meeting {
        var cost = 0.0
        var bounds: [TreeRegion.Bound] = []
        var cells: [Int: Int] = [:]
        for position in 0..<met.count {
            let variable = Int(met[position])
            bounds.append(
                TreeRegion.Bound(variable: met[position], low: meetLow[variable], high: meetHigh[variable]))
            if meetHigh[variable] < 0 { cells[variable] = region.cheapest(variable, meetLow[variable]).cell }
            cost = region.joined(cost, region.cost(variable, meetLow[variable], meetHigh[variable]))
        }
        return Meeting(bounds: bounds, cells: cells, cost: cost, value: chosenSum())
    }

    private func divide(_ cut: Cut, upper: Double) {
        let parent = nodes[Int(current)]
        let (variable, isSet) = (cut.variable, region.high[cut.variable] < 0)
        let before = region.cost(variable, low[variable], high[variable])
        for side in 0...1 {
            guard let (newLow, newHigh) = isSet ? part(cut, side) : half(cut, side) else { continue }
            let mask = problem.mask(variable, cut.cell, side)
            let base = problem.maskBase + mask
            let (child, alive) = (child.values, alive.values)
            for word in 0..<problem.words { child[word] = alive[word] & base[word] }
            let after = region.cost(variable, newLow, newHigh)
            var costs = problem.costs
            if isSum {
                costs = childBoxed
                for slot in 0..<problem.words * 64 { costs[slot] = boxed[slot] }
                shift(costs, variable, from: before, to: after)
            }
            let whole = isSum ? boxCost - before + after : max(boxCost, after)
            let start = isNearest ? max(parent.key, whole) : 0
            let found = bound(self.child, costs: costs.values.baseAddress, from: start, upper: upper)
            guard let found else { continue }
            push(
                Node(
                    parent: current, variable: Int32(variable), cell: cut.cell, side: Int32(side), key: found.key,
                    bound: found.bound))
        }
    }

    private func half(_ cut: Cut, _ side: Int) -> (Int32, Int32)? {
        let (low, high) = (low[cut.variable], high[cut.variable])
        if side == 0 {
            let end = min(high, region.opened(cut.variable, upTo: cut.cell))
            return low <= end ? (low, end) : nil
        }
        let start = max(low, region.opened(cut.variable, from: cut.cell + 1))
        return start <= high ? (start, high) : nil
    }

    private func part(_ cut: Cut, _ side: Int) -> (Int32, Int32)? {
        let place = copied(low[cut.variable], cut.variable)
        let sets = region.sets.base
        for word in 0..<region.grid.variables[cut.variable].words {
            let set = sets[Int(cut.cell) + word]
            sets[Int(place) + word] &= side == 0 ? set : ~set
        }
        return isEmptySet(cut.variable, place) ? nil : (place, -1)
    }
}
