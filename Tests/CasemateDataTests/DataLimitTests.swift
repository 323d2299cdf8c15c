import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Files that are too wide, too long, too deep, or hold numbers that lose digits.
@Suite struct DataLimitTests {
    @Test func tenThousandColumns() throws {
        let names = (0..<10_000).map { "c\($0)" }.joined(separator: ",")
        let row = (0..<10_000).map { $0 % 3 == 0 ? "\($0)" : $0 % 3 == 1 ? "0.5" : "x" }.joined(separator: ",")
        let table = try DataSupport.open("\(names)\n\(row)\n\(row)\n")
        #expect(table.columns.count == 10_000)
        #expect(table.columns[9998].type == .text && table.columns[9999].type == .integer)
        #expect(try table.numbers("c9999") == [9999, 9999])
    }

    @Test func oneColumnConstantAndMissingColumns() throws {
        let one = try DataSupport.open("only\n1\n2\n")
        #expect(try one.numbers("only") == [1, 2])
        let table = try DataSupport.open("same,none,x\n5,,1\n5,,2\n5,,3\n")
        #expect(table.columns.map(\.missing) == [0, 3, 0])
        #expect(try table.numbers("none").allSatisfy(\.isNaN))
        #expect(try table.distinct("none", limit: 5).isEmpty)
        #expect(try table.levels("same") == ["5"])
    }

    /// A record that is too long ends with a clear message wherever it is, whatever stands in it.
    @Test(arguments: ["x", "x\n", "\"\""]) func aLineThatNeverEnds(unit: String) throws {
        let isQuoted = unit != "x"
        let body = String(repeating: unit, count: (17 << 20) / unit.utf8.count)
        let cell = isQuoted ? "\"\(body)\"" : body
        let error = try #require(try DataSupport.failure("a,b\n1,2\n\(cell),3\n4,5\n"))
        #expect(error.code == .limitExceeded)
        #expect(error.place == "data.csv:3")
        #expect(error.what == "a line is longer than 16 MiB, or a double quote is not closed")
        let first = try #require(try DataSupport.failure(String(repeating: "x", count: 5 << 20)))
        #expect((first.code, first.place) == (.limitExceeded, "data.csv:1"))
    }

    @Test func gzipMayExpandToALimit() throws {
        let limit = ExpansionLimit()
        #expect(limit.bytes(compressed: 10) == 1 << 30)
        #expect(limit.bytes(compressed: 1 << 30) == 200 << 30)
        #expect(limit.bytes(compressed: .max) == 1 << 38)
        let query = "COPY (SELECT 0 AS a, 1 AS b FROM range(400000)) TO TARGET (FORMAT csv, HEADER, COMPRESSION gzip)"
        let bomb = try DataSupport.written(query, as: "a.gz")
        let error = try #require(throws: CasemateError.self) {
            try Repository.withTemporaryFolder { folder in
                let path = folder + "/a.csv.gz"
                try Data(bomb).write(to: URL(fileURLWithPath: path))
                try ExpansionLimit(free: 1 << 20, ratio: 2).check(path)
            }
        }
        #expect(error.code == .limitExceeded)
        #expect(
            error.what == "\(bomb.count) bytes of gzip expand to more than 1048576: this may be a decompression bomb")
    }

    @Test func numbersThatLoseDigitsAreSaid() throws {
        let edge = "9007199254740992", beyond = "9007199254740993"
        #expect(try DataSupport.open("a,b\n\(edge),1\n").notes.isEmpty)
        let table = try DataSupport.open("a,b,c\n\(beyond),18446744073709551617,1e300\n1,2,3\n")
        #expect(table.columns.map(\.type) == [.integer, .text, .number])
        #expect(table.notes.count == 1)
        #expect(table.notes[0].hasPrefix("Columns 'a', 'c' hold numbers beyond 2^53"))
        #expect(try table.texts("a") == [beyond, "1"])
        #expect(try table.texts("b") == ["18446744073709551617", "2"])
        let json = try DataSupport.open("{\"a\":99999999999999999999}\n", as: "a.jsonl")
        #expect(json.notes.count == 1)
        let wide = try DataSupport.written(
            "COPY (SELECT 170141183460469231731687303715884105727::HUGEINT AS h, 18446744073709551615::UBIGINT AS u) "
                + "TO TARGET (FORMAT parquet)", as: "a.parquet")
        let parquet = try DataSupport.open(wide, as: "a.parquet")
        #expect(try parquet.texts("u") == ["18446744073709551615"])
    }

    /// A Parquet file may hold a name twice; the engine would rename the second.
    @Test func parquetWithOneNameTwice() throws {
        let query = "COPY (SELECT 1 AS dup_one, 2 AS b, 3 AS dup_two) TO TARGET (FORMAT parquet)"
        var bytes = try DataSupport.written(query, as: "a.parquet")
        let (one, two) = (Array("dup_one".utf8), Array("dup_two".utf8))
        for start in bytes.indices.dropLast(two.count) where Array(bytes[start..<start + two.count]) == two {
            bytes.replaceSubrange(start..<start + two.count, with: one)
        }
        let error = try #require(try DataSupport.failure(bytes, as: "a.parquet"))
        #expect(error.code == .malformed)
        #expect(error.what == "columns 1 and 3 are both named 'dup_one'")
        let nested = try DataSupport.written(
            "COPY (SELECT 1 AS a, {'a': 2, 'b': {'a': 3}} AS s, [{'a': 1}] AS l, 4 AS b) TO TARGET (FORMAT parquet)",
            as: "a.parquet")
        #expect(try DataSupport.open(nested, as: "a.parquet").columns.map(\.name) == ["a", "b"])
    }
}
