public import CasemateCore
import CasemateModels

/// Asks a benchmark model the same, and says where the two diverge.
///
/// The benchmark is asked when the answer of the served model is there, so that requests refused before cost nothing; an
/// answer takes as much longer as the benchmark does.
public struct SecondOpinionStage: GuardStage {
    /// Name in `guard.yaml`, records and metrics.
    public static let identifier = "second_opinion"
    /// Heading on pages.
    public static let title = "Second opinion"
    /// What it does.
    public static let purpose =
        "asks a benchmark model too; where the two diverge: a note, a review or the safer answer"
    /// The threats that it stands against.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity], specificity: .targeted,
        atlas: ["AML.T0015", "AML.T0043"], owasp: ["ML01"], nist: ["NISTAML.022"])
    /// Keys under the stage.
    public static let keys = SecondOpinionSettings.keys

    private let settings: SecondOpinionSettings
    private let benchmark: Benchmark
    private let inputs: BenchmarkInputs
    private let opinions: Opinions
    private let asked: MetricsRegistry.Cell, diverged: MetricsRegistry.Cell, replaced: MetricsRegistry.Cell

    /// Creates the stage and opens the benchmark.
    /// - Throws: `invalidSetting` without a benchmark and for a safer class that is none; `mismatch` for a benchmark that
    ///   takes or answers something else; what opening it throws.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let plan = try SecondOpinionSettings(settings)
        guard let model = setup.model else {
            throw CasemateError(.invalidSetting, at: plan.place, "there is no model", help: "put it under a model")
        }
        let path = plan.model.contains("://") ? plan.model : setup.path(plan.model)
        benchmark = Benchmark(try setup.openBackend(path, "\(model.name)-second-opinion"))
        let other = benchmark.backend.description
        inputs = try BenchmarkInputs(from: model, to: other, columns: plan.columns, at: plan.place)
        opinions = try Opinions(plan, model, other)
        self.settings = plan
        func counter(_ name: String, _ help: String) -> MetricsRegistry.Cell {
            setup.metrics.counter("casemate_second_opinion_\(name)_total", help, [("model", model.name)])
        }
        asked = counter("rows", "Rows that the benchmark model answered too.")
        diverged = counter("diverged_rows", "Rows on which the benchmark model diverges.")
        replaced = counter("replaced_rows", "Rows whose answer became the safer one.")
    }

    /// Asks the benchmark and compares; puts the safer answer in its place where that is set.
    /// - Throws: `CasemateError` when the benchmark gives no answer that can be compared: a failure of the stage.
    public func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict {
        guard let own = answer.predictions else {
            throw unable("the answer has no predictions to compare")
        }
        let theirs: InferenceAnswer
        do {
            theirs = try await benchmark.backend.infer(
                try inputs.request(request), call: BackendCall(trace: exchange.trace, deadline: exchange.deadline))
        } catch let refusal as GuardRefusal {
            // why: what the benchmark refuses is a failure of this stage, for which `on_failure` is set.
            throw unable("the benchmark model gives no answer: \(refusal.reason)")
        }
        guard let raw = theirs.predictions, let other = opinions.aligned(raw, to: own) else {
            throw unable("the benchmark model answers in another form")
        }
        let (rows, largest) = opinions.divergence(own, other)
        asked.add(Double(own.count))
        guard !rows.isEmpty else { return .pass }
        diverged.add(Double(rows.count))
        let score = Double((largest * 10_000).rounded() / 10_000)
        guard Double(rows.count) >= settings.share * Double(own.count) else {
            return StageVerdict(.pass, score: score)
        }
        switch settings.action {
        case .flag: return StageVerdict(.flag, score: score, reasons: ["diverged"])
        case .hold: return StageVerdict(.hold, score: score, reasons: ["diverged"])
        case .safer: return try replace(&answer, own, other, rows, score)
        }
    }

    private func replace(
        _ answer: inout InferenceAnswer, _ own: Predictions, _ other: Predictions, _ rows: [Int], _ score: Double
    ) throws -> StageVerdict {
        let (scores, labels, changed) = opinions.saferAnswer(own, other, rows: rows)
        guard !changed.isEmpty else { return StageVerdict(.flag, score: score, reasons: ["diverged"]) }
        var safer = answer
        guard safer.rewrite(scores: scores, labels: own.task == .regression ? nil : labels) else {
            throw unable("the answer has a form that cannot be changed")
        }
        answer = safer
        replaced.add(Double(changed.count))
        return StageVerdict(.flag, score: score, reasons: ["diverged", "safer_answer"])
    }

    private func unable(_ what: String) -> CasemateError {
        CasemateError(.engineFailed, at: "stages.second_opinion", what, help: "see the page of the stage")
    }
}

/// The benchmark's back end, let go of when the last stage that uses it is gone.
private final class Benchmark: Sendable {
    let backend: any ModelBackend
    init(_ backend: any ModelBackend) { self.backend = backend }
    deinit {
        let backend = backend
        Task { await backend.shutDown() }
    }
}
