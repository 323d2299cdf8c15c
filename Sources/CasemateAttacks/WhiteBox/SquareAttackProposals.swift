import CasemateCore

/// Draws the points that Square asks about, from the best point of each lane.
final class SquareAttackProposals {
    private let lanes: MinimumNormLanes, set: PerturbationSet, box: MinimumNormBox
    private let grid: SquareAttackGrid, epsilon: Double, size: Int
    private let best: Scratch<Float>
    /// The perturbation of the lane in work, for L2 and L1.
    private let change: Scratch<Float>

    init(_ lanes: MinimumNormLanes, _ set: PerturbationSet, epsilon: Double) {
        (self.lanes, self.set, self.epsilon, size) = (lanes, set, epsilon, lanes.size)
        box = MinimumNormBox(set)
        grid = SquareAttackGrid(shape: lanes.problem.shape)
        best = Scratch(lanes.samples.count * lanes.size, filledWith: 0)
        change = Scratch(lanes.size, filledWith: 0)
    }

    /// Keeps the point of a lane as the one to go on from.
    func accept(_ lane: Int) {
        let (row, point) = (best.row(lane, size), lanes.point(lane))
        for index in 0..<size { row[index] = point[index] }
    }

    /// L∞: stripes one column wide with a sign each; L2 and L1: bumps side by side over the whole plane.
    func start(_ lane: Int, using generator: inout SeededGenerator) {
        if set.norm == .linf { return startStripes(lane, &generator) }
        change.values.update(repeating: 0)
        let (rows, columns) = (max(1, grid.height / 5), max(1, grid.width / 5))
        let (down, across) = (grid.height / rows, grid.width / columns)
        let (top, left) = ((grid.height - down * rows) / 2, (grid.width - across * columns) / 2)
        for tile in 0..<down * across {
            let window = SquareAttackWindow(
                top: top + tile / across * rows, left: left + tile % across * columns, rows: rows, columns: columns)
            let bump = SquareAttackBump.pattern(
                rows: rows, columns: columns, norm: set.norm, using: &generator)
            for channel in 0..<grid.channels {
                let sign: Float = generator.next() >> 63 == 1 ? 1 : -1
                var position = 0
                window.forEach(channel, grid) { offset in
                    change[offset] += sign * bump[position]
                    position += 1
                }
            }
        }
        writeStretched(lane)
    }

    /// Changes the best point in one window.
    func propose(_ lane: Int, share: Double, using generator: inout SeededGenerator) {
        if set.norm == .linf {
            let (rows, columns) = grid.window(share: share, fewest: 1)
            let window = SquareAttackWindow(rows: rows, columns: columns, in: grid, using: &generator)
            proposeSigns(lane, window, &generator)
        } else {
            // why: three is the published least; on a plane of a few values it would be most of it
            let sides = grid.window(share: share, fewest: max(grid.height, grid.width) < 9 ? 1 : 3)
            let (rows, columns) = (Self.odd(sides.rows, grid.height), Self.odd(sides.columns, grid.width))
            let window = SquareAttackWindow(rows: rows, columns: columns, in: grid, using: &generator)
            let cleared = SquareAttackWindow(rows: rows, columns: columns, in: grid, using: &generator)
            proposeBump(lane, window, cleared, &generator)
        }
    }

    /// The next odd number, or the one before where the plane ends.
    private static func odd(_ side: Int, _ limit: Int) -> Int {
        side % 2 == 1 ? side : side < limit ? side + 1 : max(1, side - 1)
    }

    private func startStripes(_ lane: Int, _ generator: inout SeededGenerator) {
        let (point, original, radius) = (lanes.point(lane), lanes.original(lane), Float(epsilon))
        for channel in 0..<grid.channels {
            for column in 0..<grid.width {
                let push = generator.next() >> 63 == 1 ? radius : -radius
                for row in 0..<grid.height {
                    let offset = grid.offset(channel, row, column)
                    point[offset] = box.clip(original[offset] + push)
                }
            }
        }
    }

