import CasemateCore
import CasemateData

/// The columns that rules are checked against: those that all tables have, so that a rule means the same in each.
struct ConstraintColumns {
    let columns: [Column]
    /// Columns that only one of the tables has, for messages.
    let apart: Set<String>

    init(_ tables: AuditSubject.Tables) {
        guard let train = tables.train else {
            (columns, apart) = (tables.test.columns, [])
            return
        }
        let inTest = Dictionary(tables.test.columns.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        columns = train.columns.compactMap { column in
            guard let other = inTest[column.name], let type = Self.common(column.type, other.type) else { return nil }
            return Column(name: column.name, type: type, missing: column.missing + other.missing)
        }
        let names = Set(train.columns.map(\.name)).symmetricDifference(inTest.keys)
        apart = names
    }

    /// The type that serves both tables; a column that is whole in one of them is a number in both.
    private static func common(_ first: ColumnType, _ second: ColumnType) -> ColumnType? {
        if first == second { return first }
        return Set([first, second]) == [.integer, .number] ? .number : nil
    }

    /// Parses the declared rules.
    /// - Throws: what is wrong with a rule, with its place; `invalidSetting` for two rules of one name.
    func rules(_ declared: [AuditConfiguration.Constraint]) throws(CasemateError) -> [ConstraintRule] {
        var names: Set<String> = []
        var rules: [ConstraintRule] = []
        for constraint in declared {
            do {
                rules.append(
                    try ConstraintRule(
                        constraint.rule, name: constraint.name, columns: columns, at: constraint.place))
            } catch {
                guard let column = apart.sorted().first(where: { error.what.contains("'\($0)'") }) else { throw error }
                throw CasemateError(
                    error.code, at: error.place, error.what,
                    help: "'\(column)' is in the training or the test data only: a rule needs it in both")
            }
            guard names.insert(rules[rules.count - 1].name).inserted else {
                throw CasemateError(
                    .invalidSetting, at: constraint.place,
                    "two rules are called '\(rules[rules.count - 1].name)'", help: "give each a `name` of its own")
            }
        }
        return rules
    }
}
