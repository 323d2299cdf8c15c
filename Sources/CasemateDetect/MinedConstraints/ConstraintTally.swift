import CasemateCore
import CasemateData

/// Counts in SQL who keeps mined statements, over all rows.
struct ConstraintTally {
    let source: RowSQL
    /// Rows that a statement names at most.
    static let rowLimit = 2_000
    /// Rows of a value below which it decides nothing, and the share of them that must agree.
    private static let groupRows = 5, groupShare = 0.9
    private static let batch = 24

    /// The rule over the columns of this table; `nil` for a dependency and where the table does not fit.
    private func sql(_ constraint: MinedConstraint) -> String? {
        guard constraint.kind != .dependency, let rule = constraint.rule else { return nil }
        return try? ConstraintRule(rule, columns: source.table.columns, at: "mined").sql
    }

    /// Rows to which each statement applies and those that break it; `nil` where it does not fit the table.
    /// - Parameter values: Table whose values decide what a dependency demands.
    func counts(_ constraints: [MinedConstraint], values: RowSQL) throws -> [(applicable: Int, broken: Int)?] {
        var result = [(applicable: Int, broken: Int)?](repeating: nil, count: constraints.count)
        let rules = constraints.indices.compactMap { index in sql(constraints[index]).map { (index, $0) } }
        let figures = try source.figures(
            rules.flatMap { ["count(*) FILTER (WHERE \($0.1))", "count(*) FILTER (WHERE NOT (\($0.1)))"] })
        for (place, rule) in rules.enumerated() where figures.count > 2 * place + 1 {
            let (kept, broken) = (Int(figures[2 * place]), Int(figures[2 * place + 1]))
            result[rule.0] = (kept + broken, broken)
        }
        for index in constraints.indices where constraints[index].kind == .dependency {
            guard let body = dependency(constraints[index], values: values) else { continue }
            let answer = try source.table.query(
                "\(body) SELECT count(*), count(*) FILTER (WHERE is_broken) FROM joined")
            result[index] = (answer.wholes(0).first ?? 0, answer.wholes(1).first ?? 0)
        }
        return result
    }

    /// Rows that break each statement, ascending, at most `rowLimit` of each.
    func rows(breaking constraints: [MinedConstraint], values: RowSQL) throws -> [[Int]] {
        var result = [[Int]](repeating: [], count: constraints.count)
        let rules = constraints.indices.compactMap { index in sql(constraints[index]).map { (index, $0) } }
        for first in stride(from: 0, to: rules.count, by: Self.batch) {
            let block = rules[first..<min(first + Self.batch, rules.count)]
            let flags = block.map { "CAST(coalesce(NOT (\($0.1)), FALSE) AS TINYINT)" }
            let any = block.map { "NOT (\($0.1))" }.joined(separator: " OR ")
            let answer = try source.table.query(
                """
                SELECT \(source.row), \(flags.joined(separator: ", ")) FROM \(source.relation) WHERE \(any) \
                ORDER BY 1 LIMIT \(Self.rowLimit * 4)
                """)
            let rows = answer.wholes(0)
            for (place, rule) in block.enumerated() {
                let flags = answer.wholes(place + 1)
                result[rule.0] = Array(
                    rows.indices.lazy.filter { flags[$0] == 1 }.map { rows[$0] }.prefix(Self.rowLimit))
            }
        }
        for index in constraints.indices where constraints[index].kind == .dependency {
            guard let body = dependency(constraints[index], values: values) else { continue }
            let sql = "\(body) SELECT r FROM joined WHERE is_broken ORDER BY 1 LIMIT \(Self.rowLimit)"
            result[index] = try source.table.query(sql).wholes(0)
        }
        return result
    }

    /// SQL that gives rows with `is_broken`: their value differs from what nearly all rows of their group have.
    private func dependency(_ constraint: MinedConstraint, values: RowSQL) -> String? {
        guard constraint.columns.count == 2 else { return nil }
        let names = constraint.columns
        guard names.allSatisfy({ name in source.table.columns.contains { $0.name == name } }) else { return nil }
        let (one, other) = ("CAST(\(quoted(names[0])) AS VARCHAR)", "CAST(\(quoted(names[1])) AS VARCHAR)")
        return """
            WITH pairs AS (SELECT \(one) AS a, \(other) AS b, count(*) AS n FROM \(values.relation) \
            WHERE \(quoted(names[0])) IS NOT NULL AND \(quoted(names[1])) IS NOT NULL GROUP BY ALL), \
            decided AS (SELECT a, arg_max(b, n) AS b FROM pairs GROUP BY a \
            HAVING sum(n) >= \(Self.groupRows) AND max(n) >= \(Self.groupShare) * sum(n)), \
            joined AS (SELECT r, rows.b IS DISTINCT FROM decided.b AS is_broken FROM \
            (SELECT \(source.row) AS r, \(one) AS a, \(other) AS b FROM \(source.relation)) AS rows \
            JOIN decided ON rows.a = decided.a WHERE rows.b IS NOT NULL)
            """
    }
}
