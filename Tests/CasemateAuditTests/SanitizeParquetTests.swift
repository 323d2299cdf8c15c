import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// `casemate data sanitize` on Parquet, with many row groups and types that tables do not serve.
@Suite(.enabled(if: SanitizeSupport.hasEngine)) struct SanitizeParquetTests {
    typealias Support = SanitizeSupport

    private static func write(_ sql: String, _ path: String, groups: Int = 20_000) throws {
        let database = try DuckDatabase(Repository.engines, threads: 2)
        let target = "'" + path.replacingOccurrences(of: "'", with: "''") + "'"
        try database.execute("COPY (\(sql)) TO \(target) (FORMAT parquet, ROW_GROUP_SIZE \(groups))", for: path)
    }

    @Test func rowsKeepTheirOrderAndTypes() throws {
        try Repository.withTemporaryFolder { folder in
            let data = folder + "/it's [train]*.parquet"
            try Self.write(
                "SELECT i AS id, i % 2 = 0 AS flag, CASE WHEN i % 5 = 0 THEN NULL ELSE 'txt ' || i END AS note, "
                    + "[i, i + 1] AS list, (i / 8)::DECIMAL(12, 3) AS amount, DATE '2024-01-01' + (i % 300)::INT AS day "
                    + "FROM range(100000) t(i)", data)
            var rows: [Int: Double] = [:]
            for row in stride(from: 3, to: 100_000, by: 7) { rows[row] = 0.9 }
            let suspects = try Support.suspects(rows, in: folder)
            let result = try Support.run(data, suspects, in: folder) { $0.target = "flag" }
            #expect(result.rows == 100_000 && result.removed == rows.count && result.kept == 100_000 - rows.count)
            #expect(result.shares.map(\.rows) == [50_000, 50_000])
            #expect(result.shares.reduce(0) { $0 + $1.removed } == rows.count)
            let engine = try DataEngine(Repository.engines, threads: 2)
            let tables = try engine.open([
                DataSource(path: folder + "/out/clean.parquet", name: "clean"),
                DataSource(path: folder + "/out/quarantine.parquet", name: "quarantine"),
                DataSource(path: data, name: "whole"),
            ])
            let removed = rows.keys.sorted()
            #expect(try tables[1].numbers("id").map { Int($0) } == removed)
            let gone = Set(removed)
            #expect(try tables[0].numbers("id").map { Int($0) } == (0..<100_000).filter { !gone.contains($0) })
            #expect(tables[0].columns.map(\.name) == tables[2].columns.map(\.name))
            #expect(tables[0].unsupported == tables[2].unsupported && !tables[0].unsupported.isEmpty)
            let difference = try tables[2].query(
                "SELECT count(*) FROM (SELECT * FROM {table} EXCEPT ALL (SELECT * FROM \(tables[0].reference) "
                    + "UNION ALL SELECT * FROM \(tables[1].reference)))")
            #expect(difference.columns.first?.numbers == [0])
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
            #expect(names == ["clean.parquet", "manifest.csv", "manifest.json", "quarantine.parquet"])
        }
    }

    @Test func nothingFitsAndNothingGoes() throws {
        try Repository.withTemporaryFolder { folder in
            let data = folder + "/train.parquet"
            try Self.write("SELECT i AS id, 'a' AS c FROM range(10) t(i)", data)
            let beyond = try Support.suspects([10: 1], in: folder)
            let error = #expect(throws: CasemateError.self) { try Support.run(data, beyond, in: folder) }
            #expect(error?.description.contains("names row 10 (from 0), the data have 10 rows") == true)
            #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
            let none = try Support.suspects([:], in: folder)
            #expect(try Support.run(data, none, in: folder).kept == 10)
            let all = try Support.suspects(Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, 1) }), in: folder)
            let result = try Support.run(data, all, in: folder)
            #expect(result.kept == 0 && result.warnings.contains { $0.contains("nothing is left to train on") })
        }
    }
}
