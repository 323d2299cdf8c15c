/// The radius of every lane of FMN and what its changes depend on.
struct FastMinimumNormRadii {
    /// Radius of each lane; infinite before the first step.
    private(set) var radii: [Double]
    private let norm: PerturbationSet.Norm
    /// Norm of the closest success; the farthest point of the box before there is one.
    private var best: [Double]
    private let farthest: [Double]
    private var wasReached: [Bool]

    init(_ lanes: MinimumNormLanes, _ norm: PerturbationSet.Norm, _ box: MinimumNormBox) {
        self.norm = norm
        radii = [Double](repeating: norm == .l0 ? 1 : .infinity, count: lanes.samples.count)
        farthest = lanes.samples.indices.map { box.farthest(norm, from: lanes.original($0), count: lanes.size) }
        best = farthest
        wasReached = [Bool](repeating: false, count: lanes.samples.count)
    }

    /// Adapts the radius of a lane to what its point turned out to be.
    mutating func update(
        _ lane: Int, _ lanes: MinimumNormLanes, isReached: Bool, margin: Float, gradient: UnsafePointer<Float>,
        by share: Double
    ) {
        let distance = PerturbationSet.distance(norm, lanes.point(lane), lanes.original(lane), count: lanes.size)
        if isReached {
            wasReached[lane] = true
            best[lane] = min(best[lane], distance)
        }
        let radius = radii[lane]
        let next: Double
        if norm == .l0 {
            next =
                isReached
                ? min(radius - 1, (radius * (1 - share)).rounded(.down), best[lane])
                : max(radius + 1, (radius * (1 + share)).rounded(.down))
        } else if isReached {
            next = min(radius * (1 - share), best[lane])
        } else if wasReached[lane] {
            next = radius * (1 + share)
        } else {
            let slope = MinimumNormVectors.dualNorm(norm, gradient, count: lanes.size)
            let toBoundary = abs(Double(margin)) / slope
            // why: a radius that ends at the boundary itself approaches it from below and may never cross
            let estimate = toBoundary.isFinite ? (distance + toBoundary) * (1 + share) : .infinity
            // why: where the box holds values back the estimate falls short, and the radius would stand still
            let isHeld = radius.isFinite && distance < radius * (1 - share)
            next = isHeld ? max(estimate, radius * (1 + share)) : estimate
        }
        radii[lane] = min(max(next, norm == .l0 ? 1 : 0), farthest[lane])
    }
}
