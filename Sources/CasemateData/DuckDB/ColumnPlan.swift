import CasemateCore

/// How one column of the file as it was read becomes one column of the table.
struct ColumnPlan: Sendable {
    /// Name in the file.
    let name: String
    /// What the column is to be; `nil` when its type is not served.
    let type: ColumnType?
    /// SQL for the value over the staging table.
    let value: String
    /// SQL that is true where a cell does not fit the declared type; `nil` where that cannot be.
    let misfit: String?
    /// The engine's type where it is not served.
    let engineType: String

    /// A column of texts; `type` came from the survey of all its cells, or from the user.
    init(name: String, staged: String, type: ColumnType, missing: [String], isDeclared: Bool) {
        let pattern = ColumnPattern(cell: staged, markers: missing)
        (self.name, self.type, engineType) = (name, type, "VARCHAR")
        value = isDeclared ? pattern.declaredValue(type) : pattern.checkedValue(type)
        let checked = isDeclared && type != .text
        misfit = checked ? "\(staged) IS NOT NULL AND NOT (\(pattern.isMissing)) AND (\(value)) IS NULL" : nil
    }

    /// A column that the file gives a type, `engineType` as the engine describes it.
    init(name: String, staged: String, engineType: String, declared: ColumnType?, missing: [String]) {
        (self.name, self.engineType) = (name, engineType)
        guard let base = Self.base(staged, engineType) else {
            (type, value, misfit) = (nil, "NULL", nil)
            return
        }
        var value = base.value
        if base.type == .text, !missing.isEmpty {
            // why not empty texts: these formats tell them from missing ones.
            let markers = missing.map { literal($0.trimmed) }.joined(separator: ", ")
            value = "CASE WHEN trim(\(value), ' \t') IN (\(markers)) THEN NULL ELSE \(value) END"
        }
        guard let declared, declared != base.type else {
            (type, self.value, misfit) = (base.type, value, nil)
            return
        }
        var text = "CAST(\(value) AS VARCHAR)"
        if base.type == .number { text = "regexp_replace(\(text), '\\.0$', '')" }
        type = declared
        self.value = declared == .text ? text : ColumnPattern(cell: "(\(text))").declaredValue(declared)
        misfit = declared == .text ? nil : "nullif(trim(\(text), ' \t'), '') IS NOT NULL AND (\(self.value)) IS NULL"
    }

    /// The name of a type that DuckDB does not have: texts that are all moments in ISO 8601.
    static let momentText = "ISO 8601"

    /// The served type and value of a column of the engine's type; `nil` for lists, structures and other rare types.
    private static func base(_ staged: String, _ engineType: String) -> (type: ColumnType, value: String)? {
        switch engineType {
        case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
            return (.integer, "CAST(\(staged) AS BIGINT)")
        case "FLOAT", "DOUBLE": return (.number, staged)
        case "BOOLEAN": return (.boolean, staged)
        case "DATE": return (.date, staged)
        case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE":
            return (.timestamp, "make_timestamp(epoch_us(\(staged)))")
        case momentText: return (.timestamp, ColumnPattern(cell: staged).value(.timestamp))
        case "JSON": return (.text, "(\(staged) ->> '$')")
        case "VARCHAR", "UUID", "TIME", "HUGEINT", "UHUGEINT", "\"NULL\"": return (.text, "CAST(\(staged) AS VARCHAR)")
        default:
            if engineType.hasPrefix("ENUM(") { return (.text, "CAST(\(staged) AS VARCHAR)") }
            guard engineType.hasPrefix("DECIMAL(") else { return nil }
            return (.number, "CAST(\(staged) AS DOUBLE)")
        }
    }
}
