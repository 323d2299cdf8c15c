public import CasemateCore
public import CasemateData

/// A profile with the samples it was made of, for comparisons that need more than the profile keeps.
struct MeasuredTable: Sendable {
    let table: DataTable
    let profile: DataProfile
    /// Rows of the samples, ascending.
    let rows: [Int]
    /// Sample of every numeric column and of the lengths of every text column, NaN where missing.
    let samples: [String: [Double]], lengths: [String: [Double]]
    /// Source and window of every row of the sample, as a position in the profile's groups; -1 for none.
    let sources: [Int32]?, windows: [Int32]?

    /// Whether samples hold every row.
    var isWhole: Bool { rows.count == profile.rows }

    /// SQL of a numeric column, or of the length of a text column.
    static func expression(_ column: Column) throws(CasemateError) -> String {
        column.type == .text ? length(column.name) : try numberSQL(column)
    }

    static func length(_ name: String) -> String { "length(\(quoted(name)))" }

    private static func numberSQL(_ column: Column) throws(CasemateError) -> String {
        let name = quoted(column.name)
        switch column.type {
        // why: a date at infinity has no number.
        case .date: return "CASE WHEN isfinite(\(name)) THEN epoch(\(name)) / 86400 END"
        case .timestamp: return "CASE WHEN isfinite(\(name)) THEN epoch(\(name)) END"
        default: return name
        }
    }
}

extension DataProfile {
    /// Measures a table.
    /// - Parameter roles: Columns of labels, sources and times are summarised; identifiers and ignored columns are
    ///   counted and not described; values of a free text are never kept.
    /// - Throws: what reading throws; `Cancelled`.
    public init(of table: DataTable, roles: DataSubject.Roles = DataSubject.Roles(), context: RunContext) throws {
        self = try ProfileMaker(table: table, roles: roles, context: context).measured().profile
    }
}
