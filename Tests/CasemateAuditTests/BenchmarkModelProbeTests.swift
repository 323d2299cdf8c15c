import CasemateAudit
import CasemateCore
import Foundation
import TestSupport
import Testing

/// The benchmark model on made tables, for models that give probabilities, several classes, labels and values.
@Suite struct BenchmarkModelProbeTests {
    /// Rows of `features` columns with a label from them.
    private func rows(
        _ count: Int, features: Int, seed: UInt64, _ label: ([Double], inout SeededGenerator) -> String
    ) -> [String] {
        var generator = SeededGenerator(seed: seed)
        let header = (0..<features).map { "x\($0)" } + ["group", "y"]
        return [header.joined(separator: ",")]
            + (0..<count).map { row in
                let x = (0..<features).map { _ in Double(generator.uniform() * 4 - 2) }
                return (x.map { "\($0)" } + ["\(row % 2)", label(x, &generator)]).joined(separator: ",")
            }
    }

    private func outcome(
        _ rows: [String], model: String = "models/linear_2.onnx", seed: UInt64 = 0,
        change: (inout AuditConfiguration) -> Void = { _ in }
    ) throws -> ProbeOutcome {
        try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(rows, model: model, in: folder)
            change(&configuration)
            let subject = try SubjectSupport.subject(configuration)
            let probe = BenchmarkModelProbe()
            #expect(probe.reasonNotToRun(on: subject) == nil)
            return try probe.run(on: subject, context: RunContext(seed: seed))
        }
    }

    private func value(_ outcome: ProbeOutcome, _ name: String) -> Double? {
        outcome.metrics.first { $0.name == "benchmark_model.\(name)" }?.value
    }

    /// linear_2 answers by a logistic curve; data drawn from it teach the benchmark nearly the same.
    @Test func aLogisticModelIsItsOwnBenchmark() throws {
        let data = rows(3_000, features: 2, seed: 1) { x, generator in
            let logit = 0.375 * x[0] - 1.046_875 * x[1] + 0.343_75
            return generator.uniformDouble() < 1 / (1 + exp(-logit)) ? "1" : "0"
        }
        let outcome = try outcome(data)
        #expect((value(outcome, "divergence_q99") ?? 1) < 0.05 && value(outcome, "share_beyond") == 0)
        #expect(outcome.findings.map(\.id) == ["benchmark_model.no_gain"] && outcome.attacker.isEmpty)
        #expect(outcome.findings.allSatisfy { $0.severity == .info })
        #expect(abs(value(outcome, "auc_difference") ?? 1) < 0.01 && (value(outcome, "disagreement") ?? 1) < 0.05)
        let q50 = try #require(outcome.metrics.first { $0.name == "benchmark_model.divergence_q50" })
        #expect((q50.low ?? 1) <= (q50.value ?? 0) && (q50.high ?? 0) >= (q50.value ?? 1) && q50.n == 3_000)
        #expect(outcome.headlines.map(\.name) == ["benchmark_model.divergence_q99"])
    }

    /// The labels follow x0 against the model: it ranks worse, decides worse, and promises what does not hold.
    @Test func aModelThatIsWorseThanTheBenchmarkIsFound() throws {
        let data = rows(2_000, features: 2, seed: 2) { x, generator in
            generator.uniformDouble() < 1 / (1 + exp(4 * x[0])) ? "1" : "0"
        }
        let outcome = try outcome(data)
        let found = Set(outcome.findings.map(\.id))
        #expect(
            found.isSuperset(
                of: ["ranks_worse", "decides_worse", "lenient_without_ground"].map { "benchmark_model.\($0)" }))
        #expect(outcome.attacker.count == 1 && (value(outcome, "auc_difference") ?? 0) < -0.2)
        let segments = try #require(outcome.tables.first { $0.columns.first == "segment" })
        #expect(segments.rows.contains { $0[0].contains("x0") })
        let listed = try #require(outcome.tables.first { $0.columns.first == "row" })
        #expect(listed.rows.count == 10)
        #expect(try self.outcome(data) == outcome)
    }

    /// Without a favourable outcome nothing is called lenient.
    @Test func withoutAFavourableOutcomeThePositiveClassIsCompared() throws {
        let data = rows(600, features: 2, seed: 3) { x, generator in
            generator.uniformDouble() < 1 / (1 + exp(4 * x[0])) ? "1" : "0"
        }
        let outcome = try outcome(data) { $0.data.favourable = nil }
        #expect(!outcome.findings.contains { $0.id.hasSuffix("lenient_without_ground") } && outcome.attacker.isEmpty)
        #expect(value(outcome, "divergence_q99") != nil)
    }

    @Test func severalClassesTakeTheTotalVariationDistance() throws {
        let data = rows(600, features: 4, seed: 4) { x, _ in x[0] > 0.5 ? "2" : x[1] > 0 ? "1" : "0" }
        for model in ["models/sk_logistic_multiclass.onnx", "models/lightgbm_multiclass.onnx"] {
            let outcome = try outcome(data, model: model) { $0.data.favourable = nil }
            let q99 = try #require(value(outcome, "divergence_q99"))
            #expect(q99 > 0 && q99 <= 1 && value(outcome, "auc") == nil)
            #expect((value(outcome, "accuracy") ?? 0) > 0.8)
        }
    }

    @Test func labelsAndValuesAreComparedByDecisions() throws {
        let labels = rows(500, features: 4, seed: 5) { x, _ in x[0] > 0 ? "1" : "0" }
        let bare = try outcome(labels, model: "models/sk_label_only.onnx")
        #expect(bare.metrics.contains { $0.name == "benchmark_model.divergence_q99" && $0.value == nil })
        #expect(bare.summary.first?.contains("labels and no probabilities") == true)
        #expect(value(bare, "disagreement") != nil && value(bare, "auc") != nil)
        let values = rows(500, features: 4, seed: 6) { x, _ in "\(x[0])" }
        let regression = try outcome(values, model: "models/sk_linear_regression.onnx") {
            $0.decision.threshold = 0
            $0.data.favourable = "above"
        }
        #expect(value(regression, "auc_difference") != nil && value(regression, "disagreement") != nil)
    }

    @Test func whatIsMissingIsSaidWithTheLineToAdd() throws {
        let data = rows(400, features: 2, seed: 7) { x, _ in x[0] > 0 ? "1" : "0" }
        try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(data, in: folder)
            configuration.data.train = nil
            let without = try SubjectSupport.subject(configuration)
            #expect(
                BenchmarkModelProbe().reasonNotToRun(on: without)
                    == "no training data are declared: add `train: …` under `data:`")
        }
        try Repository.withTemporaryFolder { folder in
            let few = try SubjectSupport.subject(SubjectSupport.configuration(Array(data.prefix(51)), in: folder))
            #expect(
                BenchmarkModelProbe().reasonNotToRun(on: few)
                    == "50 rows of training or test data: at least 100 are needed")
        }
    }
}
