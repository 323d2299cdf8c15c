/// Euclidean projection of a perturbation onto a ball around 0; keeps its memory, owned by one thread.
package struct FastMinimumNormProjection {
    private let norm: PerturbationSet.Norm
    private var keys: [Float] = [], ones: [Double] = []
    private var selection = MinimumNormSelection(capacity: 0)

    /// Makes memory for perturbations of `count` values.
    package init(_ norm: PerturbationSet.Norm, count: Int) {
        self.norm = norm
        guard norm == .l0 else { return }
        keys = [Float](repeating: 0, count: count)
        ones = [Double](repeating: 1, count: count)
        selection = MinimumNormSelection(capacity: count)
    }

    /// Moves `change` to the nearest perturbation whose norm is at most `radius`, up to the rounding of floats.
    package mutating func project(_ change: UnsafeMutablePointer<Float>, radius: Double, count: Int) {
        guard radius.isFinite, MinimumNormVectors.norm(norm, change, count: count) > radius else { return }
        switch norm {
        case .linf:
            let limit = Float(radius)
            for index in 0..<count { change[index] = min(max(change[index], -limit), limit) }
        case .l2:
            let scale = Float(radius / MinimumNormVectors.norm(.l2, change, count: count))
            for index in 0..<count { change[index] *= scale }
        case .l1:
            shrink(change, by: Float(Self.threshold(change, radius: radius, count: count)), count)
        case .l0:
            keepLargest(change, Int(radius), count)
        }
    }

    /// The `θ` for which `Σ max(|v| - θ, 0)` is the radius, by Newton's method from below: the sum is convex and
    /// piecewise linear, so the set of values above `θ` only shrinks and the last root is exact.
    ///
    /// Source of the form: Duchi, Shalev-Shwartz, Singer and Chandra, "Efficient projections onto the l1-ball", ICML 2008.
    private static func threshold(_ change: UnsafePointer<Float>, radius: Double, count: Int) -> Double {
        var (threshold, lastAbove) = (0.0, Int.max)
        while true {
            var (sum, above) = (0.0, 0)
            let limit = Float(threshold)
            for index in 0..<count {
                let size = abs(change[index])
                sum += size > limit ? Double(size) : 0
                above += size > limit ? 1 : 0
            }
            guard above > 0, above < lastAbove else { return threshold }
            (lastAbove, threshold) = (above, max(threshold, (sum - radius) / Double(above)))
        }
    }

    private func shrink(_ change: UnsafeMutablePointer<Float>, by threshold: Float, _ count: Int) {
        for index in 0..<count {
            let value = change[index]
            let size = max(0, abs(value) - threshold)
            change[index] = value < 0 ? -size : size
        }
    }

    /// Sets all but the `kept` largest values to 0; of equal ones it keeps as many as fit.
    private mutating func keepLargest(_ change: UnsafeMutablePointer<Float>, _ kept: Int, _ count: Int) {
        for index in 0..<count { keys[index] = abs(change[index]) }
        let found = keys.withUnsafeBufferPointer { keys in
            ones.withUnsafeBufferPointer { ones in
                guard let keys = keys.baseAddress, let ones = ones.baseAddress else { return 0 }
                return selection.take(Double(kept), keys: keys, capacities: ones, count: count).whole
            }
        }
        for position in found..<max(found, count) { change[Int(selection.order[position])] = 0 }
    }
}
