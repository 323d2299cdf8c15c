import CasemateAttacks
import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct SensitivityProbeTests {
    /// linear_2 says 1 where 0.375 x0 − 1.046875 x1 + 0.34375 ≥ 0.
    private func rows(_ count: Int = 300) -> [String] {
        var generator = SeededGenerator(seed: 3)
        return ["x0,x1,group,y"]
            + (0..<count).map { row in
                let (x0, x1) = (2 * generator.uniform() - 1, 2 * generator.uniform() - 1)
                return "\(x0),\(x1),\(row % 2 == 0 ? "a" : "b"),\(0.375 * x0 - 1.046875 * x1 + 0.34375 >= 0 ? 1 : 0)"
            }
    }
    private func run(
        _ probe: SensitivityProbe = SensitivityProbe(), extra: String = "", context: RunContext = RunContext(),
        favourable: Bool = true
    ) throws -> (outcome: ProbeOutcome, subject: AuditSubject) {
        try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(rows(), in: folder, extra: extra)
            if !favourable { configuration.data.favourable = nil }
            let subject = try SubjectSupport.subject(configuration)
            #expect(probe.reasonNotToRun(on: subject) == nil)
            return (try probe.run(on: subject, context: context), subject)
        }
    }
    private func metric(_ outcome: ProbeOutcome, _ name: String, _ group: String? = nil) -> Metric? {
        outcome.metrics.first { $0.name == name && (group == nil || $0.group == group) }
    }

    @Test func aLinearModelIsMeasuredExactly() throws {
        let (outcome, subject) = try run()
        #expect(outcome.status == .tested && outcome.reason == nil)
        let (big, small) = (
            try #require(metric(outcome, "sensitivity.swing", "feature=x1")),
            try #require(metric(outcome, "sensitivity.swing", "feature=x0"))
        )
        #expect(try #require(big.value) > 2 * (try #require(small.value)) && big.n == 100 && big.low != nil)
        // x1 alone decides every row: its term spans more than the other and the constant together.
        #expect(metric(outcome, "sensitivity.flip_rate", "feature=x1")?.value == 1)
        #expect(metric(outcome, "sensitivity.favourable_flip_rate")?.value == 1)
        #expect(metric(outcome, "sensitivity.cliffs")?.value == 0)
        #expect(!outcome.findings.contains { $0.id == "sensitivity.cliff_edge" })
        #expect(outcome.headlines.map(\.name) == ["sensitivity.single_cheap_flip_rate"])
        let change = try #require(outcome.changes.first)
        let row = Array(subject.test[row: change.row - 1])
        let margin = Double(0.375 * row[0] - 1.046875 * row[1] + 0.34375)
        #expect(abs(change.distance - abs(margin) / 1.046875 / Double(subject.space.rules[1].scale)) < 1e-5)
        #expect(change.steps.map(\.feature) == ["x1"] && change.decisionAfter.contains("favourable"))
        #expect(outcome.redacted().changes.first?.row == 0)
        #expect(outcome.attacker.contains { $0.contains("nothing but `x1` gets") })
        #expect(outcome.plots.map(\.id).contains("sensitivity.swings") && outcome.plots.count == 3)
    }

    /// Every metric is in the committed list, has a group where the list says so, and an interval where it is a share.
    @Test func metricsAreCommitted() throws {
        var probe = SensitivityProbe()
        probe.monotone = ["x0": .increasing, "x1": .increasing]
        let extra = "constraints: [{name: ordered, rule: row.x0 >= row.x1 - 1.5}]"
        let (outcome, _) = try run(probe, extra: extra)
        for metric in outcome.metrics {
            let entry = try #require(MetricCatalogue.entry(metric.name), "\(metric.name)")
            #expect(entry.isGrouped == (metric.group != nil), "\(metric.name)")
            #expect(entry.unit != .share || metric.value == nil || metric.low != nil && metric.n > 0, "\(metric.name)")
        }
        let page = try String(contentsOfFile: Repository.path("docs/probes/sensitivity.md"), encoding: .utf8)
        for entry in MetricCatalogue.entries where entry.name.hasPrefix("sensitivity.") {
            #expect(page.contains("`\(entry.name)`"), "\(entry.name)")
        }
        #expect(page.contains("cannot see"))
    }

    @Test func brokenDirectionsAreFindings() throws {
        var probe = SensitivityProbe()
        probe.monotone = ["x0": .increasing, "x1": .increasing]
        let (outcome, _) = try run(probe)
        #expect(metric(outcome, "sensitivity.broken_rows", "feature=x0")?.value == 0)
        #expect(metric(outcome, "sensitivity.broken_steps", "feature=x1")?.value == 1)
        let found = outcome.findings.filter { $0.id == "sensitivity.not_monotone" }
        #expect(found.count == 1 && found[0].severity == .medium && found[0].title.contains("'x1'"))
        #expect(outcome.summary.contains { $0.contains("`x0` keeps its direction") })
        probe.monotone = ["X1": .increasing]
        #expect { try run(probe) } throws: { "\($0)".contains("no feature 'X1'") && "\($0)".contains("x1") }
    }

    /// The model never saw the rule: rows that break it reach the best scores, and the finding shows one.
    @Test func impossibleCombinationsAreFindings() throws {
        let extra =
            "constraints: [{name: sum, rule: row.x0 - row.x1 <= 1.2}, {name: other, rule: row.group == 'a' || row.group == 'b'}]"
        let (outcome, subject) = try run(extra: extra)
        let finding = try #require(outcome.findings.first { $0.id == "sensitivity.impossible_combination" })
        #expect(finding.severity == .medium && finding.title.contains("'sum'"))
        let rate = try #require(metric(outcome, "sensitivity.impossible_rate", "combination=sum"))
        #expect((rate.value ?? 0) > 0.5 && rate.n == 20)
        #expect(outcome.summary.contains { $0.contains("1 declared rule read") })
        #expect(subject.constraints.count == 2)
    }

    @Test func withoutAFavourableOutcomeBothEndsAreLookedAt() throws {
        let extra = "constraints: [{name: sum, rule: row.x0 - row.x1 <= 1.2}]"
        let (outcome, _) = try run(extra: extra, favourable: false)
        #expect(metric(outcome, "sensitivity.favourable_flip_rate") == nil)
        #expect(metric(outcome, "sensitivity.impossible_rate") == nil)
        #expect(!outcome.findings.contains { $0.id == "sensitivity.impossible_combination" })
        let table = try #require(outcome.tables.first { $0.title.hasPrefix("Impossible") })
        #expect(table.rows.map { $0[1] } == ["highest", "lowest"])
        #expect(outcome.changes.allSatisfy { !$0.decisionAfter.contains("favourable") })
    }

    @Test func outOfTimeIsPartialAndLeavesRulesUndecided() throws {
        let (outcome, _) = try run(context: RunContext(deadline: .now - .seconds(1)))
        #expect(outcome.status == .partial && outcome.reason?.contains("time budget") == true)
        #expect(outcome.findings.isEmpty && outcome.metrics.allSatisfy { $0.value == nil && $0.note != nil })
        #expect(metric(outcome, "sensitivity.single_cheap_flip_rate") != nil)
    }

    @Test func theSameSeedGivesTheSameOutcome() throws {
        let (one, two) = (try run(context: RunContext(seed: 4)), try run(context: RunContext(seed: 4, threads: 2)))
        #expect(one.outcome == two.outcome)
        #expect(try run(context: RunContext(seed: 5)).outcome.metrics != one.outcome.metrics)
    }

    @Test func directionsAreRead() throws {
        let setting = try #require(SensitivityProbe.settings.first { $0.key == "monotone" })
        let keys = [SettingKey("monotone", setting.kind, "")]
        let node = try SettingChecker.read(
            "monotone: {PAY_0: increasing, LIMIT: decreasing}", file: "c.yaml", keys: keys)
        var probe = SensitivityProbe()
        try setting.apply(&probe, try #require(node["monotone"]))
        #expect(probe.monotone == ["PAY_0": .increasing, "LIMIT": .decreasing])
        #expect(setting.show(probe)?.yaml == "{LIMIT: decreasing, PAY_0: increasing}")
        #expect(throws: CasemateError.self) {
            try SettingChecker.read("monotone: {PAY_0: up}", file: "c.yaml", keys: keys)
        }
    }
}

