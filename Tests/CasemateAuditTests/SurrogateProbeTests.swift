import CasemateAudit
import CasemateCore
import Foundation
import TestSupport
import Testing

/// The probe on the example and on models of every kind of answer.
@Suite struct SurrogateProbeTests {
    /// Made rows of `features` columns; train and test are one file, of which half judges.
    private func rows(_ count: Int, features: Int = 4, label: (Int) -> String) -> [String] {
        var generator = SeededGenerator(seed: 11)
        let header = (0..<features).map { "x\($0)" } + ["group", "y"]
        return [header.joined(separator: ",")]
            + (0..<count).map { row in
                let x = (0..<features).map { _ in "\(generator.uniform() * 4 - 2)" }
                return (x + ["\(row % 2)", label(row)]).joined(separator: ",")
            }
    }
    /// Without a favourable outcome, which a regression without threshold must not have.
    private func subject(
        _ rows: [String], model: String, in folder: String, extra: String = ""
    ) throws -> AuditSubject {
        try (rows.joined(separator: "\n") + "\n")
            .write(toFile: folder + "/data.csv", atomically: true, encoding: .utf8)
        let yaml = """
            model: \(Repository.path("Tests/Fixtures/" + model))
            data: {train: \(folder)/data.csv, test: \(folder)/data.csv, target: y, ignore: [group]}
            \(extra)
            """
        return try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
    }
    private func outcome(
        _ rows: [String], model: String, extra: String = "", threads: Int = 2,
        change: (inout SurrogateProbe) -> Void = { _ in }
    ) throws -> ProbeOutcome {
        try Repository.withTemporaryFolder { folder in
            let subject = try subject(rows, model: model, in: folder, extra: extra)
            var probe = SurrogateProbe()
            change(&probe)
            #expect(probe.reasonNotToRun(on: subject) == nil)
            return try probe.run(on: subject, context: RunContext(threads: threads))
        }
    }
    private func value(_ outcome: ProbeOutcome, _ name: String, _ group: String? = nil) -> Metric? {
        outcome.metrics.first { $0.name == "surrogate.\(name)" && $0.group == group.map { "copy=\($0)" } }
    }

    @Test func theExampleIsCopiedInFewSeconds() throws {
        let configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        let subject = try SubjectSupport.subject(configuration)
        #expect(SurrogateProbe().reasonNotToRun(on: subject) == nil)
        let outcome = try SurrogateProbe().run(on: subject, context: RunContext(threads: 2))
        #expect(outcome.status == .tested && outcome.reason == nil)
        let agreement = try #require(value(outcome, "agreement", "scores natural 1000"))
        #expect((agreement.value ?? 0) > 0.9 && agreement.n == 597 && agreement.low != nil)
        #expect(outcome.headlines.map(\.name) == ["surrogate.agreement", "surrogate.kappa"])
        #expect(outcome.headlines.allSatisfy { $0.group == "copy=scores natural 1000" })
        #expect(value(outcome, "equations_solved")?.value == 0)
        #expect((value(outcome, "majority_rate")?.value ?? 1) < agreement.value ?? 0)
        #expect(Set(outcome.metrics.map(\.name)).isSubset(of: MetricCatalogue.names))
        for metric in outcome.metrics where metric.name.hasSuffix("agreement") || metric.name.hasSuffix("kappa") {
            #expect(metric.value == nil || (metric.low != nil && metric.high != nil && metric.n > 0), "\(metric)")
        }
        let series = try #require(outcome.plots.first)
        #expect(series.x.isLogarithmic && series.references.count == 1 && series.series.count == 7)
        #expect(outcome.tables.count == 2 && outcome.summary.count >= 6)
        #expect(outcome.findings.map(\.id) == ["surrogate.cheap_copy"])
        #expect(outcome.findings.allSatisfy { $0.severity == .medium } && !outcome.attacker.isEmpty)
    }

    /// A logistic model of two features: three answers are the model.
    @Test func aLogisticModelIsSolved() throws {
        let outcome = try outcome(
            rows(400, features: 2) { "\($0 % 2)" }, model: "models/linear_2.onnx", change: { $0.budgets = [100, 200] })
        #expect(value(outcome, "equations_solved")?.value == 1)
        let finding = try #require(outcome.findings.first { $0.id == "surrogate.equations_solved" })
        #expect(finding.severity == .high && finding.title.hasPrefix("3 answers"))
        #expect(outcome.attacker.first?.contains("exact copy") == true)
        #expect(outcome.tables.contains { $0.title.hasPrefix("Solving equations for 3 weights") && $0.rows.count == 3 })
        // Train and test are one file: half of it judges.
        #expect(value(outcome, "agreement", "scores natural 100")?.n == 200)
    }

