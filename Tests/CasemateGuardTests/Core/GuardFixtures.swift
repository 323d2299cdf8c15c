import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Synchronization

/// A model of two features that answers the sum's sign, without an engine.
struct SignBackend: ModelBackend {
    let description = ModelDescription(
        name: "sign", version: "1", sha256: "00", platform: "test",
        inputs: [.init(name: "x", type: .float, shape: [nil, 2])],
        outputs: [.init(name: "label", type: .int64, shape: [nil]), .init(name: "p", type: .float, shape: [nil, 2])],
        layout: .matrix, task: .binary, classes: ["0", "1"], features: [Feature("a"), Feature("b")])
    var isReady: Bool { true }
    var failure: GuardRefusal?

    func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer {
        if let failure { throw failure }
        let values = request.matrix?.values ?? []
        let sums = (0..<request.rows).map { values[2 * $0] + values[2 * $0 + 1] }
        let scores = sums.flatMap { sum -> [Float] in
            let positive = 1 / (1 + exp(-sum))
            return [1 - positive, positive]
        }
        let labels = sums.map { Int32($0 > 0 ? 1 : 0) }
        return InferenceAnswer(
            outputs: [
                NamedTensor("label", Tensor(shape: [request.rows], .int64(labels.map { Int64($0) }))),
                NamedTensor("p", Tensor(shape: [request.rows, 2], .float(scores))),
            ],
            predictions: Predictions(
                task: .binary, classes: ["0", "1"], kind: .probabilities, scores: scores, labels: labels),
            roles: .init(label: "label", scores: "p", kind: .probabilities))
    }
}

/// Keeps events in memory, or fails.
final class MemoryLog: DecisionLog {
    private let kept = Mutex<[DecisionEvent]>([])
    private let cleared = Mutex<[String]>([])
    let failure: GuardRefusal?
    init(failure: GuardRefusal? = nil) { self.failure = failure }
    var events: [DecisionEvent] { kept.withLock { $0 } }
    /// Clients that were cleared, and by whom.
    var clearings: [String] { cleared.withLock { $0 } }
    func noteClearing(of client: String, standing: ClientStanding?, who: String) throws {
        if let failure { throw failure }
        cleared.withLock { $0.append("\(client) by \(who)") }
    }
    var isWriting: Bool { failure == nil }
    func append(_ event: DecisionEvent) async throws {
        if let failure { throw failure }
        kept.withLock { $0.append(event) }
    }
    func close() async {}
}

/// Lets everybody in under a name, or nobody.
struct NamedAuthenticator: Authenticating {
    var identity: ClientIdentity?
    func authenticate(_ credentials: Credentials) async throws -> ClientIdentity {
        if let key = credentials.apiKey {
            return ClientIdentity(id: key, method: .apiKey, scopes: key == "boss" ? [.admin] : [.infer])
        }
        guard let identity else { throw GuardRefusal(.unauthenticated, "credentials are needed") }
        return identity
    }
}

/// A face of one address, `POST /sum/NAME`, with two numbers between a comma as the body.
struct SumFace: WireFace {
    static let identifier = "sum"
    init() {}
    func route(_ head: WireHead) throws -> WireRoute? {
        guard head.path.hasPrefix("/sum/") else { return nil }
        guard head.method == "POST" else {
            throw GuardRefusal(.methodNotAllowed, "only POST", allow: ["POST"])
        }
        let target = WireRoute.Target(name: String(head.path.dropFirst(5)))
        return WireRoute(access: .scope(.infer), target: target, bodyLimit: 64) { request, exchange, generation in
            try await generation.infer(&exchange) { model in
                let numbers = String(decoding: request.body, as: UTF8.self).split(separator: ",").compactMap {
                    Float($0)
                }
                guard numbers.count == 2 else { throw GuardRefusal(.malformed, "two numbers are needed") }
                return InferenceRequest(
                    inputs: [NamedTensor("x", Tensor(shape: [1, 2], .float(numbers)))], rows: 1, model: model)
            } encode: { answer, _, _ in
                WireResponse(
                    status: 200, headers: [.init("content-type", "application/json")],
                    body: Array("{\"label\":\(answer.predictions?.labels[0] ?? -1)}".utf8))
            }
        }
    }
}

/// A guard around `SignBackend` with the stages that a test gives.
struct GuardRig {
    let edge: GuardEdge
    let log: MemoryLog
    let metrics: MetricsRegistry
    let memory: GuardMemory
    let clock: ManualClock

    init(
        _ stages: [(stage: any GuardStage, mode: StageMode, failsOpen: Bool)] = [], yaml: String? = nil,
        backend: SignBackend = .init(), log: MemoryLog = .init(),
        identity: ClientIdentity? = .init(id: "alice", method: .apiKey),
        faces: [any WireFace] = [SumFace()]
    ) throws {
        let clock = ManualClock()
        let (metrics, memory) = (MetricsRegistry(), GuardMemory())
        let text = yaml ?? "models: [{name: sign, path: none.onnx}]\naudit_log: none.sqlite\n"
        let configuration = try GuardConfiguration(text, path: "guard.yaml")
        let setup = StageSetup(
            model: backend.description, folder: "", clock: clock, memory: memory, metrics: metrics,
            secret: GuardSecret([UInt8](repeating: 7, count: 32)), openBackend: { _, _ in backend }, context: .init())
        let steps = stages.map {
            GuardPipeline.Step(stage: $0.stage, mode: $0.mode, failsOpen: $0.failsOpen)
        }
        let pipeline = GuardPipeline(steps: steps, clock: clock, metrics: metrics)
        let edgePipeline = GuardPipeline(
            steps: steps.filter { type(of: $0.stage).standsAtTheEdge }, clock: clock, metrics: metrics)
        let traffic = memory.object("guard.traffic") { TrafficMonitor(clock: clock) }
        let generation = GuardGeneration(
            configuration: configuration, server: try ServerSettings(configuration),
            authenticator: NamedAuthenticator(identity: identity), models: [(backend, pipeline)], edge: edgePipeline,
            log: log, observers: [traffic], setup: setup)
        edge = GuardEdge(generation, faces: faces, logger: RunContext().logger)
        (self.log, self.metrics, self.memory, self.clock) = (log, metrics, memory, clock)
    }

    func post(_ body: String, to model: String = "sign", headers: [Exchange.Header] = []) async -> WireResponse {
        let bytes = Array(body.utf8)
        let fields = headers + [.init("content-length", "\(bytes.count)")]
        return await edge.respond(to: WireHead(method: "POST", path: "/sum/\(model)", headers: fields)) { _ in bytes }
    }
}