/// Models of other forms, and the example.
@Suite struct SensitivityFormTests {
    /// Rows over four inputs, with the labels `0`, `1`, … in turn.
    private func run(_ model: String, classes: Int?, extra: String = "") throws -> ProbeOutcome {
        try Repository.withTemporaryFolder { folder in
            var generator = SeededGenerator(seed: 8)
            let sampler = NormalSampler()
            let rows = (0..<200).map { row in
                let values = (0..<4).map { _ in "\(Float(sampler.next(using: &generator)))" }
                return (values + [classes.map { "\(row % $0)" } ?? "\(Float(row) / 7)"]).joined(separator: ",")
            }
            let text = (["a,b,c,d,y"] + rows).joined(separator: "\n") + "\n"
            try text.write(toFile: folder + "/data.csv", atomically: true, encoding: .utf8)
            let yaml = """
                model: \(Repository.path("Tests/Fixtures/models/" + model))
                data: {train: \(folder)/data.csv, test: \(folder)/data.csv, target: y}
                \(extra)
                """
            let subject = try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
            #expect(SensitivityProbe().reasonNotToRun(on: subject) == nil)
            return try SensitivityProbe().run(on: subject, context: RunContext())
        }
    }

    @Test func severalClassesFollowTheClassOfEachRow() throws {
        let outcome = try run("sk_mlp_multiclass.onnx", classes: 3)
        #expect(outcome.status == .tested && outcome.changes.allSatisfy { $0.decisionBefore != $0.decisionAfter })
        #expect(outcome.metrics.contains { $0.name == "sensitivity.swing" && ($0.value ?? 0) > 0 })
        #expect(!outcome.changes.isEmpty && outcome.tables.allSatisfy { !$0.title.hasPrefix("Impossible") })
    }

