public import CasemateCore

/// Where a perturbed sample may lie: a ball around the original, cut with a box of values that the model takes.
public struct PerturbationSet: Hashable, Sendable {
    /// How perturbations are measured.
    public enum Norm: String, Hashable, Sendable, Codable, CaseIterable {
        /// Number of values changed.
        case l0
        /// Sum of absolute changes.
        case l1
        /// Euclidean length.
        case l2
        /// Largest absolute change.
        case linf

        /// The largest distance between two points of a box.
        func diameter(width: Double, count: Int) -> Double {
            switch self {
            case .l0: Double(count)
            case .l1: width * Double(count)
            case .l2: width * Double(count).squareRoot()
            case .linf: width
            }
        }
    }
    /// How perturbations are measured.
    public let norm: Norm
    /// Radius of the ball in input units, a number of values for `l0`; `nil` sets no bound, for attacks that look for
    /// the smallest perturbation.
    public let epsilon: Double?
    /// Smallest value that an input may take.
    public let low: Float
    /// Largest value that an input may take.
    public let high: Float
    /// The largest float that is not above `epsilon`.
    let floor: Float

    /// Makes a set.
    /// - Throws: `CasemateError` with `invalid-setting` for a radius that is negative or not finite, or an empty box.
    public init(
        norm: Norm, epsilon: Double?, low: Float = -.infinity, high: Float = .infinity
    ) throws(CasemateError) {
        if let epsilon, !(epsilon >= 0 && epsilon.isFinite) {
            throw CasemateError(
                .invalidSetting, at: "eps", "a radius of '\(epsilon)' makes no sense",
                help: "give a finite number that is not negative, such as 8/255")
        }
        guard low < high else {
            throw CasemateError(
                .invalidSetting, at: "bounds", "no value lies between \(low) and \(high)",
                help: "give the smallest and the largest value that an input may take, such as 0 and 1")
        }
        (self.norm, self.epsilon, self.low, self.high) = (norm, epsilon, low, high)
        let rounded = Float(epsilon ?? .infinity)
        floor = Double(rounded) > epsilon ?? .infinity ? rounded.nextDown : rounded
    }

    /// The same box and norm with another radius.
    public func withEpsilon(_ epsilon: Double?) throws(CasemateError) -> PerturbationSet {
        try PerturbationSet(norm: norm, epsilon: epsilon, low: low, high: high)
    }

    /// Distance of two rows of `count` values, computed in double precision.
    public static func distance(
        _ norm: Norm, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
    ) -> Double {
        switch norm {
        case .l0:
            var changed = 0
            for index in 0..<count where a[index] != b[index] { changed += 1 }
            return Double(changed)
        case .l1: return lanes(a, b, count, { abs($0) }, +).sum()
        case .l2: return lanes(a, b, count, { $0 * $0 }, +).sum().squareRoot()
        case .linf: return lanes(a, b, count, { abs($0) }, { $0 > $1 ? $0 : $1 }).max()
        }
    }

    /// Distance of two rows of the same length.
    public static func distance(_ norm: Norm, _ a: [Float], _ b: [Float]) -> Double {
        precondition(a.count == b.count, "rows of \(a.count) and \(b.count) values")
        return a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
                return distance(norm, first, second, count: a.count)
            }
        }
    }

    /// Whether a point lies in ball and box, without slack: the distance is taken in double precision.
    public func contains(_ point: UnsafePointer<Float>, around original: UnsafePointer<Float>, count: Int) -> Bool {
        isInBox(point, count: count)
            && Self.distance(norm, point, original, count: count) <= epsilon ?? .infinity
    }

    /// Whether every value of a point lies in the box; false where one is not a number.
    public func isInBox(_ point: UnsafePointer<Float>, count: Int) -> Bool {
        var outside = 0
        for index in 0..<count { outside &+= point[index] >= low && point[index] <= high ? 0 : 1 }
        return outside == 0
    }

    /// Folds the differences of two rows into four running values, so that the processor need not wait for each sum.
    @inline(__always)
    private static func lanes(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int, _ part: (Double) -> Double,
        _ fold: (Double, Double) -> Double
    ) -> Lanes {
        var lanes = Lanes()
        var index = 0
        while index + 4 <= count {
            lanes.a = fold(lanes.a, part(Double(a[index]) - Double(b[index])))
            lanes.b = fold(lanes.b, part(Double(a[index + 1]) - Double(b[index + 1])))
            lanes.c = fold(lanes.c, part(Double(a[index + 2]) - Double(b[index + 2])))
            lanes.d = fold(lanes.d, part(Double(a[index + 3]) - Double(b[index + 3])))
            index += 4
        }
        while index < count {
            lanes.a = fold(lanes.a, part(Double(a[index]) - Double(b[index])))
            index += 1
        }
        return lanes
    }

    private struct Lanes {
        var a = 0.0, b = 0.0, c = 0.0, d = 0.0
        func sum() -> Double { (a + b) + (c + d) }
        func max() -> Double { Swift.max(Swift.max(a, b), Swift.max(c, d)) }
    }
}
