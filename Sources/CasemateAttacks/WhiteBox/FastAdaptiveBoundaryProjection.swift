/// The smallest step from a point onto a hyperplane without leaving a box; exact for L∞, L2 and L1.
///
/// The problem is `min ‖d‖ subject to ⟨w, t + d⟩ = b, low ≤ t + d ≤ high`. Every value moves against the sign of the
/// excess, so that only how far remains: for L∞ and L2 one multiplier `μ` solves `Σ aᵢ min(μ, kᵢ) = |⟨w, t⟩ - b|`, a
/// concave, piecewise linear equation on which Newton's method from below is exact after finitely many passes (five to
/// ten in practice); L1 fills the largest `|wᵢ|` first. When no point of the box reaches the hyperplane, the step goes
/// to the corner nearest to it, as published. Source of the problem: Croce and Hein, ICML 2020
/// (arXiv 1907.02044), section 2.2, who sort instead. Owned by one thread; keeps its memory.
package struct FastAdaptiveBoundaryProjection {
    private let norm: PerturbationSet.Norm
    private var weights: [Float], knots: [Float], capacities: [Double]
    private var selection: MinimumNormSelection

    /// Makes memory for rows of `count` values; `norm` is L∞, L2 or L1.
    package init(_ norm: PerturbationSet.Norm, count: Int) {
        precondition(norm != .l0, "no projection onto a hyperplane in \(norm)")
        self.norm = norm
        weights = [Float](repeating: 0, count: count)
        knots = [Float](repeating: 0, count: count)
        capacities = [Double](repeating: 0, count: norm == .l1 ? count : 0)
        selection = MinimumNormSelection(capacity: norm == .l1 ? count : 0)
    }

    /// Writes the step from `point`, which lies in the box, to the hyperplane with `normal` `w`.
    /// - Parameters:
    ///   - excess: `⟨w, t⟩ - b`, the value of the linear function at the point.
    ///   - box: Bounds of every value, with infinities where there are none.
    /// - Returns: The norm of the step. A normal that is 0 or not finite gives no step.
    package mutating func step(
        from point: UnsafePointer<Float>, normal: UnsafePointer<Float>, excess: Double,
        box: MinimumNormBox, into step: UnsafeMutablePointer<Float>
    ) -> Double {
        let count = weights.count
        let largest = MinimumNormVectors.norm(.linf, normal, count: count)
        guard largest > 0, largest.isFinite, excess.isFinite, excess != 0 else {
            step.update(repeating: 0, count: count)
            return 0
        }
        // why: scaled normals keep their squares away from overflow and underflow
        let scale = Float((excess > 0 ? 1 : -1) / largest)
        let target = abs(excess) / largest
        for index in 0..<count { step[index] = -normal[index] * scale }
        prepare(point, step, box)
        if norm == .l1 {
            fill(target, step)
        } else if let multiplier = solve(target) {
            move(by: Float(multiplier), step)
        } else {
            move(by: .infinity, step)
        }
        return MinimumNormVectors.norm(norm, step, count: count)
    }

    /// Sets `weights` and `knots` from the direction of every value, so that moving by `μ` gains `Σ aᵢ min(μ, kᵢ)`.
    private mutating func prepare(
        _ point: UnsafePointer<Float>, _ direction: UnsafeMutablePointer<Float>, _ box: MinimumNormBox
    ) {
        let (isSquared, count) = (norm == .l2, weights.count)
        weights.withUnsafeMutableBufferPointer { weights in
            knots.withUnsafeMutableBufferPointer { knots in
                for index in 0..<count {
                    let way = direction[index]
                    let room = max(0, way > 0 ? box.high - point[index] : point[index] - box.low)
                    let weight = abs(way)
                    weights[index] = isSquared ? weight * weight : weight
                    // why: a weight of 0 gains nothing, and 0 · ∞ is not a number; no step is infinite
                    let knot = min(isSquared ? room / weight : room, 1e30)
                    knots[index] = weights[index] == 0 ? 0 : knot
                }
            }
        }
    }

    /// The root of `Σ aᵢ min(μ, kᵢ) = target`; `nil` when the sum of all `aᵢ kᵢ` stays below.
    private func solve(_ target: Double) -> Double? {
        var (multiplier, lastFree) = (0.0, Int.max)
        while true {
            let (gained, slope, free) = sums(Float(multiplier))
            guard free > 0 else { return gained >= target ? multiplier : nil }
            // why: the set of free values only shrinks; when it stays the same the last root was exact
            guard free < lastFree else { return multiplier }
            (lastFree, multiplier) = (free, max(multiplier, (target - gained) / slope))
        }
    }

    /// What the values at their bound gain, the slope of the others and their number.
    private func sums(_ multiplier: Float) -> (gained: Double, slope: Double, free: Int) {
        weights.withUnsafeBufferPointer { weights in
            knots.withUnsafeBufferPointer { knots in
                var (gained, slope, gainedToo, slopeToo, free) = (0.0, 0.0, 0.0, 0.0, 0)
                var index = 0
                while index + 2 <= weights.count {
                    let (isFree, isFreeToo) = (knots[index] > multiplier, knots[index + 1] > multiplier)
                    let (weight, weightToo) = (Double(weights[index]), Double(weights[index + 1]))
                    slope += isFree ? weight : 0
                    slopeToo += isFreeToo ? weightToo : 0
                    gained += isFree ? 0 : weight * Double(knots[index])
                    gainedToo += isFreeToo ? 0 : weightToo * Double(knots[index + 1])
                    free += (isFree ? 1 : 0) + (isFreeToo ? 1 : 0)
                    index += 2
                }
                if index < weights.count {
                    let isFree = knots[index] > multiplier
                    slope += isFree ? Double(weights[index]) : 0
                    gained += isFree ? 0 : Double(weights[index]) * Double(knots[index])
                    free += isFree ? 1 : 0
                }
                return (gained + gainedToo, slope + slopeToo, free)
            }
        }
    }

    /// Turns directions into a step by the multiplier, each value up to its knot.
    private func move(by multiplier: Float, _ step: UnsafeMutablePointer<Float>) {
        let isSquared = norm == .l2
        knots.withUnsafeBufferPointer { knots in
            for index in knots.indices {
                let way = step[index]
                let length = min(multiplier, knots[index])
                step[index] = way == 0 ? 0 : isSquared ? way * length : way > 0 ? length : -length
            }
        }
    }

    /// L1: moves the values with the largest weight to their bound until the target is reached.
    private mutating func fill(_ target: Double, _ step: UnsafeMutablePointer<Float>) {
        let count = weights.count
        for index in 0..<count {
            capacities[index] = weights[index] == 0 ? 0 : Double(weights[index]) * Double(knots[index])
        }
        let found = weights.withUnsafeBufferPointer { weights in
            capacities.withUnsafeBufferPointer { capacities in
                guard let keys = weights.baseAddress, let room = capacities.baseAddress else {
                    return MinimumNormSelection.Result(whole: 0, rest: 0)
                }
                return selection.take(target, keys: keys, capacities: room, count: count)
            }
        }
        for position in 0..<count {
            let index = Int(selection.order[position])
            let length: Float
            if position < found.whole {
                length = knots[index]
            } else if position == found.whole, found.rest > 0 {
                length = min(knots[index], Float(found.rest / Double(weights[index])))
            } else {
                length = 0
            }
            step[index] = step[index] == 0 || length == 0 ? 0 : step[index] > 0 ? length : -length
        }
    }
}
