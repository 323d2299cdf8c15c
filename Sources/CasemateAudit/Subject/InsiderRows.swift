import CasemateCore
public import CasemateData

/// Rows of insiders (employees, their families, companies that they own) in the data, found by an identifier.
public struct InsiderRows: Hashable, Sendable {
    /// Path of the file that names them.
    public let path: String
    /// The identifier that they were found by.
    public let column: String
    /// Rows of the training and test data that belong to one, ascending, from 0.
    public let train: [Int], test: [Int]
    /// Different names in the file.
    public let named: Int
    /// Names that no row of the data has.
    public let missing: Int
    /// Lines of the file that repeat a name, and those without one.
    public let repeated: Int, blank: Int

    /// Makes rows that were found otherwise.
    public init(
        path: String, column: String, train: [Int], test: [Int], named: Int, missing: Int = 0, repeated: Int = 0,
        blank: Int = 0
    ) {
        (self.path, self.column, self.train, self.test) = (path, column, train, test)
        (self.named, self.missing, self.repeated, self.blank) = (named, missing, repeated, blank)
    }

    /// Reads the file and finds its names in the data. Names are compared in canonical form, spaces around them left
    /// out, so that `7`, `7.0` and ` 7` are the same number and `007` is another text.
    /// - Parameters:
    ///   - path: File of insiders: any format that data may have.
    ///   - column: The identifier; `nil` takes the only declared one that both the file and the data have.
    ///   - identifiers: Columns declared as identifiers.
    ///   - tables: The data.
    ///   - engine: Opens the file.
    /// - Throws: `CasemateError`: what `DataEngine.open` throws; `notFound` for a column that is not in the file or not
    ///   in the data, `invalidSetting` when the column has to be named, `unusableData` for a file without a name,
    ///   `mismatch` when no row of the data belongs to an insider. No error holds a name.
    public static func load(
        path: String, column: String?, identifiers: [String], tables: AuditSubject.Tables, engine: DataEngine
    ) throws -> InsiderRows {
        try load(
            path: path, column: column, identifiers: identifiers, test: tables.test, train: tables.train,
            engine: engine)
    }

    /// The same for tables by themselves.
    package static func load(
        path: String, column: String?, identifiers: [String], test: DataTable, train: DataTable?, engine: DataEngine
    ) throws -> InsiderRows {
        var file = try engine.open(path, name: "insiders")
        let data = [train, test].compactMap { $0 }
        let column = try choose(column, identifiers, file, data)
        let isText = data.contains { $0.columns.contains { $0.name == column && $0.type == .text } }
        if isText, try file.column(column).type != .text {
            // why again: a text keeps its leading zeros only where it is read as one.
            file = try engine.open(path, name: "insiders", types: [column: .text])
        }
        let cells = try file.texts(column).compactMap { $0.map(trimmed) }.filter { !$0.isEmpty }
        let names = Set(cells)
        guard !names.isEmpty else {
            throw CasemateError(
                .unusableData, at: path, "column '\(column)' names nobody", help: "write one identifier a line")
        }
        var found: Set<String> = []
        func rows(of table: DataTable?) throws -> [Int] {
            guard let table, let type = table.columns.first(where: { $0.name == column })?.type else { return [] }
            let keys = Dictionary(grouping: names) { CanonicalText.of($0, as: type) }
            return try table.texts(column).enumerated().compactMap { row, text in
                guard let text, let same = keys[trimmed(text)] else { return nil }
                found.formUnion(same)
                return row
            }
        }
        let (trainRows, testRows) = (try rows(of: train), try rows(of: test))
        guard !found.isEmpty else {
            throw CasemateError(
                .mismatch, at: path,
                "none of the \(names.count) insiders is in column '\(column)' of the data",
                help: "compare how the identifiers are written in both files, or name another `insiders: {column: …}`")
        }
        return InsiderRows(
            path: path, column: column, train: trainRows, test: testRows, named: names.count,
            missing: names.count - found.count, repeated: cells.count - names.count, blank: file.count - cells.count)
    }

    private static func choose(
        _ column: String?, _ identifiers: [String], _ file: DataTable, _ data: [DataTable]
    ) throws(CasemateError) -> String {
        func isInData(_ name: String) -> Bool { data.contains { $0.columns.contains { $0.name == name } } }
        if let column {
            _ = try file.column(column)
            guard isInData(column) else {
                let known = Set(data.flatMap { $0.columns.map(\.name) })
                throw CasemateError(
                    .notFound, at: "insiders.column",
                    "the data have no column '\(column)'\(Suggestion.clause(for: column, among: known))",
                    help: "name an identifier that the file of insiders shares with the data")
            }
            return column
        }
        let own = Set(file.columns.map(\.name))
        let shared = identifiers.filter { own.contains($0) && isInData($0) }
        guard shared.count == 1 else {
            let what =
                shared.isEmpty
                ? "holds no column that is declared under `data: {identifiers: […]}` and in the data"
                : "holds several declared identifiers: \(shared.joined(separator: ", "))"
            throw CasemateError(
                .invalidSetting, at: file.path, what,
                help: "name the column that both have: `insiders: {path: …, column: …}`")
        }
        return shared[0]
    }

    private static func trimmed(_ text: String) -> String {
        var rest = text.unicodeScalars[...]
        while let first = rest.first, first.properties.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.properties.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
