import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Logging
import Synchronization

/// A model that answers as a closure says.
struct WireBackend: ModelBackend {
    let description: ModelDescription
    var isReady = true
    var answer: @Sendable (InferenceRequest) throws -> InferenceAnswer = { request in
        InferenceAnswer(
            outputs: request.inputs, predictions: nil, roles: .init(label: nil, scores: nil, kind: .value))
    }
    func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer {
        try answer(request)
    }
}

/// Keeps what it is given, or fails.
final class WireLog: DecisionLog {
    let events = Mutex<[DecisionEvent]>([])
    let failure: GuardRefusal?
    let isWriting: Bool
    init(failure: GuardRefusal? = nil, isWriting: Bool = true) { (self.failure, self.isWriting) = (failure, isWriting) }
    func append(_ event: DecisionEvent) async throws {
        if let failure { throw failure }
        events.withLock { $0.append(event) }
    }
    func close() async {}
}

/// Lets everybody in as one client, or nobody.
struct WireAuthenticator: Authenticating {
    var identity: ClientIdentity? = ClientIdentity(
        id: "tester", method: .anonymous, scopes: [.infer, .metadata, .metrics])
    func authenticate(_ credentials: Credentials) async throws -> ClientIdentity {
        guard let identity else { throw GuardRefusal(.unauthenticated, "credentials are needed") }
        return identity
    }
}

/// A stage that says one thing.
struct WireStage: GuardStage {
    static let identifier = "wire_test"
    static let title = "Test"
    static let purpose = "refuses"
    static let taxonomy = Taxonomy(stages: [])
    var atHead: GuardRefusal?
    var atBody: GuardRefusal?
    init(_ settings: SettingNode?, setup: StageSetup) throws {}
    init(atHead: GuardRefusal? = nil, atBody: GuardRefusal? = nil) { (self.atHead, self.atBody) = (atHead, atBody) }
    func admit(_ exchange: inout Exchange) async throws -> StageVerdict {
        atHead.map { StageVerdict(.refuse($0)) } ?? .pass
    }
    func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
        atBody.map { StageVerdict(.refuse($0)) } ?? .pass
    }
}

/// A guard with the three faces over models of a test.
struct WireFixture: Sendable {
    let edge: GuardEdge
    let log: WireLog
    let memory = GuardMemory()

    init(
        _ backends: [any ModelBackend], authenticator: any Authenticating = WireAuthenticator(),
        log: WireLog = WireLog(), stage: WireStage? = nil, settings: String = ""
    ) throws {
        self.log = log
        let entries = backends.map { backend in
            "  - {name: \(backend.description.name), version: '\(backend.description.version)', path: m.onnx}\n"
        }.joined()
        let configuration = try GuardConfiguration(
            "models:\n\(entries)auth: {anonymous: true}\naudit_log: a.sqlite\n\(settings)", path: "guard.yaml")
        let metrics = MetricsRegistry()
        let setup = StageSetup(
            model: nil, folder: "", clock: SystemClock(), memory: memory, metrics: metrics, secret: GuardSecret(),
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "none", help: "") },
            context: RunContext())
        let steps = stage.map { [GuardPipeline.Step(stage: $0, mode: .enforce)] } ?? []
        let pipeline = GuardPipeline(steps: steps, clock: SystemClock(), metrics: metrics)
        let generation = GuardGeneration(
            configuration: configuration, server: try ServerSettings(configuration), authenticator: authenticator,
            models: backends.map { ($0, pipeline) }, edge: pipeline, log: log, observers: [], setup: setup)
        edge = GuardEdge(
            generation, faces: [OpenInferenceFace(), MLflowFace(), OperationsFace()],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Asks the guard.
    func ask(
        _ method: String, _ path: String, _ body: [UInt8] = [], _ headers: [(String, String)] = [],
        failure: (any Error & Sendable)? = nil
    ) async -> WireResponse {
        let head = WireHead(
            method: method, path: path,
            headers: headers.map { .init($0.0, $0.1) } + [.init("content-length", "\(body.count)")])
        return await edge.respond(to: head) { _ in
            if let failure { throw failure }
            return body
        }
    }
    func post(_ path: String, _ body: String, _ headers: [(String, String)] = []) async -> WireResponse {
        await ask("POST", path, Array(body.utf8), headers)
    }
    /// Asks MLflow's way.
    func invoke(_ body: String, type: String = "application/json") async -> WireResponse {
        await post("/models/m/invocations", body, [("content-type", type)])
    }
}

extension WireResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
    /// The body as an object.
    var object: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// Models of tests.
enum WireModels {
    static func model(
        _ inputs: [ModelDescription.Port], outputs: [ModelDescription.Port]? = nil, features: [Feature] = [],
        layout: ModelSignature.Layout = .matrix, platform: String = "onnxruntime_onnx", name: String = "m",
        version: String = "1", fixedBatch: Int? = nil, task: ModelTask = .regression, classes: [String] = []
    ) -> ModelDescription {
        ModelDescription(
            name: name, version: version, sha256: String(repeating: "0", count: 64), platform: platform,
            inputs: inputs, outputs: outputs ?? inputs, layout: layout, task: task, classes: classes,
            features: features, fixedBatch: fixedBatch)
    }
    static let matrix = model(
        [.init(name: "x", type: .float, shape: [nil, 2])], features: [Feature("a"), Feature("b")])
    static let all: [ModelSignature.ElementType] = [
        .bool, .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64, .float16, .bfloat16, .float, .double,
        .string,
    ]
    static func vector(_ type: ModelSignature.ElementType) -> ModelDescription {
        model([.init(name: "x", type: type, shape: [nil])], layout: type == .string ? .text : .columns)
    }
}
