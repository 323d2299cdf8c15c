import AsyncHTTPClient
import CasemateCore
import CasemateModels
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Connections to the server of a model. The whole time of a call is bounded, and the bytes of its answer.
final class UpstreamClient: Sendable {
    /// What came back.
    struct Reply: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: ByteBuffer
    }
    /// Why nothing came back.
    enum Failure: Error, Sendable {
        /// No connection came about: nothing was sent.
        case noConnection
        case timeout
        /// The connection broke, or what came was no HTTP.
        case broken
        case tooLarge
    }
    /// The connections of one event loop.
    private struct Share {
        let loop: any EventLoop, client: HTTPClient
        /// Most connections, and calls that have or wait for one.
        let most: Int, calls = CallCount()
    }
    private final class CallCount: Sendable { let value = Atomic(0) }
    private let shares: [Share]
    private let headers: HTTPHeaders
    private let mostBytes: Int

    /// Makes a client; nothing is sent yet.
    /// - Throws: `invalidSetting` for authorities that cannot be used.
    init(_ settings: UpstreamSettings) throws {
        var headers: HTTPHeaders = ["accept": "application/json", "user-agent": "casemate-guard"]
        for header in settings.headers { headers.replaceOrAdd(name: header.name, value: header.value) }
        self.headers = headers
        mostBytes = settings.answerLimit
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try ClientEncryption.configuration(authorities: settings.authorities)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .nanoseconds(Int64(settings.connectTimeout * 1e9)))
        configuration.connectionPool.idleTimeout = .nanoseconds(Int64(settings.idle * 1e9))
        // why: a failed connection is told at once; whether to try again is for the budget.
        configuration.connectionPool.retryConnectionEstablishment = false
        // why a client for each loop: a call then stays on the loop of the request. With one client on several loops a
        // server that answers before it has read and then hangs up can have its connection given back after the pool has
        // forgotten it, which ends the process.
        let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator().prefix(settings.pool))
        shares = loops.enumerated().map { index, loop in
            let most = settings.pool / loops.count + (index < settings.pool % loops.count ? 1 : 0)
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = most
            return Share(
                loop: loop, client: HTTPClient(eventLoopGroupProvider: .shared(loop), configuration: configuration),
                most: most)
        }
    }

    deinit { for share in shares { share.client.shutdown { _ in } } }

    /// The connections to use: those of this thread's loop, or others where all of them are taken.
    private func share() throws -> Share {
        let own = shares.first { $0.loop.inEventLoop }
        if let own, own.calls.value.load(ordering: .relaxed) < own.most { return own }
        let free = shares.first { $0.calls.value.load(ordering: .relaxed) < $0.most }
        guard let any = free ?? own ?? shares.randomElement() else { throw Failure.noConnection }
        return any
    }

    /// Sends a request and waits for all of the answer, without holding a thread. Cancelling the task ends it.
    /// - Throws: `Failure`, `CancellationError`.
    func send(
        _ method: HTTPMethod, _ url: String, headers more: [(String, String)] = [], body: [UInt8]? = nil,
        nanoseconds: UInt64
    ) async throws -> Reply {
        var headers = headers
        for (name, value) in more { headers.add(name: name, value: value) }
        let request = try HTTPClient.Request(
            url: url, method: method, headers: headers, body: body.map { .byteBuffer(ByteBuffer(bytes: $0)) })
        let handle = UpstreamHandle()
        let share = try share()
        share.calls.value.add(1, ordering: .relaxed)
        defer { share.calls.value.subtract(1, ordering: .relaxed) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let task = share.client.execute(
                    request: request,
                    delegate: ResponseAccumulator(request: request, maxBodySize: mostBytes),
                    deadline: .now() + .nanoseconds(Int64(clamping: nanoseconds)))
                task.futureResult.whenComplete { result in
                    continuation.resume(with: Self.reply(result))
                }
                handle.set { task.cancel() }
            }
        } onCancel: {
            handle.cancel()
        }
    }

    private static func reply(_ result: Result<HTTPClient.Response, any Error>) -> Result<Reply, any Error> {
        switch result {
        case .success(let response):
            return .success(
                Reply(
                    status: Int(response.status.code), headers: response.headers,
                    body: response.body ?? ByteBuffer()))
        case .failure(let error):
            if error is ResponseAccumulator.ResponseTooBigError { return .failure(Failure.tooLarge) }
            guard let error = error as? HTTPClientError else {
                // why by name: the type is one of the module that opens sockets.
                let name = "\(type(of: error))"
                let isConnection = name == "NIOConnectionError" || (error as? IOError)?.errnoCode == ECONNREFUSED
                return .failure(isConnection ? Failure.noConnection : Failure.broken)
            }
            if error == .cancelled { return .failure(CancellationError()) }
            if [.deadlineExceeded, .readTimeout, .connectTimeout, .writeTimeout, .tlsHandshakeTimeout].contains(error)
                || error == .getConnectionFromPoolTimeout
            {
                return .failure(Failure.timeout)
            }
            return .failure(Failure.broken)
        }
    }

    /// Closes the connections.
    func shutDown() async { for share in shares { try? await share.client.shutdown() } }
}

/// Ends a request, whether it has begun or not.
private final class UpstreamHandle: Sendable {
    private enum State {
        case new, cancelled
        case running(@Sendable () -> Void)
    }
    private let state = Mutex(State.new)

    func set(_ end: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if case .cancelled = state { return true }
            state = .running(end)
            return false
        }
        if isLate { end() }
    }
    func cancel() {
        let end = state.withLock { state -> (@Sendable () -> Void)? in
            defer { state = .cancelled }
            if case .running(let end) = state { return end }
            return nil
        }
        end?()
    }
}
