public import CasemateCore

/// An open data file: named, typed columns in file order, every row in file order.
///
/// Row numbers in messages count data rows from 1. A value of the file never appears in an error, save names of
/// categories and classes.
public struct DataTable: Sendable {
    /// Path of the file, as it was given.
    public let path: String
    /// The table's name.
    public let name: String
    /// Columns that are served, in file order.
    public let columns: [Column]
    /// Columns that are not served, with the type they have in the file: lists, structures, maps, binary data.
    public let unsupported: [String: String]
    /// Number of rows, at least 1.
    public let count: Int
    /// What was noticed while the file was read, a sentence each: another encoding, numbers that lose digits.
    public let notes: [String]
    /// How SQL refers to this table; tables that were opened together can be joined.
    public let reference: String
    let database: DuckDatabase

    init(
        path: String, name: String, columns: [Column], unsupported: [String: String], count: Int, notes: [String],
        reference: String, database: DuckDatabase
    ) {
        (self.path, self.name, self.columns, self.unsupported) = (path, name, columns, unsupported)
        (self.count, self.notes, self.reference, self.database) = (count, notes, reference, database)
    }

    /// The column of that name.
    /// - Throws: `CasemateError`: `notFound` with the nearest name, `unsupported` for a type that is not served.
    public func column(_ name: String) throws(CasemateError) -> Column {
        if let column = columns.first(where: { $0.name == name }) { return column }
        if let type = unsupported[name] {
            throw CasemateError(
                .unsupported, at: path, "column '\(name.shortened(to: 60))' holds \(type.shortened(to: 60))",
                help: "write its parts as columns of their own, or do not use it")
        }
        let hint = Suggestion.clause(for: name, among: columns.map(\.name))
        throw CasemateError(
            .notFound, at: path, "no column '\(name.shortened(to: 60))'\(hint)",
            help: "columns: \(columns.prefix(12).map { $0.name.shortened(to: 40) }.joined(separator: ", "))"
                + (columns.count > 12 ? " and \(columns.count - 12) more" : ""))
    }

    /// The values of a numeric column by row, NaN where missing; booleans are 0 and 1, dates days and timestamps
    /// seconds since 1970. Integers beyond 2^53 are rounded; `texts` gives them exactly.
    /// - Throws: `CasemateError` when the column is missing or holds texts, `Cancelled`.
    public func numbers(_ column: String) throws -> [Double] {
        let column = try self.column(column)
        var values: [Double] = []
        values.reserveCapacity(count)
        try database.read("SELECT \(try number(of: column)) FROM \(reference)", for: path) { chunk in
            try chunk.columns[0].forEachDouble { values.append($1 ?? .nan) }
        }
        return values
    }

    /// The values of any column by row as canonical text, `nil` where missing: `1` for 1.0, `true`, `2024-02-29`.
    public func texts(_ column: String) throws -> [String?] {
        let column = try self.column(column)
        var values: [String?] = []
        values.reserveCapacity(count)
        try database.read("SELECT \(text(of: column)) FROM \(reference)", for: path) { chunk in
            try chunk.columns[0].forEachText { values.append($1) }
        }
        return values
    }

    /// The values of a boolean column by row, `nil` where missing.
    /// - Throws: `CasemateError` with code `mismatch` for a column of another type.
    public func booleans(_ column: String) throws -> [Bool?] {
        let found = try self.column(column)
        guard found.type == .boolean else { throw wrongType(found, needed: "true and false") }
        var values: [Bool?] = []
        values.reserveCapacity(count)
        try database.read("SELECT CAST(\(quoted(found.name)) AS DOUBLE) FROM \(reference)", for: path) { chunk in
            try chunk.columns[0].forEachDouble { values.append($1.map { $0 != 0 }) }
        }
        return values
    }

    /// The different values of a column with the number of rows of each: most frequent first, then by value; missing
    /// values are left out. At most `limit` of them.
    public func distinct(_ column: String, limit: Int) throws -> [(value: String, count: Int)] {
        let column = try self.column(column)
        let sql = """
            SELECT \(text("v", of: column)), CAST(c AS DOUBLE) FROM (SELECT v, count(*) AS c FROM \(present(column)) \
            GROUP BY v ORDER BY 2 DESC, 1 LIMIT \(max(0, limit)))
            """
        var values: [(value: String, count: Int)] = []
        try database.read(sql, for: path) { chunk in
            var texts: [String] = []
            try chunk.columns[0].forEachText { texts.append($1 ?? "") }
            try chunk.columns[1].forEachDouble { values.append((texts[$0], Int($1 ?? 0))) }
        }
        return values
    }

    /// The different values of a column in ascending order (numbers by value, texts by code point).
    /// - Throws: `CasemateError` with code `limitExceeded` when there are more than `limit`.
    public func levels(_ column: String, limit: Int = 1000) throws -> [String] {
        let column = try self.column(column)
        let sql = """
            SELECT \(text("v", of: column)) FROM (SELECT DISTINCT v FROM \(present(column)) \
            ORDER BY v LIMIT \(max(0, min(limit, Int.max - 1)) + 1))
            """
        var values: [String] = [], seen: Set<String> = []
        try database.read(sql, for: path) { chunk in
            try chunk.columns[0].forEachText { if let text = $1, seen.insert(text).inserted { values.append(text) } }
        }
        guard values.count <= limit else {
            throw CasemateError(
                .limitExceeded, at: path, "column '\(column.name.shortened(to: 60))' has more than \(limit) values",
                help: "it is no category: leave it out, or declare it a number")
        }
        return values
    }

    /// Smallest and largest value of a numeric column, NaN left out; `nil` when there is none.
    public func range(_ column: String) throws -> (low: Double, high: Double)? {
        let value = try number(of: try self.column(column))
        var range: (low: Double, high: Double)?
        let sql = "SELECT min(v), max(v) FROM (SELECT \(value) AS v FROM \(reference)) WHERE NOT isnan(v)"
        try database.read(sql, for: path) { chunk in
            var low: Double?
            try chunk.columns[0].forEachDouble { low = $1 }
            try chunk.columns[1].forEachDouble { if let low, let high = $1 { range = (low, high) } }
        }
        return range
    }

    /// SQL for a column as a double.
    func number(of column: Column) throws(CasemateError) -> String {
        let name = quoted(column.name)
        switch column.type {
        case .integer, .number, .boolean: return "CAST(\(name) AS DOUBLE)"
        case .date: return "CAST(epoch(\(name)) AS DOUBLE) / 86400"
        case .timestamp: return "CAST(epoch(\(name)) AS DOUBLE)"
        case .text:
            guard column.missing == count else { throw wrongType(column, needed: "numbers") }
            return "CAST(NULL AS DOUBLE)"
        }
    }

    /// SQL for a column that `forEachText` writes in canonical form.
    func text(of column: Column) -> String { text(quoted(column.name), of: column) }

    private func text(_ value: String, of column: Column) -> String {
        column.type == .number ? value : "CAST(\(value) AS VARCHAR)"
    }

    /// A relation of the values that are there, in a column `v`.
    private func present(_ column: Column) -> String {
        "(SELECT v FROM (SELECT \(quoted(column.name)) AS v FROM \(reference)) WHERE v IS NOT NULL)"
    }

    func wrongType(_ column: Column, needed: String) -> CasemateError {
        CasemateError(
            .mismatch, at: path,
            "column '\(column.name.shortened(to: 60))' holds \(column.type.rawValue), not \(needed)",
            help: "declare its type, or the cells that stand for missing values")
    }
}
