import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// The list on the screen, without a terminal: what keys do and what is drawn.
@Suite struct ReviewSessionTests {
    static let hostile = "x\u{1b}]0;owned\u{7}\u{202e}evil\u{200b}\n\u{9b}31m"

    /// Rows 0, 3, 6, … of a file of 60 rows with odd cells.
    static func list(in folder: String, suspects: [RankedSuspect]? = nil) throws -> ReviewList {
        var text = "id,note,amount,very long name of a column that nobody reads\n"
        for row in 0..<60 {
            let note = row == 3 ? hostile : "漢字 line\nof row \(row)"
            text += "r\(row),\"\(note)\",\(row * 100),v\(row)\n"
        }
        let data = try SanitizeSupport.write(text, "train.csv", in: folder)
        let listed =
            suspects
            ?? (0..<20).map { place -> RankedSuspect in
                let reason = place == 1 ? hostile : "label 0, the other rows say 1, place \(place)"
                let check = place % 2 == 0 ? "data_labels" : "data_outliers"
                return RankedSuspect(row: place * 3, score: 1 - Double(place) / 40, checks: [check], reason: reason)
            }
        let path = try SanitizeSupport.write(Array(SuspectFile(listed).render()), "suspects.csv", in: folder)
        return try ReviewList(
            suspects: path, data: data, decisions: folder + "/review.sqlite", search: Repository.engines,
            context: RunContext())
    }
    private static func session(in folder: String, _ filter: String = "") throws -> ReviewSession {
        ReviewSession(try list(in: folder), filter: try ReviewFilter(filter), order: .score, who: "anna")
    }
    private static let now = Date(timeIntervalSince1970: 0)
    private static func press(_ keys: String, _ session: inout ReviewSession) throws {
        for key in keys { try session.take(key == "\n" ? .enter : .character(key), now: now) }
    }

    @Test func keysDecideAndMove() throws {
        try Repository.withTemporaryFolder { folder in
            var session = try Self.session(in: folder)
            try Self.press("pmf", &session)
            #expect(session.current?.suspect.row == 9)
            let store = try ReviewStore(folder + "/review.sqlite")
            let digest = session.list.dataDigest
            #expect(try store.history(data: digest).map(\.verdict) == [.poison, .mislabelled, .fine])
            #expect(try store.history(data: digest).map(\.row) == [0, 3, 6])
            // A note keeps the decision, undo takes it back and stays on the row.
            try session.take(.up, now: Self.now)
            try Self.press("nsure\n", &session)
            #expect(try store.decisions(data: digest)[6].map { [$0.verdict.rawValue, $0.note] } == ["fine", "sure"])
            try Self.press("u", &session)
            #expect(session.current?.suspect.row == 6 && session.current?.verdict == .undecided)
            #expect(try store.history(data: digest).count == 5)
            try Self.press("u", &session)
            #expect(try store.history(data: digest).count == 5, "nothing to take back")
            // A decision does not move rows from under the cursor, a new filter takes it up.
            try Self.press("/undecided\n", &session)
            #expect(session.shown.count == 18 && session.shown.allSatisfy { $0.verdict == .undecided })
            try Self.press("p", &session)
            #expect(session.shown.count == 18 && session.shown[0].verdict == .poison)
            try Self.press("/x\n", &session)
            #expect(session.message.contains("no term"), "\(session.message)")
            try Self.press("s", &session)
            #expect(session.order == .row)
            try Self.press("q", &session)
            #expect(session.isOver)
        }
    }

    @Test func writingEndsWithEscapeAndTakesBackLetters() throws {
        try Repository.withTemporaryFolder { folder in
            var session = try Self.session(in: folder)
            try Self.press("npq", &session)
            try session.take(.backspace, now: Self.now)
            #expect(session.mode == .writing(.note, "p") && !session.isOver)
            try session.take(.escape, now: Self.now)
            #expect(session.mode == .browsing)
            #expect(try session.list.store.decisions().isEmpty)
            for key in [ReviewKey.end, .pageDown, .down, .home, .pageUp, .up] {
                try session.take(key, now: Self.now)
                #expect(session.shown.indices.contains(session.cursor))
            }
        }
    }

    @Test func whatOthersDecideAppears() throws {
        try Repository.withTemporaryFolder { folder in
            var (one, other) = (try Self.session(in: folder), try Self.session(in: folder))
            try Self.press("p", &one)
            #expect(other.current?.verdict == .undecided)
            try other.refresh()
            #expect(other.current?.verdict == .poison && other.current?.decision?.who == "anna")
        }
    }

