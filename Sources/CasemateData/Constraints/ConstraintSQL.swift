import CasemateCore

/// Writes a typed rule as a condition in DuckDB's SQL.
///
/// Null stands for "no result" throughout, so that SQL's own `AND`, `OR` and `NOT` absorb as CEL's do. Arithmetic on whole
/// numbers is tried, so that leaving 64 bits and dividing by zero give null; numbers of floating point follow IEEE 754, and
/// a comparison with "not a number" gives null.
struct ConstraintSQL {
    /// SQL of the value of each column that the rule reads.
    let columns: [String]

    /// The longest condition, in bytes: choices inside comparisons inside choices are written more than once.
    static let sizeLimit = 1 << 20

    /// Refuses a rule whose SQL would be too long.
    static func checkSize(_ root: TruthTerm, inputs: [Column]) throws(ConstraintFault) {
        // why counted first: the text itself could be too long to be made.
        let longest = inputs.map { value(of: $0).utf8.count }.max() ?? 0
        guard root.sqlSize(column: longest) <= Double(sizeLimit) else {
            throw ConstraintFault(
                .limitExceeded, at: 0, "is too entangled: choices inside comparisons inside choices",
                help: "split it into several rules")
        }
    }

    /// The value of a column as rules see it: NaN, infinite dates and dates beyond the range of timestamps are missing,
    /// a float32 is the shortest decimal that reads back the same, a moment is a count of microseconds.
    static func value(of column: Column) -> String {
        let name = quoted(column.name)
        switch column.type {
        case .integer, .text, .boolean: return name
        case .number:
            return """
                (CASE WHEN isnan(CAST(\(name) AS DOUBLE)) THEN NULL WHEN typeof(\(name)) = 'FLOAT' \
                THEN CAST(CAST(\(name) AS VARCHAR) AS DOUBLE) ELSE CAST(\(name) AS DOUBLE) END)
                """
        case .date: return "(CASE WHEN isfinite(\(name)) THEN epoch_us(TRY_CAST(\(name) AS TIMESTAMP)) END)"
        case .timestamp: return "(CASE WHEN isfinite(\(name)) THEN epoch_us(\(name)) END)"
        }
    }

    /// A condition: TRUE, FALSE or NULL.
    func truth(_ term: TruthTerm) -> String {
        switch term {
        case .literal(let value): return value ? "TRUE" : "FALSE"
        case .column(let column): return columns[column]
        case .isMissing(let column): return "(\(columns[column]) IS NULL)"
        case .not(let term): return "(NOT \(truth(term)))"
        case .and(let terms): return "(" + terms.map(truth).joined(separator: " AND ") + ")"
        case .or(let terms): return "(" + terms.map(truth).joined(separator: " OR ") + ")"
        case .choice(let condition, let then, let otherwise): return choice(condition, truth(then), truth(otherwise))
        case .compareTruths(let relation, let left, let right): return compare(relation, truth(left), truth(right))
        case .compareWholes(let relation, let left, let right): return compare(relation, whole(left), whole(right))
        case .compareReals(let relation, let left, let right):
            return unlessNaN([left, right], compare(relation, real(left), real(right)))
        case .compareTexts(let relation, let left, let right): return compare(relation, text(left), text(right))
        case .truthIn(let term, let list):
            return member(truth(term), list.map { ($0.isLiteral, truth($0)) })
        case .wholeIn(let term, let list):
            return member(whole(term), list.map { ($0.isLiteral, whole($0)) })
        case .realIn(let term, let list):
            return unlessNaN([term] + list, member(real(term), list.map { ($0.isLiteral, real($0)) }))
        case .textIn(let term, let list):
            return member(text(term), list.map { ($0.isLiteral, text($0)) })
        case .search(let search, let inside, let part):
            let function =
                switch search {
                case .startsWith: "starts_with"
                case .endsWith: "ends_with"
                case .contains: "contains"
                }
            return "\(function)(\(text(inside)), \(text(part)))"
        case .matches(let term, let pattern): return "regexp_matches(\(text(term)), \(literal(pattern.text)))"
        }
    }

