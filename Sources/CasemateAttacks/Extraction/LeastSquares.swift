import CasemateCore

/// Least squares by conjugate gradients on the normal equations, without forming them.
///
/// Exact after as many steps as there are columns, up to rounding. Columns should be of one scale.
/// Source: Björck, "Numerical Methods for Least Squares Problems", 1996, algorithm 7.4.1 (CGLS).
struct LeastSquares {
    /// Penalty on the squares of the solution.
    var ridge = 0.0

    /// The vector x of least Σ (rows·x − targets)² + ridge·|x|².
    /// - Parameter rows: `[targets.count, width]`.
    func solve(
        rows: [Double], width: Int, targets: [Double], cancellation: Cancellation
    ) throws -> [Double] {
        var solution = [Double](repeating: 0, count: width)
        var residual = targets
        var gradient = transposed(rows, width, residual)
        var direction = gradient
        var gamma = dot(gradient, gradient)
        let goal = gamma * 1e-28
        for _ in 0..<max(4 * width, 50) {
            try cancellation.check()
            guard gamma > goal, gamma > 0 else { break }
            let image = product(rows, width, direction)
            let length = gamma / (dot(image, image) + ridge * dot(direction, direction))
            guard length.isFinite else { break }
            for index in solution.indices { solution[index] += length * direction[index] }
            for index in residual.indices { residual[index] -= length * image[index] }
            gradient = transposed(rows, width, residual)
            for index in gradient.indices { gradient[index] -= ridge * solution[index] }
            let next = dot(gradient, gradient)
            for index in direction.indices { direction[index] = gradient[index] + next / gamma * direction[index] }
            gamma = next
        }
        return solution
    }

    private func product(_ rows: [Double], _ width: Int, _ vector: [Double]) -> [Double] {
        rows.withUnsafeBufferPointer { rows in
            vector.withUnsafeBufferPointer { vector in
                (0..<rows.count / max(width, 1)).map { row in
                    var sum = 0.0
                    for column in 0..<width { sum += rows[row * width + column] * vector[column] }
                    return sum
                }
            }
        }
    }
    private func transposed(_ rows: [Double], _ width: Int, _ vector: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: width)
        rows.withUnsafeBufferPointer { rows in
            result.withUnsafeMutableBufferPointer { result in
                for (row, factor) in vector.enumerated() where factor != 0 {
                    for column in 0..<width { result[column] += factor * rows[row * width + column] }
                }
            }
        }
        return result
    }
    private func dot(_ one: [Double], _ other: [Double]) -> Double {
        var sum = 0.0
        for index in one.indices { sum += one[index] * other[index] }
        return sum
    }
}
