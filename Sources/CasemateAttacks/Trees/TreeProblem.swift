/// Groups of leaves laid out for a search: bits in words, the best leaf of each group in its lowest bit.
final class TreeProblem {
    /// A leaf's bound on one variable.
    struct Entry {
        let slot: Int32, low: Int32, high: Int32
    }
    let region: TreeRegion
    /// First word of each group, with the end behind the last.
    let groupWord: Scratch<Int32>
    /// Number of groups.
    let groups: Int
    /// Words of bits.
    let words: Int
    /// Value and cost of each bit's leaf.
    let values: Scratch<Double>, costs: Scratch<Double>
    /// Bounds of each bit's leaf in `region.bounds`.
    let starts: Scratch<Int32>, counts: Scratch<Int32>
    /// Bits that stand for leaves.
    let root: Scratch<UInt64>
    /// Leaves that bound a variable.
    let entries: Scratch<Entry>
    /// Where those of each variable begin.
    let entryStart: [Int32]
    /// Sum of what is the same everywhere.
    let constant: Double

    // Masks, made when they are first asked for.
    private let masks = TreePool<UInt64>()
    private let halfLines: Scratch<Int32>
    private var sets: [Int64: Int32] = [:]

    init(_ region: TreeRegion, groups: [[TreeRegion.Leaf]], constant: Double) {
        (self.region, self.constant) = (region, constant)
        groupWord = Scratch(groups.count + 1, filledWith: 0)
        for (index, group) in groups.enumerated() {
            groupWord[index + 1] = groupWord[index] + Int32((group.count + 63) / 64)
        }
        words = Int(groupWord[groups.count])
        let slots = words * 64
        values = Scratch(slots, filledWith: -.infinity)
        costs = Scratch(slots, filledWith: .infinity)
        starts = Scratch(slots, filledWith: 0)
        counts = Scratch(slots, filledWith: 0)
        root = Scratch(words, filledWith: 0)
        var total = 0
        var entryStart = [Int32](repeating: 0, count: region.grid.variables.count + 1)
        for (index, group) in groups.enumerated() {
            for (position, leaf) in group.enumerated() {
                let slot = Int(groupWord[index]) * 64 + position
                (values[slot], costs[slot]) = (leaf.value, leaf.cost)
                (starts[slot], counts[slot]) = (leaf.start, leaf.count)
                root[slot / 64] |= 1 << UInt64(slot % 64)
                total += Int(leaf.count)
                for bound in Int(leaf.start)..<Int(leaf.start + leaf.count) {
                    entryStart[Int(region.bounds[bound].variable) + 1] += 1
                }
            }
        }
        for variable in region.grid.variables.indices { entryStart[variable + 1] += entryStart[variable] }
        entries = Scratch(total, filledWith: Entry(slot: 0, low: 0, high: 0))
        var next = entryStart
        for slot in 0..<slots {
            for index in Int(starts[slot])..<Int(starts[slot] + counts[slot]) {
                let bound = region.bounds[index]
                entries[Int(next[Int(bound.variable)])] = Entry(slot: Int32(slot), low: bound.low, high: bound.high)
                next[Int(bound.variable)] += 1
            }
        }
        self.entryStart = entryStart
        self.groups = groups.count
        halfLines = Scratch(2 * region.grid.cellStart[region.grid.cellStart.count - 1], filledWith: -1)
    }

    /// Words of a group.
    @inline(__always)
    func wordRange(_ group: Int) -> Range<Int> { Int(groupWord[group])..<Int(groupWord[group + 1]) }

    /// Leaves that remain when a variable is cut: on the side of the cells up to `cell` (side 0), or from `cell + 1`
    /// on (side 1); for sets, inside the set at `cell` (side 0) or outside (side 1). A place behind `maskBase`.
    @inline(__always)
    func mask(_ variable: Int, _ cell: Int32, _ side: Int) -> Int {
        if region.high[variable] < 0 { return setMask(variable, cell, side) }
        let place = 2 * (region.grid.cellStart[variable] + Int(cell)) + side
        if halfLines[place] < 0 { halfLines[place] = Int32(halfLine(variable, cell, side)) }
        return Int(halfLines[place])
    }
    /// Forgets all masks once they take more than 64 MiB.
    func trimMasks() {
        guard masks.count > 1 << 23 else { return }
        masks.shrink(to: 0)
        sets = [:]
        halfLines.values.update(repeating: -1)
    }

    /// Where masks lie; moves when a mask is made.
    @inline(__always)
    var maskBase: UnsafeMutablePointer<UInt64> { masks.base }

    private func halfLine(_ variable: Int, _ cell: Int32, _ side: Int) -> Int {
        let place = masks.count
        masks.append(repeating: 0, words)
        for word in 0..<words { masks[place + word] = root[word] }
        for index in Int(entryStart[variable])..<Int(entryStart[variable + 1]) {
            let entry = entries[index]
            let dies = side == 0 ? entry.low > cell : entry.high <= cell
            if dies { masks[place + Int(entry.slot) / 64] &= ~(1 << UInt64(entry.slot % 64)) }
        }
        return place
    }

    private func setMask(_ variable: Int, _ set: Int32, _ side: Int) -> Int {
        let key = Int64(set) << 1 | Int64(side)
        if let known = sets[key] { return Int(known) }
        let place = masks.count
        masks.append(repeating: 0, words)
        for word in 0..<words { masks[place + word] = root[word] }
        for index in Int(entryStart[variable])..<Int(entryStart[variable + 1]) {
            let entry = entries[index]
            var meets = false
            for word in 0..<region.grid.variables[variable].words {
                let inside = region.sets[Int(set) + word]
                if region.sets[Int(entry.low) + word] & (side == 0 ? inside : ~inside) != 0 { meets = true }
            }
            if !meets { masks[place + Int(entry.slot) / 64] &= ~(1 << UInt64(entry.slot % 64)) }
        }
        sets[key] = Int32(place)
        return place
    }
}
