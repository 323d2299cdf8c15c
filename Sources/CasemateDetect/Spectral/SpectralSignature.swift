package import CasemateCore

/// How far each row of a class lies along the direction in which the class varies most: a backdoor leaves a trace there.
///
/// Source: Tran, Li, Madry, "Spectral signatures in backdoor attacks", NeurIPS 2018, algorithm 1: rows are centred,
/// v is the top right singular vector, the score is the square of the projection on v.
package struct SpectralSignature: Sendable {
    /// Projections on the direction, signed.
    package let projections: [Double]
    /// Squares of them, the scores of the paper.
    package var scores: [Double] { projections.map { $0 * $0 } }

    /// Scores rows `[count, width]` of one class.
    package init(_ rows: [Float], count: Int, width: Int, cancellation: Cancellation = Cancellation()) throws {
        let components = try PrincipalComponents(
            rows, count: count, width: width, number: min(2, width), cancellation: cancellation)
        let number = components.directions.count
        let all = components.projected(rows)
        projections = number == 0 ? [Double](repeating: 0, count: count) : (0..<count).map { all[$0 * number] }
    }

    /// The rows that the paper removes for an assumed share of poison: the `1.5 · share · count` of largest score. It
    /// always removes so many, whatever the data are, which is why the check does not go by it.
    package func removed(assuming share: Double) -> [Int] {
        let scores = scores
        let number = min(scores.count, Int((1.5 * share * Double(scores.count)).rounded()))
        let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
        return order.prefix(number).sorted()
    }

    /// Rows that lie more robust standard deviations from the median than that, on the side where more of them do.
    package func outliers(_ deviations: Double) -> [Int] {
        let median = Self.median(projections)
        let spread = 1.4826 * Self.median(projections.map { abs($0 - median) })
        guard spread > 0 else { return [] }
        let above = projections.indices.filter { projections[$0] - median > deviations * spread }
        let below = projections.indices.filter { median - projections[$0] > deviations * spread }
        return above.count >= below.count ? above : below
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}
