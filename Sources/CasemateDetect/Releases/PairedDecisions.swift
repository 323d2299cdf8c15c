public import CasemateCore

/// Two lists of decisions about the same rows: how far they agree, beyond what chance gives.
public struct PairedDecisions: Hashable, Sendable {
    /// Rows.
    public let count: Int
    /// Rows decided alike.
    public let agreeing: Int
    /// Cohen's kappa; `nil` when both lists hold one and the same decision only.
    public let kappa: Double?
    /// 95 % interval of kappa from its large-sample standard error.
    public let kappaInterval: Interval?

    /// Compares two lists of the same length.
    ///
    /// Sources: Cohen, "A coefficient of agreement for nominal scales", 1960; Fleiss, Cohen, Everitt, "Large sample
    /// standard errors of kappa and weighted kappa", 1969.
    public init(_ one: [Int32], _ two: [Int32]) {
        precondition(one.count == two.count, "\(one.count) and \(two.count) decisions")
        count = one.count
        agreeing = zip(one, two).count { $0 == $1 }
        var cells: [[Int32]: Int] = [:]
        var (rowCounts, columnCounts) = ([Int32: Int](), [Int32: Int]())
        let n = Double(one.count)
        for (a, b) in zip(one, two) {
            cells[[a, b], default: 0] += 1
            rowCounts[a, default: 0] += 1
            columnCounts[b, default: 0] += 1
        }
        let (rows, columns) = (rowCounts.mapValues { Double($0) / n }, columnCounts.mapValues { Double($0) / n })
        let observed = Double(agreeing) / n
        // why sorted: sums of floating point depend on the order, and dictionaries have none.
        let names = Set(rows.keys).union(columns.keys).sorted()
        let chance = names.reduce(0) { $0 + (rows[$1] ?? 0) * (columns[$1] ?? 0) }
        guard one.count > 0, chance < 1 - 1e-12 else {
            (kappa, kappaInterval) = (nil, nil)
            return
        }
        let value = (observed - chance) / (1 - chance)
        var spread = 0.0
        for (cell, number) in cells.sorted(by: { ($0.key[0], $0.key[1]) < ($1.key[0], $1.key[1]) }) {
            let share = Double(number) / n
            let margin = (rows[cell[1]] ?? 0) + (columns[cell[0]] ?? 0)
            if cell[0] == cell[1] {
                let own = 1 - margin * (1 - value)
                spread += share * own * own
            } else {
                spread += share * margin * margin * (1 - value) * (1 - value)
            }
        }
        let middle = value - chance * (1 - value)
        let error = (max(0, spread - middle * middle) / n).squareRoot() / (1 - chance)
        let z = Distributions.normalQuantile(0.975)
        kappa = value
        kappaInterval = Interval(max(-1, value - z * error), min(1, value + z * error))
    }

    /// Exact two-sided p-value that two kinds of change are equally likely, from their counts; 1 without a change.
    ///
    /// Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; exact form
    /// by the binomial distribution.
    public static func mcNemar(_ one: Int, _ other: Int) -> Double {
        let (n, k) = (one + other, min(one, other))
        guard one >= 0, other >= 0, n > 0 else { return 1 }
        // The largest term is the last; the others follow from it by ratios, so that nothing overflows.
        var (sum, term) = (1.0, 1.0)
        var step = k
        while step > 0, term > 1e-18 {
            term *= Double(step) / Double(n - step + 1)
            sum += term
            step -= 1
        }
        let logLast = (0..<k).reduce(-Double(n) * 2.0.logarithm) { $0 + (Double(n - $1) / Double($1 + 1)).logarithm }
        return min(1, 2 * sum * logLast.exponential)
    }
}
