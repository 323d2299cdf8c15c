import CasemateCore
import CasemateData
import Foundation

/// The values at which the search looks at each feature: quantiles of the training rows, frequent values, and what lies
/// beyond both ends.
struct BranchGrid {
    /// One feature.
    struct Column {
        /// Values that are combined with those of other features, ascending; levels of a category.
        var values: [Float]
        /// How many of them lie below and above all training rows.
        let below: Int, above: Int
        /// Values between which bounds are sought, ascending.
        var dense: [Float]
        /// Smallest and largest value of the training rows, and their distance (1 where that is 0).
        let low: Float, high: Float, span: Float
        /// Whether all training rows hold whole numbers, or levels.
        let isWhole: Bool, isCategory: Bool
    }
    private(set) var columns: [Column]

    /// Values that people use for "unknown", "never" or as a secret.
    private static let special: [Float] = [-9_999, -999, -99, -1, 0, 99, 100, 999, 1_000, 9_999, 99_999, 999_999]

    init(_ matrix: FeatureMatrix, clues: [BranchClue]) {
        let width = matrix.features.count
        columns = matrix.features.indices.map { feature in
            let values = stride(from: feature, to: matrix.values.count, by: width).map { matrix.values[$0] }
            return Self.column(values.filter(\.isFinite), levels: matrix.features[feature].levels?.count)
        }
        for clue in clues {
            for (feature, values) in clue.values where !columns[feature].isCategory {
                let gap = columns[feature].isWhole ? 1 : 0.002 * columns[feature].span
                let around = values.flatMap { [$0 - gap, $0, $0 + gap] + [$0.rounded(.down), $0.rounded(.up)] }
                columns[feature].values = Set(columns[feature].values + around).sorted()
                columns[feature].dense = Set(columns[feature].dense + around).sorted()
            }
        }
    }

    private static func column(_ values: [Float], levels: Int?) -> Column {
        if let levels {
            let all = (0..<min(levels, 64)).map(Float.init)
            return Column(
                values: all, below: 0, above: 0, dense: all, low: 0, high: Float(levels - 1), span: 1, isWhole: true,
                isCategory: true)
        }
        let sorted = values.sorted()
        guard let low = sorted.first, let high = sorted.last else {
            return Column(
                values: [0], below: 0, above: 0, dense: [0], low: 0, high: 0, span: 1, isWhole: false, isCategory: false
            )
        }
        var runs: [(value: Float, count: Int)] = []
        for value in sorted {
            if runs.last?.value == value { runs[runs.count - 1].count += 1 } else { runs.append((value, 1)) }
        }
        let span = high > low ? high - low : 1
        let isWhole = runs.allSatisfy { $0.value == $0.value.rounded() }
        func at(_ share: Double) -> Float { sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] }
        var chosen: Set<Float> = [low, high]
        if runs.count <= 14 {
            chosen.formUnion(runs.map(\.value))
        } else {
            for share in [0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995] {
                chosen.insert(at(share))
            }
            let many = runs.filter { $0.count * 200 >= sorted.count }.sorted {
                ($1.count, $0.value) < ($0.count, $1.value)
            }
            chosen.formUnion(many.prefix(10).map(\.value))
        }
        let outside = [0.08 * span, span].map { isWhole ? max(1, $0.rounded()) : $0 }
        let (under, over) = (outside.map { low - $0 }, outside.map { high + $0 })
        var dense = Set(runs.count <= 96 ? runs.map(\.value) : (0...96).map { at(Double($0) / 96) })
        dense.formUnion(chosen)
        dense.formUnion((0...32).map { low + span * Float($0) / 32 }.map { isWhole ? $0.rounded() : $0 })
        dense.formUnion(
            [0.02, 0.08, 0.3, 1, 3].map { low - span * $0 } + [0.02, 0.08, 0.3, 1, 3].map { high + span * $0 })
        dense.formUnion(special.filter { abs($0) < 20 * span })
        let all = (Array(chosen) + under + over).sorted()
        return Column(
            values: all, below: 2, above: 2, dense: dense.sorted(), low: low, high: high, span: span, isWhole: isWhole,
            isCategory: false)
    }
}
