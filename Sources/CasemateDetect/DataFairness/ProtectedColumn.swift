import CasemateCore
import CasemateData
import CasemateModels

/// The groups of a protected attribute, with the labels of their rows in both tables.
struct ProtectedColumn {
    /// Favourable rows and labelled rows of a group.
    struct Counts: Hashable {
        var favourable = 0, rows = 0
    }
    let column: Column
    /// Groups in ascending order of name, and SQL that gives the group's place from a row.
    let names: [String]
    let expression: String
    /// Where numbers are cut into groups, ascending; empty where each value is a group.
    private let cuts: [Double]
    /// Counts of the training data, and of the reference where it has the columns.
    let train: [Counts], reference: [Counts]?
    /// Rows without a value.
    let missing: Int

    /// Most groups of an attribute; numbers with more values are cut at their quartiles.
    static let groupLimit = 20, valueLimit = 12

    /// `nil` for a column without values or with too many groups; the reason is then added to `notes`.
    init?(
        _ name: String, _ subject: DataSubject, _ train: DataTable, notes: inout [String]
    ) throws {
        guard RowSQL.canName(name), let target = subject.roles.target, RowSQL.canName(target),
            let labels = subject.labels, let favourable = labels.favourable
        else { return nil }
        column = try train.column(name)
        (names, expression, cuts) = try Self.groups(column, train)
        guard names.count > 1, names.count <= Self.groupLimit else {
            notes.append(
                names.count > 1
                    ? "\(name.clipped(to: 40)) has more than \(Self.groupLimit) values and cannot be compared."
                    : "\(name.clipped(to: 40)) cannot be compared: insufficient data, fewer than two groups.")
            return nil
        }
        let good = labels.classes[favourable]
        self.train = try Self.counts(train, expression, target, good, groups: names.count)
        var other: [Counts]?
        if let reference = subject.reference, reference.columns.contains(where: { $0.name == name }),
            reference.columns.contains(where: { $0.name == target })
        {
            other = try? Self.counts(reference, expression, target, good, groups: names.count)
            if other == nil { notes.append("The reference holds \(name.clipped(to: 40)) in another form.") }
        }
        reference = other
        missing = column.missing
    }

    private static func groups(_ column: Column, _ table: DataTable) throws -> ([String], String, [Double]) {
        let name = quoted(column.name)
        let values = try table.levels(column.name, limit: 1 << 20)
        let isNumber = column.type == .integer || column.type == .number
        guard isNumber, values.count > valueLimit else {
            guard values.count <= groupLimit else { return (values, "", []) }
            let cell = isNumber ? "CAST(\(name) AS DOUBLE)" : "CAST(\(name) AS VARCHAR)"
            let cases = values.enumerated().map { index, value in
                let literal = isNumber ? value : "'" + value.replacing("'", with: "''") + "'"
                return "WHEN \(cell) = \(literal) THEN \(index)"
            }
            return (values, "CASE \(cases.joined(separator: " ")) END", [])
        }
        let number = RowSQL.number(column)
        let ends = try RowSQL(table).figures(
            [0.25, 0.5, 0.75].map { "quantile_disc((\(number)), \($0))" })
        let cuts = Set(ends.filter(\.isFinite)).sorted()
        var names = ["up to \(CanonicalText.of(cuts.first ?? 0))"]
        for (low, high) in zip(cuts, cuts.dropFirst()) {
            names.append("above \(CanonicalText.of(low)) up to \(CanonicalText.of(high))")
        }
        names.append("above \(CanonicalText.of(cuts.last ?? 0))")
        let steps = cuts.map { "CAST((\(number)) > \(CanonicalText.of($0)) AS INTEGER)" }
        return (names, "CASE WHEN (\(number)) IS NOT NULL THEN \(steps.joined(separator: " + ")) END", cuts)
    }

    /// A group as a condition on the column; a group of numbers begins above its lower end.
    func condition(_ index: Int) -> DataPattern.Condition {
        guard !cuts.isEmpty else { return DataPattern.Condition(column: column.name, value: names[index]) }
        return DataPattern.Condition(
            column: column.name, low: index > 0 ? cuts[index - 1].nextUp : nil,
            high: index < cuts.count ? cuts[index] : nil)
    }

    private static func counts(
        _ table: DataTable, _ expression: String, _ target: String, _ good: String, groups: Int
    ) throws -> [Counts] {
        let column = try table.column(target)
        // why two spellings: 1 of one file is 1.0 of another.
        let literal = good.replacing("'", with: "''")
        let label = "CAST(\(quoted(target)) AS VARCHAR)"
        let isGood =
            column.type == .integer || column.type == .number || column.type == .boolean
            ? "(\(label) = '\(literal)' OR TRY_CAST(\(label) AS DOUBLE) = TRY_CAST('\(literal)' AS DOUBLE))"
            : "\(label) = '\(literal)'"
        let answer = try table.query(
            """
            SELECT g, count(*) FILTER (WHERE good), count(*) FROM (SELECT \(expression) AS g, \(isGood) AS good, \(label) AS y \
            FROM {table}) WHERE g IS NOT NULL AND y IS NOT NULL GROUP BY g ORDER BY g
            """)
        var counts = [Counts](repeating: Counts(), count: groups)
        let (favourable, rows) = (answer.wholes(1), answer.wholes(2))
        for (index, group) in answer.wholes(0).enumerated() where counts.indices.contains(group) {
            counts[group] = Counts(favourable: favourable[index], rows: rows[index])
        }
        return counts
    }

    /// The groups of the training data as the measures of fairness take them: labels in place of decisions.
    static func groupCounts(_ names: [String], _ counts: [Counts]) -> [GroupCounts] {
        zip(names, counts).map { name, counts in
            GroupCounts(
                name: name, truePositives: counts.favourable, falsePositives: 0,
                trueNegatives: counts.rows - counts.favourable, falseNegatives: 0)
        }
    }
}
