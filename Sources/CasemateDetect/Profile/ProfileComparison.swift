import CasemateCore
import CasemateData

/// What training data are compared with: a profile, and the table behind it where that is open.
struct ProfileReference: Sendable {
    let profile: DataProfile
    let measured: MeasuredTable?
}

/// Training data beside a reference: columns, values, spread, correlations, labels. Every p-value is adjusted within its
/// family (Benjamini and Hochberg).
struct ProfileComparison: Sendable {
    /// Values outside the range of the reference.
    struct RangeBreak: Sendable {
        let column: String, low: Double, high: Double
        let below: Int, above: Int, rows: Int
        let pValue: Double
        var adjusted = 1.0
        var share: Double { Double(below + above) / Double(max(1, rows)) }
    }
    /// Categories, or codes, that the reference does not have.
    struct NewValue: Sendable {
        let column: String, value: String, count: Int, rows: Int
        let pValue: Double
        var adjusted = 1.0
    }
    /// A share of missing values that differs.
    struct MissingChange: Sendable {
        let column: String, missing: Int, rows: Int, referenceMissing: Int, referenceRows: Int
        let pValue: Double
        var adjusted = 1.0
        var difference: Double {
            Double(missing) / Double(rows) - Double(referenceMissing) / Double(referenceRows)
        }
    }
    /// A correlation that differs.
    struct CorrelationChange: Sendable {
        let one: String, other: String, value: Double, reference: Double
        let pValue: Double
        var adjusted = 1.0
        var difference: Double { abs(value - reference) }
    }
    /// Labels that differ in their shares.
    struct LabelShift: Sendable {
        let classes: [String], counts: [Int], referenceCounts: [Int]
        let statistic: Double, pValue: Double, variation: Double
    }

    let train: MeasuredTable, reference: ProfileReference
    /// Columns that take part in comparisons of values.
    let shared: [(train: ColumnProfile, reference: ColumnProfile)]
    let lost: [ColumnProfile], added: [ColumnProfile]
    let retyped: [(train: ColumnProfile, reference: ColumnProfile)]
    private(set) var shifts: [ColumnShift] = []
    private(set) var ranges: [RangeBreak] = []
    private(set) var newValues: [NewValue] = []
    private(set) var missing: [MissingChange] = []
    private(set) var correlations: [CorrelationChange] = []
    private(set) var label: LabelShift?
    /// Pairs of columns whose correlations were compared.
    private(set) var pairs = 0

    init(
        _ train: MeasuredTable, _ reference: ProfileReference, roles: DataSubject.Roles, context: RunContext
    ) throws {
        (self.train, self.reference) = (train, reference)
        let outside = Set(
            [roles.target, roles.source, roles.time].compactMap(\.self) + roles.identifiers + roles.ignored)
        let pairs = train.profile.columns.compactMap { column in
            reference.profile.column(column.name).map { (train: column, reference: $0) }
        }
        retyped = pairs.filter { !Self.fits($0.train.type, $0.reference.type) && $0.train.missing < train.profile.rows }
        shared = pairs.filter { pair in
            Self.fits(pair.train.type, pair.reference.type) && !outside.contains(pair.train.name)
                && !pair.train.isRowNumber && !pair.reference.isRowNumber
        }
        let names = Set(train.profile.columns.map(\.name))
        lost = reference.profile.columns.filter { !names.contains($0.name) && !roles.ignored.contains($0.name) }
        added = train.profile.columns.filter {
            reference.profile.column($0.name) == nil && !roles.ignored.contains($0.name)
        }
        let columns = ColumnComparison(train: train, reference: reference, context: context)
        shifts = try columns.shifts(shared)
        ranges = try columns.ranges(shared)
        newValues = try columns.newValues(shared)
        missing = missingChanges()
        correlations = correlationChanges()
        label = labelShift()
        adjust()
    }

