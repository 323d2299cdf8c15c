import CasemateCore
import Foundation
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix

/// The server around the guard: HTTP/1.1 and HTTP/2, encrypted or not.
public final class GuardServer: Sendable {
    private let edge: GuardEdge
    private let logger: Logger
    private let onReady: @Sendable (String) async -> Void
    private let stops: AsyncStream<Void>
    private let stopping: AsyncStream<Void>.Continuation
    private let refreshes: AsyncStream<Void>
    private let refreshing: AsyncStream<Void>.Continuation
    /// Descriptors that are kept for everything that is no connection of a caller.
    private static let reserve = 256

    /// Makes a server.
    /// - Parameter onReady: Called once with the address when connections are taken.
    public init(edge: GuardEdge, logger: Logger, onReady: @escaping @Sendable (String) async -> Void = { _ in }) {
        (self.edge, self.logger, self.onReady) = (edge, logger, onReady)
        (stops, stopping) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (refreshes, refreshing) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Ends the server: readiness says so first, then nobody new is taken, and requests on their way have their grace.
    public func stop() { stopping.yield() }
    /// Reads the certificates again now.
    public func refreshCertificates() { refreshing.yield() }

    private enum Step { case over, stopped, silent, graceOver, idle }

    /// Serves until `stop` or until the task is cancelled, which closes all connections at once.
    /// - Throws: `CasemateError` when the address or the certificates cannot be used.
    public func run() async throws {
        let settings = edge.generation.server
        let group = MultiThreadedEventLoopGroup.singleton
        let most = Self.mostConnections()
        let core = try await ServerCore(edge: edge, group: group, mostConnections: most, logger: logger)
        if settings.maximumConnections > most {
            logger.warning(
                "fewer connections than configured: the limit of open files is low",
                metadata: ["connections": "\(most)"])
        }
        let server = server(core, settings, group, most)
        defer { core.state.drain() }
        try await withThrowingTaskGroup(of: Step.self) { tasks in
            tasks.addTask {
                do { try await server.run() } catch { throw Self.cannotListen(settings.listen, error) }
                return .over
            }
            tasks.addTask {
                await core.watch(group); return .idle
            }
            tasks.addTask {
                await self.watchCertificates(core); return .idle
            }
            tasks.addTask {
                await self.waitForStop(core); return .stopped
            }
            while let step = try await tasks.next() {
                switch step {
                case .over: tasks.cancelAll()
                case .stopped:
                    guard !Task.isCancelled else { continue }
                    tasks.addTask {
                        try? await server.shutdownGracefully(); return .silent
                    }
                    tasks.addTask {
                        try? await Task.sleep(for: .seconds(settings.shutdownGrace)); return .graceOver
                    }
                case .graceOver:
                    if !Task.isCancelled, core.ledger.total > 0 {
                        logger.warning("requests were cut off", metadata: ["connections": "\(core.ledger.total)"])
                    }
                    tasks.cancelAll()
                case .silent, .idle: break
                }
            }
        }
    }

    private func server(
        _ core: ServerCore, _ settings: ServerSettings, _ group: any EventLoopGroup, _ most: Int
    ) -> Server<GuardChannel> {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let (listen, isSecure, onReady) = (settings.listen, settings.encryption != nil, onReady)
        return Server(
            childChannelSetup: GuardChannel(core: core),
            configuration: ServerConfiguration(
                address: .hostname(listen.host, port: listen.port), backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(most + Self.reserve / 2, logger: quiet)),
            onServerRunning: { channel in
                await onReady(listen.url(port: channel.localAddress?.port ?? listen.port, isSecure: isSecure))
            }, eventLoopGroup: group, logger: quiet)
    }

    private func waitForStop(_ core: ServerCore) async {
        for await _ in stops {
            core.state.drain()
            logger.info("shutting down")
            try? await Task.sleep(for: .seconds(core.settings.shutdownDelay))
            return
        }
    }

    /// Looks at the certificates every second, and when it is asked to.
    private func watchCertificates(_ core: ServerCore) async {
        guard let security = core.security else { return }
        let ticks = Task { [refreshing] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                refreshing.yield()
            }
        }
        defer { ticks.cancel() }
        for await _ in refreshes {
            guard let encryption = core.settings.encryption else { continue }
            do {
                let isNew = try await Blocking.run { try security.refresh(encryption) }
                if isNew { logger.notice("certificates were read again") }
            } catch {
                logger.error("certificates are refused, the old ones serve on", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func mostConnections() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        let most = limit.rlim_cur > 1 << 30 ? 1 << 30 : Int(limit.rlim_cur)
        return max(16, most - reserve)
    }

    private static func cannotListen(_ listen: ListenAddress, _ error: any Error) -> any Error {
        if error is SocketAddressError.UnknownHost {
            return CasemateError(
                .notFound, at: "\(listen.host):\(listen.port)", "cannot listen there: the name is not known",
                help: "name an address of this machine under `listen`, such as 127.0.0.1 or 0.0.0.0")
        }
        guard let error = error as? IOError else { return error }
        let reason = String(cString: strerror(error.errnoCode)).lowercased()
        return CasemateError(
            .unreadable, at: "\(listen.host):\(listen.port)", "cannot listen there: \(reason)",
            help: "choose another address or port under `listen`; port 0 takes a free one")
    }
}
