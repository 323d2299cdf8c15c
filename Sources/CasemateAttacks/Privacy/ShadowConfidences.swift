public import CasemateCore

/// What shadow models answered about every row of a pool, and which of them were trained on it.
public struct ShadowConfidences: Hashable, Sendable {
    /// Which shadow was trained on which row.
    public let design: ShadowDesign
    /// `[shadows, rows]`, row-major: confidence in the row's label (`LabelConfidence`).
    public let values: [Double]

    /// Puts answers beside the design.
    /// - Throws: `mismatch` when the answers do not fit the design; `unusableData` for an answer that is no number or
    ///   a row that fewer than two shadows were trained on, or fewer than two were not.
    public init(design: ShadowDesign, values: [Double]) throws(CasemateError) {
        guard values.count == design.shadows * design.rows else {
            throw CasemateError(
                .mismatch, at: "shadow confidences",
                "\(values.count) values for \(design.shadows) shadows of \(design.rows) rows",
                help: "give every shadow one value a row")
        }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw CasemateError(
                .unusableData, at: "shadow \(bad / design.rows):row \(bad % design.rows + 1)",
                "the confidence is \(values[bad])", help: "keep probabilities away from 0 and 1")
        }
        var inside = [Int](repeating: 0, count: design.rows)
        for (index, isMember) in design.isMember.enumerated() where isMember { inside[index % design.rows] += 1 }
        if let row = inside.firstIndex(where: { $0 < 2 || design.shadows - $0 < 2 }) {
            throw CasemateError(
                .unusableData, at: "row \(row + 1)",
                "\(inside[row]) of \(design.shadows) shadows were trained on it; two with and two without it are needed",
                help: "train at least 4 shadows, on random halves")
        }
        (self.design, self.values) = (design, values)
    }

    /// The same without one shadow, so that it can be the target of the others.
    /// - Throws: `unusableData` when a row is left with fewer than two shadows on either side.
    public func leaving(out shadow: Int) throws(CasemateError) -> ShadowConfidences {
        precondition((0..<design.shadows).contains(shadow), "there is no shadow \(shadow)")
        let cut = shadow * design.rows..<(shadow + 1) * design.rows
        var (values, isMember) = (values, design.isMember)
        values.removeSubrange(cut)
        isMember.removeSubrange(cut)
        return try ShadowConfidences(
            design: ShadowDesign(isMember: isMember, shadows: design.shadows - 1), values: values)
    }

    /// What one shadow answered.
    public func confidences(of shadow: Int) -> [Double] {
        Array(values[shadow * design.rows..<(shadow + 1) * design.rows])
    }

    /// Moments of the answers of the shadows that were (`true`) or were not (`false`) trained on each row.
    func moments(trained isMember: Bool) -> ShadowMoments {
        let rows = design.rows
        var (counts, means, squares) = (
            [Double](repeating: 0, count: rows), [Double](repeating: 0, count: rows),
            [Double](repeating: 0, count: rows)
        )
        for shadow in 0..<design.shadows {
            for row in 0..<rows where design.isMember[shadow * rows + row] == isMember {
                // why: Welford's update; sums of squares would lose digits where confidences are large.
                let value = values[shadow * rows + row]
                counts[row] += 1
                let before = value - means[row]
                means[row] += before / counts[row]
                squares[row] += before * (value - means[row])
            }
        }
        return ShadowMoments(counts: counts, means: means, squares: squares)
    }
}

/// Count, mean and sum of squared residuals of some shadows' answers, by row.
struct ShadowMoments {
    /// Answers, mean and sum of squares about that mean, of each row.
    let counts: [Double], means: [Double], squares: [Double]

    /// Standard deviation of each row's own answers.
    var deviations: [Double] {
        zip(squares, counts).map { max(($0 / ($1 - 1)).squareRoot(), Self.smallest) }
    }
    /// One standard deviation for all rows, from residuals about each row's own mean.
    var pooledDeviation: Double {
        let freedom = counts.reduce(0) { $0 + $1 - 1 }
        return max((squares.reduce(0, +) / freedom).squareRoot(), Self.smallest)
    }
    /// Keeps a likelihood finite where all shadows agree.
    private static let smallest = 1e-9
}
