import CasemateCore
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// `suspects.csv`: written so that nothing in it runs, read as people's programs leave it.
@Suite struct SuspectsFileTests {
    private static func suspect(
        _ row: Int, _ score: Double, _ reason: String = "odd", checks: [String] = ["data_labels"]
    ) -> RankedSuspect {
        RankedSuspect(row: row, score: score, checks: checks, reason: reason)
    }
    private static func read(_ text: String) throws -> [RankedSuspect] {
        try SuspectFile(Array(text.utf8), path: "s.csv").suspects
    }

    @Test func isWrittenInOrderAndReadBack() throws {
        let suspects = [
            Self.suspect(7, 0.5, "a, \"b\"; c", checks: ["data_labels", "data_outliers"]), Self.suspect(3, 0.25),
            Self.suspect(2, 0.5), Self.suspect(12, 1),
        ]
        let file = SuspectFile(suspects)
        let expected = """
            row,score,checks,reason
            12,1.0,data_labels,odd
            2,0.5,data_labels,odd
            7,0.5,"data_labels;data_outliers","a, ""b""; c"
            3,0.25,data_labels,odd

            """
        #expect(String(decoding: file.render(), as: UTF8.self) == expected)
        #expect(SuspectFile(suspects.reversed()).render() == file.render())
        #expect(try SuspectFile(Array(file.render()), path: "s.csv").suspects == file.suspects)
    }

    @Test(arguments: [
        "=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "＝1", "|calc", "%0A=1", "\u{feff}=1",
    ])
    func noCellIsAFormula(reason: String) throws {
        let text = String(decoding: SuspectFile([Self.suspect(1, 1, reason)]).render(), as: UTF8.self)
        let records = text.split(separator: "\n")
        #expect(records.count == 2, "a line break in a reason stays in its line")
        let cell = try #require(try Self.raw(text).last?.last)
        let first = try #require(cell.unicodeScalars.first { !$0.properties.isWhitespace })
        #expect(!"=+-@＝＋－＠|%\t\r".unicodeScalars.contains(first), "\(cell)")
        // And the reader gives back what was said, apart from characters that steer.
        #expect(try Self.read(text)[0].reason.hasSuffix(String(reason.suffix(1))))
    }

    private static func raw(_ text: String) throws -> [[String]] {
        try DelimitedRecords(Array(text.utf8)[...], path: "").records.map(\.cells)
    }

    @Test func charactersThatSteerAreReplaced() throws {
        let reason = "a\u{1b}[31mb\u{202e}c\u{0}d\u{200b}e\u{2028}f"
        let text = String(decoding: SuspectFile([Self.suspect(1, 1, reason)]).render(), as: UTF8.self)
        let steering = text.unicodeScalars.filter {
            $0 != "\n" && ($0.value < 0x20 || $0.properties.generalCategory == .format)
        }
        #expect(steering.isEmpty)
        #expect(try Self.read(text)[0].reason == "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}d\u{FFFD}e f")
    }

    /// Spreadsheets add a byte order mark, CRLF, quotes, columns of their own, a semicolon and a decimal comma.
    @Test(arguments: [
        "row,score,checks,reason\n4,0.75,data_labels;data_outliers,\"a, b\"\n",
        "\u{feff}row,score,checks,reason\r\n4,0.75,data_labels;data_outliers,\"a, b\"\r\n\r\n",
        "\"row\",\"score\",\"checks\",\"reason\"\r\n\"4\",\"0.75\",\"data_labels;data_outliers\",\"a, b\"",
        "Row;Score;Checks;Reason;Mine\r\n4;0,75;\"data_labels;data_outliers\";a, b;x\r\n;;;;\r\n",
        "reason\trow\tmine\tscore\tchecks\n\"a, b\"\t4.0\t\t.75\tdata_labels; data_outliers\n",
        "row,score,checks,reason\r4,7.5e-1,data_labels;data_outliers,\"a, b\"\r",
    ])
    func isReadAfterASpreadsheet(text: String) throws {
        let expected = Self.suspect(4, 0.75, "a, b", checks: ["data_labels", "data_outliers"])
        #expect(try Self.read(text) == [expected])
    }

