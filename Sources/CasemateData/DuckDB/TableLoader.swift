import CasemateCore

/// Reads one file into a table of a database that is not sealed yet: staged as the file has it, then typed.
struct TableLoader {
    let file: SourceFile, source: DataSource, database: DuckDatabase
    var staging: String { DuckDatabase.catalog + "." + quoted("staging of " + source.name) }
    var table: String { DuckDatabase.catalog + "." + quoted(source.name) }
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
        let values = served.map { "\($0.value) AS \(quoted($0.name))" }.joined(separator: ", ")
        try database.execute("CREATE TABLE \(table) AS SELECT \(values) FROM \(staging)", for: file.path)
        try database.execute("DROP TABLE \(staging)", for: file.path)
        return DataTable(
            path: file.path, name: source.name, columns: try describe(served, count: count),
            unsupported: Dictionary(
                plans.filter { $0.type == nil }.map { ($0.name, $0.engineType) },
                uniquingKeysWith: { first, _ in first }),
            count: count, database: database)
    }

    /// Numbers of the only row of an answer.
    func figures(_ sql: String) throws -> [Double] {
        var figures: [Double] = []
        try database.read(sql, for: file.path) { chunk in
            for vector in chunk.columns { try vector.forEachDouble { figures.append($1 ?? 0) } }
        }
        return figures
    }

    private func describe(_ plans: [ColumnPlan], count: Int) throws -> [Column] {
        var columns: [Column] = []
        for start in stride(from: 0, to: plans.count, by: Self.blockWidth) {
            let block = plans[start..<min(start + Self.blockWidth, plans.count)]
            let present = block.map { "CAST(count(\(quoted($0.name))) AS DOUBLE)" }.joined(separator: ", ")
            let figures = try figures("SELECT \(present) FROM \(table)")
            guard figures.count == block.count else { throw DuckFailure.inconsistent(file.path) }
            for (plan, present) in zip(block, figures) {
                columns.append(Column(name: plan.name, type: plan.type ?? .text, missing: count - Int(present)))
            }
        }
        return columns
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
