import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// Files and jobs for the tests of `casemate data sanitize`.
enum SanitizeSupport {
    static func write(_ bytes: [UInt8], _ name: String, in folder: String) throws -> String {
        let path = folder + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }
    static func write(_ text: String, _ name: String, in folder: String) throws -> String {
        try write(Array(text.utf8), name, in: folder)
    }
    static func suspects(_ rows: [Int: Double], in folder: String, checks: [String] = ["data_labels"]) throws -> String
    {
        let list = rows.map { RankedSuspect(row: $0, score: $1, checks: checks, reason: "odd row \($0)") }
        return try write(Array(SuspectFile(list).render()), "suspects.csv", in: folder)
    }
    static func run(
        _ data: String, _ suspects: String, in folder: String, decisions: String? = nil,
        _ change: (inout SanitizeJob.Settings) -> Void = { _ in }
    ) throws -> SanitizeResult {
        var settings = SanitizeJob.Settings()
        change(&settings)
        return try SanitizeJob(
            data: data, suspects: suspects, decisions: decisions, output: folder + "/out", settings: settings
        ).run(search: Repository.engines, context: RunContext(threads: 2))
    }
    static func bytes(_ name: String, in folder: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/out/" + name)))
    }
    static func text(_ name: String, in folder: String) throws -> String {
        String(decoding: try bytes(name, in: folder), as: UTF8.self)
    }
    static var hasEngine: Bool { (try? DataEngine(Repository.engines)) != nil }
}

/// `casemate data sanitize` on small files of each kind.
@Suite struct SanitizeTests {
    typealias Support = SanitizeSupport

