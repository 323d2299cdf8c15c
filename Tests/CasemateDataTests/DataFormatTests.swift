import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

@Suite struct DataFormatTests {
    /// The same rows in every format; `NULL`s and awkward texts included.
    private static let rows = """
        (SELECT * FROM (VALUES (1, 2.5::DOUBLE, 'plain', true, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:00:00'), \
        (NULL, -0.125, 'comma, "quote" ''n'' tab\t', false, DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.5'), \
        (-3, NULL, 'zwölf €', NULL, NULL, NULL), (9007199254740993, 1e-7, NULL, true, DATE '2000-01-01', \
        TIMESTAMP '2000-01-01 00:00:00')) AS t(whole, number, words, truth, day, moment))
        """

    @Test(arguments: [
        ("a.csv", "FORMAT csv, HEADER"), ("a.tsv", "FORMAT csv, HEADER, DELIMITER '\t'"),
        ("a.csv.gz", "FORMAT csv, HEADER, COMPRESSION gzip"),
        ("a.tsv.gz", "FORMAT csv, HEADER, DELIMITER '\t', COMPRESSION gzip"), ("a.parquet", "FORMAT parquet"),
        ("a.jsonl", "FORMAT json"), ("a.ndjson", "FORMAT json"), ("a.json", "FORMAT json, ARRAY true"),
        ("a.jsonl.gz", "FORMAT json, COMPRESSION gzip"), ("zstd.parquet", "FORMAT parquet, COMPRESSION zstd"),
        ("without-extension", "FORMAT parquet"),
    ])
    func everyFormatGivesTheSameTable(name: String, options: String) throws {
        let bytes = try DataSupport.written("COPY \(Self.rows) TO TARGET (\(options))", as: name)
        let table = try DataSupport.open(bytes, as: name)
        #expect(table.count == 4)
        #expect(table.columns.map(\.name) == ["whole", "number", "words", "truth", "day", "moment"])
        #expect(table.columns.map(\.type) == [.integer, .number, .text, .boolean, .date, .timestamp])
        #expect(table.columns.map(\.missing) == [1, 1, 1, 1, 1, 1])
        let content = try DataSupport.content(table)
        #expect(content["whole"] == ["1", nil, "-3", "9007199254740993"])
        #expect(content["number"] == ["2.5", "-0.125", nil, "1e-07"])
        #expect(content["words"] == ["plain", "comma, \"quote\" 'n' tab\t", "zwölf €", nil])
        #expect(content["truth"] == ["true", "false", nil, "true"])
        #expect(content["day"] == ["2024-02-29", "1969-12-31", nil, "2000-01-01"])
        #expect(content["moment"] == ["2024-02-29 12:00:00", "1969-12-31 23:59:59.5", nil, "2000-01-01 00:00:00"])
        #expect(try table.numbers("day").map { $0.isNaN ? 0 : $0 } == [19782, -1, 0, 10957])
        #expect(try table.booleans("truth") == [true, false, nil, true])
        let range = try #require(try table.range("number"))
        #expect(range == (-0.125, 2.5))
    }

    @Test func quotingDelimitersLineEndsAndByteOrderMark() throws {
        let expected = ["a,\"b": ["1;|", "x\ny \"z\""], "c": [nil, "7"]] as [String: [String?]]
        for (delimiter, end) in [(",", "\n"), (";", "\r\n"), ("\t", "\n"), ("|", "\r\n"), (",", "\r")] {
            let text = [
                "\"a,\"\"b\"\(delimiter)c", "\"1;|\"\(delimiter)", "\"x\ny \"\"z\"\"\"\(delimiter)7", "",
            ].joined(separator: end)
            let table = try DataSupport.open(text)
            #expect(try DataSupport.content(table) == expected, "delimiter \(delimiter.debugDescription)")
        }
    }

    @Test func aByteOrderMarkIsNoPartOfTheFirstName() throws {
        for text in ["a,b\n1,2\n", "\"a\",b\r\n1,2\r\n", "a;b\r1;2\r"] {
            let table = try DataSupport.open("\u{FEFF}" + text)
            #expect(try DataSupport.content(table) == ["a": ["1"], "b": ["2"]])
        }
        #expect(try DataSupport.open("\u{FEFF}{\"a\":1}\n", as: "a.jsonl").columns.map(\.name) == ["a"])
    }

    @Test func columnNamesThatLookLikeSQL() throws {
        let names = ["x\"; DROP TABLE data; --", "y'z", "select", "q\"\u{301}", "  spaced ", "naïve 🙂", "rowid"]
        let header = names.map { "\"" + $0.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\"" }
        let values = names.indices.map { "\($0)" }.joined(separator: ",")
        let table = try DataSupport.open(header.joined(separator: ",") + "\n" + values + "\n")
        #expect(table.columns.map(\.name) == names)
        for (index, name) in names.enumerated() {
            #expect(try table.numbers(name) == [Double(index)])
            #expect(try table.levels(name) == ["\(index)"])
        }
        #expect(try table.matrix(names.map { Feature($0) }).values == names.indices.map { Float($0) })
    }

