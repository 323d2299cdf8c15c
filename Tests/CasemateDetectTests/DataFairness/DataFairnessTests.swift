import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct DataFairnessTests {
    /// How labels of the group `b` come about.
    private enum World { case equal, poorer, treatedWorse }

    /// Applicants of two groups: income decides; `b` earns less (`poorer`), or needs more for the same label.
    private func rows(_ count: Int, seed: UInt64, _ world: World, share: Double = 0.3) -> [String] {
        var generator = SeededGenerator(seed: seed)
        let normal = NormalSampler()
        var lines = ["income,debt,group,label"]
        for _ in 0..<count {
            let isB = generator.uniformDouble() < share
            let income = normal.next(using: &generator) - (world == .poorer && isB ? 1.2 : 0)
            let debt = normal.next(using: &generator)
            let odds = 1 + 1.8 * income - 0.6 * debt - (world == .treatedWorse && isB ? 2.2 : 0)
            let good = generator.uniformDouble() < 1 / (1 + exp(-odds))
            lines.append("\(Float(income)),\(Float(debt)),\(isB ? "b" : "a"),\(good ? "yes" : "no")")
        }
        return lines
    }

    private func run(
        _ train: [String], reference: [String]? = nil, protected: [String] = ["group"], seed: UInt64 = 0
    ) throws -> DataCheckResult {
        try Repository.withTemporaryFolder { folder in
            var sources: [DataSource] = []
            for (name, lines) in [("train", train), ("reference", reference ?? [])] where !lines.isEmpty {
                try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).csv"))
                sources.append(DataSource(path: "\(folder)/\(name).csv", name: name))
            }
            let tables = try DataEngine(Repository.engines).open(sources)
            var opening = DataOpening(train: tables[0], reference: tables.count > 1 ? tables[1] : nil)
            opening.roles.protected = protected
            (opening.roles.target, opening.roles.favourable) = ("label", "yes")
            opening.boosting = try LightGBM(Repository.engines)
            return try DataFairnessCheck().run(
                on: opening.subject(name: "train.csv"), context: RunContext(seed: seed, threads: 2))
        }
    }

    private func findings(_ result: DataCheckResult) -> [String] {
        result.outcome.findings.map { "\($0.id.dropFirst("data_fairness.".count)) \($0.severity.rawValue)" }
    }

    /// A gap that incomes explain is low, one that they do not is medium, none is none.
    @Test func explainedAndUnexplainedGapsAreToldApart() throws {
        for seed in 0..<3 as Range<UInt64> {
            #expect(findings(try run(rows(4_000, seed: seed, .equal))).isEmpty, "\(seed)")
            #expect(findings(try run(rows(4_000, seed: seed, .poorer))) == ["explained_gap low"], "\(seed)")
            #expect(findings(try run(rows(4_000, seed: seed, .treatedWorse))) == ["unexplained_gap medium"], "\(seed)")
        }
    }

    /// The reference had no gap: the one that is there now is new, and names the group.
    @Test func aNewGapIsHigh() throws {
        let result = try run(rows(4_000, seed: 1, .treatedWorse), reference: rows(4_000, seed: 2, .equal))
        #expect(findings(result) == ["new_gap high"])
        let pattern = result.outcome.findings[0].evidence.compactMap { evidence -> DataPattern? in
            if case .pattern(let pattern) = evidence { pattern } else { nil }
        }
        #expect(pattern.first?.conditions == [DataPattern.Condition(column: "group", value: "b")])
        #expect(pattern.first?.targetLabel == "no")
        // A gap that was there before is not new.
        let old = try run(rows(4_000, seed: 1, .treatedWorse), reference: rows(4_000, seed: 2, .treatedWorse))
        #expect(findings(old) == ["unexplained_gap medium"])
    }

    /// Forty draws in which nothing differs: no more alarms of any kind than the level allows.
    @Test func equalGroupsRaiseFewAlarms() throws {
        var alarms = 0
        for seed in 0..<40 as Range<UInt64> {
            let result = try run(
                rows(600, seed: 100 + seed, .equal, share: 0.15),
                reference: rows(600, seed: 200 + seed, .equal, share: 0.15))
            alarms += result.outcome.findings.isEmpty ? 0 : 1
        }
        // why 5: a one-sided 99 % bound of a count with mean 2 would be 6; large and significant at once is rarer still.
        #expect(alarms <= 5, "\(alarms)")
    }

    /// Base rates and ratio as counted by hand; a group of one label and a column of one group are said to be too little.
    @Test func countsAreThoseOfTheRows() throws {
        var lines = ["x,group,only,label"]
        for row in 0..<300 {
            lines.append("\(row * 7 % 101),\(row % 3 == 0 ? "p" : "q"),z,\(row % 4 == 0 ? "no" : "yes")")
        }
        let result = try run(lines, protected: ["group", "only"])
        let rates = result.outcome.metrics.filter { $0.name == "data_fairness.base_rate" }
        for group in ["p", "q"] {
            let rows = (0..<300).filter { ($0 % 3 == 0) == (group == "p") }
            let metric = try #require(rates.first { $0.group == "group=\(group)" })
            #expect(
                agree(metric.value, Double(rows.count { $0 % 4 != 0 }) / Double(rows.count)) && metric.n == rows.count)
            #expect(metric.low ?? 1 < metric.value ?? 0 && metric.high ?? 0 > metric.value ?? 1)
        }
        #expect(result.outcome.summary.contains { $0.hasPrefix("only cannot be compared: insufficient data") })
    }

    /// Mantel and Haenszel's estimates against their definition, and against the plain gap in one stratum.
    @Test func strataAreCombinedByDefinition() throws {
        typealias Stratum = StratifiedGap.Stratum
        let one = try #require(StratifiedGap([Stratum(favourable: 30, rows: 50, otherFavourable: 80, otherRows: 100)]))
        #expect(agree(one.difference, 0.6 - 0.8) && agree(one.ratio, 0.75))
        // One stratum: Greenland and Robins' interval of the ratio is Katz's.
        let katz = try #require(
            Intervals.katzRatio(successes: 30, trials: 50, referenceSuccesses: 80, referenceTrials: 100))
        #expect(agree(one.ratioInterval?.low, katz.low, tolerance: 1e-9))
        #expect(agree(one.ratioInterval?.high, katz.high, tolerance: 1e-9))
        // Simpson: equal shares in both strata, unequal sums.
        let strata = [
            Stratum(favourable: 45, rows: 50, otherFavourable: 180, otherRows: 200),
            Stratum(favourable: 20, rows: 200, otherFavourable: 5, otherRows: 50), Stratum(favourable: 3, rows: 9),
        ]
        let gap = try #require(StratifiedGap(strata))
        #expect(agree(gap.difference, 0) && agree(gap.ratio, 1) && agree(gap.pValue, 1))
        #expect(gap.rows == 250 && gap.otherRows == 250)
        #expect(StratifiedGap([Stratum(favourable: 1, rows: 3)]) == nil)
        let none = try #require(StratifiedGap([Stratum(favourable: 0, rows: 30, otherFavourable: 0, otherRows: 30)]))
        #expect(none.ratio == nil && none.difference == 0 && none.pValue == 1)
    }

    /// The mortgage example: the known gap of black applicants, mostly explained; no high finding.
    @Test func theMortgageGapIsSeen() throws {
        let tables = try DataEngine(Repository.engines).open([
            DataSource(path: Repository.path("Examples/mortgage/train.csv"), name: "train"),
            DataSource(path: Repository.path("Examples/mortgage/test.csv"), name: "reference"),
        ])
        var opening = DataOpening(train: tables[0], reference: tables[1])
        (opening.roles.target, opening.roles.favourable) = ("approve", "1")
        opening.roles.protected = ["race", "sex", "marital", "age"]
        opening.roles.identifiers = ["application"]
        opening.roles.ignored = ["min30", "occ", "prop", "mortg", "cons"]
        opening.boosting = try LightGBM(Repository.engines)
        let subject = try opening.subject(name: "mortgage")
        let result = try DataFairnessCheck().run(on: subject, context: RunContext())
        let air = try #require(
            result.outcome.metrics.first { $0.name == "data_fairness.air" && $0.group == "race=black" })
        #expect(agree(air.value, (93.0 / 138) / (1069.0 / 1177), tolerance: 1e-9))
        #expect(findings(result) == ["explained_gap low"])
    }

    @Test(.enabled(if: Repository.shared != nil)) func realDataHaveNoHighFinding() throws {
        let folder = (Repository.shared ?? "") + "/data/tabular/"
        for (file, target, good, protected) in [
            ("german_credit.csv", "class", "1", ["personal_status_sex", "age_years"]),
            (
                "taiwan_credit_default.csv.gz", "default_payment_next_month", "0",
                ["SEX", "EDUCATION", "MARRIAGE", "AGE"]
            ),
        ] {
            var opening = DataOpening(train: try DataEngine(Repository.engines).open(folder + file, name: "train"))
            (opening.roles.target, opening.roles.favourable, opening.roles.protected) = (target, good, protected)
            opening.boosting = try LightGBM(Repository.engines)
            let subject = try opening.subject(name: file)
            let result = try DataFairnessCheck().run(on: subject, context: RunContext(threads: 2))
            #expect(result.outcome.findings.allSatisfy { $0.severity <= .medium }, "\(findings(result))")
        }
    }
}
