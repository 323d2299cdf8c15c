import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Every kind of bad file gives one error with its own words; none shows a value of the data.
@Suite struct DataBadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let content: String, name: String, code: CasemateError.Code, place: String, what: String
        var testDescription: String { what }
        init(_ content: String, _ name: String, _ code: CasemateError.Code, _ place: String, _ what: String) {
            (self.content, self.name, self.code, self.place, self.what) = (content, name, code, place, what)
        }
        init(_ content: String, _ code: CasemateError.Code, _ place: String, _ what: String) {
            self.init(content, "data.csv", code, place, what)
        }
    }

    static let cases = [
        Case("", .malformed, "data.csv", "is empty"),
        Case("a,b\n", .unusableData, "data.csv", "has a header and no data rows"),
        Case("a,b", .unusableData, "data.csv", "has a header and no data rows"),
        Case("a,b,c\n1,2,3\n4,5\n", .malformed, "data.csv:3", "2 cells, the header has 3"),
        Case("a,b,c\n1,2,3\n\n4,5,6,7\n", .malformed, "data.csv:4", "4 cells, the header has 3"),
        Case("a:b:c\n1:2:3\n", .malformed, "data.csv:1", "one column only; cells seem to be divided by colons"),
        Case("a b\n1 2\n", .malformed, "data.csv:1", "one column only; cells seem to be divided by spaces"),
        Case("a,b,a\n1,2,3\n", .malformed, "data.csv:1", "columns 1 and 3 are both named 'a'"),
        Case("a,b,A\n1,2,3\n", .malformed, "data.csv:1", "columns 'a' and 'A' differ in case only"),
        Case("a,,c\n1,2,3\n", .malformed, "data.csv:1", "column 2 of 3 has no name"),
        Case("5.1,3.5\n4.9,3\n", .malformed, "data.csv:1", "there is no header: every column name is a number"),
        Case("a,b\n1,\"2\n3,4\n", .malformed, "data.csv:2", "a double quote is not closed, or text follows it"),
        Case("a,b\n1,\"2\"x\n3,4\n", .malformed, "data.csv:2", "a double quote is not closed, or text follows it"),
        Case("a,b\n1,\0\n", .malformed, "data.csv", "is not a text file: NUL bytes in its first 4096"),
        Case("a,b\r\n1,2\n3,4\r\n", .malformed, "data.csv", "quotes or line ends do not follow RFC 4180"),
        Case(
            "\u{FEFF}\"a\"\"b\",c\n1,2\n", .unsupported, "data.csv:1",
            "a byte order mark before a name that holds a quote or a line end"),
        Case("{\"a\":1}\n{\"a\":\n{\"a\":2}\n", "data.jsonl", .malformed, "data.jsonl:2", "is not JSON"),
        Case("{\"a\":1}\n{\"a\":2}\n[1]\n", "data.jsonl", .malformed, "data.jsonl:3", "is not a JSON object"),
        Case("{\"a\":1,\"a\":2}\n", "data.jsonl", .malformed, "data.jsonl:1", "a key stands twice in one object"),
        Case("a,b\n1,2\n", "data.jsonl", .malformed, "data.jsonl:1", "is not JSON: an object '{' must stand there"),
        Case("a,b\n1,2\n", "data.parquet", .malformed, "data.parquet", "is not Parquet: no signature at its start"),
        Case("PAR1 and so on", .malformed, "data.csv", "is cut short: no Parquet signature at its end"),
        Case("PAR1 and so on PAR1", .malformed, "data.csv", "is damaged Parquet"),
        Case("PK\u{3}\u{4}", "data.xlsx", .unsupported, "data.xlsx", "is a ZIP archive or a spreadsheet"),
        Case(
            "{\"a\":[1]}\n", "a.json", .unsupported, "a.json", "no column holds numbers, texts, dates or true and false"
        ),
    ]

    @Test(arguments: cases) func badFilesAreToldApart(bad: Case) throws {
        let error = try #require(try DataSupport.failure(bad.content, as: bad.name))
        #expect(error.code == bad.code)
        #expect(error.place == bad.place)
        #expect(error.what == bad.what)
        #expect(!error.help.isEmpty && !error.description.contains("dev/fd"))
        #expect(error.description.split(separator: "\n").count == 2)
    }

    /// What is neither UTF-8 nor Windows-1252 is told with its line; the latter is read: `DataEncodingTests`.
    @Test func textThatIsNotUTF8() throws {
        let row = try #require(try DataSupport.failure(Array("a,b\n1,2\n1,".utf8) + [0x81, 10]))
        #expect((row.code, row.place, row.what) == (.malformed, "data.csv:3", "is not UTF-8 text"))
        let header = try #require(try DataSupport.failure([0x61, 0x9d, 0x2c, 0x62, 10, 49, 44, 49, 10]))
        #expect((header.place, header.what) == ("data.csv:1", "is not UTF-8 text"))
        let json = try #require(
            try DataSupport.failure(Array("{\"a\":\"".utf8) + [0xff, 0x22, 0x7d, 10], as: "a.jsonl"))
        #expect((json.place, json.what) == ("a.jsonl:1", "is not UTF-8 text"))
        let wide = try #require(try DataSupport.failure([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]))
        #expect((wide.code, wide.what) == (.unsupported, "is UTF-32 text"))
    }

    @Test func filesThatAreCutShortOrDamaged() throws {
        let query = "COPY (SELECT range AS a, hash(range) % 1000 AS b FROM range(20000)) TO TARGET"
        let packed = try DataSupport.written(query + " (FORMAT csv, HEADER, COMPRESSION gzip)", as: "a.gz")
        for length in [3, 12, packed.count / 2, packed.count - 8, packed.count - 1] {
            let error = try #require(try DataSupport.failure(Array(packed.prefix(length)), as: "a.csv.gz"))
            #expect(error.code == .malformed)
            #expect(error.what.contains("gzip"), "length \(length)")
        }
        for position in stride(from: 20, to: packed.count, by: packed.count / 50) {
            var damaged = packed
            damaged[position] ^= 0x55
            #expect(try DataSupport.failure(damaged, as: "a.csv.gz")?.code == .malformed, "byte \(position)")
        }
        #expect(try DataSupport.failure(packed + [1, 2, 3], as: "a.csv.gz")?.code == .malformed)
        let parquet = try DataSupport.written(query + " (FORMAT parquet)", as: "a.parquet")
        for length in [4, 11, parquet.count / 2, parquet.count - 1] {
            let error = try #require(try DataSupport.failure(Array(parquet.prefix(length)), as: "a.parquet"))
            #expect(error.what == "is cut short: no Parquet signature at its end")
        }
        let tail = try #require(
            try DataSupport.failure(Array(parquet.prefix(4) + parquet.suffix(200)), as: "a.parquet"))
        #expect((tail.code, tail.what) == (.malformed, "is damaged Parquet"))
    }

    @Test func placesThatAreNoFiles() throws {
        let engine = try DataSupport.engine()
        for (path, code) in [
            ("/no/such/file.csv", CasemateError.Code.notFound), ("/tmp", .unreadable), ("/dev/null", .unreadable),
        ] {
            let error = try #require(throws: CasemateError.self) { try engine.open(path, name: "a") }
            #expect(error.code == code)
            #expect(error.place == path)
        }
        let twice = [DataSource(path: "a", name: "t"), DataSource(path: "b", name: "T")]
        #expect(try #require(throws: CasemateError.self) { try engine.open(twice) }.code == .invalidSetting)
    }

    @Test func declaredTypesThatDoNotFit() throws {
        let text = "zip,n\n1,2\nsecret,3\n4,5\nhidden,6\n"
        let error = try #require(try DataSupport.failure(text, types: ["zip": .integer]))
        #expect(error.code == .malformed)
        #expect(error.place == "data.csv:row 2")
        #expect(error.what == "column 'zip' cannot be read as integer (and 1 other row)")
        #expect(!error.description.contains("secret"))
        let name = try #require(try DataSupport.failure(text, types: ["zpi": .integer]))
        #expect(name.code == .notFound)
        #expect(name.what == "no column 'zpi', for which a type is declared, did you mean 'zip'?")
        let parquet = try DataSupport.written(
            "COPY (SELECT 'x' AS t, 1 AS rowid) TO TARGET (FORMAT parquet)", as: "a.parquet")
        let typed = try #require(try DataSupport.failure(parquet, as: "a.parquet", types: ["t": .date]))
        #expect((typed.place, typed.what) == ("a.parquet:row 1", "column 't' cannot be read as date"))
        for type in ColumnType.allCases where type != .text {
            #expect(try DataSupport.failure("a,b\nx,1\n", types: ["a": type])?.code == .malformed)
        }
    }

    @Test func tooManyColumns() throws {
        let header = (0...10_000).map { "c\($0)" }.joined(separator: ",")
        let error = try #require(try DataSupport.failure(header + "\n"))
        #expect((error.code, error.what) == (.limitExceeded, "more than 10000 columns"))
    }

    @Test func theEngineThatIsMissingIsNamed() throws {
        let nowhere = EngineSearch(environment: [:], systemFolders: [], enginesFolders: ["/nowhere"])
        #expect(try #require(throws: CasemateError.self) { try DataEngine(nowhere) }.code == .engineMissing)
        let wrong = EngineSearch(environment: ["CASEMATE_DUCKDB": "/etc/hostname"], enginesFolders: [])
        #expect(try #require(throws: CasemateError.self) { try DataEngine(wrong) }.code == .engineMissing)
        let memory = try DataEngine(Repository.engines, memoryLimit: "lots")
        let error = try #require(throws: CasemateError.self) {
            try memory.open(Repository.path("Package.swift"), name: "a")
        }
        #expect(error.description.contains("lots") || error.code != .engineFailed)
    }

    /// Random bytes and damaged files of every format: a table or a `CasemateError`, never a crash.
    @Test func randomFilesNeverCrash() throws {
        let engine = try DataSupport.engine()
        let query = "COPY (SELECT range AS a, 'text ' || range AS b, range / 3 AS c FROM range(50)) TO TARGET"
        let seeds: [(name: String, bytes: [UInt8])] = [
            ("a.csv", try DataSupport.written(query + " (FORMAT csv, HEADER)", as: "a.csv")),
            ("a.csv.gz", try DataSupport.written(query + " (FORMAT csv, HEADER, COMPRESSION gzip)", as: "a.gz")),
            ("a.parquet", try DataSupport.written(query + " (FORMAT parquet)", as: "a.parquet")),
            ("a.jsonl", try DataSupport.written(query + " (FORMAT json)", as: "a.jsonl")),
        ]
        let alphabet = Array("0123456789,;\t|\"\n\r{}[]:.aäNA-+e \\".utf8) + [0, 0xff]
        var tables = 0
        try Repository.withTemporaryFolder { folder in
            for number in 0..<2000 {
                var generator = SeededGenerator(seed: UInt64(number))
                let seed = seeds[number % seeds.count]
                var bytes = seed.bytes
                if number % 3 == 0 {
                    bytes = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
                        alphabet.randomElement(using: &generator) ?? 0
                    }
                } else {
                    for _ in 0..<Int.random(in: 1...6, using: &generator) {
                        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                            in: 0...255, using: &generator)
                    }
                }
                let path = folder + "/" + seed.name
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                do {
                    let table = try engine.open(path, name: "a")
                    for column in table.columns { #expect(try table.texts(column.name).count == table.count) }
                    tables += 1
                } catch let error as CasemateError {
                    #expect(error.place.hasPrefix(path), "\(number): \(error)")
                    #expect(!error.what.contains("\n"))
                }
            }
        }
        #expect(tables > 100)
    }
}