    /// A model that decides nearly everything alike is not called copied, however high the agreement.
    @Test func aMajorityRaisesNoFinding() throws {
        let outcome = try outcome(
            rows(600) { "\($0 % 2)" }, model: "models/sk_gradient_boosting.onnx", extra: "decision: {threshold: 0.985}",
            change: { $0.budgets = [20] })
        let (agreement, majority) = (value(outcome, "agreement", "labels natural 20"), value(outcome, "majority_rate"))
        #expect((agreement?.value ?? 0) > 0.85 && (majority?.value ?? 0) > 0.85, "\(majority?.value ?? 0)")
        #expect(outcome.findings.isEmpty && outcome.attacker.isEmpty)
    }

    @Test func everyKindOfAnswer() throws {
        let small: (inout SurrogateProbe) -> Void = { $0.budgets = [150] }
        let three = try outcome(rows(400) { "\($0 % 3)" }, model: "models/sk_logistic_multiclass.onnx", change: small)
        #expect(value(three, "equations_solved")?.value == 1 && value(three, "kappa", "labels natural 150") != nil)
        let margins = try outcome(rows(400) { "\($0 % 3)" }, model: "models/sk_linear_svc_scores.onnx", change: small)
        #expect(value(margins, "equations_solved")?.value == 1)
        let labels = try outcome(rows(400) { "\($0 % 2)" }, model: "models/sk_label_only.onnx", change: small)
        #expect(Set(labels.metrics.compactMap(\.group)).allSatisfy { $0.hasPrefix("copy=labels") })
        #expect(value(labels, "equations_solved") == nil && labels.headlines.first?.group == "copy=labels natural 150")
        let value_ = try outcome(rows(400) { "\($0)" }, model: "models/lightgbm_regression.onnx", change: small)
        #expect(value_.headlines.map(\.name) == ["surrogate.score_r2"] && value_.headlines[0].low != nil)
        #expect(value(value_, "majority_rate") == nil && value(value_, "agreement", "scores natural 150") == nil)
        let limit = try outcome(
            rows(400) { "\($0)" }, model: "models/lightgbm_regression.onnx", extra: "decision: {threshold: 0}",
            change: small)
        #expect(value(limit, "kappa", "labels natural 150") != nil)
    }

    @Test func whatDoesNotApplyIsSaid() throws {
        try Repository.withTemporaryFolder { folder in
            func reason(_ rows: [String], _ model: String, _ change: (inout SurrogateProbe) -> Void = { _ in }) throws
                -> String
            {
                let subject = try subject(rows, model: model, in: folder)
                var probe = SurrogateProbe()
                change(&probe)
                return probe.reasonNotToRun(on: subject) ?? "runs"
            }
            #expect(try reason(rows(20, features: 2) { "\($0 % 2)" }, "models/linear_2.onnx").contains("too few"))
            let only = try reason(rows(100) { "\($0 % 2)" }, "models/sk_label_only.onnx") { $0.access = ["scores"] }
            #expect(only.contains("add `labels`"))
            let nothing = try reason(rows(100) { "\($0)" }, "models/lightgbm_regression.onnx") {
                $0.access = ["labels"]
            }
            #expect(nothing.contains("add `scores`"))
        }
    }

    /// The same bytes at any thread count; a budget that is spent leaves nothing half said.
    @Test func repeatableAndInterruptible() throws {
        let data = rows(300) { "\($0 % 2)" }
        func run(_ threads: Int) throws -> ProbeOutcome {
            try outcome(
                data, model: "models/sk_gradient_boosting.onnx", threads: threads, change: { $0.budgets = [60] })
        }
        #expect(try run(1) == run(3))
        try Repository.withTemporaryFolder { folder in
            let subject = try subject(data, model: "models/sk_gradient_boosting.onnx", in: folder)
            let late = try SurrogateProbe().run(on: subject, context: RunContext(deadline: .now))
            #expect(late.status == .partial && late.headlines.isEmpty && late.findings.isEmpty)
            let stop = Cancellation()
            stop.cancel(.outOfTime)
            let stopped = try SurrogateProbe().run(on: subject, context: RunContext(cancellation: stop))
            #expect(stopped.status == .partial && stopped.metrics.isEmpty)
        }
    }
}
