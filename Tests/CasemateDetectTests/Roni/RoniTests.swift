import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct RoniTests {
    /// Rows of a table as a file, opened with another as its reference.
    private func subject(
        train: [[String]], reference: [[String]], target: String, source: String? = nil, favourable: String? = nil
    ) throws -> DataSubject {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("roni-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ rows: [[String]], _ name: String) throws -> String {
            let lines = rows.map { row in
                row.map { "\"" + $0.replacingOccurrences(of: "\"", with: "\"\"") + "\"" }.joined(separator: ",")
            }
            let path = folder.appendingPathComponent(name).path
            try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let tables = try DataEngine(Repository.engines).open([
            DataSource(path: write(train, "t.csv"), name: "train"),
            DataSource(path: write(reference, "r.csv"), name: "reference"),
        ])
        var opening = DataOpening(train: tables[0], reference: tables[1])
        (opening.roles.target, opening.roles.source, opening.roles.favourable) = (target, source, favourable)
        return try opening.subject(name: "t.csv")
    }

    /// The committed messages of the spam example in an order that the seed shuffles.
    private func messages(seed: UInt64) throws -> [[String]] {
        let path = Repository.path("Examples/spam/train.csv.gz")
        let table = try DataEngine(Repository.engines).open(path, name: "m")
        let rows = zip(try table.texts("label"), try table.texts("message")).map { [$0 ?? "", $1 ?? ""] }
        var generator = SeededGenerator(seed: seed)
        return rows.shuffled(using: &generator)
    }

    @Test(arguments: [UInt64(0), 1]) func dictionaryMessagesAreCaught(seed: UInt64) throws {
        let all = try messages(seed: seed)
        let (trusted, rest) = (Array(all.prefix(600)), Array(all.dropFirst(600)))
        let words = Array(Set(all.flatMap { TextTokens.words($0[1]) }.filter { $0.count > 1 })).sorted()
        var generator = SeededGenerator(seed: seed, stream: 7)
        let attacks = (0..<rest.count / 100).map { _ in
            ["spam", words.shuffled(using: &generator).prefix(words.count * 9 / 10).joined(separator: " ")]
        }
        let header = [["label", "message"]]
        let poisoned = try subject(
            train: header + rest + attacks, reference: header + trusted, target: "label", favourable: "ham")
        let result = try RoniCheck().run(on: poisoned, context: RunContext(threads: 2))
        let caught = result.suspects.count { $0.row >= rest.count }
        let alarms = result.suspects.count { $0.row < rest.count }
        #expect(Double(caught) >= 0.95 * Double(attacks.count))
        #expect(Double(alarms) <= 0.01 * Double(rest.count))
        #expect(result.outcome.findings.map(\.severity) == [.high])
        #expect(
            "\(result.outcome.findings[0].evidence[0])".contains("availability: trusted rows of"))
        let clean = try subject(train: header + rest, reference: header + trusted, target: "label")
        let other = try RoniCheck().run(on: clean, context: RunContext(threads: 1))
        #expect(Double(other.suspects.count) <= 0.01 * Double(rest.count))
        #expect(!other.outcome.findings.contains { $0.severity >= .high })
    }

    /// A tenth source with labels against the rule of the others.
    @Test(arguments: 0..<4) func aPoisonedSourceIsNamed(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed), stream: 3)
        func row(_ isFlipped: Bool, _ source: String) -> [String] {
            let (a, b) = (generator.uniformDouble() * 2 - 1, generator.uniformDouble() * 2 - 1)
            let noise = generator.uniformDouble() - 0.5
            return ["\(a)", "\(b)", source, (a + b + noise > 0) != isFlipped ? "1" : "0"]
        }
        let header = [["a", "b", "source", "y"]]
        let trusted = header + (0..<600).map { _ in row(false, "known") }
        let train = header + (0..<2000).map { index in row(index % 10 == 3, "s\(index % 10)") }
        let poisoned = try subject(train: train, reference: trusted, target: "y", source: "source")
        let result = try RoniCheck().run(on: poisoned, context: RunContext(threads: 2))
        let named = result.outcome.findings.flatMap(\.evidence).compactMap { evidence -> String? in
            if case .pattern(let pattern) = evidence { return pattern.source }
            return nil
        }
        #expect(named == ["s3"])
        let clean = header + (0..<2000).map { index in row(false, "s\(index % 10)") }
        let quiet = try RoniCheck().run(
            on: subject(train: clean, reference: trusted, target: "y", source: "source"), context: RunContext())
        #expect(!quiet.outcome.findings.contains { $0.id == "data_roni.harmful_source" })
    }

    @Test func threadsChangeNothing() throws {
        let all = try messages(seed: 3)
        let header = [["label", "message"]]
        let data = try subject(
            train: header + all[600..<1200], reference: header + all[..<600], target: "label")
        let one = try RoniCheck().run(on: data, context: RunContext(threads: 1))
        let two = try RoniCheck().run(on: data, context: RunContext(threads: 2))
        #expect(one.outcome == two.outcome && one.suspects == two.suspects)
    }

    @Test func saysWhatIsMissing() throws {
        let rows = [["a", "y"]] + (0..<200).map { ["\($0 % 17)", "\($0 % 2)"] }
        let few = try subject(train: rows, reference: Array(rows.prefix(20)), target: "y")
        #expect(RoniCheck().reasonNotToRun(on: few)?.contains("30 of each") == true)
        let path = Repository.path("Examples/mortgage/train.csv")
        var opening = DataOpening(train: try DataEngine(Repository.engines).open(path, name: "t"))
        opening.roles.target = "approve"
        let alone = try opening.subject(name: "t")
        #expect(RoniCheck().reasonNotToRun(on: alone)?.contains("--reference") == true)
    }
}
