/// Finds the nearest reference rows of a point: by sketches all of them are looked at, the best by their points.
struct NeighbourSearch: Sendable {
    /// A reference row and how far it is.
    struct Neighbour: Sendable {
        let row: Int
        let distance: Double
    }
    let points: [Float], stride: Int
    let sketches: [Float], sketchStride: Int
    let isWhole: Bool
    let fingerprints: [UInt64]
    let candidates: Int
    var count: Int { fingerprints.count }

    func point(_ row: Int) -> [Float] { Array(points[row * stride..<(row + 1) * stride]) }
    func sketch(_ row: Int) -> [Float] { Array(sketches[row * sketchStride..<(row + 1) * sketchStride]) }

    /// Rows whose sketches are nearest, with the distances of the sketches, nearest first.
    /// - Parameter without: Rows with this fingerprint are left out: the row itself and its copies.
    func nearest(toSketch sketch: [Float], without: UInt64?) -> [Neighbour] {
        withUnsafeTemporaryAllocation(of: (row: Int, distance: Float).self, capacity: candidates) { best in
            var (found, worst) = (0, Float.infinity)
            sketch.withUnsafeBufferPointer { sketch in
                sketches.withUnsafeBufferPointer { sketches in
                    guard let sketch = sketch.baseAddress, let base = sketches.baseAddress else { return }
                    for row in 0..<count {
                        let distance = VectorLoops.squaredDistance(sketch, base + row * sketchStride, sketchStride)
                        guard distance < worst || found < candidates else { continue }
                        if let without, fingerprints[row] == without { continue }
                        var place = found < candidates ? found : candidates - 1
                        while place > 0, best[place - 1].distance > distance {
                            best[place] = best[place - 1]
                            place -= 1
                        }
                        best[place] = (row, distance)
                        found = min(candidates, found + 1)
                        if found == candidates { worst = best[candidates - 1].distance }
                    }
                }
            }
            return (0..<found).map { Neighbour(row: best[$0].row, distance: Double(best[$0].distance).squareRoot()) }
        }
    }

    /// Squared distances of all sketches from one.
    func squaredDistances(toSketch row: Int) -> [Float] {
        var result = [Float](repeating: 0, count: count)
        sketches.withUnsafeBufferPointer { sketches in
            guard let base = sketches.baseAddress else { return }
            for other in 0..<count {
                result[other] = VectorLoops.squaredDistance(
                    base + row * sketchStride, base + other * sketchStride, sketchStride)
            }
        }
        return result
    }

    /// The same rows by the distances of their points.
    func refined(_ found: [Neighbour], _ point: [Float]) -> [Neighbour] {
        var result: [Neighbour] = []
        result.reserveCapacity(found.count)
        point.withUnsafeBufferPointer { point in
            points.withUnsafeBufferPointer { points in
                guard let point = point.baseAddress, let base = points.baseAddress else { return }
                for neighbour in found {
                    let squared = VectorLoops.squaredDistance(point, base + neighbour.row * stride, stride)
                    result.append(Neighbour(row: neighbour.row, distance: Double(squared).squareRoot()))
                }
            }
        }
        result.sort { $0.distance == $1.distance ? $0.row < $1.row : $0.distance < $1.distance }
        return result
    }
}
