import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation

/// A score in closed form; decides 1 from the threshold on.
struct ClosedForm: ScoreFunction {
    let featureCount: Int
    var threshold = 0.5
    var scoreCount = 1
    let score: @Sendable (ArraySlice<Float>) -> Double

    init(
        _ featureCount: Int, threshold: Double = 0.5, tellsScores: Bool = true,
        _ score: @escaping @Sendable (ArraySlice<Float>) -> Double
    ) {
        (self.featureCount, self.threshold, self.score) = (featureCount, threshold, score)
        scoreCount = tellsScores ? 1 : 0
    }
    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    func value(_ row: some Collection<Float>) -> Double { score(Array(row)[...]) }
    func label(_ row: some Collection<Float>) -> Int32 { Float(value(row)) >= Float(threshold) ? 1 : 0 }
    func answer(_ rows: [Float], count: Int) throws -> ScoredRows {
        precondition(rows.count == count * featureCount)
        let scores = (0..<count).map { row in
            Float(score(Array(rows[row * featureCount..<(row + 1) * featureCount])[...]))
        }
        return ScoredRows(
            scores: scoreCount == 0 ? [] : scores, labels: scores.map { $0 >= Float(threshold) ? 1 : 0 })
    }
}

/// Uniform numbers in -1…1, and the space that holds them; `scale` is the width.
struct SweepTable {
    let space: FeatureSpace
    let rows: FeatureMatrix, reference: FeatureMatrix

    init(_ width: Int, rows count: Int, seed: UInt64) {
        let features = (0..<width).map { Feature("x\($0)") }
        space = FeatureSpace(features: features, rules: features.map { _ in .init(low: -1, high: 1, scale: 2) })
        var generator = SeededGenerator(seed: seed, stream: 77)
        func matrix(_ count: Int) -> FeatureMatrix {
            FeatureMatrix(features: features, values: (0..<count * width).map { _ in 2 * generator.uniform() - 1 })
        }
        (rows, reference) = (matrix(count), matrix(400))
    }
    func problem() throws -> SensitivityProblem {
        try SensitivityProblem(rows: rows, space: space, reference: reference)
    }
}

/// A sum of small random trees over all kinds of features: a step function with known thresholds.
struct SweepForest: Sendable {
    struct Node: Sendable {
        var feature = -1, left = 0, right = 0
        var threshold: Float = 0, value = 0.0
    }
    let trees: [[Node]]
    /// Thresholds of each feature.
    let thresholds: [[Float]]

    init(_ widths: [ClosedRange<Float>], trees count: Int, depth: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 5)
        var all = [[Float]](repeating: [], count: widths.count)
        func grow(_ depth: Int, _ nodes: inout [Node]) -> Int {
            let index = nodes.count
            nodes.append(Node(value: Double(generator.uniform()) - 0.5))
            guard depth > 0 else { return index }
            let feature = Int(generator.next() % UInt64(widths.count))
            let range = widths[feature]
            let threshold = range.lowerBound + (range.upperBound - range.lowerBound) * generator.uniform()
            all[feature].append(threshold)
            (nodes[index].feature, nodes[index].threshold) = (feature, threshold)
            nodes[index].left = grow(depth - 1, &nodes)
            nodes[index].right = grow(depth - 1, &nodes)
            return index
        }
        trees = (0..<count).map { _ in
            var nodes: [Node] = []
            _ = grow(depth, &nodes)
            return nodes
        }
        thresholds = all.map { $0.sorted() }
    }

    func score(_ row: ArraySlice<Float>) -> Double {
        trees.reduce(0.0) { sum, nodes in
            var node = nodes[0]
            while node.feature >= 0 {
                let value = row[row.startIndex + node.feature]
                node = nodes[value.isNaN || value <= node.threshold ? node.left : node.right]
            }
            return sum + node.value
        }
    }
}
