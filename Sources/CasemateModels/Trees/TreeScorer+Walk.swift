extension TreeScorer {
    /// Adds all trees for the rows of a tile into `scratch.sums`.
    func add(_ count: Int, _ scratch: borrowing TreeScratch) {
        let form = ensemble.form
        for output in 0..<form.outputs {
            let hasBase = form.convention == .boosting && !form.base.isEmpty
            let base = hasBase ? ensemble.rounded(form.base[output]) : 0
            (scratch.sums + output * tileRows).update(repeating: base, count: tileRows)
        }
        values.withUnsafeBufferPointer { values in
            for plan in plans {
                walk(plan, count, scratch)
                guard plan.output >= 0 else {
                    spread(count, scratch)
                    continue
                }
                let sums = scratch.sums + Int(plan.output) * tileRows
                if form.isDouble {
                    for row in 0..<count { sums[row] += values[Int(scratch.found[row])] }
                } else {
                    // why: the sum of two float32 in float64, rounded once, is their float32 sum.
                    for row in 0..<count { sums[row] = Double(Float(sums[row] + values[Int(scratch.found[row])])) }
                }
            }
        }
    }

    /// Adds leaves that have any number of weights.
    private func spread(_ count: Int, _ scratch: borrowing TreeScratch) {
        for row in 0..<count {
            for weight in ensemble.weights(ofNode: Int(scratch.found[row])) {
                let cell = Int(weight.output) * tileRows + row
                scratch.sums[cell] = ensemble.rounded(scratch.sums[cell] + weight.value)
            }
        }
    }

    /// Finds the leaf of each row of a tile.
    func walk(_ plan: Plan, _ count: Int, _ scratch: borrowing TreeScratch) {
        if plan.isOdd { return walkOdd(plan, count, scratch) }
        cells.withUnsafeBufferPointer { cells in
            guard let cells = cells.baseAddress else { return }
            for row in stride(from: 0, to: count, by: 8) {
                Self.walk(
                    cells, UnsafePointer(scratch.tile + row), root: plan.root, depth: Int(plan.depth),
                    scratch.found + row)
            }
        }
    }

    /// One step of one row, without a branch.
    @inline(__always)
    private static func step(
        _ cells: UnsafePointer<Cell>, _ tile: UnsafePointer<Float>, _ at: UInt32, _ lane: Int
    ) -> UInt32 {
        let cell = cells[Int(at)]
        return tile[Int(cell.offset) + lane] <= cell.threshold ? cell.yes : cell.no
    }

    /// Eight rows down one tree. A short tree is walked to its full depth; in a deep one the walk ends where all rows
    /// have stood still.
    private static func walk(
        _ cells: UnsafePointer<Cell>, _ tile: UnsafePointer<Float>, root: UInt32, depth: Int,
        _ found: UnsafeMutablePointer<UInt32>
    ) {
        var (a, b, c, d, e, f, g, h) = (root, root, root, root, root, root, root, root)
        var left = depth
        while left > 0 {
            for _ in 0..<min(left, 4) {
                a = step(cells, tile, a, 0)
                b = step(cells, tile, b, 1)
                c = step(cells, tile, c, 2)
                d = step(cells, tile, d, 3)
                e = step(cells, tile, e, 4)
                f = step(cells, tile, f, 5)
                g = step(cells, tile, g, 6)
                h = step(cells, tile, h, 7)
            }
            left -= 4
            if left <= 0 { break }
            // why: only a leaf leads to itself.
            let isDone =
                (a ^ cells[Int(a)].yes) | (b ^ cells[Int(b)].yes) | (c ^ cells[Int(c)].yes)
                | (d ^ cells[Int(d)].yes) | (e ^ cells[Int(e)].yes) | (f ^ cells[Int(f)].yes)
                | (g ^ cells[Int(g)].yes) | (h ^ cells[Int(h)].yes)
            if isDone == 0 { break }
        }
        (found[0], found[1], found[2], found[3]) = (a, b, c, d)
        (found[4], found[5], found[6], found[7]) = (e, f, g, h)
    }

    /// The same for trees with other tests than by size, row by row.
    private func walkOdd(_ plan: Plan, _ count: Int, _ scratch: borrowing TreeScratch) {
        let tile = UnsafePointer(scratch.tile)
        cells.withUnsafeBufferPointer { cells in
            guard let cells = cells.baseAddress else { return }
            for row in 0..<count {
                var at = plan.root
                while cells[Int(at)].yes != at {
                    let cell = cells[Int(at)]
                    // why: the cell of an odd test compares with nothing.
                    if cell.threshold.isNaN {
                        at = holds(Int(at), tile[Int(cell.offset) + row]) ? cell.yes : cell.no
                    } else {
                        at = Self.step(cells, tile, at, row)
                    }
                }
                scratch.found[row] = at
            }
        }
    }

    /// Whether a value goes the way of `whenTrue` at an odd node.
    @inline(__always)
    private func holds(_ index: Int, _ value: Float) -> Bool {
        let node = ensemble.nodes[index]
        guard node.mode == .member, !value.isNaN else { return ensemble.holds(node, value) }
        let (start, end) = (setStart[Int(node.set)], setStart[Int(node.set) + 1])
        guard value >= 0, value < Float((end - start) * 32) else { return false }
        let number = Int(value)
        return setWords[start + number >> 5] >> UInt32(number & 31) & 1 == 1
    }
}
