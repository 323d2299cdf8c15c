import CasemateCore
import CasemateModels
import Crypto
import Foundation

/// One configuration in force, with all that was made of it. A reload makes a new one; requests on their way keep theirs.
public final class GuardGeneration: Sendable {
    /// A model with its stages.
    public struct Served: Sendable {
        /// What runs it.
        public let backend: any ModelBackend
        /// What stands in front of it.
        public let pipeline: GuardPipeline
        /// Name and version, which never change.
        let name: String, version: String
        let duration: MetricsRegistry.Histogram
    }
    /// The configuration.
    public let configuration: GuardConfiguration
    /// Limits of the server.
    public let server: ServerSettings
    /// Finds out who asks.
    public let authenticator: any Authenticating
    /// The models in the order of the file.
    public let models: [Served]
    /// What stands in front of all that is no call of a model.
    public let edge: GuardPipeline
    /// Where decisions are kept.
    public let log: any DecisionLog
    /// Who looks at decisions.
    public let observers: [any DecisionObserver]
    /// Clocks.
    public let clock: any GuardClock
    /// Counters and histograms.
    public let metrics: MetricsRegistry
    /// Objects that outlive reloads.
    public let memory: GuardMemory
    /// Counts of requests.
    let meters: RequestMeters
    private let inputHash: InputHash

    /// Makes a generation.
    public init(
        configuration: GuardConfiguration, server: ServerSettings, authenticator: any Authenticating,
        models: [(backend: any ModelBackend, pipeline: GuardPipeline)], edge: GuardPipeline, log: any DecisionLog,
        observers: [any DecisionObserver], setup: StageSetup
    ) {
        (self.configuration, self.server, self.authenticator) = (configuration, server, authenticator)
        (self.edge, self.log, self.observers) = (edge, log, observers)
        (clock, metrics, memory) = (setup.clock, setup.metrics, setup.memory)
        (meters, inputHash) = (RequestMeters(setup.metrics), InputHash(key: setup.secret.key(for: "input-hash")))
        self.models = models.map { entry in
            let description = entry.backend.description
            let duration = setup.metrics.histogram(
                "casemate_model_duration_seconds", "Time in the model or its server.", [("model", description.name)])
            return Served(
                backend: entry.backend, pipeline: entry.pipeline, name: description.name, version: description.version,
                duration: duration)
        }
    }

    /// The model of a name and version; the last of the file where the version is empty.
    public func model(_ target: WireRoute.Target) -> Served? {
        models.last { $0.name == target.name && (target.version.isEmpty || $0.version == target.version) }
    }
    /// Versions of a model in the order of the file; empty where there is none of that name.
    public func versions(of name: String) -> [String] {
        models.filter { $0.name == name }.map(\.version)
    }

    /// Takes a call of a model through stages, model and stages again.
    ///
    /// The exchange collects what happened; the caller keeps the record and answers.
    /// - Parameters:
    ///   - decode: Makes the checked request.
    ///   - encode: Makes the response of the answer.
    /// - Throws: `GuardRefusal`; `CancellationError`.
    public func infer(
        _ exchange: inout Exchange,
        decode: (ModelDescription) throws -> InferenceRequest,
        encode: (InferenceAnswer, InferenceRequest, ModelDescription) throws -> WireResponse
    ) async throws -> WireResponse {
        guard let served = model(.init(name: exchange.model, version: exchange.version)) else {
            throw GuardRefusal(.notFound, "there is no such model or version", field: "model")
        }
        let description = served.backend.description
        let request = try decode(description)
        exchange.rows = request.rows
        // why: what stages do grows with the rows, and the event loop has other callers.
        guard request.rows > Self.fewRows else {
            let answer = try await answer(request, from: served, &exchange)
            return try encode(answer, request, description)
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            let answer = try await answer(request, from: served, &exchange)
            return try encode(answer, request, description)
        }
    }

    /// Rows of a request that is worked on where it came in.
    private static let fewRows = 8

    private func answer(
        _ request: InferenceRequest, from served: Served, _ exchange: inout Exchange
    ) async throws -> InferenceAnswer {
        exchange.inputHash = inputHash.text(of: request)
        try await served.pipeline.examine(request, &exchange)
        let start = clock.monotonic
        var answer = try await served.backend.infer(
            request, call: BackendCall(trace: exchange.trace, deadline: exchange.deadline))
        let taken = clock.monotonic &- start
        served.duration.observe(nanoseconds: taken)
        exchange.modelNanoseconds = taken
        try await served.pipeline.review(&answer, of: request, &exchange)
        exchange.labels = Array((answer.predictions?.labels ?? []).prefix(16))
        return answer
    }
}
