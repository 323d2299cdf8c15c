import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Tables that are read where they lie give the same answers as tables in memory, and stay sealed.
@Suite struct DataScanTests {
    private static let rows = """
        (SELECT range AS a, (range * 7919) % 1000 / 8 AS b, CASE WHEN range % 7 = 0 THEN NULL ELSE 'k' || range % 5 END \
        AS k, DATE '2020-01-01' + CAST(range % 900 AS INTEGER) AS day FROM range(200000))
        """

    /// Hands over a Parquet file of 200,000 rows in many row groups.
    static func withParquet<Value>(_ body: (String, String) throws -> Value) throws -> Value {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/data.parquet"
            let database = try DuckDatabase(Repository.engines)
            try database.execute(
                "COPY \(rows) TO '\(path)' (FORMAT parquet, ROW_GROUP_SIZE 8192)", for: path)
            return try body(folder, path)
        }
    }

    @Test(arguments: [1, 4]) func aScannedFileIsTheSameTable(threads: Int) throws {
        try Self.withParquet { _, path in
            let engine = try DataSupport.engine(threads: threads)
            let memory = try engine.open(path, name: "t"), scan = try engine.open(path, name: "t", storage: .scan)
            #expect(scan.columns == memory.columns)
            #expect(scan.columns.map(\.missing) == [0, 0, 28572, 0])
            for name in memory.columns.map(\.name) { #expect(try scan.texts(name) == memory.texts(name)) }
            let numbered = "SELECT count(*) FROM (SELECT a, row_number() OVER () - 1 AS n FROM {table}) WHERE a = n"
            #expect(try scan.query(numbered).columns[0] == .integers([200_000]))
            // Rows have the numbers that tables in memory give them.
            for table in [scan, memory] {
                let own = "SELECT count(*) FROM {table} WHERE rowid = a AND a % 2 = 0"
                #expect(try table.query(own).columns[0] == .integers([100_000]))
            }
            let features = [Feature("b"), Feature("k", .categorical(levels: ["k0", "k1", "k2", "k3", "k4"]))]
            let chosen = Array(stride(from: 3, to: 200_000, by: 997))
            let part = try scan.matrix(features, rows: chosen, isLenient: true)
            let all = try memory.matrix(features).rows(chosen)
            #expect(part.values.map(\.bitPattern) == all.values.map(\.bitPattern))
        }
    }

    /// Nothing but the file can be read, and a file that goes away is named.
    @Test func aScannedTableIsSealed() throws {
        try Self.withParquet { folder, path in
            try Data("a\n1\n".utf8).write(to: URL(fileURLWithPath: folder + "/other.csv"))
            let table = try DataSupport.engine().open(path, name: "t", storage: .scan)
            for sql in [
                "SELECT * FROM read_csv('\(folder)/other.csv')", "SELECT * FROM glob('\(folder)/*')",
                "SELECT * FROM read_text('/etc/hostname')",
            ] {
                let error = try #require(throws: CasemateError.self) { try table.query(sql) }
                #expect(error.code == .refused)
            }
            #expect(throws: CasemateError.self) { try table.query("ATTACH '\(folder)/x.duckdb' AS x") }
            #expect(try table.query("SELECT sum(a) FROM {table}").columns[0] == .integers([19_999_900_000]))
            try FileManager.default.removeItem(atPath: path)
            let gone = try #require(throws: CasemateError.self) { try table.query("SELECT sum(a) FROM {table}") }
            #expect((gone.code, gone.what) == (.unreadable, "was deleted or replaced while it was read"))
        }
    }

    /// Grouping more than the memory limit works, in a folder that is gone afterwards.
    @Test func queriesGoToDiskAndLeaveNothing() throws {
        try Self.withParquet { folder, path in
            let temporary = folder + "/temporary"
            try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
            func used() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: temporary) }
            do {
                let engine = try DataEngine(
                    Repository.engines, threads: 2, memoryLimit: "60MB", temporaryFolder: temporary)
                let table = try engine.open(path, name: "t", storage: .scan)
                #expect(try used().count == 1)
                let sql = """
                    SELECT count(*) FROM (SELECT a, i, count(*) AS n FROM {table}, range(15) AS r(i) GROUP BY ALL \
                    HAVING n > 0)
                    """
                #expect(try table.query(sql).columns[0] == .integers([3_000_000]))
            }
            #expect(try used().isEmpty)
        }
    }

    /// A large delimited file goes to disk and is the same table as in memory.
    @Test func aLargeDelimitedFileGoesToDisk() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/large.csv", filler = String(repeating: "w", count: 1000)
            let database = try DuckDatabase(Repository.engines)
            try database.execute(
                "COPY (SELECT range AS a, '\(filler)' AS w FROM range(70000)) TO '\(path)' (FORMAT csv, HEADER)",
                for: path)
            let engine = try DataEngine(Repository.engines, threads: 2, temporaryFolder: folder)
            let table = try engine.open(
                [DataSource(path: path, name: "t"), DataSource(path: path, name: "u")], storage: .scan)
            #expect(table[0].count == 70_000)
            #expect(try table[0].numbers("a") == (0..<70_000).map(Double.init))
            let join = "SELECT count(*) FROM {table} JOIN \(table[1].reference) USING (a)"
            #expect(try table[0].query(join).columns[0] == .integers([70_000]))
            #expect(table[0].reference.hasPrefix("disk."))
        }
    }
}