    /// Quoted line breaks, doubled quotes, blank lines and odd spacing stay as they are.
    @Test func recordsKeepEveryByte() throws {
        let records = [
            "1,\"two\nlines\",x\n", "2, \"a \"\"quoted\"\"\r\nbreak\" ,y\n", "\n", "3,,\n", "4,\"\",é\n", "5,b\"c,z",
        ]
        let header = "id, note,class\n"
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write(header + records.joined(), "train.csv", in: folder)
            let suspects = try Support.suspects([1: 0.9, 4: 0.6, 0: 0.4], in: folder)
            let result = try Support.run(data, suspects, in: folder)
            #expect((result.rows, result.kept, result.removed) == (5, 3, 2))
            #expect(try Support.text("quarantine.csv", in: folder) == header + records[1] + records[5])
            let clean = header + records[0] + records[2] + records[3] + records[4]
            #expect(try Support.text("clean.csv", in: folder) == clean)
            let manifest = try Support.text("manifest.csv", in: folder)
            #expect(
                manifest == "row,score,checks,reason,decision,who,when,note\n1,0.9,data_labels,odd row 1,,,,\n"
                    + "4,0.6,data_labels,odd row 4,,,,\n")
            let json = try Figures(json: Data(Support.bytes("manifest.json", in: folder)))
            #expect(json["schema"].text == "casemate.sanitize/1" && json["rows"]["input"].int == 5)
            #expect(json["data"]["sha256"].text == (try FileDigest(of: data).sha256))
            for file in json["files"].list {
                let name = try #require(file["name"].text)
                #expect(file["sha256"].text == (try FileDigest(of: folder + "/out/" + name).sha256), "\(name)")
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
            #expect(names == ["clean.csv", "manifest.csv", "manifest.json", "quarantine.csv"])
            #expect(result.notes.contains { $0.contains("which file these suspects were found in") })
        }
    }

    /// A file, the row that goes, and the file of what went.
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String, bytes: [UInt8], row: Int, expected: [UInt8]
        init(_ name: String, _ bytes: [UInt8], row: Int, _ expected: [UInt8]) {
            (self.name, self.bytes, self.row, self.expected) = (name, bytes, row, expected)
        }
        init(_ name: String, _ text: String, row: Int, _ expected: String) {
            self.init(name, Array(text.utf8), row: row, Array(expected.utf8))
        }
        var testDescription: String { "\(name), \(bytes.count) bytes" }
    }

    /// Line ends, marks, delimiters and encodings of real files. The last but two: Windows-1252, é is one byte. A blank
    /// line of a file with one column is a missing value.
    static let kinds = [
        Kind("train.csv", "\u{feff}a;b\r\n1;2\r\n3;4\r\n", row: 0, "\u{feff}a;b\r\n1;2\r\n"),
        Kind("train.tsv", "a\tb\n1\t2\n3\t4\n", row: 1, "a\tb\n3\t4\n"),
        Kind("old.csv", "a,b\r1,2\r3,4\r", row: 1, "a,b\r3,4\r"),
        Kind("one.csv", "a\nx\n\ny\n", row: 1, "a\n\n"),
        Kind(
            "latin.csv", Array("a,b\n1,".utf8) + [0xe9, 0x0a] + Array("2,3\n".utf8), row: 0,
            Array("a,b\n1,".utf8) + [0xe9, 0x0a]),
        Kind("train.jsonl", "{\"a\":1}\n \n{\"a\": \"x\\ny\"}\n{\"a\":3}", row: 1, "{\"a\": \"x\\ny\"}\n"),
        Kind("train.jsonl", "{\"a\":1}\r\n{\"a\":2}\r\n", row: 1, "{\"a\":2}\r\n"),
    ]

    @Test(arguments: kinds) func everyKindOfTextStays(kind: Kind) throws {
        let bytes = kind.bytes
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write(bytes, kind.name, in: folder)
            let result = try Support.run(data, try Support.suspects([kind.row: 1], in: folder), in: folder)
            let ending = kind.name.split(separator: ".").last ?? ""
            #expect(try Support.bytes("quarantine.\(ending)", in: folder) == kind.expected)
            #expect(result.removed == 1 && result.kept == result.rows - 1)
            let clean = try Support.bytes("clean.\(ending)", in: folder)
            let header = ending == "jsonl" ? 0 : bytes.firstIndex { $0 == 0x0a || $0 == 0x0d } ?? 0
            let both = header == 0 ? 0 : header + (bytes[header...].starts(with: [0x0d, 0x0a]) ? 2 : 1)
            #expect(clean.count + kind.expected.count - both == bytes.count)
        }
    }

    @Test func wideTextStays() throws {
        func wide(_ text: String) -> [UInt8] {
            [0xff, 0xfe] + text.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        }
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write(wide("a,b\r\n1,漢\r\n2,\"x\r\ny\"\r\n3,z\r\n"), "train.csv", in: folder)
            let result = try Support.run(data, try Support.suspects([1: 1], in: folder), in: folder) { $0.target = "b" }
            #expect(try Support.bytes("quarantine.csv", in: folder) == wide("a,b\r\n2,\"x\r\ny\"\r\n"))
            #expect(try Support.bytes("clean.csv", in: folder) == wide("a,b\r\n1,漢\r\n3,z\r\n"))
            #expect(result.notes.contains { $0.contains("UTF-16") })
        }
    }

    @Test func gzipStaysGzip() throws {
        try Repository.withTemporaryFolder { folder in
            let data = Repository.path("Examples/spam/train.csv.gz")
            let suspects = try Support.suspects([0: 1, 5: 0.7, 17: 0.7], in: folder)
            let result = try Support.run(data, suspects, in: folder)
            let whole = try FileBytes.content(of: data, limit: 1 << 28)
            let clean = try FileBytes.content(of: folder + "/out/clean.csv.gz", limit: 1 << 28)
            let quarantine = try FileBytes.content(of: folder + "/out/quarantine.csv.gz", limit: 1 << 28)
            #expect(try Support.bytes("clean.csv.gz", in: folder).starts(with: [0x1f, 0x8b]))
            let header = try #require(whole.firstIndex(of: 0x0a)) + 1
            #expect(clean.count + quarantine.count == whole.count + header)
            let again = try Support.run(data, suspects, in: folder)
            #expect(again.files == result.files, "the same bytes each time")
            guard Support.hasEngine else { return }
            let engine = try DataEngine(Repository.engines)
            let tables = try ["clean", "quarantine"].map { try engine.open("\(folder)/out/\($0).csv.gz", name: $0) }
            #expect(tables[1].count == 3)
            #expect(try tables[0].count + 3 == engine.open(data, name: "t").count)
        }
    }

    @Test func decisionsWinOverScores() throws {
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write("a,b\n0,x\n1,x\n2,x\n3,x\n4,x\n", "train.csv", in: folder)
            let suspects = try Support.suspects([0: 0.9, 1: 0.9, 2: 0.1], in: folder)
            let digest = try FileDigest(of: data).sha256
            let store = try ReviewStore(folder + "/review.sqlite")
            func mark(_ row: Int, _ verdict: ReviewDecision.Verdict, data: String) throws {
                try store.add(
                    [ReviewMark(row: row, verdict: verdict, note: "=note")], data: data, suspects: "s", who: "anna",
                    now: Date(timeIntervalSince1970: 0))
            }
            try mark(0, .fine, data: digest)
            try mark(2, .mislabelled, data: digest)
            try mark(3, .poison, data: digest)
            // Taken back, so that the score counts again; and one about another file.
            try mark(1, .fine, data: digest)
            try mark(1, .undecided, data: digest)
            try mark(4, .poison, data: String(repeating: "0", count: 64))
            let without = try Support.run(data, suspects, in: folder)
            #expect(without.removed == 2 && without.notes.contains { $0.contains("review.sqlite lies beside") })
            let result = try Support.run(data, suspects, in: folder, decisions: store.path)
            #expect(try Support.text("quarantine.csv", in: folder) == "a,b\n1,x\n2,x\n3,x\n")
            #expect((result.removed, result.removedByReviewers, result.keptByReviewers) == (3, 2, 1))
            #expect(result.notes.contains { $0.contains("1 decision about other data") })
            let manifest = try Support.text("manifest.csv", in: folder)
            #expect(
                manifest.contains("3,,,\"poison, decided by anna\",poison,anna,1970-01-01T00:00:00.000Z,'=note\n"),
                "\(manifest)")
            #expect(manifest.contains("1,0.9,data_labels,odd row 1,,,,\n"))
        }
    }

    @Test func checksAndScoresChoose() throws {
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write("a,b\n0,x\n1,x\n2,x\n", "train.csv", in: folder)
            let list = [
                RankedSuspect(row: 0, score: 0.6, checks: ["data_labels"], reason: ""),
                RankedSuspect(row: 1, score: 0.9, checks: ["data_outliers", "data_labels"], reason: ""),
                RankedSuspect(row: 2, score: 0.3, checks: ["data_outliers"], reason: ""),
            ]
            let suspects = try Support.write(Array(SuspectFile(list).render()), "suspects.csv", in: folder)
            #expect(try Support.run(data, suspects, in: folder).removed == 2)
            #expect(try Support.run(data, suspects, in: folder) { $0.minimumScore = 0.2 }.removed == 3)
            let some = try Support.run(data, suspects, in: folder) { settings in
                (settings.minimumScore, settings.checks) = (0.2, ["data_outliers"])
            }
            #expect(some.removed == 2)
            let error = #expect(throws: CasemateError.self) {
                try Support.run(data, suspects, in: folder) { $0.checks = ["data_label"] }
            }
            #expect(error?.description.contains("did you mean 'data_labels'?") == true)
        }
    }

    @Test func whatDoesNotFitIsRefusedAndNothingIsWritten() throws {
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write("a,b\n0,x\n1,\"x\ny\"\n", "train.csv", in: folder)
            let open = try Support.write("a,b\n0,x\n1,\"x\n", "open.csv", in: folder)
            let array = try Support.write("[{\"a\":1}]", "a.json", in: folder)
            let beyond = try Support.suspects([2: 0.1], in: folder)
            func fails(_ data: String, _ suspects: String, _ message: String) {
                let error = #expect(throws: CasemateError.self) { try Support.run(data, suspects, in: folder) }
                #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
                #expect(!FileManager.default.fileExists(atPath: folder + "/out"), "\(message)")
            }
            fails(data, beyond, "names row 2 (from 0), the data have 2 rows")
            let suspects = try Support.suspects([1: 1], in: folder)
            fails(open, suspects, "open.csv:row 1: a double quote that opens in this row")
            fails(array, suspects, "one JSON array")
            fails(folder + "/none.csv", suspects, "no such file")
            fails(folder, suspects, "is a folder")
            let origin = SuspectOrigin(data: "other.csv", sha256: "00", bytes: 1, rows: 2)
            try origin.render().write(to: URL(fileURLWithPath: SuspectOrigin.path(beside: suspects)))
            fails(data, suspects, "found in another file")
            try SuspectOrigin(of: data, rows: 3).render().write(
                to: URL(fileURLWithPath: SuspectOrigin.path(beside: suspects)))
            fails(data, suspects, "2 rows can be divided, the checks saw 3")
            try SuspectOrigin(of: data, rows: 2).render().write(
                to: URL(fileURLWithPath: SuspectOrigin.path(beside: suspects)))
            let result = try Support.run(data, suspects, in: folder)
            #expect(result.notes.isEmpty && result.removed == 1)
            // The output may not replace what is read.
            let error = #expect(throws: CasemateError.self) {
                try Support.run(folder + "/out/clean.csv", Support.suspects([0: 1], in: folder + "/out"), in: folder)
            }
            #expect(error?.code == .mismatch || error?.code == .refused)
            #expect(try Support.text("clean.csv", in: folder) == "a,b\n0,x\n")
        }
    }

    @Test func anInterruptionLeavesNothing() throws {
        try Repository.withTemporaryFolder { folder in
            let data = try Support.write("a,b\n0,x\n1,y\n", "train.csv", in: folder)
            let suspects = try Support.suspects([1: 1], in: folder)
            let cancellation = Cancellation()
            cancellation.cancel(.interrupted)
            #expect(throws: Cancelled.self) {
                try SanitizeJob(data: data, suspects: suspects, decisions: nil, output: folder + "/out").run(
                    search: Repository.engines, context: RunContext(cancellation: cancellation))
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
        }
    }

    @Test func aClassThatLosesMuchMoreIsNamed() throws {
        try Repository.withTemporaryFolder { folder in
            var text = "x,label,source\n"
            for row in 0..<400 { text += "\(row),\(row % 4 == 0 ? "bad" : "good"),\(row < 390 ? "a" : "\"b, c\"")\n" }
            let data = try Support.write(text, "train.csv", in: folder)
            var rows: [Int: Double] = [1: 1]
            for row in stride(from: 0, to: 120, by: 4) { rows[row] = 1 }
            let biased = try Support.run(data, try Support.suspects(rows, in: folder), in: folder) { settings in
                (settings.target, settings.source) = ("label", "source")
            }
            let bad = try #require(biased.shares.first { $0.value == "bad" })
            #expect((bad.rows, bad.removed) == (100, 30))
            #expect(biased.shares.contains { $0.value == "b, c" && $0.rows == 10 && $0.removed == 0 })
            #expect(
                biased.warnings.count == 1 && biased.warnings[0].hasPrefix("label = 'bad' loses 30.0 % of its rows"))
            #expect(biased.text.contains("warning   label = 'bad' loses"))
            // Alike in both classes: nothing to warn of.
            let even = Dictionary(uniqueKeysWithValues: (0..<40).map { ($0 * 3, 1.0) })
            let fair = try Support.run(data, try Support.suspects(even, in: folder), in: folder) { $0.target = "label" }
            #expect(fair.warnings.isEmpty)
            // A source that is gone is said.
            let last = Dictionary(uniqueKeysWithValues: (390..<400).map { ($0, 1.0) })
            let gone = try Support.run(data, try Support.suspects(last, in: folder), in: folder) {
                $0.source = "source"
            }
            #expect(gone.warnings == ["Nothing is left of source = 'b, c': all of its 10 rows are taken away."])
            let error = #expect(throws: CasemateError.self) {
                try Support.run(data, Support.suspects(last, in: folder), in: folder) { $0.target = "lable" }
            }
            #expect(error?.description.contains("did you mean 'label'?") == true)
        }
    }
}
