import CasemateCore
import Foundation

/// Least squares over some hundred columns.
enum SmallAlgebra {
    /// The solution of a symmetric positive definite system, row-major `[size, size]`; `nil` where it is not.
    static func solve(_ matrix: [Double], _ vector: [Double]) -> [Double]? {
        let size = vector.count
        var factor = matrix, solution = vector
        for row in 0..<size {
            for column in 0...row {
                var rest = factor[row * size + column]
                for index in 0..<column { rest -= factor[row * size + index] * factor[column * size + index] }
                if column < row {
                    factor[row * size + column] = rest / factor[column * size + column]
                } else {
                    guard rest > 0, rest.isFinite else { return nil }
                    factor[row * size + row] = rest.squareRoot()
                }
            }
        }
        for row in 0..<size {
            for column in 0..<row { solution[row] -= factor[row * size + column] * solution[column] }
            solution[row] /= factor[row * size + row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            for column in row + 1..<max(size, row + 1) {
                solution[row] -= factor[column * size + row] * solution[column]
            }
            solution[row] /= factor[row * size + row]
        }
        return solution
    }

    /// The least squares fit of `target` by columns of `[count, width]` and a constant, at the same rows.
    /// - Parameter ridge: Share of the mean variance of the columns that is added to each.
    static func fit(_ columns: [Double], width: Int, to target: [Double], ridge: Double) -> [Double] {
        let count = target.count
        let mean = target.reduce(0, +) / Double(max(1, count))
        guard count > 1, width > 0 else { return target.map { _ in mean } }
        var centres = [Double](repeating: 0, count: width)
        for row in 0..<count { for column in 0..<width { centres[column] += columns[row * width + column] } }
        for column in 0..<width { centres[column] /= Double(count) }
        var gram = [Double](repeating: 0, count: width * width)
        var right = [Double](repeating: 0, count: width)
        var line = [Double](repeating: 0, count: width)
        for row in 0..<count {
            for column in 0..<width { line[column] = columns[row * width + column] - centres[column] }
            let distance = target[row] - mean
            for one in 0..<width where line[one] != 0 {
                right[one] += line[one] * distance
                for other in 0...one { gram[one * width + other] += line[one] * line[other] }
            }
        }
        let scale = (0..<width).reduce(0.0) { $0 + gram[$1 * width + $1] } / Double(width)
        for column in 0..<width { gram[column * width + column] += max(scale, 1e-12) * ridge }
        guard let weights = solve(gram, right) else { return target.map { _ in mean } }
        return (0..<count).map { row in
            var sum = mean
            for column in 0..<width { sum += weights[column] * (columns[row * width + column] - centres[column]) }
            return sum
        }
    }
}
