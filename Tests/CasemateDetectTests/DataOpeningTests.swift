import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

struct DataOpeningTests {
    private func table(_ text: String) throws -> DataTable {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).csv").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try DataEngine(Repository.engines).open(path, name: "train")
    }

    @Test func columnsGetTheirRoles() throws {
        let lines = (0..<40).map { "\($0 + 7),\($0 % 3),\(["red", "blue"][$0 % 2]),message number \($0),,\($0 % 2)" }
        let train = try table("row,n,colour,text,gone,label\n" + lines.joined(separator: "\n"))
        let subject = try DataOpening(train: train).subject(name: "t.csv")
        #expect(subject.features.map(\.name) == ["n", "colour"])
        #expect(subject.features[1].levels == ["blue", "red"])
        #expect(subject.texts == ["text"])
        #expect(subject.roles.target == "label")
        #expect(subject.labels?.classes == ["0", "1"])
        #expect(subject.labels?.values.prefix(3) == [0, 1, 0])
        #expect(subject.notes.contains { $0.contains("'gone'") } && subject.notes.contains { $0.contains("'row'") })
    }

    @Test func oneClassAndNumbersGiveNoLabels() throws {
        let one = try DataOpening(train: table("a,y\n1,1\n2,1\n4,1\n")).subject(name: "one")
        #expect(one.labels == nil && one.notes.contains { $0.contains("one class") })
        let lines = (0..<100).map { "\($0 * $0),\(Double($0) + 0.5)" }.joined(separator: "\n")
        let number = try DataOpening(train: table("a,y\n" + lines)).subject(name: "number")
        #expect(number.labels == nil && number.notes.contains { $0.contains("more than 50") })
    }

    @Test func missingLabelsAndBadCellsAreKeptApart() throws {
        let subject = try DataOpening(train: table("a,y\n1,0\ninf,1\n,\n3,1\n")).subject(name: "t")
        #expect(subject.labels?.values == [0, 1, -1, 1])
        let rows = try subject.rows(context: RunContext())
        #expect(rows.indices == [0, 1, 2, 3] && rows.labels == [0, 1, -1, 1])
        #expect(rows.matrix.values[0] == 1 && rows.matrix.values[1].isNaN && rows.matrix.values[2].isNaN)
    }

    @Test func unknownColumnsAndOutcomesAreNamed() throws {
        var opening = DataOpening(train: try table("a,y\n1,0\n2,1\n"))
        opening.roles.target = "x"
        #expect(throws: CasemateError.self) { try opening.subject(name: "t") }
        (opening.roles.target, opening.roles.favourable) = ("y", "yes")
        let error = #expect(throws: CasemateError.self) { try opening.subject(name: "t") }
        #expect(error?.description.contains("'yes'") == true)
    }

    @Test func ranksByTheProductOfDoubts() {
        let results = [
            ("data_a", [Suspect(row: 4, strength: 0.5, reason: "a"), Suspect(row: 1, strength: 0.9, reason: "b")]),
            ("data_b", [Suspect(row: 4, strength: 0.9, reason: "c")]),
        ]
        let ranked = SuspectRanking.ranked(results)
        #expect(ranked.map(\.row) == [4, 1])
        #expect(abs(ranked[0].score - 0.95) < 1e-12)
        #expect(ranked[0].checks == ["data_b", "data_a"] && ranked[0].reason == "c; a")
        let doubted = SuspectRanking.ranked(results, reliability: ["data_b": 0])
        #expect(doubted.map(\.row) == [1, 4])
    }
}
