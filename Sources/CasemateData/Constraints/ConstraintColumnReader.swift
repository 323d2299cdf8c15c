/// A row as the closures of a rule read it: float32 features, or values.
struct ConstraintRow {
    let features: UnsafeBufferPointer<Float>
    let values: UnsafeBufferPointer<ConstraintValue>
}

/// How the closures of a rule read one column, in each type that the column can be asked for.
///
/// A column that has no value gives `nil`, NaN or `notApplicable`.
struct ConstraintColumnReader: Sendable {
    typealias Read<Value> = @Sendable (ConstraintRow) -> Value
    /// A whole number, or a moment.
    var whole: Read<Int64?> = { _ in nil }
    var real: Read<Double> = { _ in .nan }
    var text: Read<String?> = { _ in nil }
    var truth: Read<ConstraintRule.Verdict> = { _ in .notApplicable }
    /// Always `holds` or `violated` for a column that is read.
    var isMissing: Read<ConstraintRule.Verdict> = { _ in .notApplicable }
    /// The level that a row has, where the column is a category among features.
    var category: ConstraintCategory?

    /// A column of which nothing is known: what holds then, holds for every row.
    static let unknown = ConstraintColumnReader()

    /// The value at a position of a row of values.
    static func value(_ position: Int, _ type: ColumnType) -> ConstraintColumnReader {
        var reader = ConstraintColumnReader()
        if type == .date || type == .timestamp {
            reader.whole = { $0.values[position].moment }
        } else {
            reader.whole = { $0.values[position].whole }
        }
        reader.real = { $0.values[position].real }
        reader.text = { $0.values[position].text }
        reader.truth = { $0.values[position].truth }
        reader.isMissing = { ConstraintRule.Verdict($0.values[position].isMissing) }
        return reader
    }

    /// A feature of a float32 row; `nil` where a numeric feature stands for a column of texts.
    static func feature(_ position: Int, _ feature: Feature, _ type: ColumnType) -> ConstraintColumnReader? {
        if let levels = feature.levels { return category(position, levels, type) }
        var reader = ConstraintColumnReader()
        reader.isMissing = { ConstraintRule.Verdict($0.features[position].isNaN) }
        reader.real = { $0.features[position].decimal }
        switch type {
        case .text: return nil
        case .integer: reader.whole = { Int64(exactly: $0.features[position]) }
        case .number: break
        case .boolean:
            reader.truth = { row in
                let value = row.features[position]
                return value == 1 ? .holds : value == 0 ? .violated : .notApplicable
            }
        case .date: reader.whole = { microseconds($0.features[position], unit: Double(ConstraintMoment.day)) }
        case .timestamp: reader.whole = { microseconds($0.features[position], unit: 1e6) }
        }
        return reader
    }

    private static func microseconds(_ value: Float, unit: Double) -> Int64? {
        Int64(exactly: (Double(value) * unit).rounded())
    }

    private static func category(_ position: Int, _ levels: [String], _ type: ColumnType) -> ConstraintColumnReader {
        let category = ConstraintCategory(position: position, levels: levels.map { ConstraintValue.of($0, as: type) })
        var reader = ConstraintColumnReader()
        reader.isMissing = { ConstraintRule.Verdict($0.features[position].isNaN) }
        let isMoment = type == .date || type == .timestamp
        reader.whole = category.table(missing: nil, unknown: nil) { isMoment ? $0.moment : $0.whole }
        reader.real = category.table(missing: .nan, unknown: .nan) { $0.real }
        reader.text = category.table(missing: nil, unknown: nil) { $0.text }
        reader.truth = category.table(missing: .notApplicable, unknown: .notApplicable) { $0.truth }
        reader.category = category
        return reader
    }
}

/// A categorical feature: its value in a row is the index of a level.
struct ConstraintCategory: Sendable {
    /// Position in the row.
    let position: Int
    /// Value of each level; `nil` where its name is no value of the column's type.
    let levels: [ConstraintValue?]

    /// Reads from a table that is made once, one entry a level.
    func table<Result: Sendable>(
        missing: Result, unknown: Result, _ entry: (ConstraintValue) -> Result
    ) -> ConstraintColumnReader.Read<Result> {
        let entries = levels.map { $0.map(entry) ?? unknown }
        let position = position
        return { row in
            let value = row.features[position]
            if value.isNaN { return missing }
            guard let index = Int(exactly: value), entries.indices.contains(index) else { return unknown }
            return entries[index]
        }
    }
}

extension ConstraintRule.Verdict {
    /// A truth value as a verdict.
    @inline(__always) init(_ value: Bool) { self = value ? .holds : .violated }
    /// `holds` becomes `violated` and the other way round.
    @inline(__always) var negated: ConstraintRule.Verdict {
        switch self {
        case .holds: .violated
        case .violated: .holds
        case .notApplicable: .notApplicable
        }
    }
}
