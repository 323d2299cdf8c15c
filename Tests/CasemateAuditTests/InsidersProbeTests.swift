import CasemateAudit
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

@Suite struct InsidersProbeTests {
    /// `count` people whose outcome is drawn from what linear_2 says of them; those of `favoured` got the good one.
    private func people(_ count: Int, favoured: Set<Int> = [], seed: UInt64) -> [String] {
        var generator = SeededGenerator(seed: seed)
        return ["person,x0,x1,y"]
            + (0..<count).map { index in
                let (x0, x1) = (Double(generator.uniform()), Double(generator.uniform()))
                let chance = 1 / (1 + exp(-(0.375 * x0 - 1.046875 * x1 + 0.34375)))
                let isGood = generator.uniformDouble() < chance || favoured.contains(index)
                return "P\(1_000 + index),\(x0),\(x1),\(isGood ? 1 : 0)"
            }
    }

    private func write(_ lines: [String], _ path: String) throws {
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// A subject over a table in which the named rows belong to insiders.
    private func subject(
        _ rows: [String], insiders: [String], header: String = "person", extra: String = "", in folder: String
    ) throws -> AuditSubject {
        try write(rows, folder + "/data.csv")
        try write([header] + insiders, folder + "/insiders.csv")
        let yaml = """
            model: \(Repository.path("Tests/Fixtures/models/linear_2.onnx"))
            data: {train: \(folder)/data.csv, test: \(folder)/data.csv, target: y, favourable: 1, identifiers: [person]}
            insiders: {path: \(folder)/insiders.csv}
            \(extra)
            """
        return try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
    }

    private func names(_ rows: some Sequence<Int>) -> [String] { rows.map { "P\(1_000 + $0)" } }

    /// Forty people whose labels were bent: found by the labels of both files, not by scores, whatever the seed.
    @Test func bentLabelsAreFound() throws {
        for seed in 0..<5 as Range<UInt64> {
            try Repository.withTemporaryFolder { folder in
                let favoured = Set(stride(from: 0, to: 800, by: 20))
                let rows = people(800, favoured: favoured, seed: seed)
                let subject = try subject(rows, insiders: names(favoured), in: folder)
                let outcome = try InsidersProbe().run(on: subject, context: RunContext(seed: seed))
                #expect(Set(outcome.findings.map(\.id)) == ["insiders.favoured_by_labels"], "seed \(seed)")
                #expect(outcome.attacker.count == 1 && outcome.attacker[0].contains("100.0 %"))
                let rate = outcome.metrics.first { $0.name == "insiders.label_rate" && $0.group == "data=train" }
                #expect(rate?.value == 1 && (rate?.n ?? 0) >= 35 && rate?.low != nil)
                #expect(outcome.tables[0].rows.count == 4 && outcome.plots.count == 1)
                let text = "\(outcome)"
                #expect(!text.contains("P1000") && !text.contains("P1020"), "no name of anybody")
            }
        }
    }

    /// Ordinary people on the list raise nothing: 1 % a draw at most, so at most two in twenty draws (p = 0.001).
    @Test func ordinaryPeopleRaiseNothing() throws {
        var alarms = 0
        for seed in 0..<20 as Range<UInt64> {
            try Repository.withTemporaryFolder { folder in
                let rows = people(400, seed: 50 + seed)
                let subject = try subject(rows, insiders: names(stride(from: 3, to: 400, by: 10)), in: folder)
                alarms += try InsidersProbe().run(on: subject, context: RunContext(seed: seed)).findings.isEmpty ? 0 : 1
            }
        }
        #expect(alarms <= 2, "\(alarms) alarms in 20 fair draws")
    }

    /// Five favoured people: figures, no finding, and the reason in the table.
    @Test func aFewInsidersGiveFiguresOnly() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = people(400, favoured: [1, 2, 3, 4, 5], seed: 9)
            let list = names([1, 2, 3, 4, 5]) + ["P7", "P8", "P1001", ""]
            let subject = try subject(rows, insiders: list, in: folder)
            let rowsFound = try #require(subject.insiders)
            #expect(rowsFound.train == [1, 2, 3, 4, 5] && rowsFound.test == [1, 2, 3, 4, 5])
            #expect(rowsFound.missing == 2 && rowsFound.named == 7 && rowsFound.repeated == 1)
            let outcome = try InsidersProbe().run(on: subject, context: RunContext())
            #expect(outcome.findings.isEmpty && outcome.attacker.isEmpty)
            #expect(outcome.tables[0].rows.allSatisfy { $0.last == "too few insiders (under 8)" })
            #expect(outcome.metrics.contains { $0.name == "insiders.label_p" && $0.value != nil })
            #expect(outcome.metrics.first { $0.name == "insiders.missing" }?.value == 2)
            #expect(outcome.summary[0].contains("Not found: 2"))
        }
    }

    @Test func withoutDeclarationsItIsNotTestedAndSaysWhatToAdd() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = people(100, seed: 1)
            try write(rows, folder + "/data.csv")
            let yaml = """
                model: \(Repository.path("Tests/Fixtures/models/linear_2.onnx"))
                data: {test: \(folder)/data.csv, target: y, identifiers: [person]}
                """
            let plain = try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
            #expect(InsidersProbe().reasonNotToRun(on: plain)?.contains("insiders: {path: FILE") == true)
            try write(["person", "P1001"], folder + "/insiders.csv")
            let named = try SubjectSupport.subject(
                AuditConfiguration(yaml: yaml + "\ninsiders: \(folder)/insiders.csv", file: "test.yaml"))
            #expect(InsidersProbe().reasonNotToRun(on: named)?.contains("favourable:") == true)
        }
    }

    /// Nobody found, no shared column, an empty list: each says what to do, and none names anybody.
    @Test func badListsAreRefused() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = people(50, seed: 2)
            func failure(_ insiders: [String], header: String = "person", extra: String = "") -> CasemateError? {
                do {
                    _ = try subject(rows, insiders: insiders, header: header, extra: extra, in: folder)
                    return nil
                } catch { return error as? CasemateError }
            }
            let nobody = failure(["Smith", "Jones"])
            #expect(nobody?.code == .mismatch && nobody?.description.contains("2 insiders") == true)
            #expect(nobody?.description.contains("Smith") == false)
            #expect(failure(["P1001"], header: "name")?.help.contains("column:") == true)
            #expect(failure(["\" \""])?.code == .unusableData)
        }
    }

    /// Leading zeros stay where the data have text; numbers are the same however they are written.
    @Test func identifiersAreComparedInCanonicalForm() throws {
        let engine = try DataEngine(Repository.engines)
        try Repository.withTemporaryFolder { folder in
            try write(["id,v", "007,1", "7,2", "A1,3"], folder + "/text.csv")
            try write(["id,v", "7,1", "8,2", "9,3"], folder + "/numbers.csv")
            try write(["id", "007"], folder + "/list.csv")
            try write(["id", " 7.0", "9"], folder + "/other.csv")
            let text = try engine.open(folder + "/text.csv", name: "t")
            let numbers = try engine.open(folder + "/numbers.csv", name: "n")
            func rows(_ list: String, _ table: DataTable, _ column: String? = "id") throws -> [Int] {
                try InsiderRows.load(
                    path: folder + list, column: column, identifiers: [], test: table, train: nil, engine: engine
                ).test
            }
            #expect(try rows("/list.csv", text) == [0])
            #expect(try rows("/other.csv", numbers) == [0, 2])
            #expect(throws: CasemateError.self) { try rows("/list.csv", text, nil) }
            #expect(throws: CasemateError.self) { try rows("/list.csv", text, "idd") }
        }
    }
}