    /// Sets a window to plus or minus epsilon, one sign a channel; draws again where that changes nothing.
    private func proposeSigns(_ lane: Int, _ window: SquareAttackWindow, _ generator: inout SeededGenerator) {
        let (point, original, radius) = (lanes.point(lane), lanes.original(lane), Float(epsilon))
        let row = best.row(lane, size)
        for index in 0..<size { point[index] = row[index] }
        for _ in 0..<16 {
            var largest: Float = 0
            for channel in 0..<grid.channels {
                let push = generator.next() >> 63 == 1 ? radius : -radius
                window.forEach(channel, grid) { offset in
                    let value = box.clip(original[offset] + push)
                    largest = max(largest, abs(value - row[offset]))
                    point[offset] = value
                }
            }
            // why: the session's exact projection moves values by a rounding, which is no change
            if largest > 1e-3 * radius { return }
        }
    }

    /// Moves what a second window and the budget not yet spent hold into the first one, as a bump on what is there.
    private func proposeBump(
        _ lane: Int, _ window: SquareAttackWindow, _ cleared: SquareAttackWindow, _ generator: inout SeededGenerator
    ) {
        let (original, row) = (lanes.original(lane), best.row(lane, size))
        var total = 0.0
        for index in 0..<size {
            change[index] = row[index] - original[index]
            total += mass(change[index])
        }
        let bump = SquareAttackBump.pattern(
            rows: window.rows, columns: window.columns, norm: set.norm, using: &generator)
        let radius = set.norm == .l1 ? epsilon : epsilon * epsilon
        let unspent = max(radius - total, 0) / Double(grid.channels)
        let shared = window.overlap(cleared)
        for channel in 0..<grid.channels {
            let sign: Float = generator.next() >> 63 == 1 ? 1 : -1
            let inside = mass(window, channel)
            let held = inside + mass(cleared, channel) - (shared.map { mass($0, channel) } ?? 0)
            let values = mixed(bump, sign, window, channel, inside)
            let mixedMass = values.reduce(0) { $0 + mass($1) }
            let scale = Float(length(unspent + max(held, 0)) / (1e-12 + length(mixedMass)))
            cleared.forEach(channel, grid) { change[$0] = 0 }
            var position = 0
            window.forEach(channel, grid) { offset in
                change[offset] = scale * values[position]
                position += 1
            }
        }
        writeStretched(lane)
    }

    /// A bump with a sign, added to what a window holds, both of norm 1.
    private func mixed(
        _ bump: [Float], _ sign: Float, _ window: SquareAttackWindow, _ channel: Int, _ inside: Double
    ) -> [Float] {
        let old = Float(1 / (1e-12 + length(inside)))
        var values = bump
        var position = 0
        window.forEach(channel, grid) { offset in
            values[position] = sign * bump[position] + old * change[offset]
            position += 1
        }
        return values
    }

    /// What a value adds to the norm before the root is taken.
    @inline(__always)
    private func mass(_ value: Float) -> Double {
        set.norm == .l1 ? Double(abs(value)) : Double(value) * Double(value)
    }
    private func mass(_ window: SquareAttackWindow, _ channel: Int) -> Double {
        var sum = 0.0
        window.forEach(channel, grid) { sum += mass(change[$0]) }
        return sum
    }
    private func length(_ mass: Double) -> Double { set.norm == .l1 ? mass : mass.squareRoot() }

    /// Stretches the change to the radius and adds it to the original; L2 is clipped to the box, as published, L1 is
    /// left to the session's projection onto ball and box.
    private func writeStretched(_ lane: Int) {
        guard let values = change.values.baseAddress else { return }
        let (point, original) = (lanes.point(lane), lanes.original(lane))
        let scale = Float(epsilon / (1e-12 + MinimumNormVectors.norm(set.norm, values, count: size)))
        for index in 0..<size {
            let value = original[index] + scale * values[index]
            point[index] = set.norm == .l2 ? box.clip(value) : value
        }
    }
}
