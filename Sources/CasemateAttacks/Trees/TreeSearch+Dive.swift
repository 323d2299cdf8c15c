extension TreeSearch {
    /// Chooses the best leaf of group after group, each among those that meet all chosen before it, the groups with most
    /// to lose first: a quick guess at leaves that meet, in the best box that waits. `nil` where they do not add up.
    func dive() -> Meeting? {
        guard let index = heap.peek() else { return nil }
        open(index)
        let (child, alive) = (child.values, alive.values)
        for word in 0..<problem.words { child[word] = alive[word] }
        for group in order() {
            guard let slot = best(of: group, child) else { return nil }
            chosen[group] = Int32(slot)
            let start = Int(problem.starts[slot])
            for place in start..<start + Int(problem.counts[slot]) { keep(region.bounds[place]) }
        }
        meetChosen()
        guard conflicts.count == 0 else { return nil }
        let meeting = meeting()
        return meeting.value >= needed ? meeting : nil
    }

    /// Groups by the range of their leaves, the widest first.
    private func order() -> [Int] {
        let ranges = (0..<problem.groups).map { group -> Double in
            let first = Int(problem.groupWord[group]) * 64
            var last = first
            for word in problem.wordRange(group) where problem.root[word] != 0 {
                last = word * 64 + 63 - problem.root[word].leadingZeroBitCount
            }
            return problem.values[first] - problem.values[last]
        }
        return ranges.indices.sorted { (ranges[$1], $0) < (ranges[$0], $1) }
    }

    /// Drops leaves that do not meet a bound.
    private func keep(_ bound: TreeRegion.Bound) {
        let variable = Int(bound.variable)
        if bound.high < 0 {
            narrow(to: problem.mask(variable, bound.low, 0))
            return
        }
        if bound.high < region.high[variable] { narrow(to: problem.mask(variable, bound.high, 0)) }
        if bound.low > region.low[variable] { narrow(to: problem.mask(variable, bound.low - 1, 1)) }
    }

    private func narrow(to mask: Int) {
        let (child, base) = (child.values, problem.maskBase + mask)
        for word in 0..<problem.words { child[word] &= base[word] }
    }
}