    @Test func pathsAndTableNamesThatLookLikePatternsOrSQL() throws {
        for name in ["a*.csv", "[ab]?.csv", "o'hara \"x\".csv", "s3:, http: {x}.csv"] {
            try Repository.withTemporaryFolder { folder in
                try Data("x\n1\n".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
                try Data("x\n2\n".utf8).write(to: URL(fileURLWithPath: folder + "/a2.csv"))
                let table = try DataSupport.engine().open(folder + "/" + name, name: "t\"; DROP '" + name)
                #expect(try table.numbers("x") == [1])
            }
        }
    }

    @Test func contentDecidesWhereTheNameIsWrong() throws {
        let parquet = try DataSupport.written("COPY (SELECT 1 AS a) TO TARGET (FORMAT parquet)", as: "a.parquet")
        #expect(try DataSupport.open(parquet, as: "a.csv").columns.map(\.name) == ["a"])
        let packed = try DataSupport.written(
            "COPY (SELECT 1 AS a) TO TARGET (FORMAT csv, COMPRESSION gzip)", as: "a.gz")
        #expect(try DataSupport.open(packed, as: "a.csv").columns.map(\.name) == ["a"])
        #expect(try DataSupport.open("a,b\n1,2\n", as: "a.csv.gz").count == 1)
        #expect(try DataSupport.open("{\"a\":1}\n", as: "a.data").columns.map(\.type) == [.integer])
    }

    @Test func manyColumnsAndHugeTexts() throws {
        let width = 3000
        let header = (0..<width).map { "column \($0)" }.joined(separator: ",")
        let table = try DataSupport.open(header + "\n" + (0..<width).map { "\($0)" }.joined(separator: ",") + "\n")
        #expect(table.columns.count == width)
        #expect(try table.matrix(table.columns.map { Feature($0.name) }).values == (0..<width).map { Float($0) })
        let long = String(repeating: "lang ", count: 1_000_000)
        #expect(try DataSupport.open("a,b\n1,\"\(long)\"\n").texts("b") == [long])
    }

    @Test func rowsKeepTheirOrderAtAnyThreadCount() throws {
        let count = 200_000
        var text = "id,half,name\n"
        for row in 0..<count { text += "\(row),\(Double(row) / 2),n\(row % 7)\n" }
        let engine = try DataSupport.engine(threads: 4)
        let table = try DataSupport.open(Array(text.utf8), engine: engine)
        #expect(table.count == count)
        #expect(try table.numbers("id") == (0..<count).map(Double.init))
        let levels = try table.levels("name")
        #expect(levels == (0..<7).map { "n\($0)" })
        let matrix = try table.matrix([Feature("half"), Feature("name", .categorical(levels: levels)), Feature("id")])
        for row in stride(from: 0, to: count, by: 997) {
            #expect(matrix[row: row].elementsEqual([Float(row) / 2, Float(row % 7), Float(row)]))
        }
        let parquet = try DataSupport.written(
            "COPY (SELECT range AS id FROM range(\(count))) TO TARGET (FORMAT parquet, ROW_GROUP_SIZE 10000)",
            as: "a.pq")
        #expect(try DataSupport.open(parquet, as: "a.pq", engine: engine).numbers("id") == (0..<count).map(Double.init))
    }

    @Test func gzipOfSeveralMembersAndOfText() throws {
        let statement = "COPY (SELECT hash(range) AS h, 'level ' || range % 5 AS l FROM range(20000)) TO TARGET"
        let plain = try DataSupport.written(statement + " (FORMAT csv, HEADER false)", as: "a.csv")
        let packed = try DataSupport.written(statement + " (FORMAT csv, HEADER false, COMPRESSION gzip)", as: "a.gz")
        let header = try DataSupport.written(
            "COPY (SELECT 1 AS h, 2 AS l) TO TARGET (FORMAT csv, COMPRESSION gzip)", as: "h.gz")
        var expanded: [UInt8] = []
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/a.gz"
            try Data(packed + packed).write(to: URL(fileURLWithPath: path))
            let descriptor = open(path, O_RDONLY)
            defer { close(descriptor) }
            try Gzip.expand(descriptor: descriptor, path: path, limit: 1 << 24) { expanded += $0 }
            #expect(throws: CasemateError.self) {
                try Gzip.expand(descriptor: descriptor, path: path, limit: 1 << 16) { _ in }
            }
        }
        #expect(expanded == plain + plain)
        let table = try DataSupport.open(header + packed, as: "a.csv.gz")
        #expect(table.count == 20001)
        #expect(table.columns.map(\.name) == ["h", "l"])
    }

    /// Blocks as other writers make them: stored, and with the fixed code of RFC 1951, section 3.2.6.
    @Test(arguments: [
        "1f8b0800000000000403010c00f3ff612c620a312c320a312c320ae88685320c000000",
        "1f8b08000000000002034bd449e232d431026300e88685320c000000",
    ])
    func gzipWithStoredAndFixedBlocks(hexadecimal: String) throws {
        let digits = Array(hexadecimal)
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        #expect(
            try DataSupport.content(try DataSupport.open(bytes, as: "a.gz")) == ["a": ["1", "1"], "b": ["2", "2"]])
    }
}
