/// Norms and products of single rows; sums in double precision.
package enum MinimumNormVectors {
    /// The norm of `values`, not a number when one of them is not; for L0 the number that are not 0.
    package static func norm(_ norm: PerturbationSet.Norm, _ values: UnsafePointer<Float>, count: Int) -> Double {
        switch norm {
        case .l0:
            var total = 0
            for index in 0..<count where values[index] != 0 { total += 1 }
            return Double(total)
        case .l1:
            return absoluteSum(values, count: count)
        case .l2:
            return dot(values, values, count: count).squareRoot()
        case .linf:
            var (largest, isNumber) = (0 as Float, true)
            for index in 0..<count {
                let size = abs(values[index])
                largest = size > largest ? size : largest
                isNumber = isNumber && size == size
            }
            return isNumber ? Double(largest) : .nan
        }
    }

    /// The dual norm: by how much a linear function can change within a unit step of `norm`.
    ///
    /// For L0 the largest value, as for L1: the best that a step of size 1 in one value can do.
    package static func dualNorm(_ norm: PerturbationSet.Norm, _ values: UnsafePointer<Float>, count: Int) -> Double {
        switch norm {
        case .l0, .l1: self.norm(.linf, values, count: count)
        case .l2: self.norm(.l2, values, count: count)
        case .linf: self.norm(.l1, values, count: count)
        }
    }

    /// The scalar product.
    package static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
        var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0)
        var index = 0
        while index + 4 <= count {
            s0 += Double(a[index]) * Double(b[index])
            s1 += Double(a[index + 1]) * Double(b[index + 1])
            s2 += Double(a[index + 2]) * Double(b[index + 2])
            s3 += Double(a[index + 3]) * Double(b[index + 3])
            index += 4
        }
        while index < count {
            s0 += Double(a[index]) * Double(b[index])
            index += 1
        }
        return (s0 + s1) + (s2 + s3)
    }

    private static func absoluteSum(_ values: UnsafePointer<Float>, count: Int) -> Double {
        var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0)
        var index = 0
        while index + 4 <= count {
            s0 += Double(abs(values[index]))
            s1 += Double(abs(values[index + 1]))
            s2 += Double(abs(values[index + 2]))
            s3 += Double(abs(values[index + 3]))
            index += 4
        }
        while index < count {
            s0 += Double(abs(values[index]))
            index += 1
        }
        return (s0 + s1) + (s2 + s3)
    }
}
