import CasemateCore
import CasemateGuard
import Foundation
import Logging
import Synchronization

/// A face with one path for each thing that a server may do wrong.
struct ProbeFace: WireFace {
    static let identifier = "probe"

    func route(_ head: WireHead) throws -> WireRoute? {
        switch head.path {
        case "/health":
            return WireRoute(access: .open) { _, _, generation in
                let state = generation.memory.object(ServerState.name) { ServerState() }
                return WireResponse(status: state.isDraining ? 503 : 200, body: Array("ok".utf8))
            }
        case "/echo":
            return WireRoute(access: .own) { request, _, _ in
                WireResponse(
                    status: 200, headers: [.init("content-type", "text/plain"), .init("x-odd", "a\r\nb: c")],
                    body: request.body)
            }
        case "/big":
            let count = Int(head.query) ?? 0
            return WireRoute(access: .open) { _, _, _ in
                WireResponse(status: 200, body: [UInt8](repeating: 0x61, count: min(count, 64 << 20)))
            }
        case "/slow":
            return WireRoute(access: .open) { _, _, _ in
                try await Task.sleep(for: .milliseconds(300))
                return WireResponse(status: 200, body: Array("late".utf8))
            }
        case "/who":
            return WireRoute(access: .own) { request, exchange, _ in
                let names = request.head.certificateNames.joined(separator: " ")
                return WireResponse(status: 200, body: Array("\(exchange.client.network) \(names)".utf8))
            }
        default: return nil
        }
    }
}

/// A log that keeps nothing.
struct ForgetfulLog: DecisionLog {
    var isWriting: Bool { true }
    func append(_ event: DecisionEvent) async throws {}
    func close() async {}
}

/// Lets nobody in; the probe's paths ask for nothing.
struct NobodyAuthenticator: Authenticating {
    func authenticate(_ credentials: Credentials) async throws -> ClientIdentity {
        throw GuardRefusal(.unauthenticated, "credentials are needed")
    }
}

/// A guard without models around a server of its own.
struct ServerFixture: Sendable {
    let edge: GuardEdge
    let memory = GuardMemory()
    let metrics = MetricsRegistry()
    let lines = LineLog()
    let folder: String

    /// A guard with the given lines of `guard.yaml` besides those that it must have.
    init(_ settings: String, folder: String = "", faces: [any WireFace] = [ProbeFace()]) throws {
        self.folder = folder
        let generation = try Self.generation(settings, folder: folder, memory: memory, metrics: metrics)
        edge = GuardEdge(generation, faces: faces, logger: lines.logger)
    }

    /// A generation of the same shape.
    static func generation(
        _ settings: String, folder: String = "", memory: GuardMemory = .init(), metrics: MetricsRegistry = .init()
    ) throws -> GuardGeneration {
        let text = "models: [{name: m, path: m.onnx}]\naudit_log: a.sqlite\n\(settings)\n"
        return try generation(
            GuardConfiguration(text, path: folder.isEmpty ? "guard.yaml" : folder + "/guard.yaml"), memory: memory,
            metrics: metrics)
    }
    static func generation(
        _ configuration: GuardConfiguration, memory: GuardMemory, metrics: MetricsRegistry
    ) throws -> GuardGeneration {
        let setup = StageSetup(
            model: nil, folder: configuration.folder, clock: SystemClock(), memory: memory, metrics: metrics,
            secret: GuardSecret(),
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "none", help: "") },
            context: RunContext())
        return GuardGeneration(
            configuration: configuration, server: try ServerSettings(configuration),
            authenticator: NobodyAuthenticator(), models: [],
            edge: GuardPipeline(steps: [], clock: SystemClock(), metrics: metrics), log: ForgetfulLog(),
            observers: [], setup: setup)
    }

    /// Runs a server while `body` asks it, and ends it.
    func serve<Result: Sendable>(
        _ body: @escaping @Sendable (_ port: Int, _ server: GuardServer) async throws -> Result
    ) async throws -> Result {
        let (ready, tell) = AsyncStream<String>.makeStream()
        let server = GuardServer(edge: edge, logger: lines.logger) { tell.yield($0) }
        return try await withThrowingTaskGroup(of: Result?.self) { tasks in
            tasks.addTask {
                defer { tell.finish() }
                try await server.run()
                return nil
            }
            tasks.addTask {
                for await url in ready {
                    guard let port = url.split(separator: ":").last.flatMap({ Int($0) }) else { break }
                    return try await body(port, server)
                }
                throw CasemateError(.unreadable, at: "server", "did not begin", help: "")
            }
            defer { tasks.cancelAll() }
            while let result = try await tasks.next() {
                if let result { return result }
            }
            throw CasemateError(.unreadable, at: "server", "ended by itself", help: "")
        }
    }

    /// The number of a counter of turned-away requests.
    func rejected(_ reason: String) -> Double {
        metrics.counter(
            "casemate_http_rejected_total", "Connections and requests that the server turned away.",
            [("reason", reason)]
        ).value
    }
}

/// Keeps what is logged.
final class LineLog: Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }
    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .info
        return logger
    }
    private struct Handler: LogHandler {
        let log: LineLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            log.kept.withLock { $0.append("\(event.level) \(event.message) \(fields.joined(separator: " "))") }
        }
    }
}
