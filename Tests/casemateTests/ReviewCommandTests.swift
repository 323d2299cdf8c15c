import Foundation
import TestSupport
import Testing

/// `casemate review` and `casemate data sanitize` as scripts and people run them.
@Suite struct ReviewCommandTests {
    /// A list and its data in a folder.
    static func write(in folder: String, rows: Int = 40) throws {
        var data = "id,note,label\n"
        for row in 0..<rows {
            data += "\(row),\"\(row == 2 ? "\u{1b}]0;owned\u{7}\u{202e}x" : "line\nof \(row)")\",\(row % 2)\n"
        }
        try data.write(toFile: folder + "/train.csv", atomically: true, encoding: .utf8)
        var list = "row,score,checks,reason\n"
        for row in stride(from: 0, to: rows, by: 2) {
            let reason = row == 2 ? "\u{1b}[2Jodd\u{202e}" : "odd \(row)"
            list += "\(row),\(1 - Double(row) / 100),data_labels;data_outliers,\(reason)\n"
        }
        try list.write(toFile: folder + "/suspects.csv", atomically: true, encoding: .utf8)
    }
    private static func review(_ arguments: [String], in folder: String) throws -> Program.Outcome {
        try Program.run(["review", "suspects.csv", "--data", "train.csv", "--quiet"] + arguments, folder: folder)
    }

    @Test func scriptsDecideAndSanitize() throws {
        try Repository.withTemporaryFolder { folder in
            try Self.write(in: folder)
            let marked = try Self.review(
                ["--mark", "0,4-4=poison", "--mark", "6=fine", "--note", "seen", "--who", "anna", "--json"], in: folder)
            #expect(marked.status == 0, "\(marked.error)")
            let first = try Figures(json: Data(marked.output.utf8))
            #expect(first["schema"].text == "casemate.review/1" && first["marked"].int == 3)
            #expect(first["counts"]["poison"].int == 2 && first["rows"].isNull)
            let listed = try Self.review(["--list", "--filter", "decided", "--sort", "row"], in: folder)
            let lines = listed.output.split(separator: "\n")
            #expect(lines.count == 4 && lines[1] == "0\t1.000\tpoison\tanna\tdata_labels;data_outliers\todd 0\tseen")
            let summary = try Self.review(["--summary"], in: folder)
            #expect(summary.output.contains("2 poison, 0 mislabelled, 1 fine, 17 undecided"), "\(summary.output)")
            #expect(summary.output.contains("data_labels"))
            let history = try Self.review(["--history", "--json"], in: folder)
            #expect(try Figures(json: Data(history.output.utf8))["history"].list.count == 3)
            let divided = try Program.run(
                [
                    "data", "sanitize", "train.csv", "--suspects", "suspects.csv", "--decisions", "review.sqlite",
                    "--min-score", "0.95", "--target", "label", "--output", "out", "--json", "--quiet",
                ], folder: folder)
            #expect(divided.status == 0, "\(divided.error)")
            let document = try Figures(json: Data(divided.output.utf8))
            // Rows 0, 2 and 4 by score; 0 and 4 are poison anyway; 6 lies below and is fine.
            #expect(document["rows"]["quarantine"].int == 3 && document["rows"]["clean"].int == 37)
            #expect(document["rows"]["byReviewers"].int == 2)
            let manifest = try String(contentsOfFile: folder + "/out/manifest.json", encoding: .utf8)
            #expect(divided.output == manifest)
            let quarantine = try String(contentsOfFile: folder + "/out/quarantine.csv", encoding: .utf8)
            #expect(quarantine.hasPrefix("id,note,label\n0,\"line\nof 0\",0\n2,"))
        }
    }

    @Test func withoutATerminalTheListIsPrintedAndInert() throws {
        try Repository.withTemporaryFolder { folder in
            try Self.write(in: folder)
            let run = try Program.run(["review", "suspects.csv", "--data", "train.csv"], folder: folder)
            #expect(run.status == 0 && run.error.contains("no terminal"))
            #expect(run.output.split(separator: "\n").count == 21)
            #expect(!run.output.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e })
        }
    }

    @Test func whatCannotBeDoneIsSaid() throws {
        try Repository.withTemporaryFolder { folder in
            try Self.write(in: folder)
            let cases: [([String], String)] = [
                (["--mark", "1=poison"], "has no row 1"), (["--mark", "0=bad"], "'bad' is no decision"),
                (["--note", "x"], "--note goes with --mark"), (["--filter", "scor>1"], "did you mean 'score'?"),
                (["--sort", "scores"], "did you mean 'score'?"),
                (["--mark", "0=fine", "--who", ""], "nobody is named"),
            ]
            for (arguments, message) in cases {
                let run = try Self.review(arguments, in: folder)
                #expect(run.status == 2 && run.output.isEmpty && run.error.contains(message), "\(run.error)")
            }
            let history = try Self.review(["--history"], in: folder)
            #expect(history.output == "number\twhen\twho\trow\tdecision\tnote\n")
            let missing = try Program.run(
                ["data", "sanitize", "train.csv", "--suspects", "none.csv", "--output", "out", "--json"], folder: folder
            )
            #expect(missing.status == 2)
            #expect(try Figures(json: Data(missing.output.utf8))["error"]["code"].text == "not-found")
        }
    }
}
