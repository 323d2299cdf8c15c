import CasemateAudit
import CasemateCore
import Foundation
import TestSupport
import Testing

@Suite struct RandomTestingProbeTests {
    /// A subject over 300 rows of two numbers in 0.1…1.
    private func subject(
        _ model: String, extra: String = "", share: Double = 0.5, in folder: String
    ) throws -> AuditSubject {
        var generator = SeededGenerator(seed: 8)
        let rows = (0..<300).map { _ in
            let x1 = generator.uniformDouble() < share ? 0.1 : 0.9
            return "\(0.1 + 0.9 * generator.uniform()),\(x1),\(generator.uniform() < 0.5 ? 1 : 0)"
        }
        try ((["x0,x1,y"] + rows).joined(separator: "\n") + "\n")
            .write(toFile: folder + "/data.csv", atomically: true, encoding: .utf8)
        let yaml = """
            model: \(Repository.path("Tests/Fixtures/" + model))
            data: {train: \(folder)/data.csv, test: \(folder)/data.csv, target: y, favourable: 1}
            \(extra)
            """
        return try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
    }

    private func run(
        _ model: String, _ probe: RandomTestingProbe = RandomTestingProbe(), extra: String = "", share: Double = 0.5
    ) throws -> ProbeOutcome {
        try Repository.withTemporaryFolder { folder in
            try probe.run(
                on: subject(model, extra: extra, share: share, in: folder), context: RunContext(seed: 4))
        }
    }

    /// A logistic model raises nothing while nothing is expected of it, and its figures are there with intervals.
    @Test func aCleanModelRaisesNothing() throws {
        let outcome = try run("models/linear_2.onnx")
        #expect(outcome.findings.isEmpty && outcome.status == .tested)
        let shares = outcome.metrics.filter { $0.name == "random_testing.favourable_share" }
        #expect(shares.contains { $0.group == "kind=uniform" && $0.low != nil && $0.n > 100 })
        #expect(outcome.metrics.first { $0.name == "random_testing.inconsistent" }?.value == 0)
        #expect(outcome.metrics.first { $0.name == "random_testing.rows" && $0.group == nil }?.value == 1_000)
        #expect(outcome.tables.count == 1 && outcome.plots.count == 1)
        #expect(outcome.headlines.map(\.name) == ["random_testing.non_finite_answers"])
        #expect(try run("models/linear_2.onnx").metrics == outcome.metrics, "the same seed, the same figures")
    }

    /// A logarithm inside: values of 0 and below are answered with NaN, and the finding names such a value.
    @Test func aLogarithmIsFoundAndNamed() throws {
        let outcome = try run("bad-models/nan-sometimes.onnx")
        let finding = try #require(outcome.findings.first { $0.id == "random_testing.not_a_number" })
        #expect(finding.severity == .medium)
        let text = finding.evidence.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined()
        #expect(text.contains("'x0' = ") || text.contains("'x1' = "), "\(text)")
        #expect(text.contains("seed 4") && outcome.attacker.contains { $0.contains("no number") })
        #expect(outcome.metrics.contains { $0.name == "random_testing.non_finite_answers" && ($0.value ?? 0) > 0.05 })
    }

    /// Expectations: a model without imputation breaks `missing: answer`; every model breaks `extreme: refuse`.
    @Test func declaredExpectationsAreJudged() throws {
        var probe = RandomTestingProbe()
        (probe.missing, probe.extreme) = (.answer, .refuse)
        let outcome = try run("models/linear_2.onnx", probe)
        #expect(
            outcome.findings.map(\.id) == ["random_testing.expectation_broken", "random_testing.expectation_broken"])
        #expect(Set(outcome.findings.map(\.fingerprint)).count == 2)
        let missing = try #require(outcome.findings.first { $0.title.contains("missing: answer") })
        let text = missing.evidence.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined()
        #expect(text.contains("= missing"), "\(text)")
        var kept = RandomTestingProbe()
        (kept.unseen, kept.label) = (.refuse, .highest)
        #expect(try run("models/linear_2.onnx", kept).findings.isEmpty, "no category, so nothing unseen")
    }

    /// Random rows decided favourably more often than allowed, or than anybody in the data.
    @Test func favourableRandomRowsAreJudged() throws {
        var probe = RandomTestingProbe()
        probe.favourableShare = 0.2
        let outcome = try run("models/linear_2.onnx", probe, share: 0.02)
        #expect(outcome.findings.map(\.id) == ["random_testing.random_rows_approved"])
        #expect(outcome.attacker.first?.contains("random values") == true)
        probe.favourableShare = 0.99
        #expect(try run("models/linear_2.onnx", probe, share: 0.98).findings.isEmpty)
    }

    /// Made-up rows that break a declared rule are counted with what becomes of them.
    @Test func brokenRulesAreCounted() throws {
        let extra = "constraints: [{name: small, rule: row.x0 <= 0.7}]"
        let outcome = try run("models/linear_2.onnx", extra: extra)
        let metric = try #require(outcome.metrics.first { $0.name == "random_testing.violating_favourable_share" })
        #expect(metric.group == "rule=small" && metric.n > 100 && metric.low != nil && metric.high != nil)
        #expect(outcome.tables.count == 2 && outcome.attacker.contains { $0.contains("break 'small'") })
    }
}
