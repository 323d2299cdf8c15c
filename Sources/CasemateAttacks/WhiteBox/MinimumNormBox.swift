/// The bounds of every value, and the unit in which attacks with published step sizes for pixels in 0...1 count.
package struct MinimumNormBox: Hashable, Sendable {
    /// Smallest value, or minus infinity.
    package let low: Float
    /// Largest value, or infinity.
    package let high: Float
    /// Width of the box; 1 when it has none, so that steps are then in input units.
    package let width: Double

    /// Takes the box of a set.
    package init(_ set: PerturbationSet) {
        (low, high) = (set.low, set.high)
        let width = Double(set.high) - Double(set.low)
        self.width = width.isFinite ? width : 1
    }

    /// Whether every value has both bounds.
    package var isFinite: Bool { low.isFinite && high.isFinite }

    /// A value moved into the box.
    @inline(__always)
    package func clip(_ value: Float) -> Float {
        let raised = value < low ? low : value
        return raised > high ? high : raised
    }

    /// The largest norm of a perturbation of `original` that stays in the box.
    package func farthest(
        _ norm: PerturbationSet.Norm, from original: UnsafePointer<Float>, count: Int
    ) -> Double {
        guard isFinite else { return norm == .l0 ? Double(count) : .infinity }
        var (largest, sum, squares) = (0.0, 0.0, 0.0)
        for index in 0..<count {
            let room = Double(max(original[index] - low, high - original[index]))
            largest = max(largest, room)
            sum += room
            squares += room * room
        }
        switch norm {
        case .l0: return Double(count)
        case .l1: return sum
        case .l2: return squares.squareRoot()
        case .linf: return largest
        }
    }
}