    /// At any size no line is wider than the screen, none too many, and nothing of the data steers the terminal.
    @Test(arguments: [(80, 24), (50, 12), (64, 15), (200, 60), (30, 8), (81, 13)])
    func everyScreenFits(width: Int, height: Int) throws {
        try Repository.withTemporaryFolder { folder in
            var session = try Self.session(in: folder)
            let screen = ReviewScreen(width: width, height: height, isColoured: false)
            for key in "jj\nn\u{1b}?xs/score>0.6\njjjjjjjjjjjjjjjjjjjjG\n" {
                let lines = screen.lines(&session)
                #expect(lines.count <= height && !lines.isEmpty)
                for line in lines {
                    // Ideographs take two columns.
                    let columns = line.unicodeScalars.reduce(0) { $0 + ((0x4e00...0x9fff).contains($1.value) ? 2 : 1) }
                    #expect(columns <= width, "\(line)")
                    let steering = line.unicodeScalars.filter { scalar in
                        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                            || scalar.properties.generalCategory == .format
                    }
                    #expect(steering.isEmpty, "\(line.debugDescription)")
                }
                try session.take(key == "\n" ? .enter : key == "\u{1b}" ? .escape : .character(key), now: Self.now)
            }
        }
    }

    @Test func theRowAndItsReasonsStandThere() throws {
        try Repository.withTemporaryFolder { folder in
            var session = try Self.session(in: folder)
            try Self.press("p", &session)
            try session.take(.up, now: Self.now)
            let screen = ReviewScreen(width: 80, height: 24, isColoured: false)
            let text = screen.lines(&session).joined(separator: "\n")
            for part in [
                "casemate review  train.csv  1 of 20 decided", "> 0            1.000  poison", "row 0   score 1.000",
                "poison by anna, 1970-01-01 00:00 UTC", "why   label 0, the other rows say 1, place 0",
                "checks   data_labels", "id=r0", "amount=0", "note=漢字 line of row 0",
            ] { #expect(text.contains(part), "\(part) in\n\(text)") }
            let coloured = ReviewScreen(width: 80, height: 24, isColoured: true).lines(&session)
            #expect(coloured[0].hasPrefix("\u{1b}[7m") && coloured[0].hasSuffix("\u{1b}[0m"))
        }
    }

    @Test func filtersChoose() throws {
        try Repository.withTemporaryFolder { folder in
            var list = try Self.list(in: folder)
            try list.mark([0, 3, 6], .poison, note: "bulk sender", who: "Ben", now: Self.now)
            try list.mark([6], .fine, note: nil, who: "anna", now: Self.now)
            func count(_ text: String) throws -> Int { list.entries(try ReviewFilter(text), by: .score).count }
            #expect(try count("") == 20)
            #expect(try count("check=data_labels") == 10 && count("check!=data_labels, undecided") == 9)
            #expect(try count("score>=0.95") == 3 && count("score>0.95") == 2)
            #expect(try count("score<0.56,row>50") == 2 && count("row=3") == 1 && count("row<=6") == 3)
            #expect(try count("decided") == 3 && count("decision=poison") == 2 && count("who=ben") == 2)
            #expect(try count("text=bulk sender") == 3 && count("text=place 7") == 1)
            for text in ["score", "score>=x", "chek=a", "decision=bad", "who>a", "=3", "check="] {
                #expect(throws: CasemateError.self, "\(text)") { try ReviewFilter(text) }
            }
            let byRow = list.entries(.everything, by: .row).map(\.suspect.row)
            #expect(byRow == byRow.sorted())
            #expect(list.entries(.everything, by: .decision).suffix(3).map(\.suspect.row) == [0, 3, 6])
            #expect(
                list.entries(.everything, by: .check).prefix(10).allSatisfy { $0.suspect.checks == ["data_labels"] })
            #expect(throws: CasemateError.self) { try list.mark([0, 1], .fine, note: nil, who: "a", now: Self.now) }
            #expect(try list.store.history(data: list.dataDigest).count == 4, "all or none")
        }
    }

    @Test func keysAreReadFromBytes() {
        var reader = ReviewKeyReader()
        #expect(
            reader.take("\u{1b}[A\u{1b}OBq\u{1b}[5~\r\u{7f}é漢".utf8, isIdle: false) == [
                .up, .down, .character("q"), .pageUp, .enter, .backspace, .character("é"), .character("漢"),
            ])
        #expect(reader.take([0x1b], isIdle: false) == [])
        #expect(reader.take([], isIdle: true) == [.escape])
        #expect(reader.take([0x1b, 0x5b], isIdle: false) == [] && reader.take([0x42], isIdle: false) == [.down])
        #expect(reader.take("\u{1b}[1;5Cx\u{1b}[200~".utf8, isIdle: false) == [.character("x")])
        #expect(
            reader.take([0xe6], isIdle: false) == [] && reader.take([0xbc, 0xa2], isIdle: false) == [.character("漢")])
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var reader = ReviewKeyReader()
            let bytes = (0..<50).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = reader.take(bytes, isIdle: false)
            _ = reader.take([], isIdle: true)
            #expect(reader.take([], isIdle: true) == [], "nothing waits for ever, seed \(seed)")
        }
    }
}
