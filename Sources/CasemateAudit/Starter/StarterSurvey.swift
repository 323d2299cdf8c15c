import CasemateCore
import CasemateData

/// What the cells of a column are like, found by the engine over all rows.
struct StarterColumn: Hashable, Sendable {
    let column: Column
    /// Rows of the table.
    let rows: Int
    /// Number of different values, missing ones left out.
    let distinct: Int
    /// Smallest and largest finite value of a number.
    let low: Double?, high: Double?
    /// Whether every value is a whole number.
    let isWhole: Bool

    var name: String { column.name }
    /// Whether every row has a value of its own.
    var isUnique: Bool { column.missing == 0 && distinct == rows && rows > 1 }
    /// Whether it holds nothing but 0 and 1, and both of them.
    var isBinary: Bool {
        column.type.isNumeric && isWhole && distinct == 2 && low == 0 && high == 1 && column.missing == 0
    }
    /// The range as YAML writes it.
    var bounds: String? {
        guard let low, let high else { return nil }
        return "[\(StarterYaml.number(low)), \(StarterYaml.number(high))]"
    }
}

/// The columns of a table as `casemate init` looks at them.
struct StarterSurvey: Sendable {
    let table: DataTable
    /// In file order.
    let columns: [StarterColumn]

    /// Asks the engine about every column, so many at a time.
    /// - Throws: what `DataTable.query` throws.
    init(_ table: DataTable) throws {
        self.table = table
        var columns: [StarterColumn] = []
        for start in stride(from: 0, to: table.columns.count, by: 40) {
            let block = Array(table.columns[start..<min(start + 40, table.columns.count)])
            let figures = try Self.figures(block.flatMap(Self.expressions), table)
            for (index, column) in block.enumerated() {
                let own = figures[(index * 4)..<(index * 4 + 4)].map { $0 }
                columns.append(
                    StarterColumn(
                        column: column, rows: table.count, distinct: Int(own[0]), low: own[1].isFinite ? own[1] : nil,
                        high: own[2].isFinite ? own[2] : nil, isWhole: own[3] == 0))
            }
        }
        self.columns = columns
    }

    subscript(name: String) -> StarterColumn? { columns.first { $0.name == name } }

    private static func expressions(_ column: Column) -> [String] {
        let cell = quoted(column.name)
        let count = "CAST(count(DISTINCT \(cell)) AS DOUBLE)"
        guard column.type.isNumeric else { return [count] + Array(repeating: "CAST(NULL AS DOUBLE)", count: 3) }
        let number = "CAST(\(cell) AS DOUBLE)"
        let known = "FILTER (WHERE isfinite(\(number)))"
        return [
            count, "min(\(number)) \(known)", "max(\(number)) \(known)",
            "CAST(count(*) FILTER (WHERE \(number) <> round(\(number))) AS DOUBLE)",
        ]
    }

    /// Answers of one row, NaN where there is none.
    static func figures(_ expressions: [String], _ table: DataTable) throws -> [Double] {
        guard !expressions.isEmpty else { return [] }
        let named = expressions.enumerated().map { "\($1) AS c\($0)" }.joined(separator: ", ")
        let answer = try table.query("SELECT \(named) FROM {table}")
        return answer.columns.map { ($0.numbers ?? []).first ?? .nan }
    }

    /// The first rows of numeric columns, column by column, NaN where missing.
    func head(_ names: [String], rows: Int) throws -> [[Double]] {
        var columns: [[Double]] = []
        for start in stride(from: 0, to: names.count, by: 200) {
            let cells = names[start..<min(start + 200, names.count)].enumerated()
                .map { "CAST(\(quoted($1)) AS DOUBLE) AS c\($0)" }.joined(separator: ", ")
            let answer = try table.query("SELECT \(cells) FROM {table} LIMIT \(rows)")
            columns += answer.columns.map { $0.numbers ?? [] }
        }
        return columns
    }
}
