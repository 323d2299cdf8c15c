import Logging
import NIOCore
import Synchronization

/// What all connections of a server share.
final class ServerCore: Sendable {
    /// Takes requests.
    let edge: GuardEdge
    /// Whether the server is ending.
    let state: ServerState
    /// Counts connections.
    let ledger: ConnectionLedger
    /// Certificates; `nil` where connections are not encrypted.
    let security: TransportSecurity?
    /// For what goes wrong, and one line a request.
    let logger: Logger, accessLog: Logger
    private let loops: [ObjectIdentifier: NIOLoopBound<LoopState>]
    private let metrics: MetricsRegistry

    /// Makes it.
    /// - Throws: `CasemateError` for certificates that cannot be used.
    init(edge: GuardEdge, group: any EventLoopGroup, mostConnections: Int, logger: Logger) async throws {
        let generation = edge.generation
        (self.edge, self.logger, metrics) = (edge, logger, generation.metrics)
        var access = logger
        access[metadataKey: "logger"] = "casemate.access"
        accessLog = access
        state = generation.memory.object(ServerState.name) { ServerState() }
        ledger = ConnectionLedger(most: mostConnections, metrics: generation.metrics)
        security = try generation.server.encryption.map { try TransportSecurity($0) }
        var loops: [ObjectIdentifier: NIOLoopBound<LoopState>] = [:]
        for loop in group.makeIterator() {
            loops[ObjectIdentifier(loop)] = try await loop.submit { NIOLoopBound(LoopState(loop), eventLoop: loop) }
                .get()
        }
        self.loops = loops
    }

    /// The limits in force.
    var settings: ServerSettings { edge.generation.server }

    /// The state of an event loop; called on it.
    func state(of loop: any EventLoop) -> LoopState { loops[ObjectIdentifier(loop)]?.value ?? LoopState(loop) }

    /// Watches deadlines until it is cancelled.
    func watch(_ group: any EventLoopGroup) async {
        let tasks = group.makeIterator().compactMap { loop in
            loops[ObjectIdentifier(loop)].map { state in
                loop.scheduleRepeatedTask(initialDelay: LoopState.interval, delay: LoopState.interval) { _ in
                    state.value.sweep()
                }
            }
        }
        // why: it waits for the end and nothing else.
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
        for task in tasks { task.cancel() }
    }

    /// Counts a connection or request that the server itself turned away.
    func reject(_ reason: String) {
        metrics.counter(
            "casemate_http_rejected_total", "Connections and requests that the server turned away.",
            [("reason", reason)]
        ).add()
    }
}
