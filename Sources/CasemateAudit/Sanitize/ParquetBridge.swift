import CasemateCore
import CasemateData
import CasemateDetect
import Foundation

/// Takes Parquet files apart with DuckDB, row by row and out of core; rows count from 0 in the order of the file.
struct ParquetBridge {
    private let database: DuckDatabase, path: String, descriptor: Int32, context: RunContext
    private let rows: String
    private static let number = "row number of casemate"
    private static let marked = "memory.main.marked"

    /// Runs `body` with the file open.
    /// - Parameters:
    ///   - marked: Rows that `select` tells from the others.
    ///   - scratch: Folder for small intermediate files.
    static func with<Result>(
        _ path: String, marked: [Int], search: EngineSearch, context: RunContext,
        _ body: (ParquetBridge) throws -> Result
    ) throws -> Result {
        let descriptor = try FileBytes.open(path).descriptor
        defer { close(descriptor) }
        let database = try DuckDatabase(search, threads: context.threads)
        return try body(try ParquetBridge(database, path, descriptor, marked: marked, context: context))
    }

    private init(
        _ database: DuckDatabase, _ path: String, _ descriptor: Int32, marked: [Int], context: RunContext
    ) throws {
        (self.database, self.path, self.descriptor, self.context) = (database, path, descriptor, context)
        rows = """
            (SELECT *, row_number() OVER () - 1 AS \(quoted(Self.number)) FROM \(Self.reader(descriptor)))
            """
        // why: a join whose sides are swapped gives its rows in another order.
        try database.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'", for: path)
        try database.execute("CREATE TABLE \(Self.marked) (row BIGINT)", for: path)
        for start in stride(from: 0, to: marked.count, by: 5_000) {
            try context.cancellation.check()
            let values = marked[start..<min(start + 5_000, marked.count)].map { "(\($0))" }.joined(separator: ",")
            try database.execute("INSERT INTO \(Self.marked) VALUES \(values)", for: path)
        }
    }

    private static func reader(_ descriptor: Int32) -> String {
        "read_parquet('/dev/fd/\(descriptor)', binary_as_string = false, hive_partitioning = false)"
    }

    /// Writes the marked rows, or all others, as Parquet.
    func write(marked isMarked: Bool, to target: String) throws {
        let join = isMarked ? "SEMI" : "ANTI"
        try copy(
            "SELECT file.* EXCLUDE (\(quoted(Self.number))) FROM \(rows) AS file \(join) JOIN \(Self.marked) AS marked "
                + "ON file.\(quoted(Self.number)) = marked.row", to: target, "FORMAT parquet")
    }

    /// The number of rows of a Parquet file; this one's without a path.
    func count(of other: String? = nil, scratch: String) throws -> Int {
        let relation = other.map { "read_parquet(\(literal($0)), hive_partitioning = false)" }
        let sql = "SELECT count(*) FROM \(relation ?? Self.reader(descriptor))"
        guard let count = try records(sql, scratch: scratch).first?.first.flatMap({ Int($0) }) else {
            throw CasemateError(.engineFailed, at: other ?? path, "rows cannot be counted", help: "check the file")
        }
        return count
    }

    /// Names of the columns.
    func columns(scratch: String) throws -> [String] {
        try records("SELECT column_name FROM (DESCRIBE SELECT * FROM \(Self.reader(descriptor)))", scratch: scratch)
            .compactMap(\.first)
    }

    /// Rows of each value of a column, and how many of them are marked; an empty text stands for missing ones.
    func shares(of column: String, limit: Int, scratch: String) throws -> [(value: String, rows: Int, marked: Int)] {
        let value = "coalesce(CAST(file.\(quoted(column)) AS VARCHAR), '')"
        let sql = """
            SELECT \(value) AS value, count(*), count(marked.row) FROM \(rows) AS file \
            LEFT JOIN \(Self.marked) AS marked ON file.\(quoted(Self.number)) = marked.row \
            GROUP BY 1 ORDER BY 1 LIMIT \(limit)
            """
        return try records(sql, scratch: scratch).compactMap { cells in
            guard cells.count == 3, let rows = Int(cells[1]), let marked = Int(cells[2]) else { return nil }
            return (cells[0], rows, marked)
        }
    }

    /// Writes the marked rows as CSV, the row's number first and every value as text.
    func writeText(to target: String) throws {
        let number = "file.\(quoted(Self.number))"
        try copy(
            "SELECT \(number), file.* EXCLUDE (\(quoted(Self.number))) FROM \(rows) AS file "
                + "SEMI JOIN \(Self.marked) AS marked ON \(number) = marked.row", to: target, "FORMAT csv, HEADER true")
    }

    /// The cells of a small answer, through a file: a database that may write answers no queries.
    private func records(_ sql: String, scratch: String) throws -> [[String]] {
        defer { unlink(scratch) }
        try copy(sql, to: scratch, "FORMAT csv, HEADER true")
        let bytes = try FileBytes.content(of: scratch, limit: 1 << 28)
        let text = try DelimitedRecords(bytes[...], delimiter: UInt8(ascii: ","), path: path)
        return text.records.dropFirst().map(\.cells)
    }

    private func copy(_ sql: String, to target: String, _ options: String) throws {
        try context.cancellation.check()
        // why: the engine cannot be stopped here, and what it has begun must not stay when the process ends.
        try context.cancellation.whileRunning(onCancel: { unlink(target) }) {
            try database.execute("COPY (\(sql)) TO \(literal(target)) (\(options), USE_TMP_FILE false)", for: path)
        }
        do { try context.cancellation.check() } catch {
            unlink(target)
            throw error
        }
    }

    private func literal(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
    }
}
