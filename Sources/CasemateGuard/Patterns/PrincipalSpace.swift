import CasemateCore

/// How far a point is from where the correlations of some rows would have it: Mahalanobis' distance in their leading
/// principal components, and the rest of the point against the mean variance of what is left.
///
/// Sources: Jackson and Mudholkar, "Control procedures for residuals associated with principal component analysis",
/// Technometrics, 1979; Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review, 2011 (for points
/// wider than 64).
struct PrincipalSpace: Sendable {
    private let stride: Int, mean: [Float]
    /// `[components, stride]`, and what a squared coordinate is divided by.
    private let axes: [Float], variances: [Float]
    private let rest: Float
    private static let widestWhole = 64, mostComponents = 32

    /// Fits points `[count, stride]` of which `width` numbers count.
    init(_ points: [Float], stride: Int, width: Int, seed: UInt64) {
        self.stride = stride
        let count = stride == 0 ? 0 : points.count / stride
        var mean = [Float](repeating: 0, count: stride)
        for column in 0..<width {
            var sum = 0.0
            for row in 0..<count { sum += Double(points[row * stride + column]) }
            mean[column] = Float(sum / Double(max(1, count)))
        }
        self.mean = mean
        var centred = points
        for row in 0..<count { for column in 0..<width { centred[row * stride + column] -= mean[column] } }
        let total = centred.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, count))
        let whole = width <= Self.widestWhole
        let components = max(1, min(width, count / 4, whole ? width : Self.mostComponents))
        let (axes, variances) =
            whole
            ? Self.exact(centred, count, stride, width) : Self.randomised(centred, count, stride, width, seed)
        let kept = variances.prefix(components)
        let floor = max(1e-12, 0.01 * total / Double(max(1, width)))
        let left = width - components
        let tail = left > 0 ? max(0, total - kept.reduce(0, +)) / Double(left) : 0
        self.axes = Array(axes.prefix(components * stride))
        self.variances = kept.map { Float(max($0, floor)) }
        rest = left > 0 ? Float(max(tail, floor)) : 0
    }

    /// The squared distance of a point.
    func distance(_ point: UnsafePointer<Float>) -> Double {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: stride) { gap in
            guard let base = gap.baseAddress else { return 0 }
            for column in 0..<stride { base[column] = point[column] - mean[column] }
            let whole = VectorLoops.dot(base, base, stride)
            return axes.withUnsafeBufferPointer { axes in
                guard let first = axes.baseAddress else { return 0 }
                var (sum, explained) = (Float(0), Float(0))
                for (component, variance) in variances.enumerated() {
                    let coordinate = VectorLoops.dot(base, first + component * stride, stride)
                    sum += coordinate * coordinate / variance
                    explained += coordinate * coordinate
                }
                return Double(sum) + (rest > 0 ? Double(max(0, whole - explained) / rest) : 0)
            }
        }
    }

    private static func exact(
        _ points: [Float], _ count: Int, _ stride: Int, _ width: Int
    ) -> ([Float], [Double]) {
        var covariance = [Double](repeating: 0, count: width * width)
        for row in 0..<count {
            for left in 0..<width {
                let value = Double(points[row * stride + left])
                if value == 0 { continue }
                for right in 0...left {
                    covariance[left * width + right] += value * Double(points[row * stride + right])
                }
            }
        }
        for left in 0..<width {
            for right in 0...left {
                covariance[left * width + right] /= Double(max(1, count))
                covariance[right * width + left] = covariance[left * width + right]
            }
        }
        let (vectors, values) = eigen(&covariance, width)
        var axes = [Float](repeating: 0, count: width * stride)
        for (place, index) in values.indices.sorted(by: { values[$0] > values[$1] }).enumerated() {
            for column in 0..<width { axes[place * stride + column] = Float(vectors[column * width + index]) }
        }
        return (axes, values.sorted(by: >).map { max(0, $0) })
    }

    /// Eigenvectors in columns, and eigenvalues, of a symmetric matrix, by Jacobi's rotations.
    ///
    /// Source: Golub and Van Loan, "Matrix Computations", 4th ed., algorithm 8.5.2 (cyclic sweeps).
    private static func eigen(_ matrix: inout [Double], _ size: Int) -> (vectors: [Double], values: [Double]) {
        var vectors = [Double](repeating: 0, count: size * size)
        for index in 0..<size { vectors[index * size + index] = 1 }
        for _ in 0..<30 {
            var (off, diagonal) = (0.0, 0.0)
            for row in 0..<size {
                diagonal += matrix[row * size + row] * matrix[row * size + row]
                for column in 0..<row { off += matrix[row * size + column] * matrix[row * size + column] }
            }
            if off <= 1e-18 * max(1e-300, diagonal) { break }
            for p in 0..<size {
                for q in p + 1..<max(size, p + 1) { rotate(&matrix, &vectors, p, q, size) }
            }
        }
        return (vectors, (0..<size).map { matrix[$0 * size + $0] })
    }

    private static func rotate(_ matrix: inout [Double], _ vectors: inout [Double], _ p: Int, _ q: Int, _ size: Int) {
        let across = matrix[p * size + q]
        guard abs(across) > 1e-300 else { return }
        let theta = (matrix[q * size + q] - matrix[p * size + p]) / (2 * across)
        let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot(), s = t * c
        for k in 0..<size {
            let (left, right) = (matrix[k * size + p], matrix[k * size + q])
            matrix[k * size + p] = c * left - s * right
            matrix[k * size + q] = s * left + c * right
        }
        for k in 0..<size {
            let (left, right) = (matrix[p * size + k], matrix[q * size + k])
            matrix[p * size + k] = c * left - s * right
            matrix[q * size + k] = s * left + c * right
        }
        for k in 0..<size {
            let (left, right) = (vectors[k * size + p], vectors[k * size + q])
            vectors[k * size + p] = c * left - s * right
            vectors[k * size + q] = s * left + c * right
        }
    }

    private static func randomised(
        _ points: [Float], _ count: Int, _ stride: Int, _ width: Int, _ seed: UInt64
    ) -> ([Float], [Double]) {
        let size = min(width, count, mostComponents + 8)
        guard size > 0 else { return ([], []) }
        var generator = SeededGenerator(seed: seed, stream: 72)
        var basis = [Float](repeating: 0, count: size * stride)
        let normal = NormalSampler()
        for row in 0..<size {
            for column in 0..<width { basis[row * stride + column] = Float(normal.next(using: &generator)) }
        }
        var seen = [Float](repeating: 0, count: count * size)
        for round in 0..<4 {
            orthonormalise(&basis, size, stride)
            seen = projected(points, count, basis, size, stride)
            guard round < 3 else { break }
            basis = gathered(points, count, seen, size, stride)
        }
        var small = [Double](repeating: 0, count: size * size)
        for left in 0..<size {
            for right in 0..<size {
                var sum = 0.0
                for row in 0..<count { sum += Double(seen[row * size + left]) * Double(seen[row * size + right]) }
                small[left * size + right] = sum / Double(max(1, count))
            }
        }
        let (vectors, values) = eigen(&small, size)
        var axes = [Float](repeating: 0, count: size * stride)
        for (place, index) in values.indices.sorted(by: { values[$0] > values[$1] }).enumerated() {
            for part in 0..<size {
                let weight = Float(vectors[part * size + index])
                for column in 0..<stride { axes[place * stride + column] += weight * basis[part * stride + column] }
            }
        }
        return (axes, values.sorted(by: >).map { max(0, $0) })
    }

    private static func projected(
        _ points: [Float], _ count: Int, _ basis: [Float], _ size: Int, _ stride: Int
    ) -> [Float] {
        var seen = [Float](repeating: 0, count: count * size)
        points.withUnsafeBufferPointer { points in
            basis.withUnsafeBufferPointer { basis in
                guard let points = points.baseAddress, let basis = basis.baseAddress else { return }
                for row in 0..<count {
                    for part in 0..<size {
                        seen[row * size + part] = VectorLoops.dot(points + row * stride, basis + part * stride, stride)
                    }
                }
            }
        }
        return seen
    }

    private static func gathered(
        _ points: [Float], _ count: Int, _ seen: [Float], _ size: Int, _ stride: Int
    ) -> [Float] {
        var basis = [Float](repeating: 0, count: size * stride)
        basis.withUnsafeMutableBufferPointer { basis in
            points.withUnsafeBufferPointer { points in
                for row in 0..<count {
                    for part in 0..<size {
                        let weight = seen[row * size + part]
                        for column in 0..<stride {
                            basis[part * stride + column] += weight * points[row * stride + column]
                        }
                    }
                }
            }
        }
        return basis
    }

    private static func orthonormalise(_ basis: inout [Float], _ size: Int, _ stride: Int) {
        basis.withUnsafeMutableBufferPointer { basis in
            guard let base = basis.baseAddress else { return }
            for row in 0..<size {
                // why twice: in single precision one pass of Gram and Schmidt leaves rows that are not orthogonal.
                for _ in 0..<2 {
                    for other in 0..<row {
                        let part = VectorLoops.dot(base + row * stride, base + other * stride, stride)
                        for column in 0..<stride { base[row * stride + column] -= part * base[other * stride + column] }
                    }
                }
                let norm = VectorLoops.dot(base + row * stride, base + row * stride, stride).squareRoot()
                let factor = norm > 1e-20 ? 1 / norm : 0
                for column in 0..<stride { base[row * stride + column] *= factor }
            }
        }
    }
}
