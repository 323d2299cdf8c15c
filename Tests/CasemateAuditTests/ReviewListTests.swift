import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// The rows behind a list, from every kind of file, and what is printed of it.
@Suite struct ReviewListTests {
    private static func open(_ data: String, rows: [Int], in folder: String) throws -> ReviewList {
        let scores = Dictionary(uniqueKeysWithValues: rows.map { ($0, 0.5) })
        return try ReviewList(
            suspects: try SanitizeSupport.suspects(scores, in: folder), data: data, decisions: folder + "/r.sqlite",
            search: Repository.engines, context: RunContext(threads: 2))
    }
    private static func texts(_ list: ReviewList, _ row: Int) -> [String] {
        list.fields(of: row).map { "\($0.name)=\($0.value)" }
    }

    @Test func rowsOfTextAreShown() throws {
        try Repository.withTemporaryFolder { folder in
            let data = try SanitizeSupport.write(
                "a;b\r\n1;\"x;\"\"y\"\"\r\nz\"\r\n\r\n2;\r\n3;c\r\n", "t.csv", in: folder)
            let list = try Self.open(data, rows: [0, 1, 2], in: folder)
            #expect(Self.texts(list, 0) == ["a=1", "b=x;\"y\"\r\nz"] && list.count == 3)
            #expect(Self.texts(list, 1) == ["a=2", "b="] && Self.texts(list, 2) == ["a=3", "b=c"])
            let lines = try SanitizeSupport.write(
                "{\"b\":1.5,\"a\":\"x\"}\n\n{\"a\":null,\"c\":[1],\"b\":true}\n", "t.jsonl", in: folder)
            let other = try Self.open(lines, rows: [0, 1], in: folder)
            #expect(Self.texts(other, 0) == ["a=x", "b=1.5"])
            #expect(Self.texts(other, 1) == ["a=", "b=true", "c=(nested)"])
            #expect(throws: CasemateError.self) { try Self.open(data, rows: [3], in: folder) }
        }
    }

    @Test func rowsOfGzipAreShown() throws {
        try Repository.withTemporaryFolder { folder in
            let list = try Self.open(Repository.path("Examples/spam/train.csv.gz"), rows: [0, 7], in: folder)
            #expect(list.fields(of: 7).count == list.fields(of: 0).count && !list.fields(of: 7).isEmpty)
        }
    }

    @Test(.enabled(if: SanitizeSupport.hasEngine)) func rowsOfParquetAreShown() throws {
        try Repository.withTemporaryFolder { folder in
            let data = folder + "/t.parquet"
            try DuckDatabase(Repository.engines).execute(
                "COPY (SELECT i AS id, 'a' || chr(10) || i AS note, [i] AS list, NULL::INT AS gap FROM range(5000) t(i)) "
                    + "TO '\(data)' (FORMAT parquet, ROW_GROUP_SIZE 2048)", for: data)
            let list = try Self.open(data, rows: [4_321, 2], in: folder)
            #expect(list.count == 5_000)
            #expect(
                Self.texts(list, 4_321) == ["row (from 0)=4321", "id=4321", "note=a\n4321", "list=[4321]", "gap="])
            #expect(Self.texts(list, 2).contains("id=2"))
            #expect(throws: CasemateError.self) { try Self.open(data, rows: [5_000], in: folder) }
        }
    }

    @Test func whatIsPrintedStaysInItsLine() throws {
        try Repository.withTemporaryFolder { folder in
            var list = try ReviewSessionTests.list(in: folder)
            try list.mark([0], .poison, note: "a\tb\n\u{1b}[31mc", who: "anna", now: Date(timeIntervalSince1970: 0))
            try list.mark([3], .poison, note: nil, who: "anna", now: Date(timeIntervalSince1970: 1))
            try list.mark([3], .fine, note: nil, who: "ben", now: Date(timeIntervalSince1970: 2))
            let report = try ReviewReport(list, filter: .everything, order: .score, limit: 5, marked: 0)
            let lines = report.listText.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count == 7 && lines[0] == "row\tscore\tdecision\twho\tchecks\treason\tnote")
            #expect(lines.dropLast().allSatisfy { $0.count { $0 == "\t" } == 6 })
            #expect(lines[1].hasPrefix("0\t1.000\tpoison\tanna\tdata_labels\t"))
            for text in [report.listText, report.historyText, report.summaryText] {
                #expect(!text.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e || $0.value == 0x9b })
            }
            #expect(report.summaryText.contains("1 poison, 0 mislabelled, 1 fine, 18 undecided"))
            #expect(report.summaryText.contains("reviewers disagree about 1 row"))
            #expect(report.historyText.split(separator: "\n").count == 4)
            let json = try Figures(json: report.json(hasRows: true, hasHistory: true))
            #expect(json["rows"].list.count == 5 && json["history"].list.count == 3)
            #expect(json["disputed"].ints == [3] && json["counts"]["undecided"].int == 18)
            let check = json["checks"].list.first { $0["check"].text == "data_outliers" }
            #expect(check?["reviewed"].int == 1 && agree(check?["precision"].double, 0.25))
        }
    }

    /// Decisions about one file say nothing about another, even under the same name.
    @Test func decisionsDoNotMoveToOtherData() throws {
        try Repository.withTemporaryFolder { folder in
            var list = try ReviewSessionTests.list(in: folder)
            try list.mark([0], .poison, note: nil, who: "anna", now: Date())
            let text = try String(contentsOfFile: folder + "/train.csv", encoding: .utf8)
            try (text + "r60,x,1,y\n").write(toFile: folder + "/train.csv", atomically: true, encoding: .utf8)
            let again = try ReviewList(
                suspects: folder + "/suspects.csv", data: folder + "/train.csv", decisions: folder + "/review.sqlite",
                search: Repository.engines, context: RunContext())
            #expect(again.entries.allSatisfy { $0.decision == nil })
            #expect(again.notes.contains("1 decision about other data in review.sqlite is not shown."))
            // What the check was worth there still counts.
            #expect(try again.scores().scores.first { $0.check == "data_labels" }?.bad == 1)
        }
    }
}