    private func whole(_ term: WholeTerm) -> String {
        switch term {
        case .literal(let value): "CAST('\(value)' AS BIGINT)"
        case .column(let column): columns[column]
        // why TRY and no wider type: the optimiser compares across casts, and an overflow would no longer give null.
        case .negate(let term): "TRY(- \(whole(term)))"
        case .arithmetic(let operation, let left, let right):
            "TRY(\(whole(left)) \(operation == .divided ? "//" : operation.rawValue) \(whole(right)))"
        case .size(let term): "CAST(length(\(text(term))) AS BIGINT)"
        case .choice(let condition, let then, let otherwise): choice(condition, whole(then), whole(otherwise))
        }
    }

    private func real(_ term: RealTerm) -> String {
        switch term {
        case .literal(let value): "CAST('\(value)' AS DOUBLE)"
        case .column(let column): columns[column]
        case .widened(let term): "CAST(\(whole(term)) AS DOUBLE)"
        case .negate(let term): "(- \(real(term)))"
        // why + 0: it turns -0 into 0. DuckDB's storage may exchange the two, and the sign of a quotient must not hang on it.
        case .arithmetic(.divided, let left, let right): "(\(real(left)) / (\(real(right)) + CAST('0' AS DOUBLE)))"
        case .arithmetic(let operation, let left, let right): "(\(real(left)) \(operation.rawValue) \(real(right)))"
        case .choice(let condition, let then, let otherwise): choice(condition, real(then), real(otherwise))
        }
    }

    private func text(_ term: TextTerm) -> String {
        switch term {
        case .literal(let value): literal(value)
        case .column(let column): columns[column]
        case .joined(let left, let right): "(\(text(left)) || \(text(right)))"
        case .choice(let condition, let then, let otherwise): choice(condition, text(then), text(otherwise))
        }
    }

    private func compare(_ relation: ConstraintRelation, _ left: String, _ right: String) -> String {
        "(\(left) \(relation == .equal ? "=" : relation == .notEqual ? "<>" : relation.rawValue) \(right))"
    }

    private func choice(_ condition: TruthTerm, _ then: String, _ otherwise: String) -> String {
        let condition = truth(condition)
        return "(CASE WHEN \(condition) THEN \(then) WHEN NOT \(condition) THEN \(otherwise) END)"
    }

    /// DuckDB takes "not a number" for a large number that equals itself.
    private func unlessNaN(_ terms: [RealTerm], _ condition: String) -> String {
        let doubtful = terms.filter(\.canBeNaN).map { "isnan(\(real($0)))" }
        return doubtful.isEmpty
            ? condition : "(CASE WHEN \(doubtful.joined(separator: " OR ")) THEN NULL ELSE \(condition) END)"
    }

    /// Whether a value is in a list; null as soon as the value or an element is.
    private func member(_ value: String, _ elements: [(isLiteral: Bool, sql: String)]) -> String {
        guard !elements.isEmpty else { return "(CASE WHEN \(value) IS NULL THEN NULL ELSE FALSE END)" }
        let list = "(\(value) IN (\(elements.map(\.sql).joined(separator: ", "))))"
        let doubtful = elements.filter { !$0.isLiteral }.map { "\($0.sql) IS NULL" }
        return doubtful.isEmpty
            ? list : "(CASE WHEN \(doubtful.joined(separator: " OR ")) THEN NULL ELSE \(list) END)"
    }
}

extension TruthTerm {
    /// Whether it is written out.
    var isLiteral: Bool { if case .literal = self { true } else { false } }
}
extension WholeTerm {
    /// Whether it is written out.
    var isLiteral: Bool { if case .literal = self { true } else { false } }
}
extension RealTerm {
    /// Whether it is written out.
    var isLiteral: Bool { if case .literal = self { true } else { false } }
}
extension TextTerm {
    /// Whether it is written out.
    var isLiteral: Bool { if case .literal = self { true } else { false } }
}
