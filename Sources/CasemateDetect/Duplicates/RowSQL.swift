import CasemateCore
import CasemateData

/// What checks that run in SQL share: numbers of rows, samples, figures of many expressions.
struct RowSQL: Sendable {
    /// The table.
    let table: DataTable
    /// What stands behind `FROM`, and the number of a row in it, from 0.
    let relation: String, row: String
    /// How many expressions one query works out.
    private static let batch = 48

    /// Makes it for a table.
    init(_ table: DataTable) {
        self.table = table
        // why: `rowid` is the column of that name where a file has one.
        let isTaken = table.columns.contains { $0.name.lowercased() == "rowid" }
        row = isTaken ? "\"casemate row\"" : "rowid"
        relation =
            isTaken
            ? "(SELECT *, row_number() OVER () - 1 AS \"casemate row\" FROM \(table.reference))" : table.reference
    }

    /// Whether SQL can name a column: queries replace a word in braces, which must not stand in a name.
    static func canName(_ column: String) -> Bool { !column.contains("{table}") }

    /// A column as a number that is finite, else null; texts are null.
    static func number(_ column: Column) -> String {
        let name = quoted(column.name)
        let value =
            switch column.type {
            case .integer, .number, .boolean: "CAST(\(name) AS DOUBLE)"
            case .date, .timestamp: "CAST(epoch(\(name)) AS DOUBLE)"
            case .text: "CAST(NULL AS DOUBLE)"
            }
        return column.type == .number ? "CASE WHEN isfinite(\(value)) THEN \(value) END" : value
    }

    /// A condition that about `limit` rows meet, spread evenly over the table and chosen by the seed.
    ///
    /// Multiples of the golden section modulo 2^32: no period of the file can hide in them. Source: Knuth, "The Art of
    /// Computer Programming" 3, section 6.4.
    func sampled(_ limit: Int, seed: UInt64) -> String {
        guard table.count > limit else { return "true" }
        let share = Int(Double(limit) / Double(table.count) * 4_294_967_296)
        return "((\(row)) * 2654435761 + \(seed % 4_294_967_296)) % 4294967296 < \(share)"
    }

    /// The values of aggregates over all rows.
    func figures(_ expressions: [String], where condition: String = "true") throws -> [Double] {
        var figures: [Double] = []
        for first in stride(from: 0, to: expressions.count, by: Self.batch) {
            let block = expressions[first..<min(first + Self.batch, expressions.count)]
            let list = block.map { "CAST(\($0) AS DOUBLE)" }.joined(separator: ", ")
            let answer = try table.query("SELECT \(list) FROM \(relation) WHERE \(condition)")
            figures += answer.columns.map { $0.numbers?.first ?? .nan }
        }
        return figures
    }
}

extension QueryResult {
    /// The numbers of a column, NaN where null; none for a column that is not there.
    func numbers(_ column: Int) -> [Double] { columns.indices.contains(column) ? columns[column].numbers ?? [] : [] }
    /// The whole numbers of a column, 0 where null.
    func wholes(_ column: Int) -> [Int] {
        guard columns.indices.contains(column) else { return [] }
        if case .integers(let values) = columns[column] { return values.map { $0 ?? 0 } }
        return (columns[column].numbers ?? []).map { $0.isFinite ? Int(max(-9e18, min(9e18, $0))) : 0 }
    }
    /// The texts of a column.
    func texts(_ column: Int) -> [String?] {
        if columns.indices.contains(column), case .texts(let values) = columns[column] { return values }
        return []
    }
}