    @Test(arguments: [
        ("", "s.csv: is empty"), ("row,score,reason\n", "s.csv:1: no column 'checks'"),
        ("rows,score,checks,reason\n", "no column 'row', did you mean 'rows'?"),
        ("row,score,checks,reason\n1,0.5,a,b\n-1,0.5,a,b\n", "s.csv:3: row '-1' is no whole number"),
        ("row,score,checks,reason\n1.5,0.5,a,b\n", "s.csv:2: row '1.5'"),
        ("row,score,checks,reason\n1,\"0,5\",a,b\n", "s.csv:2: score '0,5'"),
        ("row,score,checks,reason\n1,2,a,b\n", "s.csv:2: score '2'"),
        ("row,score,checks,reason\n1,nan,a,b\n", "score 'nan'"),
        ("row,score,checks,reason\n1,1,a,\"b\nc\"\n2,1,a,b\n1,1,a,b\n", "s.csv:5: row 1 stands on line 2 already"),
        ("row,score,checks,reason\n1,1\n", "s.csv:2: 2 cells"),
        ("row,score,checks,reason\n1,1,a,b\n2,1,a,\"b\n", "s.csv:3: a double quote is never closed"),
    ])
    func whatCannotBeReadIsSaid(text: String, message: String) throws {
        let error = #expect(throws: CasemateError.self) { try Self.read(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func textThatIsNoUTF8IsRefused() {
        let error = #expect(throws: CasemateError.self) {
            try SuspectFile(Array("row,score,checks,reason\n1,1,a,".utf8) + [0xe9, 0x0a], path: "s.csv")
        }
        #expect(error?.description.contains("s.csv:2: is not UTF-8") == true)
    }

    /// Whatever stands in reasons and checks, the list comes back with the same rows, scores and order.
    @Test func randomListsComeBack() throws {
        let letters = Array("ab,;\"'\n\r\t=+-@ é漢🙂\u{202e}\u{0}")
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let suspects = (0..<Int.random(in: 0...30, using: &generator)).map { row in
                let reason = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    letters[Int.random(in: 0..<letters.count, using: &generator)]
                }
                return Self.suspect(row * 3, generator.uniformDouble(), String(reason), checks: ["data_a", "data_b"])
            }
            let file = SuspectFile(suspects)
            let back = try SuspectFile(Array(file.render()), path: "s.csv")
            #expect(back.suspects.map(\.row) == file.suspects.map(\.row), "seed \(seed)")
            #expect(back.suspects.map(\.score) == file.suspects.map(\.score), "seed \(seed)")
            #expect(SuspectFile(back.suspects).render() == back.render(), "seed \(seed)")
            #expect(Array(back.render()).count { $0 == 0x0a } == suspects.count + 1, "seed \(seed)")
        }
    }

    /// Random bytes are read or refused, never a trap.
    @Test func randomBytesNeverTrap() {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let alphabet = Array("row,score,checks,reason\n\r\"0123;".utf8) + [0xff, 0xef, 0xbb, 0xbf]
            let head = Array("row,score,checks,reason\n".utf8)
            let bytes = head + (0..<60).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            #expect(throws: Never.self) { do { _ = try SuspectFile(bytes, path: "") } catch is CasemateError {} }
        }
    }

    @Test func theOriginIsKeptBeside() throws {
        try Repository.withTemporaryFolder { folder in
            let data = folder + "/train.csv"
            try "a,b\n1,2\n".write(toFile: data, atomically: true, encoding: .utf8)
            var file = SuspectFile([Self.suspect(0, 1)])
            #expect(try file.files().map(\.name) == ["suspects.csv"])
            file.origin = try SuspectOrigin(of: data, rows: 1)
            for (name, content) in try file.files() {
                try content.write(to: URL(fileURLWithPath: folder + "/" + name))
            }
            let back = try SuspectFile(path: folder + "/suspects.csv")
            #expect(back == file && back.origin?.rows == 1 && back.origin?.data == "train.csv")
            try back.origin?.check(data: data, sha256: FileDigest(of: data).sha256, list: "suspects.csv")
            let error = #expect(throws: CasemateError.self) {
                try back.origin?.check(
                    data: "other.csv", sha256: String(repeating: "0", count: 64), list: "suspects.csv")
            }
            #expect(error?.code == .mismatch && error?.description.contains("'train.csv'") == true)
            try "{}".write(toFile: folder + "/suspects.origin.json", atomically: true, encoding: .utf8)
            #expect(throws: CasemateError.self) { try SuspectFile(path: folder + "/suspects.csv") }
        }
    }
}
