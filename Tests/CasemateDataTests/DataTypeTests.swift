import CasemateCore
import CasemateData
import TestSupport
import Testing

@Suite struct DataTypeTests {
    @Test(arguments: [
        ("1\n-2\n+3\n 4 \n", ColumnType.integer, ["1", "-2", "3", "4"]),
        ("9007199254740993\n-9223372036854775808\n", .integer, ["9007199254740993", "-9223372036854775808"]),
        ("9223372036854775808\n1\n", .text, ["9223372036854775808", "1"]),
        ("1.0\n2\n-0.5\n", .number, ["1", "2", "-0.5"]), (".5\n5.\n1e3\n", .number, ["0.5", "5", "1000"]),
        ("1e-7\n-0.0\n123456789012345680000.5\n", .number, ["1e-07", "0", "1.2345678901234568e+20"]),
        ("nan\n-Inf\n1\n", .number, ["nan", "-inf", "1"]), ("1_000\n2\n", .text, ["1_000", "2"]),
        ("0x10\n2\n", .text, ["0x10", "2"]), ("1,5\n", .text, ["1,5"]), ("TRUE\nfalse\n", .boolean, ["true", "false"]),
        ("yes\nno\n", .text, ["yes", "no"]), ("2024-02-29\n2023-01-01\n", .date, ["2024-02-29", "2023-01-01"]),
        ("2023-02-29\n", .text, ["2023-02-29"]), ("01/02/2023\n", .text, ["01/02/2023"]),
        ("2024-02-29\n2024-02-29 01:02\n", .timestamp, ["2024-02-29 00:00:00", "2024-02-29 01:02:00"]),
        (
            "2024-02-29T01:02:03.25Z\n2024-02-29 01:02:03+02:00\n", .timestamp,
            ["2024-02-29 01:02:03.25", "2024-02-28 23:02:03"]
        ),
        (" padded \nx\n", .text, [" padded ", "x"]), ("1\nx\n", .text, ["1", "x"]),
    ])
    func typesAreInferred(cells: String, type: ColumnType, texts: [String]) throws {
        let quoted = cells.split(separator: "\n").map { "\"\($0)\",k\n" }.joined()
        let table = try DataSupport.open("v,k\n" + quoted)
        #expect(table.columns[0].type == type)
        #expect(try table.texts("v") == texts)
    }

    @Test func aLateCellDecidesTheType() throws {
        let numbers = (0..<5000).map { "\($0),\($0),\($0)\n" }.joined()
        let table = try DataSupport.open("a,b,c\n" + numbers + "x,0.5,99999999999999999999\n")
        #expect(table.columns.map(\.type) == [.text, .number, .text])
        #expect(try table.texts("a").last == "x")
        #expect(try table.texts("c").last == "99999999999999999999")
    }

    @Test func declaredTypesReplaceInferredOnes() throws {
        let types: [String: ColumnType] = ["zip": .text, "n": .integer, "b": .boolean, "s": .number, "d": .timestamp]
        let table = try DataSupport.open(
            "zip,n,b,s,d\n02134,1.0,yes,7,2024-01-01\n00501,,0,,\n", types: types)
        #expect(table.columns.map(\.type) == [.text, .integer, .boolean, .number, .timestamp])
        #expect(try table.texts("zip") == ["02134", "00501"])
        #expect(try table.texts("n") == ["1", nil])
        #expect(try table.booleans("b") == [true, false])
        #expect(try table.texts("s") == ["7", nil])
        #expect(try table.texts("d") == ["2024-01-01 00:00:00", nil])
        let parquet = try DataSupport.written(
            "COPY (SELECT 1.0::DOUBLE AS n, 'x' AS t, 0.1::FLOAT AS f, 5 AS i) TO TARGET (FORMAT parquet)",
            as: "a.parquet")
        let typed = try DataSupport.open(parquet, as: "a.parquet", types: ["n": .text, "i": .number])
        #expect(try DataSupport.content(typed) == ["n": ["1"], "t": ["x"], "f": ["0.1"], "i": ["5"]])
    }

    @Test func missingStaysMissing() throws {
        let table = try DataSupport.open(
            "n,t,q,all\n1,a,\"\",\nNA,?, ?,NA\n,,x,\n 3 ,NA,y,?\n", missing: ["NA", "?"])
        #expect(table.columns.map(\.type) == [.integer, .text, .text, .text])
        #expect(table.columns.map(\.missing) == [2, 3, 2, 4])
        #expect(try table.numbers("n").map { $0.isNaN ? -1 : $0 } == [1, -1, -1, 3])
        #expect(try table.texts("q") == [nil, nil, "x", "y"])
        #expect(try table.numbers("all").allSatisfy(\.isNaN))
        #expect(try table.range("all") == nil)
        #expect(try DataSupport.open("n,k\nNA,1\n2,1\n").columns[0].type == .text)
        let lines = "{\"a\":\"NA\",\"b\":null}\n{\"a\":\"x\"}\n{\"a\":\"\",\"b\":2}\n"
        let json = try DataSupport.open(lines, as: "a.jsonl", missing: ["NA"])
        #expect(try DataSupport.content(json) == ["a": [nil, "x", ""], "b": [nil, nil, "2"]])
    }

    @Test func nestedColumnsAreNamedAndOnlyRefusedWhenUsed() throws {
        let lines = "{\"a\":1,\"l\":[1,2],\"s\":{\"x\":1},\"mixed\":1}\n{\"a\":2,\"l\":[],\"s\":null,\"mixed\":\"x\"}\n"
        let json = try DataSupport.open(lines, as: "a.jsonl")
        #expect(json.columns.map(\.name) == ["a", "mixed"])
        #expect(json.unsupported == ["l": "BIGINT[]", "s": "STRUCT(x BIGINT)"])
        #expect(try json.texts("mixed") == ["1", "x"])
        let error = try #require(throws: CasemateError.self) { try json.texts("s") }
        #expect(error.code == .unsupported)
        #expect(error.what == "column 's' holds STRUCT(x BIGINT)")
        let parquet = try DataSupport.written(
            "COPY (SELECT 1 AS a, MAP {'k': 1} AS m, 'x'::BLOB AS b, 18446744073709551615::UBIGINT AS u, "
                + "12::DECIMAL(10,0) AS d, 1.25::DECIMAL(5,2) AS e, gen_random_uuid() AS g) TO TARGET (FORMAT parquet)",
            as: "a.parquet")
        let table = try DataSupport.open(parquet, as: "a.parquet")
        #expect(table.columns.map(\.name) == ["a", "u", "d", "e", "g"])
        #expect(table.columns.map(\.type) == [.integer, .text, .integer, .number, .text])
        #expect(Set(table.unsupported.keys) == ["m", "b"])
        #expect(try table.texts("u") == ["18446744073709551615"])
    }

    @Test func canonicalTexts() {
        #expect(CanonicalText.of(1.0 as Double) == "1")
        #expect(CanonicalText.of(-0.0 as Double) == "0")
        #expect(CanonicalText.of(0.1 as Float) == "0.1")
        #expect(CanonicalText.of("1.0", as: .integer) == "1")
        #expect(CanonicalText.of("1", as: .number) == "1")
        #expect(CanonicalText.of("True", as: .boolean) == "true")
        #expect(CanonicalText.of("1.0", as: .text) == "1.0")
    }

    @Test func quotingKeepsAnythingInside() {
        #expect(quoted("a\"b") == "\"a\"\"b\"")
        #expect(Array(quoted("a\"\u{301}b").unicodeScalars).count == 7)
        #expect(quoted("a\0\"") == "\"a\"\"\"")
    }
}
