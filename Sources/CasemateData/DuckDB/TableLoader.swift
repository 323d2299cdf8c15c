import CasemateCore

/// Reads one file into a table of a database that is not sealed yet: staged as the file has it, then typed. A Parquet
/// file that is scanned becomes a view of itself.
struct TableLoader {
    let file: SourceFile, source: DataSource, database: DuckDatabase
    /// Whether a Parquet file is left where it is.
    let isScanned: Bool
    /// Where the table goes.
    let catalog: String
    var staging: String { catalog + "." + quoted("staging of " + source.name) }
    var table: String { catalog + "." + quoted(source.name) }
    private var isView: Bool { isScanned && file.format == .parquet }
    /// Whether the file is staged as a table or as a view.
    var kind: String { isView ? "VIEW" : "TABLE" }
    /// How many columns one query looks at.
    static let blockWidth = 64

    func load() throws -> DataTable {
        let plans = file.format == .delimited ? try stageDelimited() : try stageTyped()
        let count = try count(where: "true")
        guard count > 0 else {
            throw CasemateError(
                .unusableData, at: file.path, "has a header and no data rows", help: "name a file with data")
        }
        try checkDeclared(plans)
        try checkValues(plans)
        let served = plans.filter { $0.type != nil }
        guard !served.isEmpty else {
            throw CasemateError(
                .unsupported, at: file.path, "no column holds numbers, texts, dates or true and false",
                help: "write nested values as columns of their own")
        }
        try make(served)
        let (columns, notes) = try describe(served, count: count)
        return DataTable(
            path: file.path, name: source.name, columns: columns,
            unsupported: Dictionary(
                plans.filter { $0.type == nil }.map { ($0.name, $0.engineType) },
                uniquingKeysWith: { first, _ in first }),
            count: count, notes: file.notes + notes, reference: table, database: database)
    }

    /// Makes the table, or the view, of the staged columns.
    private func make(_ plans: [ColumnPlan]) throws {
        var values = plans.map { "\($0.value) AS \(quoted($0.name))" }
        guard isView else {
            try database.execute(
                "CREATE TABLE \(table) AS SELECT \(values.joined(separator: ", ")) FROM \(staging)", for: file.path)
            return try database.execute("DROP TABLE \(staging)", for: file.path)
        }
        // why: a view has no numbers of rows as tables have; the reader knows them.
        if !plans.contains(where: { ["rowid", "file_row_number"].contains($0.name.lowercased()) }) {
            values.append("file_row_number AS rowid")
        }
        try database.execute(
            "CREATE VIEW \(table) AS SELECT \(values.joined(separator: ", ")) FROM \(parquetReader)", for: file.path)
    }

    /// Numbers of the only row of an answer.
    func figures(_ sql: String) throws -> [Double] {
        var figures: [Double] = []
        try database.read(sql, for: file.path) { chunk in
            for vector in chunk.columns { try vector.forEachDouble { figures.append($1 ?? 0) } }
        }
        return figures
    }

    /// The columns, and which of them hold numbers beyond what a double tells apart.
    private func describe(_ plans: [ColumnPlan], count: Int) throws -> (columns: [Column], notes: [String]) {
        var columns: [Column] = [], wide: [String] = []
        for start in stride(from: 0, to: plans.count, by: Self.blockWidth) {
            let block = plans[start..<min(start + Self.blockWidth, plans.count)]
            let asked = block.flatMap { plan in
                let name = quoted(plan.name)
                // why from 2^53 itself for numbers: its neighbour was rounded to it while the file was read.
                let beyond =
                    switch plan.type {
                    case .integer: "\(name) > 9007199254740992 OR \(name) < -9007199254740992"
                    case .number: "isfinite(\(name)) AND abs(\(name)) >= 9007199254740992"
                    default: "false"
                    }
                return ["count(\(name))", "count(*) FILTER (WHERE \(beyond))"].map { "CAST(\($0) AS DOUBLE)" }
            }
            let figures = try figures("SELECT \(asked.joined(separator: ", ")) FROM \(table)")
            guard figures.count == asked.count else { throw DuckFailure.inconsistent(file.path) }
            for (offset, plan) in block.enumerated() {
                columns.append(
                    Column(name: plan.name, type: plan.type ?? .text, missing: count - Int(figures[2 * offset])))
                if figures[2 * offset + 1] > 0 { wide.append(plan.name) }
            }
        }
        return (columns, Self.notes(onWide: wide))
    }

    private static func notes(onWide columns: [String]) -> [String] {
        guard !columns.isEmpty else { return [] }
        let names = columns.prefix(5).map { "'\($0.shortened(to: 40))'" }.joined(separator: ", ")
        let more = columns.count > 5 ? " and \(columns.count - 5) more" : ""
        return [
            "Column\(columns.count == 1 ? "" : "s") \(names)\(more) hold\(columns.count == 1 ? "s" : "") numbers "
                + "beyond 2^53, where neighbours become equal as numbers; declare such a column as text to keep "
                + "every digit."
        ]
    }

    /// How many rows meet a condition.
    func count(where condition: String) throws -> Int {
        Int(try figures("SELECT CAST(count(*) AS DOUBLE) FROM \(staging) WHERE \(condition)").first ?? 0)
    }

    /// Every declared type must name a column.
    private func checkDeclared(_ plans: [ColumnPlan]) throws(CasemateError) {
        for name in source.types.keys.sorted() where !plans.contains(where: { $0.name == name }) {
            let hint = Suggestion.clause(for: name, among: plans.map(\.name))
            throw CasemateError(
                .notFound, at: file.path, "no column '\(name.shortened(to: 60))', for which a type is declared\(hint)",
                help: "correct the name, or leave the type out")
        }
    }

    /// Every cell must fit the declared type of its column.
    private func checkValues(_ plans: [ColumnPlan]) throws {
        for plan in plans {
            guard let type = plan.type, let misfit = plan.misfit else { continue }
            let count = try count(where: misfit)
            guard count > 0 else { continue }
            let row = try database.firstRow(misfit, of: staging, for: file.path) ?? 1
            throw CasemateError(
                .malformed, at: "\(file.path):row \(row)",
                "column '\(plan.name.shortened(to: 60))' cannot be read as \(type.rawValue)"
                    + DataTable.others(count - 1),
                help: "correct the cell, declare what stands for missing values, or declare another type")
        }
    }
}
