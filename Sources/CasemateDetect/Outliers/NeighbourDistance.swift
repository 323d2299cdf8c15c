package import CasemateCore

/// How far a point lies from the nearest of some points that are known: the mean distance to `neighbours` of them.
///
/// Source: Angiulli and Pizzuti, "Fast outlier detection in high dimensional spaces", PKDD 2002 (the sum over the
/// neighbours). Up to `exactLimit` points all are looked at; above, hnswlib finds the neighbours.
package struct NeighbourDistance: Sendable {
    /// Most points among which neighbours are found by looking at all.
    package static let exactLimit = 4_096
    /// Numbers of a point, and what it takes in memory: a multiple of 8, zeros behind.
    let width: Int, stride: Int
    /// Points, `[count, stride]`.
    let points: [Float]
    /// Number of neighbours.
    let neighbours: Int
    /// Seed of the index.
    let seed: UInt64
    private let index: HnswIndex?
    /// Number of points.
    var count: Int { stride == 0 ? 0 : points.count / stride }

    /// Takes points `[count, width]`.
    /// - Parameter isExact: Whether all points are looked at; `nil` goes by their number.
    /// - Throws: `engineFailed` when memory ends; `Cancelled`.
    package init(
        _ rows: [Float], width: Int, neighbours: Int = 10, isExact: Bool? = nil, seed: UInt64,
        cancellation: Cancellation
    ) throws {
        (self.width, self.seed) = (width, seed)
        stride = (width + 7) / 8 * 8
        let count = width == 0 ? 0 : rows.count / width
        self.neighbours = max(1, min(neighbours, count))
        var points = [Float](repeating: 0, count: count * stride)
        for row in 0..<count {
            for column in 0..<width { points[row * stride + column] = rows[row * width + column] }
        }
        self.points = points
        let looksAtAll = isExact ?? (count <= Self.exactLimit)
        index = looksAtAll ? nil : try HnswIndex(points, stride: stride, seed: seed, cancellation: cancellation)
    }

    /// The points as they were given, `[count, width]`.
    var rows: [Float] { (0..<count).flatMap { points[$0 * stride..<$0 * stride + width] } }

    /// Neighbours of a point of `stride` numbers with their squared distances, the nearest first.
    package func nearest(to point: UnsafePointer<Float>) throws -> [(row: Int, distance: Float)] {
        guard let index else { return exact(point) }
        return try index.nearest(neighbours, to: point)
    }

    /// The mean distance of a point of `stride` numbers.
    func distance(of point: UnsafePointer<Float>) throws -> Double {
        let found = try nearest(to: point)
        return found.reduce(0) { $0 + Double($1.distance).squareRoot() } / Double(max(1, found.count))
    }

    /// Adds to `parts`, one a number of a point, its share of the squared distances, averaged over the neighbours.
    func add(parts: UnsafeMutablePointer<Double>, of point: UnsafePointer<Float>) throws {
        let found = try nearest(to: point)
        for (row, _) in found {
            for column in 0..<width {
                let gap = Double(point[column] - points[row * stride + column])
                parts[column] += gap * gap / Double(found.count)
            }
        }
    }

    private func exact(_ point: UnsafePointer<Float>) -> [(row: Int, distance: Float)] {
        var best: [(row: Int, distance: Float)] = []
        best.reserveCapacity(neighbours + 1)
        let (count, blocks) = (count, stride / 8)
        points.withUnsafeBufferPointer { points in
            guard let base = points.baseAddress else { return }
            let vectors = UnsafeRawPointer(base)
            let asked = UnsafeRawPointer(point)
            var bound = Float.infinity
            for row in 0..<count {
                var sum = SIMD8<Float>.zero
                let start = row * stride * 4
                for block in 0..<blocks {
                    let gap =
                        vectors.loadUnaligned(fromByteOffset: start + block * 32, as: SIMD8<Float>.self)
                        - asked.loadUnaligned(fromByteOffset: block * 32, as: SIMD8<Float>.self)
                    sum += gap * gap
                }
                let distance = sum.sum()
                guard distance < bound else { continue }
                var place = best.count
                while place > 0, best[place - 1].distance > distance { place -= 1 }
                best.insert((row, distance), at: place)
                if best.count > neighbours { best.removeLast() }
                if best.count == neighbours { bound = best[neighbours - 1].distance }
            }
        }
        return best
    }
}
