import CasemateCore
import CasemateModels
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
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
        let pool: UpstreamPool
        /// Most connections, and calls that have or wait for one.
        let most: Int, calls = CallCount()
    }
    private final class CallCount: Sendable { let value = Atomic(0) }
    private let shares: [Share]
    /// Scheme, host and port, before the path.
    private let root: String
    private let headers: HTTPHeaders

    /// Makes a client; nothing is sent yet.
    /// - Throws: `invalidSetting` for an address or authorities that cannot be used.
    init(_ settings: UpstreamSettings) throws {
        let parts = URLComponents(string: settings.address.base)
        guard let parts, let scheme = parts.scheme, let host = parts.percentEncodedHost, !host.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: settings.place, "the upstream's address cannot be used",
                help: "write it as http://127.0.0.1:8080")
        }
        let isEncrypted = scheme == "https"
        let port = parts.port.map { ":\($0)" } ?? ""
        root = "\(scheme)://\(host)\(port)"
        var headers: HTTPHeaders = [
            "host": host + port, "accept": "application/json", "user-agent": "casemate-guard",
        ]
        for header in settings.headers { headers.replaceOrAdd(name: header.name, value: header.value) }
        self.headers = headers
        let encryption =
            isEncrypted
            ? try NIOSSLContext(configuration: ClientEncryption.configuration(authorities: settings.authorities)) : nil
        let target = UpstreamPool.Target(
            host: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host,
            port: parts.port ?? (isEncrypted ? 443 : 80), encryption: encryption,
            connectTimeout: .nanoseconds(Int64(settings.connectTimeout * 1e9)),
            idle: .nanoseconds(Int64(settings.idle * 1e9)), answerLimit: settings.answerLimit)
        // why a pool for each loop: a call then stays on the loop of the request that makes it.
        let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator().prefix(settings.pool))
        shares = loops.enumerated().map { index, loop in
            let most = settings.pool / loops.count + (index < settings.pool % loops.count ? 1 : 0)
            return Share(pool: UpstreamPool(target, loop: loop, most: most), most: most)
        }
    }

    deinit { end() }

    /// The connections to use: those of this thread's loop, or others where all of them are taken.
    private func share() throws -> Share {
        let own = shares.first { $0.pool.loop.inEventLoop }
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
        guard url.hasPrefix(root) else { throw Failure.noConnection }
        let path = url.dropFirst(root.count)
        var head = HTTPRequestHead(
            version: .http1_1, method: method, uri: path.hasPrefix("/") ? String(path) : "/" + path, headers: headers)
        for (name, value) in more { head.headers.add(name: name, value: value) }
        if let body { head.headers.add(name: "content-length", value: "\(body.count)") }
        let call = UpstreamCall(head, body: body.map { ByteBuffer(bytes: $0) })
        let share = try share()
        share.calls.value.add(1, ordering: .relaxed)
        defer { share.calls.value.subtract(1, ordering: .relaxed) }
        let (pool, time) = (share.pool, TimeAmount.nanoseconds(Int64(clamping: nanoseconds)))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard call.begin(continuation) else { return }
                guard !pool.loop.inEventLoop else { return pool.take(call, within: time) }
                pool.loop.execute { pool.take(call, within: time) }
            }
        } onCancel: {
            call.finish(.failure(CancellationError()))
            pool.loop.execute { pool.giveUp(call, CancellationError()) }
        }
    }

    private func end() {
        for share in shares { share.pool.loop.execute { [pool = share.pool] in pool.end() } }
    }

    /// Closes the connections.
    func shutDown() async { end() }
}
