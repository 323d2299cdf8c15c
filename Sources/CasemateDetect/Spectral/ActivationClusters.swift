package import CasemateCore
import Foundation

/// Rows of a class in a few clusters of their activations.
///
/// Source: Chen et al., "Detecting backdoor attacks on deep neural networks by activation clustering", 2018, with
/// principal components in place of independent ones; Arthur and Vassilvitskii, "k-means++", SODA 2007; Rousseeuw,
/// "Silhouettes", 1987.
package struct ActivationClusters: Sendable {
    /// Cluster of each row.
    package let assignment: [Int]
    /// Mean silhouette over the rows, at most 1,000 of them; 0 with a single cluster.
    package let silhouette: Double
    /// Rows of each cluster.
    package var members: [[Int]] {
        var result = [[Int]](repeating: [], count: (assignment.max() ?? -1) + 1)
        for (row, cluster) in assignment.enumerated() { result[cluster].append(row) }
        return result
    }

    /// Clusters coordinates `[count, width]`: the best of ten starts.
    package init(
        _ points: [Double], count: Int, width: Int, clusters: Int, seed: UInt64, cancellation: Cancellation
    ) throws {
        var best: (assignment: [Int], inertia: Double)?
        for start in 0..<10 {
            try cancellation.check()
            var generator = SeededGenerator(seed: seed, stream: 0xAC00 + UInt64(start))
            let found = Self.once(points, count, width, clusters, &generator)
            if found.inertia < best?.inertia ?? .infinity { best = found }
        }
        assignment = best?.assignment ?? [Int](repeating: 0, count: count)
        silhouette = Self.silhouette(points, width, assignment)
    }

    private static func distance(_ points: [Double], _ row: Int, _ centre: [Double]) -> Double {
        var sum = 0.0
        let width = centre.count
        points.withUnsafeBufferPointer { points in
            for column in 0..<width {
                let gap = points[row * width + column] - centre[column]
                sum += gap * gap
            }
        }
        return sum
    }

    private static func once(
        _ points: [Double], _ count: Int, _ width: Int, _ clusters: Int, _ generator: inout SeededGenerator
    ) -> (assignment: [Int], inertia: Double) {
        var centres = starts(points, count, width, clusters, &generator)
        var assignment = [Int](repeating: -1, count: count)
        var inertia = 0.0
        for _ in 0..<100 {
            var isStable = true
            inertia = 0
            for row in 0..<count {
                var (nearest, least) = (0, Double.infinity)
                for (index, centre) in centres.enumerated() {
                    let value = distance(points, row, centre)
                    if value < least { (nearest, least) = (index, value) }
                }
                if assignment[row] != nearest { (assignment[row], isStable) = (nearest, false) }
                inertia += least
            }
            if isStable { break }
            var sums = [[Double]](repeating: [Double](repeating: 0, count: width), count: centres.count)
            var sizes = [Double](repeating: 0, count: centres.count)
            for row in 0..<count {
                sizes[assignment[row]] += 1
                for column in 0..<width { sums[assignment[row]][column] += points[row * width + column] }
            }
            for index in centres.indices where sizes[index] > 0 {
                centres[index] = sums[index].map { $0 / sizes[index] }
            }
        }
        return (assignment, inertia)
    }

    /// First centres: each drawn with a probability that grows with the squared distance from those before.
    private static func starts(
        _ points: [Double], _ count: Int, _ width: Int, _ clusters: Int, _ generator: inout SeededGenerator
    ) -> [[Double]] {
        guard count > 0 else { return [] }
        func point(_ row: Int) -> [Double] { Array(points[row * width..<(row + 1) * width]) }
        var centres = [point(Int.random(in: 0..<count, using: &generator))]
        while centres.count < clusters {
            let far = (0..<count).map { row in centres.map { distance(points, row, $0) }.min() ?? 0 }
            var left = generator.uniformDouble() * far.reduce(0, +)
            var chosen = count - 1
            for row in 0..<count {
                left -= far[row]
                if left < 0 {
                    chosen = row
                    break
                }
            }
            centres.append(point(chosen))
        }
        return centres
    }

    private static func silhouette(_ points: [Double], _ width: Int, _ assignment: [Int]) -> Double {
        let step = max(1, assignment.count / 1_000)
        let rows = stride(from: 0, to: assignment.count, by: step).map { $0 }
        let clusters = (assignment.max() ?? 0) + 1
        guard clusters > 1, width > 0 else { return 0 }
        var total = 0.0
        for row in rows {
            let centre = Array(points[row * width..<(row + 1) * width])
            var sums = [Double](repeating: 0, count: clusters), counts = sums
            for other in rows where other != row {
                sums[assignment[other]] += distance(points, other, centre).squareRoot()
                counts[assignment[other]] += 1
            }
            let own = assignment[row]
            guard counts[own] > 0 else { continue }
            let inside = sums[own] / counts[own]
            let outside =
                (0..<clusters).filter { $0 != own && counts[$0] > 0 }.map { sums[$0] / counts[$0] }.min() ?? inside
            if max(inside, outside) > 0 { total += (outside - inside) / max(inside, outside) }
        }
        return total / Double(max(1, rows.count))
    }
}
