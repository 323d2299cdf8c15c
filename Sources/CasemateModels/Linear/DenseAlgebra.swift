/// The little dense linear algebra that a logistic regression needs.
enum DenseAlgebra {
    /// Sum of products of `count` neighbouring values, in one fixed order of additions.
    @inline(__always)
    static func dot(
        _ one: UnsafeBufferPointer<Double>, _ first: Int, _ other: UnsafeBufferPointer<Double>, _ second: Int,
        _ count: Int
    ) -> Double {
        var lanes = SIMD4<Double>.zero
        var index = 0
        while index + 4 <= count {
            let (a, b) = (first + index, second + index)
            let left = SIMD4<Double>(one[a], one[a + 1], one[a + 2], one[a + 3])
            let right = SIMD4<Double>(other[b], other[b + 1], other[b + 2], other[b + 3])
            lanes += left * right
            index += 4
        }
        var sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
        while index < count {
            sum += one[first + index] * other[second + index]
            index += 1
        }
        return sum
    }

    /// The solution of `matrix · x = vector` for a symmetric positive definite matrix of which the lower triangle is
    /// read; `nil` when it is not positive definite.
    ///
    /// Source: Golub and Van Loan, "Matrix Computations", 4th ed., algorithm 4.2.2 (Cholesky, by rows).
    static func solve(_ matrix: [Double], _ vector: [Double], check: () throws -> Void) throws -> [Double]? {
        let size = vector.count
        var factor = matrix
        let isPositive = try factor.withUnsafeMutableBufferPointer { factor in
            let read = UnsafeBufferPointer(factor)
            for row in 0..<size {
                if row.isMultiple(of: 64) { try check() }
                for column in 0...row {
                    let rest =
                        read[row * size + column] - dot(read, row * size, read, column * size, column)
                    if column < row {
                        factor[row * size + column] = rest / read[column * size + column]
                    } else {
                        guard rest > 0, rest.isFinite else { return false }
                        factor[row * size + row] = rest.squareRoot()
                    }
                }
            }
            return true
        }
        guard isPositive else { return nil }
        var solution = vector
        for row in 0..<size {
            for column in 0..<row { solution[row] -= factor[row * size + column] * solution[column] }
            solution[row] /= factor[row * size + row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            solution[row] /= factor[row * size + row]
            for column in 0..<row { solution[column] -= factor[row * size + column] * solution[row] }
        }
        return solution
    }
}
