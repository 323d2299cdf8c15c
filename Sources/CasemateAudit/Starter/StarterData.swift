import CasemateCore
import CasemateData
import CasemateReport

/// The data files of a draft: tables, surveys, and the cells that stand for a missing value.
struct StarterData: Sendable {
    /// Survey of the test data; all roles but features are looked for in it.
    let test: StarterSurvey
    /// Survey of the training data.
    let train: StarterSurvey?
    /// Cells that stand for a missing value in columns of numbers.
    let missing: [String]

    /// The survey that ranges and levels are taken from.
    var leading: StarterSurvey { train ?? test }
    /// Rows of both files.
    var rows: Int { test.table.count + (train?.table.count ?? 0) }
    /// The tables, training data first.
    var tables: [DataTable] { [train?.table, test.table].compactMap { $0 } }
    /// Columns that both files have, in the order of the leading one.
    var shared: [StarterColumn] {
        guard let train else { return test.columns }
        let known = Set(test.columns.map(\.name))
        return train.columns.filter { known.contains($0.name) }
    }

    private static let markers = ["?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "none", "-", "."]

    /// Opens the files; columns of numbers that only hold a marker such as `?` beside them are read as numbers.
    init(test: String, train: String?, engine: DataEngine) throws {
        func open(_ missing: [String]) throws -> [DataTable] {
            var sources = [DataSource(path: test, name: "test", missing: missing)]
            if let train { sources.append(DataSource(path: train, name: "train", missing: missing)) }
            return try engine.open(sources)
        }
        var tables = try open([])
        missing = try Self.found(tables)
        if !missing.isEmpty { tables = try open(missing) }
        self.test = try StarterSurvey(tables[0])
        self.train = tables.count > 1 ? try StarterSurvey(tables[1]) : nil
    }

    /// The markers without which some column of texts would be one of numbers.
    private static func found(_ tables: [DataTable]) throws -> [String] {
        var found: Set<String> = []
        for table in tables {
            for column in table.columns where column.type == .text && column.missing < table.count {
                let cell = quoted(column.name)
                let known = markers.enumerated().map { index, _ in "$\(index + 1)" }.joined(separator: ", ")
                let sql = """
                    SELECT count(*) FILTER (WHERE \(cell) NOT IN (\(known)) AND TRY_CAST(\(cell) AS DOUBLE) IS NULL), \
                    count(*) FILTER (WHERE \(cell) NOT IN (\(known))) FROM {table}
                    """
                let answer = try table.query(sql, parameters: markers.map { .text($0) })
                let figures = answer.columns.map { ($0.numbers ?? []).first ?? 1 }
                guard figures == [0, figures[1]], figures[1] > 0 else { continue }
                found.formUnion(
                    try table.distinct(column.name, limit: 100_000).map(\.value).filter { markers.contains($0) })
            }
        }
        return markers.filter { found.contains($0) }
    }
}

extension String {
    /// A name for a message: short, and nothing in it that steers a terminal.
    var inertName: String { inert.shortened(to: 60) }
}