    @Test func aRegressionWithoutThresholdHasNoFlips() throws {
        let outcome = try run("sk_random_forest_regressor.onnx", classes: nil)
        #expect(outcome.status == .tested && outcome.changes.isEmpty && outcome.headlines.isEmpty)
        #expect(!outcome.metrics.contains { $0.name.contains("flip") })
        #expect(outcome.metrics.contains { $0.name == "sensitivity.swing" && ($0.value ?? 0) > 0 })
        #expect(Double(outcome.settings["unit of the score"] ?? "") ?? 1 != 1)
    }

    @Test func labelsAloneGiveFlipsAndNothingElse() throws {
        let outcome = try run("sk_label_only.onnx", classes: 2)
        #expect(outcome.status == .tested && !outcome.changes.isEmpty && outcome.plots.isEmpty)
        #expect(!outcome.metrics.contains { $0.name == "sensitivity.swing" || $0.name == "sensitivity.cliffs" })
        #expect(outcome.summary.contains { $0.contains("labels only") })
        #expect(outcome.changes.allSatisfy { !$0.decisionAfter.contains("score") })
    }

    /// The example: what the model leans on, no cliff, and nothing of what applicants cannot change moves.
    @Test func theExampleIsMeasured() throws {
        let folder = Repository.path("Examples/mortgage")
        let subject = try SubjectSupport.subject(AuditConfiguration(contentsOf: folder + "/casemate.yaml"))
        let outcome = try SensitivityProbe().run(on: subject, context: RunContext(threads: 2))
        let swings = outcome.metrics.filter { $0.name == "sensitivity.swing" }
        #expect(swings.max { ($0.value ?? 0) < ($1.value ?? 0) }?.group == "feature=gdlin")
        #expect(!outcome.findings.contains { $0.id == "sensitivity.cliff_edge" })
        let flips = outcome.metrics.filter { $0.name == "sensitivity.flip_rate" }
        #expect(flips.first { $0.group == "feature=gdlin" }?.value == 0, "immutable")
        let denied = try #require(outcome.metrics.first { $0.name == "sensitivity.favourable_flip_rate" })
        #expect(denied.n == 47 && (denied.value ?? 0) > 0.2)
        #expect(outcome.attacker.contains { $0.contains("of 47 unfavourable decisions turned favourable") })
    }

    @Test func imagesAreNotTested() throws {
        let folder = Repository.path("Examples/digits")
        let subject = try SubjectSupport.subject(AuditConfiguration(contentsOf: folder + "/casemate.yaml"))
        #expect(SensitivityProbe().reasonNotToRun(on: subject)?.contains("pixels") == true)
    }
}
