import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

@Suite struct DataConstraintsTests {
    /// Loans: two orderings, a sum, a dependency, an implication, a shape; a row of `broken` breaks all of them.
    private func rows(_ count: Int, seed: UInt64, broken: Set<Int> = []) -> [String] {
        var generator = SeededGenerator(seed: seed)
        var lines = ["loan,opened,closed,price,amount,fee,total,branch,region,kind,deposit"]
        for row in 0..<count {
            let opened = Int.random(in: 1...20, using: &generator), length = Int.random(in: 0...8, using: &generator)
            let price = Int.random(in: 50...900, using: &generator)
            let amount = Int.random(in: 10...price, using: &generator)
            let fee = Int.random(in: 1...40, using: &generator)
            let branch = Int.random(in: 0..<30, using: &generator)
            let isGift = generator.uniform() < 0.4
            let deposit = isGift ? 0 : Int.random(in: 5...400, using: &generator)
            let bad = broken.contains(row)
            lines.append(
                [
                    bad ? "L\(row)" : "LN-\(10_000 + row)", "2024-01-\(String(100 + opened).suffix(2))",
                    bad ? "2023-01-05" : "2024-01-\(String(100 + opened + length).suffix(2))",
                    "\(price)", "\(bad ? price + 700 : amount)", "\(fee)",
                    "\(bad ? 3 : amount + fee)", "b\(branch)", bad ? "nowhere" : "r\(branch % 4)",
                    bad || isGift ? "gift" : "sale",
                    "\(bad ? 99 : deposit)",
                ].joined(separator: ","))
        }
        return lines
    }

