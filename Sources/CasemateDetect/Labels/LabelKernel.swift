import CasemateCore
import Foundation

/// A kernel machine that is cross-validated from one pass over the rows: ridge regression on random Fourier features.
///
/// The sums of each fold are kept, so that leaving a fold or single rows out is a subtraction. Source: Rahimi and
/// Recht, "Random features for large-scale kernel machines", NeurIPS 2007.
struct LabelKernel: Sendable {
    private let size: Int, classes: Int, folds: Int
    private let fold: [Int], labels: [Int32]
    private let features: [Float]
    /// Per fold: products of features (lower triangle), and of features with the targets of each class.
    private let products: [[Double]], targets: [[Double]]
    private static let ridge = 0.1

    init(
        _ rows: LabelRows, _ space: LabelSpace, reach: Double, size: Int, folds: Int, seed: UInt64, learning: Int,
        context: RunContext
    ) throws {
        (self.size, classes, self.folds, labels) = (size, rows.classes.count, folds, rows.labels)
        let fold = rows.folds(folds, seed: seed)
        self.fold = fold
        let features = try Self.features(space, rows.count, size, reach, seed, context.cancellation)
        self.features = features
        var generator = SeededGenerator(seed: seed, stream: 0x4B33)
        let chosen =
            rows.count <= learning
            ? Array(0..<rows.count) : Array((0..<rows.count).shuffled(using: &generator).prefix(learning)).sorted()
        let (labels, classes) = (rows.labels, rows.classes.count)
        let sums = try ParallelTasks.map(folds, threads: context.threads) { part in
            try Self.sums(chosen.filter { fold[$0] == part }, features, size, labels, classes, context.cancellation)
        }
        (products, targets) = (sums.map(\.products), sums.map(\.targets))
    }

    private static func features(
        _ space: LabelSpace, _ count: Int, _ size: Int, _ reach: Double, _ seed: UInt64, _ cancellation: Cancellation
    ) throws -> [Float] {
        let (half, width, step) = (size / 2, space.width, space.stride)
        var generator = SeededGenerator(seed: seed, stream: 0x4B32)
        let sampler = NormalSampler()
        let deviation = (2 * reach / Double(max(1, width))).squareRoot()
        var weights = [Float](repeating: 0, count: half * step)
        for index in 0..<half {
            for column in 0..<width {
                weights[index * step + column] = Float(deviation * sampler.next(using: &generator))
            }
        }
        let scale = (2 / Float(size)).squareRoot()
        var result = [Float](repeating: 0, count: count * size)
        try result.withUnsafeMutableBufferPointer { result in
            try space.points.withUnsafeBufferPointer { points in
                try weights.withUnsafeBufferPointer { weights in
                    for row in 0..<count {
                        if row.isMultiple(of: 256) { try cancellation.check() }
                        for index in 0..<half {
                            var lanes = SIMD8<Float>.zero
                            var (a, b) = (row * step, index * step)
                            for _ in 0..<step / 8 {
                                lanes += Self.eight(points, a) * Self.eight(weights, b)
                                (a, b) = (a + 8, b + 8)
                            }
                            let angle = lanes.sum()
                            result[row * size + index] = scale * cos(angle)
                            result[row * size + half + index] = scale * sin(angle)
                        }
                    }
                }
            }
        }
        return result
    }

    @inline(__always)
    private static func eight(_ values: UnsafeBufferPointer<Float>, _ start: Int) -> SIMD8<Float> {
        SIMD8(
            values[start], values[start + 1], values[start + 2], values[start + 3], values[start + 4],
            values[start + 5], values[start + 6], values[start + 7])
    }

    private static func sums(
        _ rows: [Int], _ features: [Float], _ size: Int, _ labels: [Int32], _ classes: Int, _ cancellation: Cancellation
    ) throws -> (products: [Double], targets: [Double]) {
        var products = [Double](repeating: 0, count: size * size)
        var targets = [Double](repeating: 0, count: (classes + 1) * size)
        for start in stride(from: 0, to: rows.count, by: 4) {
            if start.isMultiple(of: 256) { try cancellation.check() }
            let four = rows[start..<min(start + 4, rows.count)]
            add(Array(four), 1, features, size, to: &products)
            for row in four { add(row, 1, features, size, labels, classes, to: &targets) }
        }
        return (products, targets)
    }

