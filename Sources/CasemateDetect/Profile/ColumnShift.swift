import CasemateCore

/// One column of training data beside the same column of the reference.
struct ColumnShift: Hashable, Sendable {
    /// The test that gave the p-value.
    enum Test: String, Hashable, Sendable {
        case gap = "Kolmogorov-Smirnov"
        case cells = "chi-square"
    }
    /// What is compared: `income`, or `length of message`.
    let title: String
    /// The column.
    let column: String
    let test: Test
    /// The statistic, `D` or chi-square, and how much larger it can be.
    let statistic: Double, error: Double
    /// Effect in 0…1: `D`, or Cramér's V.
    let effect: Double
    let pValue: Double
    /// Adjusted over all columns (Benjamini and Hochberg).
    var adjusted = 1.0
    /// Stability index, what it would be by chance, Jensen-Shannon distance.
    let stability: Double, expected: Double, divergence: Double
    /// Wasserstein's distance in standard deviations of the reference; `nil` for categories.
    let transport: Double?
    /// Values in both.
    let rows: Int, referenceRows: Int

    /// The stability index beyond chance.
    var excess: Double { max(0, stability - expected) }

    /// A column of categories: counts over the same values, others last.
    init?(title: String, column: String, cells one: [Int], _ other: [Int]) {
        let (n, m) = (one.reduce(0, +), other.reduce(0, +))
        guard n > 0, m > 0 else { return nil }
        let (pooled, rest) = Self.pooled(one, other)
        let result = HypothesisTests.chiSquared(pooled, rest)
        (self.title, self.column, test) = (title, column, .cells)
        (statistic, error, pValue) = (result?.statistic ?? 0, 0, result?.pValue ?? 1)
        effect = ((result?.statistic ?? 0) / Double(n + m)).squareRoot()
        stability = ShiftMeasures.stability(pooled, rest)
        expected = ShiftMeasures.expectedStability(pooled, rest)
        divergence = ShiftMeasures.divergence(pooled, rest)
        (transport, rows, referenceRows) = (nil, n, m)
    }

    /// A column of numbers: the gap, and counts over the edges of the reference.
    init?(
        title: String, column: String, gap: ShiftMeasures.Gap, transport: Double?, counts one: [Int], _ other: [Int]
    ) {
        let (n, m) = (one.reduce(0, +), other.reduce(0, +))
        guard n > 0, m > 0 else { return nil }
        let (coarse, rest) = Self.coarse(one, other)
        (self.title, self.column, test) = (title, column, .gap)
        (statistic, error, effect) = (gap.statistic, gap.error, gap.statistic)
        pValue = ShiftMeasures.gapProbability(gap.statistic, n, m)
        stability = ShiftMeasures.stability(coarse, rest)
        expected = ShiftMeasures.expectedStability(coarse, rest)
        divergence = ShiftMeasures.divergence(coarse, rest)
        (self.transport, rows, referenceRows) = (transport, n, m)
    }

    /// Categories with too few rows to be tested are put together: below five expected in either.
    static func pooled(_ one: [Int], _ other: [Int]) -> ([Int], [Int]) {
        let (n, m) = (Double(one.reduce(0, +)), Double(other.reduce(0, +)))
        var result: ([Int], [Int]) = ([], []), rest = (0, 0)
        for (left, right) in zip(one, other) {
            let total = Double(left + right)
            if total * min(n, m) / (n + m) < 5 {
                rest = (rest.0 + left, rest.1 + right)
            } else {
                result.0.append(left)
                result.1.append(right)
            }
        }
        if rest.0 + rest.1 > 0 {
            result.0.append(rest.0)
            result.1.append(rest.1)
        }
        return result
    }

    /// At most ten bins, each with a tenth of the reference or more.
    static func coarse(_ one: [Int], _ other: [Int]) -> ([Int], [Int]) {
        let wanted = Double(other.reduce(0, +)) / 10
        var result: ([Int], [Int]) = ([], []), open = (0, 0)
        for (left, right) in zip(one, other) {
            open = (open.0 + left, open.1 + right)
            guard Double(open.1) >= wanted else { continue }
            result.0.append(open.0)
            result.1.append(open.1)
            open = (0, 0)
        }
        guard let last = result.0.indices.last else { return ([open.0], [open.1]) }
        result.0[last] += open.0
        result.1[last] += open.1
        return result
    }
}
