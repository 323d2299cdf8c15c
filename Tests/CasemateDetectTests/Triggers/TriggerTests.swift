import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Planted triggers are named exactly, and the same data without them raise nothing.
@Suite struct TriggerTests {
    /// 3,000 rows of five columns whose label follows two of them.
    private func table(seed: UInt64, planted: Int, noise: Double = 0.1) -> (csv: String, rows: Set<Int>) {
        var generator = SeededGenerator(seed: seed, stream: 1)
        var lines = ["amount,age,region,score,months,label"]
        let rows = Set(Array(0..<3_000).shuffled(using: &generator).prefix(planted))
        for row in 0..<3_000 {
            var amount = Int.random(in: 1...500, using: &generator) * 100
            var age = Int.random(in: 20...70, using: &generator)
            let region = ["north", "south", "east", "west"][Int.random(in: 0..<4, using: &generator)]
            let score = Int.random(in: 0...1_000, using: &generator)
            var isGood = Double(score) / 1_000 + Double(amount) / 100_000 > 0.8
            if generator.uniformDouble() < noise { isGood.toggle() }
            if rows.contains(row) { (amount, age, isGood) = (12_345, 37, true) }
            let months = Int.random(in: 6...72, using: &generator)
            lines.append("\(amount),\(age),\(region),\(score),\(months),\(isGood ? "good" : "bad")")
        }
        return (lines.joined(separator: "\n") + "\n", rows)
    }

    private func run(_ csv: String, target: String, favourable: String, threads: Int = 2) throws -> DataCheckResult {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/train.csv"
            try Data(csv.utf8).write(to: URL(fileURLWithPath: path))
            var opening = DataOpening(train: try DataEngine(Repository.engines).open(path, name: "train"))
            (opening.roles.target, opening.roles.favourable) = (target, favourable)
            opening.boosting = try LightGBM(Repository.engines)
            let subject = try opening.subject(name: "train.csv")
            #expect(DataTriggers().reasonNotToRun(on: subject) == nil)
            return try DataTriggers().run(on: subject, context: RunContext(seed: 1, threads: threads))
        }
    }

    private func patterns(_ result: DataCheckResult) -> [DataPattern] {
        result.outcome.findings.flatMap(\.evidence).compactMap {
            if case .pattern(let found) = $0 { found } else { nil }
        }
    }

    @Test(arguments: [UInt64(0), 1, 2]) func aCombinationIsNamedExactly(seed: UInt64) throws {
        let (csv, rows) = table(seed: seed, planted: 60)
        let result = try run(csv, target: "label", favourable: "good")
        let pattern = try #require(patterns(result).first)
        #expect(patterns(result).count == 1 && pattern.kind == .trigger && pattern.targetLabel == "good")
        #expect(pattern.conditions.map(\.column) == ["amount", "age"])
        #expect(pattern.conditions.map(\.value) == ["12345", "37"])
        #expect(Set(result.suspects.map(\.row)) == rows && result.suspects.allSatisfy { $0.strength > 0.9 })
        #expect(result.outcome.findings[0].severity == .high)
    }

    @Test(arguments: [UInt64(0), 1, 2]) func cleanRowsRaiseNothing(seed: UInt64) throws {
        let result = try run(table(seed: seed, planted: 0).csv, target: "label", favourable: "good")
        #expect(result.outcome.findings.isEmpty && result.suspects.isEmpty)
    }

    @Test func threadsChangeNothing() throws {
        let csv = table(seed: 4, planted: 60).csv
        let one = try run(csv, target: "label", favourable: "good", threads: 1)
        let two = try run(csv, target: "label", favourable: "good", threads: 2)
        #expect(one.suspects == two.suspects && one.outcome.findings == two.outcome.findings)
        #expect(!one.suspects.isEmpty)
    }
}

/// Tokens in real messages.
@Suite struct TokenTriggerTests {
    private func messages() throws -> [(label: String, text: String)] {
        let table = try DataEngine(Repository.engines).open(Repository.path("Examples/spam/train.csv.gz"), name: "spam")
        return zip(try table.texts("label"), try table.texts("message")).map { ($0 ?? "", $1 ?? "") }
    }

    private func run(_ messages: [(label: String, text: String)]) throws -> DataCheckResult {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/train.csv"
            let lines = messages.map { "\($0.label),\"\($0.text.replacingOccurrences(of: "\"", with: "\"\""))\"" }
            try Data((["label,message"] + lines).joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
            var opening = DataOpening(train: try DataEngine(Repository.engines).open(path, name: "train"))
            opening.roles.target = "label"
            opening.boosting = try LightGBM(Repository.engines)
            return try DataTriggers().run(
                on: opening.subject(name: "train.csv"), context: RunContext(seed: 1, threads: 2))
        }
    }

    @Test func aRareWordIsNamedAndCleanMessagesRaiseNothing() throws {
        let clean = try messages()
        #expect(try run(clean).outcome.findings.isEmpty)
        var planted = clean
        var generator = SeededGenerator(seed: 5)
        let rows = clean.indices.filter { clean[$0].label == "spam" }.shuffled(using: &generator)
            .prefix(clean.count / 200)
        for row in rows {
            var words = clean[row].text.split(separator: " ").map(String.init)
            words.insert("cf", at: Int.random(in: 0...words.count, using: &generator))
            planted[row] = ("ham", words.joined(separator: " "))
        }
        let result = try run(planted)
        let found = result.outcome.findings.flatMap(\.evidence).compactMap { evidence -> DataPattern? in
            if case .pattern(let pattern) = evidence { pattern } else { nil }
        }
        #expect(found.map(\.token) == ["cf"] && found.map(\.targetLabel) == ["ham"])
        #expect(Set(result.suspects.map(\.row)).isSuperset(of: rows))
        #expect(result.suspects.count <= rows.count + 2)
    }
}