    /// Adds the products of up to four rows.
    private static func add(
        _ rows: [Int], _ sign: Double, _ features: [Float], _ size: Int, to products: inout [Double]
    ) {
        var block = [Double](repeating: 0, count: 4 * size)
        for (place, row) in rows.enumerated() {
            for index in 0..<size { block[place * size + index] = Double(features[row * size + index]) }
        }
        products.withUnsafeMutableBufferPointer { products in
            block.withUnsafeBufferPointer { block in
                for one in 0..<size {
                    let (a, b) = (sign * block[one], sign * block[size + one])
                    let (c, d) = (sign * block[2 * size + one], sign * block[3 * size + one])
                    for other in 0...one {
                        products[one * size + other] +=
                            a * block[other] + b * block[size + other] + c * block[2 * size + other]
                            + d * block[3 * size + other]
                    }
                }
            }
        }
    }

    /// Adds a row to the sums with targets of 1 for its class and -1 for others; the last of them are plain sums.
    private static func add(
        _ row: Int, _ sign: Double, _ features: [Float], _ size: Int, _ labels: [Int32], _ classes: Int,
        to targets: inout [Double]
    ) {
        for index in 0..<size {
            let value = sign * Double(features[row * size + index])
            for label in 0..<classes { targets[label * size + index] += Int(labels[row]) == label ? value : -value }
            targets[classes * size + index] += value
        }
    }

    /// What the machine says of each row when it learns from the other folds, some rows left out.
    func view(leavingOut isLeftOut: [Bool], context: RunContext) throws -> LabelView {
        var (products, targets) = (self.products, self.targets)
        for row in labels.indices where isLeftOut[row] {
            Self.add([row], -1, features, size, to: &products[fold[row]])
            Self.add(row, -1, features, size, labels, classes, to: &targets[fold[row]])
        }
        let (whole, goals) = (Self.total(products), Self.total(targets))
        let (parts, sides) = (products, targets)
        let shares = self.shares(isLeftOut)
        let weights = try ParallelTasks.map(folds, threads: context.threads) { part in
            try Self.solved(
                zip(whole, parts[part]).map { $0 - $1 }, zip(goals, sides[part]).map { $0 - $1 }, size, shares,
                context.cancellation)
        }
        var result = [Double](repeating: 0, count: labels.count * classes)
        features.withUnsafeBufferPointer { features in
            for row in labels.indices {
                for label in 0..<classes {
                    result[row * classes + label] = weights[fold[row]].withUnsafeBufferPointer { weights in
                        (0..<size).reduce(2 * shares[label] - 1) {
                            $0 + Double(features[row * size + $1]) * weights[label * size + $1]
                        }
                    }
                }
            }
        }
        return LabelViews.view(logits: result, classes: classes, scale: 1.5)
    }

    private func shares(_ isLeftOut: [Bool]) -> [Double] {
        var counts = [Double](repeating: 0, count: classes)
        for row in labels.indices where !isLeftOut[row] { counts[Int(labels[row])] += 1 }
        let total = max(1, counts.reduce(0, +))
        return counts.map { $0 / total }
    }

    private static func total(_ parts: [[Double]]) -> [Double] {
        parts.dropFirst().reduce(parts.first ?? []) { sum, part in zip(sum, part).map { $0 + $1 } }
    }

    /// Weights of the features for each class, by Cholesky; targets are centred on the share of the class.
    private static func solved(
        _ products: [Double], _ targets: [Double], _ size: Int, _ shares: [Double], _ cancellation: Cancellation
    ) throws -> [Double] {
        var factor = products
        for index in 0..<size { factor[index * size + index] += ridge }
        try factor.withUnsafeMutableBufferPointer { factor in
            for row in 0..<size {
                if row.isMultiple(of: 64) { try cancellation.check() }
                for column in 0...row {
                    var rest = factor[row * size + column]
                    for k in 0..<column { rest -= factor[row * size + k] * factor[column * size + k] }
                    factor[row * size + column] =
                        column < row ? rest / factor[column * size + column] : max(rest, 1e-9).squareRoot()
                }
            }
        }
        return shares.indices.flatMap { label -> [Double] in
            let centre = 2 * shares[label] - 1
            var solution = (0..<size).map { targets[label * size + $0] - centre * targets[shares.count * size + $0] }
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
}
