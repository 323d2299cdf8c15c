import CasemateCore
import CasemateData
import Foundation

/// Rows as points in which every feature weighs about the same, whatever its unit and however heavy its tails.
///
/// A number becomes asinh((x − median) / s), with s the interquartile range over 1.349 (the standard deviation where
/// that is 0; a constant feature is left out). A missing number lies at the median and differs by 1 from every one that
/// is there. Different levels of a category differ by 1; missing is a level of its own.
struct RobustSpace: Sendable {
    /// Blocks of eight numbers of a point, zeros behind the last.
    private let width: Int
    /// Categories of a point.
    private let depth: Int
    private let points: [SIMD8<Float>]
    private let levels: [Int32]

    /// Medians and scales come from at most this many rows.
    private static let fitted = 20_000

    init(_ matrix: FeatureMatrix, seed: UInt64) {
        let count = matrix.count
        let total = matrix.features.count
        var generator = SeededGenerator(seed: seed, stream: 0x5350_4143)
        let sample =
            count <= Self.fitted
            ? Array(0..<count) : (0..<Self.fitted).map { _ in Int.random(in: 0..<count, using: &generator) }
        var columns: [[Float]] = []
        var categories: [Int] = []
        for (index, feature) in matrix.features.enumerated() {
            guard feature.levels == nil else {
                categories.append(index)
                continue
            }
            let known = sample.map { Double(matrix.values[$0 * total + index]) }.filter(\.isFinite).sorted()
            let values = (0..<count).map { matrix.values[$0 * total + index] }
            if let (median, scale) = Self.centre(known) {
                columns.append(
                    values.map { $0.isFinite ? Float(asinh((Double($0) - median) / scale)) : 0 })
            }
            if values.contains(where: \.isNaN) { columns.append(values.map { $0.isNaN ? 1 : 0 }) }
        }
        let width = (columns.count + 7) / 8
        (self.width, depth) = (width, categories.count)
        var points = [SIMD8<Float>](repeating: .zero, count: count * width)
        for (place, column) in columns.enumerated() {
            for row in 0..<count { points[row * width + place / 8][place % 8] = column[row] }
        }
        self.points = points
        levels = (0..<count).flatMap { row in
            categories.map { index in
                let value = matrix.values[row * total + index]
                return value.isNaN ? -1 : Int32(exactly: value) ?? -2
            }
        }
    }

    /// Median and scale of sorted values; `nil` when they are all the same.
    private static func centre(_ sorted: [Double]) -> (median: Double, scale: Double)? {
        guard let low = sorted.first, let high = sorted.last, low < high else { return nil }
        let spread = (Bootstrap.quantile(sorted, 0.75) - Bootstrap.quantile(sorted, 0.25)) / 1.349
        let median = Bootstrap.quantile(sorted, 0.5)
        if spread > 0 { return (median, spread) }
        let mean = sorted.reduce(0, +) / Double(sorted.count)
        let variance = sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sorted.count)
        return variance > 0 ? (median, variance.squareRoot()) : nil
    }

    /// The `k` candidates nearest to a row, itself left out, and their mean distance; of equally near ones those of the
    /// lowest rank. O(candidates × features).
    /// - Parameters:
    ///   - candidates: Rows, best in ascending order, in which memory is read.
    ///   - ranks: A number for each row of the matrix, all different.
    func nearest(_ k: Int, to row: Int, among candidates: [Int], ranks: [Int]) -> (rows: [Int], meanDistance: Double) {
        var best: [(distance: Float, row: Int)] = []
        best.reserveCapacity(k + 1)
        func isNearer(_ distance: Float, _ candidate: Int, than other: (distance: Float, row: Int)) -> Bool {
            distance < other.distance || (distance == other.distance && ranks[candidate] < ranks[other.row])
        }
        points.withUnsafeBufferPointer { points in
            levels.withUnsafeBufferPointer { levels in
                for candidate in candidates where candidate != row {
                    let bound = best.count < k ? Float.infinity : best[best.count - 1].distance
                    let distance = squared(points, levels, row, candidate, bound: bound)
                    guard best.count < k || isNearer(distance, candidate, than: best[best.count - 1]) else { continue }
                    var place = best.count
                    while place > 0, isNearer(distance, candidate, than: best[place - 1]) { place -= 1 }
                    best.insert((distance, candidate), at: place)
                    if best.count > k { best.removeLast() }
                }
            }
        }
        let sum = best.reduce(0) { $0 + Double($1.distance).squareRoot() }
        return (best.map(\.row), best.isEmpty ? .infinity : sum / Double(best.count))
    }

    /// The squared distance of two rows, or anything above `bound` once it exceeds that.
    @inline(__always)
    private func squared(
        _ points: UnsafeBufferPointer<SIMD8<Float>>, _ levels: UnsafeBufferPointer<Int32>, _ one: Int, _ other: Int,
        bound: Float
    ) -> Float {
        var sum: Float = 0
        for index in 0..<depth where levels[one * depth + index] != levels[other * depth + index] { sum += 1 }
        for block in 0..<width {
            let gap = points[one * width + block] - points[other * width + block]
            sum += (gap * gap).sum()
            if sum > bound { return sum }
        }
        return sum
    }
}
