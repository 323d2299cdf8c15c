package import CasemateCore
import Foundation

/// Rows about their mean, and the directions in which they vary most.
package struct PrincipalComponents: Sendable {
    /// Rows and columns.
    package let count: Int, width: Int
    /// Mean of each column.
    package let mean: [Double]
    /// Directions of length 1, the one of most variance first; the largest component of each is positive.
    package let directions: [[Double]]
    /// Variance along each of them, over `count` rows.
    package let variances: [Double]

    /// Orthogonal iteration on the covariance. Source: Golub and Van Loan, "Matrix Computations", 4th ed., 8.2.4.
    /// - Parameters:
    ///   - rows: `[count, width]`.
    ///   - number: Directions wanted; fewer where the rows vary in fewer.
    package init(_ rows: [Float], count: Int, width: Int, number: Int, cancellation: Cancellation) throws {
        precondition(rows.count == count * width, "\(rows.count) values do not make \(count) rows of \(width)")
        (self.count, self.width) = (count, width)
        let (mean, covariance) = try Self.moments(rows, count, width, cancellation)
        self.mean = mean
        var basis: [[Double]] = []
        var generator = SeededGenerator(seed: 0, stream: 0x5EC7)
        for _ in 0..<min(number, width) { basis.append((0..<width).map { _ in generator.uniformDouble() - 0.5 }) }
        Self.orthonormalise(&basis)
        var old = [Double](repeating: 0, count: basis.count)
        for step in 0..<500 {
            if step.isMultiple(of: 16) { try cancellation.check() }
            basis = basis.map { Self.product(covariance, $0) }
            let lengths = basis.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            Self.orthonormalise(&basis)
            let change = zip(lengths, old).reduce(0) { max($0, abs($1.0 - $1.1)) }
            if change <= 1e-12 * (lengths.first ?? 0) { break }
            old = lengths
        }
        let found = basis.map { direction -> (direction: [Double], variance: Double) in
            let image = Self.product(covariance, direction)
            let variance = zip(direction, image).reduce(0) { $0 + $1.0 * $1.1 }
            let largest = direction.max { abs($0) < abs($1) } ?? 0
            return (largest < 0 ? direction.map { -$0 } : direction, variance)
        }.sorted { $0.variance > $1.variance }
        let floor = 1e-12 * (found.first?.variance ?? 0)
        let kept = found.filter { $0.variance > floor }
        (directions, variances) = (kept.map(\.direction), kept.map(\.variance))
    }

    /// Coordinates of rows along the directions, `[rows, directions]`.
    package func projected(_ rows: [Float]) -> [Double] {
        let number = directions.count
        var result = [Double](repeating: 0, count: rows.count / max(1, width) * number)
        rows.withUnsafeBufferPointer { rows in
            for (place, direction) in directions.enumerated() {
                for row in 0..<rows.count / max(1, width) {
                    var sum = 0.0
                    for column in 0..<width {
                        sum += (Double(rows[row * width + column]) - mean[column]) * direction[column]
                    }
                    result[row * number + place] = sum
                }
            }
        }
        return result
    }

    private static func moments(
        _ rows: [Float], _ count: Int, _ width: Int, _ cancellation: Cancellation
    ) throws -> (mean: [Double], covariance: [[Double]]) {
        var mean = [Double](repeating: 0, count: width)
        for row in 0..<count { for column in 0..<width { mean[column] += Double(rows[row * width + column]) } }
        for column in 0..<width { mean[column] /= Double(max(1, count)) }
        var covariance = [Double](repeating: 0, count: width * width)
        var centred = [Double](repeating: 0, count: width)
        try covariance.withUnsafeMutableBufferPointer { covariance in
            for row in 0..<count {
                if row.isMultiple(of: 1_024) { try cancellation.check() }
                for column in 0..<width { centred[column] = Double(rows[row * width + column]) - mean[column] }
                centred.withUnsafeBufferPointer { centred in
                    for one in 0..<width where centred[one] != 0 {
                        let factor = centred[one]
                        for other in 0..<width { covariance[one * width + other] += factor * centred[other] }
                    }
                }
            }
        }
        let scale = 1 / Double(max(1, count))
        return (mean, (0..<width).map { row in (0..<width).map { covariance[row * width + $0] * scale } })
    }

    private static func product(_ matrix: [[Double]], _ vector: [Double]) -> [Double] {
        matrix.map { row in
            row.withUnsafeBufferPointer { row in
                vector.withUnsafeBufferPointer { vector in
                    var sum = 0.0
                    for index in 0..<row.count { sum += row[index] * vector[index] }
                    return sum
                }
            }
        }
    }

    /// Gram and Schmidt, twice, so that rounding does not add up.
    private static func orthonormalise(_ basis: inout [[Double]]) {
        for index in basis.indices {
            for _ in 0..<2 {
                for other in 0..<index {
                    let overlap = zip(basis[index], basis[other]).reduce(0) { $0 + $1.0 * $1.1 }
                    for place in basis[index].indices { basis[index][place] -= overlap * basis[other][place] }
                }
            }
            let length = basis[index].reduce(0) { $0 + $1 * $1 }.squareRoot()
            if length > 0 { for place in basis[index].indices { basis[index][place] /= length } }
        }
    }
}