    /// Whether values of two types can be compared.
    private static func fits(_ one: ColumnType, _ other: ColumnType) -> Bool {
        func kind(_ type: ColumnType) -> Int {
            switch type {
            case .integer, .number, .boolean: 0
            case .text: 1
            case .date, .timestamp: 2
            }
        }
        return kind(one) == kind(other)
    }

    private mutating func adjust() {
        for (index, p) in HypothesisTests.benjaminiHochberg(shifts.map(\.pValue)).enumerated() {
            shifts[index].adjusted = p
        }
        for (index, p) in HypothesisTests.benjaminiHochberg(ranges.map(\.pValue)).enumerated() {
            ranges[index].adjusted = p
        }
        for (index, p) in HypothesisTests.benjaminiHochberg(newValues.map(\.pValue)).enumerated() {
            newValues[index].adjusted = p
        }
        for (index, p) in HypothesisTests.benjaminiHochberg(missing.map(\.pValue)).enumerated() {
            missing[index].adjusted = p
        }
        for (index, p) in HypothesisTests.benjaminiHochberg(correlations.map(\.pValue)).enumerated() {
            correlations[index].adjusted = p
        }
    }

    private func missingChanges() -> [MissingChange] {
        let (rows, others) = (train.profile.rows, reference.profile.rows)
        return shared.map { pair in
            let p = HypothesisTests.twoProportionZ(
                successes: pair.train.missing, trials: rows, referenceSuccesses: pair.reference.missing,
                referenceTrials: others)
            return MissingChange(
                column: pair.train.name, missing: pair.train.missing, rows: rows,
                referenceMissing: pair.reference.missing, referenceRows: others, pValue: p ?? 1)
        }
    }

    /// Fisher's z of Spearman's correlations, whose variance is 1.06 / (n - 3) (Fieller, Hartley, Pearson, 1957).
    private mutating func correlationChanges() -> [CorrelationChange] {
        guard let one = train.profile.correlations, let other = reference.profile.correlations else { return [] }
        let names = Set(shared.map(\.train.name))
        let positions = Dictionary(
            other.columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let kept = one.columns.enumerated().compactMap { index, name in
            names.contains(name) ? positions[name].map { (name: name, here: index, there: $0) } : nil
        }
        guard one.rows > 10, other.rows > 10 else { return [] }
        let deviation = (1.06 / Double(one.rows - 3) + 1.06 / Double(other.rows - 3)).squareRoot()
        func z(_ r: Double) -> Double {
            let bounded = min(0.999_999, max(-0.999_999, r))
            return ((1 + bounded) / (1 - bounded)).logarithm / 2
        }
        var changes: [CorrelationChange] = []
        for (index, right) in kept.enumerated() {
            for left in kept[..<index] {
                let (r, s) = (one.value(right.here, left.here), other.value(right.there, left.there))
                changes.append(
                    CorrelationChange(
                        one: left.name, other: right.name, value: r, reference: s,
                        pValue: 2 * Distributions.normalCDF(-abs(z(r) - z(s)) / deviation)))
            }
        }
        pairs = changes.count
        return changes
    }

    private func labelShift() -> LabelShift? {
        guard let one = train.profile.label, let other = reference.profile.label, one.column == other.column else {
            return nil
        }
        var classes = other.classes
        classes += one.classes.filter { !classes.contains($0) }
        func counts(_ label: LabelProfile) -> [Int] {
            let byClass = Dictionary(zip(label.classes, label.counts), uniquingKeysWith: { first, _ in first })
            return classes.map { byClass[$0] ?? 0 }
        }
        let (here, there) = (counts(one), counts(other))
        guard let test = HypothesisTests.chiSquared(here, there) else { return nil }
        return LabelShift(
            classes: classes, counts: here, referenceCounts: there, statistic: test.statistic, pValue: test.pValue,
            variation: ShiftMeasures.variation(here, there))
    }
}

extension CorrelationMatrix {
    /// The correlation of two different columns.
    func value(_ one: Int, _ other: Int) -> Double {
        let (row, column) = one > other ? (one, other) : (other, one)
        return values[row * (row - 1) / 2 + column]
    }
}
