import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

@Suite struct DataDuplicatesTests {
    private func run(
        _ train: [String], test: [String]? = nil, check: DataDuplicatesCheck = DataDuplicatesCheck(),
        _ change: (inout DataOpening) -> Void = { _ in }
    ) throws -> DataCheckResult {
        try Repository.withTemporaryFolder { folder in
            var sources: [DataSource] = []
            for (name, lines) in [("train", train), ("test", test ?? [])] where !lines.isEmpty {
                try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).csv"))
                sources.append(DataSource(path: "\(folder)/\(name).csv", name: name))
            }
            let tables = try DataEngine(Repository.engines).open(sources)
            var opening = DataOpening(train: tables[0], test: tables.count > 1 ? tables[1] : nil)
            opening.roles.target = tables[0].columns.contains { $0.name == "y" } ? "y" : nil
            change(&opening)
            return try check.run(on: opening.subject(name: "train.csv"), context: RunContext())
        }
    }

    /// Rows of five numbers, a category and a label that follows the first number.
    private func rows(_ count: Int, seed: UInt64) -> [(cells: String, label: Int)] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let numbers = (0..<5).map { _ in Int.random(in: 0..<5_000, using: &generator) }
            let cells =
                numbers.map(String.init).joined(separator: ",") + ",k\(Int.random(in: 0..<4, using: &generator))"
            return (cells, numbers[0] < 2_500 ? 0 : 1)
        }
    }
    private static let header = "a,b,c,d,e,k,y"
    private func value(_ result: DataCheckResult, _ name: String) -> Double? {
        result.outcome.metrics.first { $0.name == "data_duplicates.\(name)" }?.value
    }

    /// Groups, copies and conflicts against counting in Swift, on rows of few values.
    @Test func countsEqualBruteForce() throws {
        for seed in 0..<4 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed, stream: 4)
            let lines = (0..<400).map { _ in
                let cells = (0..<3).map { _ in
                    generator.uniform() < 0.1 ? "" : "\(Int.random(in: 0..<5, using: &generator))"
                }
                return (cells.joined(separator: ","), Int.random(in: 0..<2, using: &generator))
            }
            let result = try run(["a,b,c,y"] + lines.map { "\($0),\($1)" })
            let groups = Dictionary(grouping: lines, by: \.0).values.filter { $0.count > 1 }
            #expect(agree(value(result, "copies"), Double(groups.reduce(0) { $0 + $1.count - 1 }) / 400))
            #expect(value(result, "groups") == Double(groups.count))
            #expect(value(result, "largest") == groups.map { Double($0.count) }.max())
            let mixed = groups.count { Set($0.map(\.1)).count > 1 }
            #expect(agree(value(result, "conflicts"), Double(mixed) / Double(groups.count)))
            // Rows of three columns of five values repeat by chance: nothing to suspect.
            #expect(result.suspects.isEmpty && result.outcome.findings.allSatisfy { $0.severity == .info })
        }
    }

    /// 60 honest pairs of copies; in 6 groups a third copy has the other label. The odd ones out are named, with direction.
    @Test func copiesWithAnotherLabelAreNamed() throws {
        let base = rows(1_000, seed: 1)
        var lines = base.map { "\($0.cells),\($0.label)" }
        lines += base.prefix(60).map { "\($0.cells),\($0.label)" }
        let first = lines.count
        lines += base.prefix(6).map { "\($0.cells),\(1 - $0.label)" }
        let result = try run([Self.header] + lines) { $0.roles.favourable = "1" }
        #expect(Set(result.suspects.map(\.row)) == Set(first..<first + 6))
        for suspect in result.suspects {
            let isGood = base[suspect.row - first].label == 0
            #expect(suspect.reason.contains(isGood ? "integrity" : "availability") && suspect.strength > 0.3)
        }
        #expect(
            result.outcome.findings.contains { $0.id == "data_duplicates.conflicting_labels" && $0.severity == .low })
    }

    /// Two copies with two labels: both are in doubt, less than an odd one out.
    @Test func tiesNameBothAtLowerStrength() throws {
        let base = rows(500, seed: 2)
        let lines =
            base.map { "\($0.cells),\($0.label)" } + base.prefix(40).map { "\($0.cells),\($0.label)" }
            + ["\(base[300].cells),\(1 - base[300].label)"]
        let result = try run([Self.header] + lines)
        #expect(result.suspects.map(\.row) == [300, 540])
        #expect(result.suspects.allSatisfy { abs($0.strength - 0.25) < 1e-9 })
    }

    /// Test rows copied from the training rows are a leak; types may differ between the files.
    @Test func overlapOfTestAndTrainIsFound() throws {
        let base = rows(600, seed: 3)
        let fresh = rows(200, seed: 33)
        let leaked = base.prefix(60).map { "\($0.cells.replacing("k", with: "k")),\($0.label)" }
        let test = ["a,b,c,d,e,k,y"] + fresh.prefix(140).map { "\($0.cells),\($0.label)" } + leaked
        let typed = test.enumerated().map {
            $0 == 1 ? $1.replacingOccurrences(of: ",", with: ".0,", range: $1.range(of: ",")) : $1
        }
        let result = try run([Self.header] + base.map { "\($0.cells),\($0.label)" }, test: typed)
        #expect(agree(value(result, "test_overlap"), 0.3))
        #expect(
            result.outcome.findings.contains { $0.id == "data_duplicates.train_test_overlap" && $0.severity == .high })
        let clean = try run(
            [Self.header] + base.map { "\($0.cells),\($0.label)" },
            test: ["a,b,c,d,e,k,y"] + fresh.map { "\($0.cells),\($0.label)" })
        #expect(value(clean, "test_overlap") == 0 && clean.outcome.findings.isEmpty)
    }

    /// One source writes a row a hundred times: the flood carries the source.
    @Test func aFloodNamesItsSource() throws {
        let base = rows(2_000, seed: 5)
        var lines = base.enumerated().map { "\($1.cells),\($1.label),s\($0 % 10)" }
        lines += [String](repeating: "\(base[3].cells),1,s7", count: 100)
        let result = try run(["a,b,c,d,e,k,y,origin"] + lines) { $0.roles.source = "origin" }
        let flood = try #require(result.outcome.findings.first { $0.id == "data_duplicates.flood" })
        #expect(flood.severity == .medium)
        let patterns = result.outcome.findings.flatMap(\.evidence).compactMap { evidence -> DataPattern? in
            if case .pattern(let pattern) = evidence { pattern } else { nil }
        }
        #expect(patterns.contains { $0.kind == .source && $0.source == "s7" })
        #expect(Set(result.suspects.map(\.row)).isSuperset(of: 2_000..<2_100))
    }

    /// Copies with a cell or two changed are near; rows drawn afresh are not.
    @Test func changedCopiesAreNear() throws {
        var generator = SeededGenerator(seed: 6)
        let width = 24
        var table = (0..<1_000).map { _ in (0..<width).map { _ in Int.random(in: 0..<4_000, using: &generator) } }
        for index in 0..<50 {
            var copy = table[index]
            copy[index % width] += 900
            copy[(index + 7) % width] += 500
            table.append(copy)
        }
        let header = (0..<width).map { "c\($0)" }.joined(separator: ",")
        let result = try run([header] + table.map { $0.map(String.init).joined(separator: ",") })
        #expect(
            agree(value(result, "near_rows"), 100.0 / 1_050, tolerance: 0.01),
            "\(String(describing: value(result, "near_rows")))")
        let clean = try run([header] + table.prefix(1_000).map { $0.map(String.init).joined(separator: ",") })
        #expect(value(clean, "near_rows") == 0)
    }

    /// The same at one and at several threads.
    @Test func signaturesEstimateTheJaccardIndex() throws {
        var generator = SeededGenerator(seed: 7)
        var (sum, worst) = (0.0, 0.0)
        for _ in 0..<200 {
            let shared = Int.random(in: 0...300, using: &generator), own = Int.random(in: 20...150, using: &generator)
            let common = (0..<shared).map { _ in generator.next() }
            let one = (common + (0..<own).map { _ in generator.next() }).sorted()
            let other = (common + (0..<own).map { _ in generator.next() }).sorted()
            let exact = MinHash.jaccard(one, other)
            #expect(agree(exact, Double(shared) / Double(shared + 2 * own)))
            let error = MinHash.estimate(MinHash.signature(one), MinHash.signature(other)) - exact
            sum += error
            worst = max(worst, abs(error))
        }
        // why: a standard error of at most 0.044; the mean of 200 and the largest of 200 at five and four of them.
        #expect(abs(sum / 200) < 5 * 0.044 / 200.0.squareRoot() && worst < 4.5 * 0.044, "\(sum / 200), \(worst)")
    }

    /// All pairs above the threshold are found, against comparing every pair.
    @Test func nearTextsEqualBruteForce() throws {
        var generator = SeededGenerator(seed: 8)
        let words = (0..<300).map { _ in
            String((0..<6).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement(using: &generator) ?? "a" })
        }
        var texts = (0..<200).map { _ in
            (0..<20).map { _ in words.randomElement(using: &generator) ?? "" }.joined(separator: " ")
        }
        for index in 0..<60 {
            texts.append(texts[index] + (index.isMultiple(of: 2) ? " now!" : " entirely different ending of this one"))
        }
        let sets = texts.map(MinHash.shingles)
        var expected: Set<Int> = []
        for one in texts.indices {
            for other in 0..<one where MinHash.jaccard(sets[one], sets[other]) >= 0.8 {
                expected.formUnion([one, other])
            }
        }
        let found = try NearTexts().groups(texts, context: RunContext(threads: 2))
        #expect(Set(found.joined()) == expected && expected.count >= 60)
        #expect(try NearTexts().groups(texts, context: RunContext(threads: 1)) == found)
        #expect(MinHash.shingles("too short").isEmpty && MinHash.jaccard([], []) == 0)
    }

    /// Known counts of real data; natural repetition is nowhere above low.
    @Test(.enabled(if: Repository.shared != nil)) func realDataHaveTheirKnownCopies() throws {
        let folder = (Repository.shared ?? "") + "/data/tabular/"
        for (file, target, copies, least) in [
            ("spambase.csv.gz", "spam", 394.0, 0), ("german_credit.csv", "class", 0, 0),
            ("taiwan_credit_default.csv.gz", "default_payment_next_month", 56, 0),
        ] {
            var opening = DataOpening(train: try DataEngine(Repository.engines).open(folder + file, name: "train"))
            opening.roles.target = target
            let subject = try opening.subject(name: file)
            let result = try DataDuplicatesCheck().run(on: subject, context: RunContext())
            #expect(agree(value(result, "copies"), copies / Double(subject.count)), "\(file)")
            #expect(
                result.outcome.findings.allSatisfy { $0.severity <= .low } && result.suspects.count <= 40 + least,
                "\(file)")
        }
    }
}
