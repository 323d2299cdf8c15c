import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Text in other encodings is detected, converted and said; the table is that of the same text in UTF-8.
@Suite struct DataEncodingTests {
    static let text = "name,città,n\nZoë,Zürich €,1\n\"a,\"\"b\"\"\",São Paulo – “x”,2\n,Łódź 𝄞,3\n"

    static func utf16(_ text: String, bigEndian: Bool, mark: Bool) -> [UInt8] {
        ((mark ? [0xfeff] : []) + Array(text.utf16)).flatMap { unit -> [UInt8] in
            let (high, low) = (UInt8(unit >> 8), UInt8(unit & 0xff))
            return bigEndian ? [high, low] : [low, high]
        }
    }

    @Test(arguments: [(false, true), (false, false), (true, true), (true, false)])
    func wideTextIsReadAndSaid(bigEndian: Bool, mark: Bool) throws {
        let expected = try DataSupport.content(try DataSupport.open(Self.text))
        let table = try DataSupport.open(Self.utf16(Self.text, bigEndian: bigEndian, mark: mark))
        #expect(try DataSupport.content(table) == expected)
        #expect(table.notes.count == 1)
        #expect(table.notes[0].contains("UTF-16 (\(bigEndian ? "big" : "little") endian)"))
        #expect(try DataSupport.open(Self.text).notes.isEmpty)
    }

    @Test func wideTextInsideGzipAndInJSON() throws {
        let packed = try packed(Self.utf16(Self.text, bigEndian: false, mark: true))
        #expect(try DataSupport.open(packed, as: "a.csv.gz").count == 3)
        let json = Self.utf16("{\"a\":1,\"b\":\"ä\"}\n{\"a\":2,\"b\":null}\n", bigEndian: true, mark: false)
        let table = try DataSupport.open(json, as: "a.jsonl")
        #expect(try DataSupport.content(table) == ["a": ["1", "2"], "b": ["ä", nil]])
    }

    @Test func halfASurrogatePairIsRefused() throws {
        var bytes = Self.utf16("a,b\n1,x\n2,y\n", bigEndian: false, mark: true)
        bytes[16] = 0x00
        bytes[17] = 0xd8
        let error = try #require(try DataSupport.failure(bytes))
        #expect(error.code == .malformed)
        #expect(error.what == "is not the UTF-16 (little endian) text that it begins as")
        let odd = Self.utf16("a,b\n1,x\n", bigEndian: false, mark: true) + [0x31]
        #expect(try DataSupport.failure(odd)?.code == .malformed)
    }

    @Test func windowsTextIsReadAndSaid() throws {
        let bytes =
            Array("a,b\nZ".utf8) + [0xfc] + Array("rich,1\n".utf8) + [0x80, 0x20, 0x93, 0x78, 0x94, 0x2c, 0x32, 10]
        let table = try DataSupport.open(bytes)
        #expect(try DataSupport.content(table) == ["a": ["Zürich", "€ “x”"], "b": ["1", "2"]])
        #expect(table.notes[0].contains("Windows-1252"))
        let header = try DataSupport.open([0x61, 0xe9, 0x2c, 0x62, 10, 49, 44, 49, 10])
        #expect(header.columns.map(\.name) == ["aé", "b"])
    }

    /// The byte that gives the encoding away stands behind the part that is looked at first.
    @Test func windowsTextThatShowsLate() throws {
        var bytes = Array("a,b\n".utf8)
        let line = Array("some words to fill the file with nothing but letters,1\n".utf8)
        while bytes.count < 5 << 20 { bytes += line }
        bytes += [0x5a, 0xfc, 0x2c, 0x32, 10]
        let table = try DataSupport.open(bytes)
        #expect(table.notes[0].contains("Windows-1252"))
        #expect(
            try table.distinct("a", limit: 3).map(\.value).sorted() == [
                "Zü", "some words to fill the file with nothing but letters",
            ])
    }

    /// A damaged UTF-8 file is not taken for Windows-1252.
    @Test func damagedUTF8StaysAnError() throws {
        let rows = (0..<40).map { "Zürich,\($0)\n" }.joined()
        let error = try #require(try DataSupport.failure(Array("a,b\n\(rows)".utf8) + [0xff, 0x2c, 0x31, 10]))
        #expect((error.code, error.place, error.what) == (.malformed, "data.csv:42", "is not UTF-8 text"))
    }

    private func packed(_ bytes: [UInt8]) throws -> [UInt8] {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/a"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["gzip", path]
            try process.run()
            process.waitUntilExit()
            return Array(try Data(contentsOf: URL(fileURLWithPath: path + ".gz")))
        }
    }
}
