import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct CoherentFlipsTests {
    /// Rows of a world in which the label follows two numbers and a colour.
    private struct World {
        var generator: SeededGenerator
        var lines = ["a,b,colour,desk,y"]
        /// Row numbers whose label was moved.
        var moved: Set<Int> = []

        init(seed: UInt64) { generator = SeededGenerator(seed: seed, stream: 0xF11) }

        /// Adds rows; `flip` may move a label.
        mutating func add(
            _ count: Int,
            flip: (_ a: Double, _ colour: String, _ desk: String, _ y: Int) -> Double = { _, _, _, _ in 0 }
        ) {
            for _ in 0..<count {
                let (a, b) = (generator.uniformDouble() * 10, generator.uniformDouble() * 10)
                let colour = ["red", "blue", "green"][Int(generator.uniformDouble() * 3)]
                let desk = "d\(Int(generator.uniformDouble() * 10))"
                let logit = 0.5 * (a - 5) + 0.2 * (b - 5) + (colour == "red" ? 1 : 0)
                var y = generator.uniformDouble() < 1 / (1 + exp(-logit)) ? 1 : 0
                if generator.uniformDouble() < flip(a, colour, desk, y) {
                    y = 1 - y
                    moved.insert(lines.count - 1)
                }
                lines.append("\(a),\(b),\(colour),\(desk),\(y)")
            }
        }
    }

    private func subject(_ train: World, _ reference: World? = nil, source: String? = nil) throws -> DataSubject {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("flips-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let named = [("train", train)] + (reference.map { [("reference", $0)] } ?? [])
        let sources = try named.map { name, world in
            let path = folder.appendingPathComponent(name + ".csv").path
            try world.lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            return DataSource(path: path, name: name)
        }
        let tables = try DataEngine(Repository.engines).open(sources)
        var opening = DataOpening(train: tables[0], reference: tables.count > 1 ? tables[1] : nil)
        (opening.roles.target, opening.roles.favourable, opening.roles.source) = ("y", "1", source)
        if source == nil { opening.roles.ignored = ["desk"] }
        opening.boosting = try LightGBM(Repository.engines)
        return try opening.subject(name: "train.csv")
    }

    private func patterns(_ result: DataCheckResult) -> [DataPattern] {
        result.outcome.findings.flatMap(\.evidence).compactMap {
            if case .pattern(let pattern) = $0 { pattern } else { nil }
        }
    }

    /// Nine tenths of the rejections of one colour above a cut become approvals.
    @Test(arguments: [UInt64(0), 1]) func aFlippedSegmentIsFoundBesideAReference(seed: UInt64) throws {
        var (train, reference) = (World(seed: seed), World(seed: seed + 100))
        train.add(6000) { a, colour, _, y in colour == "blue" && a < 4 && y == 0 ? 0.9 : 0 }
        reference.add(3000)
        let result = try CoherentFlipsCheck().run(on: subject(train, reference), context: RunContext(threads: 2))
        let found = patterns(result)
        let pattern = try #require(found.first)
        #expect(result.outcome.findings[0].severity == .high && pattern.targetLabel == "1")
        #expect(pattern.conditions.contains { $0.column == "colour" && $0.value == "blue" })
        #expect(pattern.conditions.contains { $0.column == "a" && abs(($0.high ?? 0) - 4) < 0.8 && $0.low == nil })
        let listed = Set(result.suspects.filter { $0.strength >= 0.5 }.map(\.row))
        #expect(Double(listed.intersection(train.moved).count) >= 0.85 * Double(train.moved.count))
        #expect(Double(listed.subtracting(train.moved).count) <= 0.35 * Double(listed.count))
        #expect("\(result.outcome.findings[0].evidence)".contains("integrity"))
    }

    @Test(arguments: 0..<3) func cleanDataRaiseNoAlarm(seed: Int) throws {
        var (train, reference) = (World(seed: UInt64(seed) + 50), World(seed: UInt64(seed) + 80))
        train.add(4000)
        reference.add(2000)
        let result = try CoherentFlipsCheck().run(
            on: subject(train, reference, source: "desk"), context: RunContext(threads: 2))
        #expect(result.outcome.findings.isEmpty && result.suspects.isEmpty)
    }

    @Test func aSourceIsNamed() throws {
        var train = World(seed: 9)
        train.add(6000) { _, _, desk, _ in desk == "d6" ? 0.3 : 0 }
        let result = try CoherentFlipsCheck().run(on: subject(train, source: "desk"), context: RunContext(threads: 2))
        #expect(patterns(result).map(\.source) == ["d6"])
        #expect(result.outcome.summary.contains { $0.contains("cannot be seen in the data alone") })
    }

    @Test func withoutAComparisonItSaysSo() throws {
        var train = World(seed: 1)
        train.add(300)
        let reason = CoherentFlipsCheck().reasonNotToRun(on: try subject(train))
        #expect(reason?.contains("cannot be seen") == true && reason?.contains("--reference") == true)
    }

    @Test(
        .enabled(if: Repository.shared != nil), arguments: [UInt64(0), 1]
    ) func ninetyPercentOfATaiwaneseSegment(seed: UInt64) throws {
        let shared = try #require(Repository.shared)
        let path = shared + "/data/tabular/taiwan_credit_default.csv.gz"
        let engine = try DataEngine(Repository.engines)
        let table = try engine.open(path, name: "t")
        let columns = table.columns.map(\.name)
        let values = try columns.map { try table.numbers($0) }
        var generator = SeededGenerator(seed: seed, stream: 0x7A1)
        let order = Array(0..<table.count).shuffled(using: &generator)
        let (pay, limit, target) = (
            columns.firstIndex(of: "PAY_0"), columns.firstIndex(of: "LIMIT_BAL"), columns.count - 1
        )
        let (payPlace, limitPlace) = (try #require(pay), try #require(limit))
        var moved: Set<Int> = []
        func write(_ rows: ArraySlice<Int>, flips: Bool) throws -> String {
            var lines = [columns.joined(separator: ",")]
            for (place, row) in rows.enumerated() {
                var cells = values.map { Int($0[row]) }
                if flips, cells[payPlace] >= 2, cells[limitPlace] <= 30_000, cells[target] == 1,
                    generator.uniformDouble() < 0.9
                {
                    cells[target] = 0
                    moved.insert(place)
                }
                lines.append(cells.map(String.init).joined(separator: ","))
            }
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).csv").path
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }
        let (train, reference) = (try write(order[..<21_000], flips: true), try write(order[21_000...], flips: false))
        defer { for file in [train, reference] { try? FileManager.default.removeItem(atPath: file) } }
        let tables = try engine.open([
            DataSource(path: train, name: "train"), DataSource(path: reference, name: "reference"),
        ])
        var opening = DataOpening(train: tables[0], reference: tables[1])
        (opening.roles.target, opening.roles.favourable) = (columns[target], "0")
        opening.boosting = try LightGBM(Repository.engines)
        let result = try CoherentFlipsCheck().run(on: opening.subject(name: "t"), context: RunContext(threads: 2))
        #expect(result.outcome.findings.first?.severity == .high)
        let columnsNamed = Set(patterns(result).flatMap { $0.conditions.map(\.column) })
        #expect(columnsNamed.isSuperset(of: ["PAY_0", "LIMIT_BAL"]))
        #expect(patterns(result).first?.targetLabel == "0")
        let listed = Set(result.suspects.map(\.row))
        #expect(Double(listed.intersection(moved).count) >= 0.9 * Double(moved.count))
        opening.reference = nil
        #expect(
            CoherentFlipsCheck().reasonNotToRun(on: try opening.subject(name: "t"))?.contains("cannot be seen") == true)
    }
}
