import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

@Suite struct DataQueryTests {
    @Test func answersAreTyped() throws {
        let table = try DataSupport.open("n,x,k,b\n1,0.5,a,true\n2,,b,false\n,2.5,\"it's\",\n")
        let answer = try table.query(
            "SELECT n, x, k, b, count(*) OVER () AS c, sum(n) OVER () AS s FROM {table} ORDER BY k")
        #expect(answer.names == ["n", "x", "k", "b", "c", "s"])
        #expect(answer.count == 3)
        #expect(answer.columns[0] == .integers([1, 2, nil]))
        #expect(answer.columns[1] == .numbers([0.5, nil, 2.5]))
        #expect(answer.columns[2] == .texts(["a", "b", "it's"]))
        #expect(answer.columns[3] == .booleans([true, false, nil]))
        #expect(answer.columns[4].numbers == [3, 3, 3])
        #expect(answer.columns[5] == .integers([3, 3, 3]))
        let bound = try table.query(
            "SELECT \(quoted("k")) FROM {table} WHERE k = ? AND x > ? AND ? AND ?::INT IS NULL AND ? = 7",
            parameters: [.text("it's"), .number(1), .boolean(true), .null, .integer(7)])
        #expect(bound.columns == [.texts(["it's"])])
        #expect(
            try table.query("SELECT 170141183460469231731687303715884105727::HUGEINT, 5::UTINYINT").columns
                == [.numbers([0x1p127]), .integers([5])])
    }

    @Test func tablesOpenedTogetherCanBeJoined() throws {
        try Repository.withTemporaryFolder { folder in
            try Data("id,x\n1,a\n2,b\n".utf8).write(to: URL(fileURLWithPath: folder + "/a.csv"))
            try Data("{\"id\":2,\"y\":\"c\"}\n".utf8).write(to: URL(fileURLWithPath: folder + "/b.jsonl"))
            let tables = try DataSupport.engine().open([
                DataSource(path: folder + "/a.csv", name: "train"),
                DataSource(path: folder + "/b.jsonl", name: "te\"st"),
            ])
            let answer = try tables[0].query("SELECT x, y FROM {table} JOIN \(tables[1].reference) USING (id)")
            #expect(answer.columns == [.texts(["b"]), .texts(["c"])])
        }
    }

    @Test(arguments: [
        "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')", "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM parquet_metadata('/etc/passwd')", "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_json('/etc/passwd')", "SELECT * FROM 'https://localhost/a.parquet'",
        "SELECT * FROM '/etc/passwd'", "COPY {table} TO '/tmp/casemate-must-not-exist.csv'",
        "EXPORT DATABASE '/tmp/casemate-must-not-exist'", "ATTACH '/tmp/casemate-must-not-exist.db'",
        "ATTACH ':memory:' AS b",
        "INSTALL httpfs", "LOAD httpfs", "LOAD '/etc/passwd'", "SET threads = 4", "SET enable_external_access = true",
        "RESET enable_external_access", "PRAGMA enable_external_access", "DROP TABLE {table}", "DELETE FROM {table}",
        "CREATE TABLE b AS SELECT 1", "INSERT INTO {table} VALUES (1)", "SELECT 1; DROP TABLE {table}", "CHECKPOINT",
        "CALL dbgen(sf = 1)", "SELEC 1", "", "SELECT nothing FROM {table}", "SELECT [n] FROM {table}",
        "SELECT CAST(k AS INT) FROM {table}", "SELECT error(k) FROM {table}", "SELECT ? + 1", "SELECT 1\0",
    ])
    func nothingButTheTablesIsReached(sql: String) throws {
        let table = try DataSupport.open("n,k\n1,private\n2,b\n")
        let error = try #require(throws: CasemateError.self) { try table.query(sql) }
        #expect([.refused, .invalidSetting, .unsupported].contains(error.code), "\(error)")
        #expect(!error.description.contains("private"))
        #expect(!FileManager.default.fileExists(atPath: "/tmp/casemate-must-not-exist.csv"))
        #expect(try table.numbers("n") == [1, 2])
    }

    @Test func aLongQueryIsCancelledWithinASecond() throws {
        let cancellation = Cancellation()
        let table = try DataSupport.open(
            Array("n,k\n1,a\n2,b\n".utf8), engine: try DataSupport.engine(cancellation: cancellation))
        let clock = ContinuousClock()
        let heavy = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range + b.range) % 7 = 3"
        let cancelled = clock.now.advanced(by: .milliseconds(100))
        Thread.detachNewThread {
            while clock.now < cancelled { Thread.sleep(until: Date(timeIntervalSinceNow: 0.005)) }
            cancellation.cancel(.interrupted)
        }
        #expect(throws: Cancelled(reason: .interrupted)) { try table.query(heavy) }
        #expect(clock.now - cancelled < .seconds(1))
        #expect(throws: Cancelled(reason: .interrupted)) { try table.numbers("n") }
    }

    @Test func aCancelledEngineOpensNothing() throws {
        let cancellation = Cancellation()
        let engine = try DataSupport.engine(cancellation: cancellation)
        cancellation.cancel(.outOfTime)
        #expect(throws: Cancelled(reason: .outOfTime)) {
            try DataSupport.open(Array("a,b\n1,2\n".utf8), engine: engine)
        }
    }

    @Test func manyThreadsMayAskAtOnce() async throws {
        let text = "n,k\n" + (0..<20_000).map { "\($0),v\($0 % 9)\n" }.joined()
        let table = try DataSupport.open(Array(text.utf8), engine: try DataSupport.engine(threads: 2))
        let expected = (0..<20_000).map(Double.init)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<16 {
                group.addTask {
                    index.isMultiple(of: 2)
                        ? try table.numbers("n") == expected : try table.levels("k").count == 9
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func memoryThatDoesNotSufficeIsSaid() throws {
        let engine = try DataEngine(Repository.engines, memoryLimit: "20MB")
        let text = "a,b\n" + (0..<400_000).map { "\($0)x\($0 &* 7919),\($0 &* 104729)y\n" }.joined()
        let error = try #require(throws: CasemateError.self) { try DataSupport.open(Array(text.utf8), engine: engine) }
        #expect(error.code == .limitExceeded)
        #expect(error.what == "does not fit the memory that DuckDB may use")
    }

    @Test func theVersionIsTold() throws {
        #expect(try DataSupport.engine().version.hasPrefix("v"))
    }
}
