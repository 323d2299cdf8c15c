import CasemateCore
import CasemateData
import Foundation

/// Rows as points for learners that measure distances: every feature weighs about the same.
struct LabelSpace: Sendable {
    /// How numbers become coordinates.
    enum Scale: CaseIterable, Sendable {
        /// Standardised ranks.
        case rank
        /// asinh of the robust z score, interquartile range over 1.349.
        case robust
    }
    let width: Int, stride: Int
    let points: [Float]
    /// A category with more levels is cut after these, the most frequent first.
    private static let levelLimit = 30

    init(_ matrix: FeatureMatrix, scale: Scale, cancellation: Cancellation) throws {
        let (count, total) = (matrix.count, matrix.features.count)
        var columns: [[Float]] = []
        for (index, feature) in matrix.features.enumerated() {
            try cancellation.check()
            let values = (0..<count).map { matrix.values[$0 * total + index] }
            if let levels = feature.levels {
                columns += Self.indicators(values, levels.count)
                continue
            }
            let known = values.filter(\.isFinite).sorted()
            guard let low = known.first, let high = known.last else { continue }
            if low < high { columns.append(scale == .rank ? Self.ranks(values, known) : Self.robust(values, known)) }
            if known.count < count { columns.append(values.map { $0.isFinite ? 0 : 1 }) }
        }
        width = columns.count
        stride = max(8, (columns.count + 7) / 8 * 8)
        var points = [Float](repeating: 0, count: count * stride)
        for (place, column) in columns.enumerated() {
            for row in 0..<count { points[row * stride + place] = column[row] }
        }
        self.points = points
    }

    private static func indicators(_ values: [Float], _ levels: Int) -> [[Float]] {
        var counts: [Float: Int] = [:]
        for value in values where value.isFinite { counts[value, default: 0] += 1 }
        let kept = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(levelLimit)
        guard kept.count > 1 || kept.first?.value != values.count else { return [] }
        return kept.map { level in values.map { $0 == level.key ? 0.7071 : 0 } }
    }

    private static func ranks(_ values: [Float], _ sorted: [Float]) -> [Float] {
        var places: [Float: Double] = [:]
        var (start, index) = (0, 0)
        while index < sorted.count {
            while index < sorted.count, sorted[index] == sorted[start] { index += 1 }
            places[sorted[start]] = Double(start + index - 1) / 2
            start = index
        }
        let middle = Double(sorted.count - 1) / 2
        let squares = sorted.reduce(0.0) { sum, value in
            let gap = (places[value] ?? middle) - middle
            return sum + gap * gap
        }
        let deviation = max(1e-9, (squares / Double(sorted.count)).squareRoot())
        return values.map { Float(((places[$0] ?? middle) - middle) / deviation) }
    }

    private static func robust(_ values: [Float], _ sorted: [Float]) -> [Float] {
        let known = sorted.map(Double.init)
        let middle = Bootstrap.quantile(known, 0.5)
        var spread = (Bootstrap.quantile(known, 0.75) - Bootstrap.quantile(known, 0.25)) / 1.349
        if spread <= 0 {
            let mean = known.reduce(0, +) / Double(known.count)
            spread = (known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(known.count)).squareRoot()
        }
        guard spread > 0, spread.isFinite else { return [Float](repeating: 0, count: values.count) }
        return values.map { $0.isFinite ? Float(asinh((Double($0) - middle) / spread)) : 0 }
    }
}
