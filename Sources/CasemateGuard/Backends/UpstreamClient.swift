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
    private let client: HTTPClient
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
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.pool
        configuration.connectionPool.idleTimeout = .nanoseconds(Int64(settings.idle * 1e9))
        // why: a failed connection is told at once; whether to try again is for the budget.
        configuration.connectionPool.retryConnectionEstablishment = false
        // why one loop for tasks and connections: with two, a server that answers before it has read and then hangs up
        // can have its connection given back after the pool has forgotten it, which ends the process.
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        client = HTTPClient(eventLoopGroupProvider: .shared(loop), configuration: configuration)
    }

    deinit { client.shutdown { _ in } }

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
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let task = client.execute(
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
    func shutDown() async { try? await client.shutdown() }
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
