import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import Logging

/// A model file run in this process: an ONNX graph, or trees of XGBoost or LightGBM.
final class LocalBackend: ModelBackend {
    let description: ModelDescription
    /// Gathers calls into runs.
    let queue: BatchQueue
    private let roles: InferenceAnswer.Roles
    private let clock: any GuardClock
    private let timeout: UInt64
    private let failures: MetricsRegistry.Cell
    private let context: RunContext

    /// Prepares an opened file.
    /// - Throws: `invalidSetting` for names that do not fit its columns.
    init(
        _ file: ServedFile, settings: BackendSettings, name: String, version: String, setup: StageSetup
    ) throws(CasemateError) {
        let facts = file.model.facts
        var features = try facts.features(named: settings.names, at: settings.place)
        for (index, setting) in settings.features.enumerated() where features.indices.contains(index) {
            if let levels = setting.levels { features[index] = Feature(setting.name, .categorical(levels: levels)) }
        }
        func ports(_ inputs: [ModelSignature.Input]) -> [ModelDescription.Port] {
            inputs.map { ModelDescription.Port(name: $0.name, type: $0.type, shape: $0.shape) }
        }
        description = ModelDescription(
            name: name, version: version, sha256: file.sha256, platform: facts.platform, inputs: ports(facts.inputs),
            outputs: ports(facts.outputs), layout: facts.layout, task: facts.task, classes: facts.classes,
            features: features, fixedBatch: facts.fixedBatch)
        roles = InferenceAnswer.Roles(label: facts.label, scores: facts.scores, kind: facts.kind)
        clock = setup.clock
        timeout = UInt64(settings.timeout * 1e9)
        context = setup.context
        let labels = [("model", name), ("version", version)]
        failures = setup.metrics.counter(
            "casemate_model_failures_total", "Runs in this process that failed.", labels)
        queue = BatchQueue(
            file.model, settings: settings.batching, threads: settings.threads, clock: setup.clock,
            metrics: BatchMetrics(setup.metrics, labels))
        for note in facts.notes {
            setup.context.logger.warning("the model '\(name)' is served with less: \(note)")
        }
    }

    /// Always: the model is loaded.
    var isReady: Bool { !queue.isEnded }

    func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer {
        let deadline = min(call.deadline, clock.monotonic &+ timeout)
        if let fixed = description.fixedBatch, request.rows > fixed {
            throw GuardRefusal(.malformed, "the model takes at most \(fixed) rows a call", field: "shape")
        }
        do {
            let answer = try await queue.answer(request.inputs, rows: request.rows, deadline: deadline)
            return InferenceAnswer(outputs: answer.outputs, predictions: answer.predictions, roles: roles)
        } catch let error as CasemateError {
            throw refusal(error)
        }
    }

    /// What a caller learns of a run that failed: nothing of the model's inside, and no value.
    private func refusal(_ error: CasemateError) -> GuardRefusal {
        failures.add()
        context.logger.debug("a run failed", metadata: ["model": "\(description.name)", "error": "\(error.what)"])
        switch error.code {
        case .unusableData:
            return GuardRefusal(.upstreamFailed, "the model's answer is not a number", reason: "not_a_number")
        case .mismatch:
            return GuardRefusal(.malformed, "the tensors do not fit the model's inputs", field: "inputs")
        default:
            // why 422: the types and shapes were right, and a graph fails on values alone, such as an unknown category.
            return GuardRefusal(.unprocessable, "the model cannot work with these values", reason: "model_rejected")
        }
    }

    func shutDown() async { queue.end() }
}
