import CasemateCore
import CasemateModels

/// What the data say of one group beside the comparison group.
struct GroupVerdict {
    let attribute: String, group: String, base: String
    /// The group as a condition on the column.
    let condition: DataPattern.Condition
    let row: GroupFairness.Row
    /// The gap among comparable rows and its p-value after Holm over all groups of all attributes; `nil` where there is none.
    var adjusted: StratifiedGap?, adjustedP: Double?
    /// Counts in the reference data, of the group and the comparison group.
    var reference: (group: ProtectedColumn.Counts, base: ProtectedColumn.Counts)?
    /// Counts in the training data.
    let counts: ProtectedColumn.Counts, baseCounts: ProtectedColumn.Counts
    /// p-value after Holm that the gap is that of the reference, and that the group's own rate is.
    var gapChangeP: Double?, rateChangeP: Double?

    /// Share labelled favourably; 0 for an empty group.
    static func rate(_ counts: ProtectedColumn.Counts) -> Double {
        counts.rows > 0 ? Double(counts.favourable) / Double(counts.rows) : 0
    }

    /// The gap's change since the reference with its 95 % interval and two-sided p-value (normal, each share with its own
    /// variance; Agresti and Caffo add one row of either label to each sample); `nil` where a sample is empty.
    var gapChange: (value: Double, interval: Interval, pValue: Double)? {
        guard let reference, reference.group.rows > 0, reference.base.rows > 0 else { return nil }
        let cells = [counts, baseCounts, reference.group, reference.base]
        let value =
            Self.rate(counts) - Self.rate(baseCounts) - Self.rate(reference.group) + Self.rate(reference.base)
        let variance = cells.reduce(0) { sum, cell in
            let (hits, rows) = (Double(cell.favourable) + 1, Double(cell.rows) + 2)
            return sum + hits / rows * (1 - hits / rows) / rows
        }
        let error = variance.squareRoot()
        let z = Distributions.normalQuantile(0.975)
        return (
            value, Interval(value - z * error, value + z * error), 2 * Distributions.normalCDF(-abs(value) / error)
        )
    }

    /// Ratio of the shares in the reference; `nil` where a share is missing or the comparison group's is 0.
    var referenceRatio: Double? {
        guard let reference, reference.group.rows > 0, Self.rate(reference.base) > 0 else { return nil }
        return Self.rate(reference.group) / Self.rate(reference.base)
    }
}