    private func run(
        _ train: [String], reference: [String]? = nil, seed: UInt64 = 0
    ) throws -> (result: DataCheckResult, rules: [String]) {
        try Repository.withTemporaryFolder { folder in
            var sources: [DataSource] = []
            for (name, lines) in [("train", train), ("reference", reference ?? [])] where !lines.isEmpty {
                try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).csv"))
                sources.append(DataSource(path: "\(folder)/\(name).csv", name: name))
            }
            let tables = try DataEngine(Repository.engines).open(sources)
            var opening = DataOpening(train: tables[0], reference: tables.count > 1 ? tables[1] : nil)
            opening.roles.identifiers = ["loan"].filter { name in tables[0].columns.contains { $0.name == name } }
            let subject = try opening.subject(name: "train.csv")
            let result = try DataConstraintsCheck().run(on: subject, context: RunContext(seed: seed))
            for table in result.outcome.tables {
                for rule in table.rows.map({ $0[1] }) where !rule.contains("(no rule") {
                    _ = try ConstraintRule(rule, columns: tables[0].columns, at: "test")
                }
            }
            return (result, result.outcome.tables.flatMap { $0.rows.map { $0[1] } })
        }
    }

    /// Every kind that was built in is found, as a rule that `constraints:` takes.
    @Test func rulesOfAllKindsAreMined() throws {
        let (result, rules) = try run(rows(3_000, seed: 1))
        for rule in [
            "row.opened <= row.closed", "row.amount <= row.price", "row.total == row.amount + row.fee",
            "branch decides region (no rule language for it)", "row.kind != \"gift\" || row.deposit == 0",
            #"row.loan.matches("^LN-[0-9]{5}$")"#,
        ] {
            #expect(rules.contains(rule), "\(rule): \(rules)")
        }
        #expect(result.suspects.isEmpty && result.outcome.findings.isEmpty)
    }

    /// Fifteen rows of 3,000 break the rules: named with a reference, at medium severity and high strength.
    @Test func rowsThatBreakTheRulesOfTheReferenceAreNamed() throws {
        let bad = Set((0..<15).map { 7 + 199 * $0 })
        let (result, _) = try run(rows(3_000, seed: 2, broken: bad), reference: rows(3_000, seed: 3))
        #expect(Set(result.suspects.filter { $0.strength > 0.5 }.map(\.row)) == bad)
        #expect(Set(result.suspects.map(\.row)) == bad)
        #expect(
            result.outcome.findings.contains { $0.id == "data_constraints.new_violations" && $0.severity == .medium })
        #expect(result.outcome.findings.allSatisfy { $0.severity <= .medium })
    }

    /// Without a reference two rows of 3,000 still break what all others keep, at lower strength and severity.
    @Test func rowsThatBreakTheirOwnRulesAreWeakerSuspects() throws {
        let (result, _) = try run(rows(3_000, seed: 4, broken: [5, 1_234]))
        #expect(Set(result.suspects.map(\.row)) == [5, 1_234])
        #expect(result.suspects.allSatisfy { (0.2...0.8).contains($0.strength) })
        #expect(result.outcome.findings.map(\.severity) == [.low])
        #expect(result.outcome.summary.contains { $0.contains("Without a reference") })
    }

    /// Columns that have nothing to do with each other, and ranges that alone enforce an order, give no rules.
    @Test func chanceGivesNoRules() throws {
        for seed in 0..<5 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed, stream: 9)
            var lines = ["a,b,c,d,e,f"]
            for _ in 0..<2_000 {
                let numbers = (0..<3).map { _ in Int.random(in: 0..<1000, using: &generator) }
                lines.append(
                    "\(numbers[0]),\(numbers[1]),\(5_000 + numbers[2]),k\(Int.random(in: 0..<6, using: &generator)),"
                        + "m\(Int.random(in: 0..<6, using: &generator)),\(Int.random(in: 0..<3, using: &generator))")
            }
            let (result, rules) = try run(lines)
            #expect(rules.isEmpty && result.suspects.isEmpty, "seed \(seed): \(rules)")
        }
    }

    /// The same seed gives the same answer, and a deciding column with one row a value decides nothing.
    @Test func keysDecideNothingAndAnswersRepeat() throws {
        var generator = SeededGenerator(seed: 3)
        let lines = ["key,colour"] + (0..<1_000).map { "k\($0),c\(Int.random(in: 0..<4, using: &generator))" }
        let (result, rules) = try run(lines)
        #expect(!rules.contains { $0.contains("decides") || $0.contains("colour") }, "\(rules)")
        #expect(try run(lines).result.outcome.metrics == result.outcome.metrics)
    }

    @Test func tooFewRowsAreNotMined() throws {
        try Repository.withTemporaryFolder { folder in
            let path = "\(folder)/t.csv"
            try Data("a,b\n1,2\n2,3\n".utf8).write(to: URL(fileURLWithPath: path))
            let table = try DataEngine(Repository.engines).open(path, name: "t")
            let subject = try DataOpening(train: table).subject(name: "t")
            #expect(DataConstraintsCheck().reasonNotToRun(on: subject)?.contains("too few") == true)
        }
    }

    /// Clean real data: no suspects, the known identities of spambase are found.
    @Test(.enabled(if: Repository.shared != nil)) func realDataRaiseNothing() throws {
        let folder = (Repository.shared ?? "") + "/data/tabular/"
        for (file, target) in [
            ("spambase.csv.gz", "spam"), ("german_credit.csv", "class"),
            ("taiwan_credit_default.csv.gz", "default_payment_next_month"),
        ] {
            var opening = DataOpening(train: try DataEngine(Repository.engines).open(folder + file, name: "train"))
            opening.roles.target = target
            let subject = try opening.subject(name: file)
            let result = try DataConstraintsCheck().run(on: subject, context: RunContext())
            #expect(result.suspects.count <= 3 && result.outcome.findings.allSatisfy { $0.severity <= .low }, "\(file)")
            if file.hasPrefix("spambase") {
                let rules = result.outcome.tables.flatMap { $0.rows.map { $0[1] } }
                #expect(rules.contains("row.capital_run_length_longest <= row.capital_run_length_total"))
            }
        }
    }
}
