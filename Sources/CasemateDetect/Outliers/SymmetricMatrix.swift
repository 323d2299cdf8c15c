import CasemateCore

/// Small dense symmetric matrices, row-major and whole.
enum SymmetricMatrix {
    /// Inverse and logarithm of the determinant of a positive definite matrix; `nil` when it is not.
    ///
    /// Source: Golub and Van Loan, "Matrix Computations", 4th ed., algorithm 4.2.1 (Cholesky), then the inverse of the
    /// factor.
    static func inverse(
        _ matrix: [Double], size: Int, check: () throws -> Void
    ) throws -> (inverse: [Double], logDeterminant: Double)? {
        guard let factor = try cholesky(matrix, size: size, check: check) else { return nil }
        var (logDeterminant, lower) = (0.0, [Double](repeating: 0, count: size * size))
        try factor.withUnsafeBufferPointer { factor in
            try lower.withUnsafeMutableBufferPointer { lower in
                for row in 0..<size {
                    if row.isMultiple(of: 64) { try check() }
                    let diagonal = factor[row * size + row]
                    logDeterminant += 2 * diagonal.logarithm
                    for column in 0..<row {
                        var sum = 0.0
                        for k in column..<row { sum += factor[row * size + k] * lower[k * size + column] }
                        lower[row * size + column] = -sum / diagonal
                    }
                    lower[row * size + row] = 1 / diagonal
                }
            }
        }
        var inverse = [Double](repeating: 0, count: size * size)
        try inverse.withUnsafeMutableBufferPointer { inverse in
            try lower.withUnsafeBufferPointer { lower in
                for k in 0..<size {
                    if k.isMultiple(of: 64) { try check() }
                    for row in 0...k {
                        let weight = lower[k * size + row]
                        for column in 0...row { inverse[row * size + column] += weight * lower[k * size + column] }
                    }
                }
                for row in 0..<size {
                    for column in 0..<row { inverse[column * size + row] = inverse[row * size + column] }
                }
            }
        }
        return (inverse, logDeterminant)
    }

    /// The lower factor; `nil` when the matrix is not positive definite.
    private static func cholesky(_ matrix: [Double], size: Int, check: () throws -> Void) throws -> [Double]? {
        var factor = matrix
        let isPositive = try factor.withUnsafeMutableBufferPointer { factor in
            for row in 0..<size {
                if row.isMultiple(of: 64) { try check() }
                for column in 0...row {
                    var rest = factor[row * size + column]
                    for k in 0..<column { rest -= factor[row * size + k] * factor[column * size + k] }
                    if column < row {
                        factor[row * size + column] = rest / factor[column * size + column]
                    } else {
                        guard rest > 1e-12, rest.isFinite else { return false }
                        factor[row * size + row] = rest.squareRoot()
                    }
                }
            }
            return true
        }
        return isPositive ? factor : nil
    }
}
