import Foundation

/// The penalised likelihood of a logistic regression with its derivatives; parameters are the coefficients, then the
/// intercept.
struct LogisticProblem {
    let rows: [Double], width: Int
    let targets: [Double], weights: [Double]?
    let l2: Double

    var count: Int { targets.count }
    /// Number of parameters.
    var size: Int { width + 1 }
    var totalWeight: Double { weights?.reduce(0, +) ?? Double(count) }

    /// Rows times parameters.
    func logits(_ parameters: [Double]) -> [Double] {
        rows.withUnsafeBufferPointer { rows in
            parameters.withUnsafeBufferPointer { parameters in
                (0..<count).map { DenseAlgebra.dot(rows, $0 * width, parameters, 0, width) + parameters[width] }
            }
        }
    }

    /// What is minimised.
    func objective(_ logits: [Double], _ parameters: [Double]) -> Double {
        var sum = 0.0
        for row in 0..<count {
            let z = logits[row]
            let loss = Foundation.log1p(Foundation.exp(-abs(z))) + max(z, 0) - targets[row] * z
            sum += (weights?[row] ?? 1) * loss
        }
        return sum + l2 / 2 * parameters[..<width].reduce(0) { $0 + $1 * $1 }
    }

    /// Gradient, and the weight w·p·(1 − p) of each row in the second derivative.
    func derivatives(_ logits: [Double], _ parameters: [Double]) -> (gradient: [Double], curvature: [Double]) {
        var gradient = parameters.map { $0 * l2 }
        gradient[width] = 0
        var curvature = [Double](repeating: 0, count: count)
        rows.withUnsafeBufferPointer { rows in
            gradient.withUnsafeMutableBufferPointer { gradient in
                for row in 0..<count {
                    let weight = weights?[row] ?? 1
                    let p = LogisticRegression.logistic(logits[row])
                    curvature[row] = weight * p * (1 - p)
                    let slope = weight * (p - targets[row])
                    let start = row * width
                    for column in 0..<width { gradient[column] += slope * rows[start + column] }
                    gradient[width] += slope
                }
            }
        }
        return (gradient, curvature)
    }

    /// Second derivatives, `[size, size]`; only the lower triangle is filled.
    func hessian(_ curvature: [Double], check: () throws -> Void) throws -> [Double] {
        var matrix = [Double](repeating: 0, count: size * size)
        try rows.withUnsafeBufferPointer { rows in
            try matrix.withUnsafeMutableBufferPointer { matrix in
                for row in 0..<count {
                    if row.isMultiple(of: 1024) { try check() }
                    add(rows, row * width, curvature[row], to: matrix)
                }
                for column in 0..<width { matrix[column * size + column] += l2 }
            }
        }
        return matrix
    }

    @inline(__always)
    private func add(
        _ rows: UnsafeBufferPointer<Double>, _ start: Int, _ curvature: Double,
        to matrix: UnsafeMutableBufferPointer<Double>
    ) {
        guard curvature > 0 else { return }
        for first in 0..<width {
            let factor = curvature * rows[start + first]
            // why: one-hot columns are mostly zero.
            if factor == 0 { continue }
            let out = first * size
            for second in 0...first { matrix[out + second] += factor * rows[start + second] }
        }
        let out = width * size
        for second in 0..<width { matrix[out + second] += curvature * rows[start + second] }
        matrix[out + width] += curvature
    }

    /// An upper bound on the diagonal of the second derivatives.
    var diagonalBound: [Double] {
        var diagonal = [Double](repeating: 0, count: size)
        for row in 0..<count {
            let weight = 0.25 * (weights?[row] ?? 1)
            for column in 0..<width {
                diagonal[column] += weight * rows[row * width + column] * rows[row * width + column]
            }
            diagonal[width] += weight
        }
        return diagonal.enumerated().map { max($1 + ($0 < width ? l2 : 0), 1e-12) }
    }
}
