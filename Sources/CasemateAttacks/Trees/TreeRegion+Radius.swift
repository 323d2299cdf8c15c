extension TreeRegion {
    /// Smallest radius at which the best leaves within reach, one a tree, add up to `needed`; infinite where they never
    /// do. Orders the leaves of each tree, the largest value first.
    func relaxedRadius(needed: Double) -> Double {
        let events = TreeEvents()
        var (sum, radius) = (constant, 0.0)
        for tree in 0..<starts.count - 1 {
            var part = UnsafeMutableBufferPointer(
                start: leaves.base + starts[tree], count: starts[tree + 1] - starts[tree])
            part.sort { ($1.value, $0.cost) < ($0.value, $1.cost) }
            var (cheapest, pending) = (Double.infinity, 0.0)
            for leaf in part where leaf.cost < cheapest {
                if cheapest < .infinity { events.append(cheapest, pending - leaf.value) }
                (cheapest, pending) = (leaf.cost, leaf.value)
            }
            sum += pending
            radius = max(radius, cheapest)
        }
        if sum >= needed { return radius }
        return max(radius, events.reach(needed - sum, below: .infinity)?.cost ?? .infinity)
    }
}
