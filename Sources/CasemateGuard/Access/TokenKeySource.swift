import AsyncHTTPClient
import CasemateCore
import Foundation
import JWTKit
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// Keeps the keys of an issuer: fetched when they are first needed, again when they have aged, and at most once a
/// minute for a key that is not known. What cannot be fetched leaves the keys that are there in force up to a limit.
final class TokenKeySource: Sendable {
    private struct State {
        var keys: TokenKeys?
        var fetched: UInt64 = 0
        var tried: UInt64?
        var flight: Task<Void, Never>?
    }
    private let settings: TokenSettings
    private let clock: any GuardClock
    private let logger: Logger
    private let failures: MetricsRegistry.Cell
    private let client: HTTPClient?
    private let state = Mutex(State())
    private static let minute: UInt64 = 60_000_000_000, retry: UInt64 = 5_000_000_000

    /// Makes a source; nothing is fetched before it is needed.
    /// - Throws: `invalidSetting` for an authority that cannot be used.
    init(_ settings: TokenSettings, clock: any GuardClock, logger: Logger, metrics: MetricsRegistry) throws {
        (self.settings, self.clock, self.logger) = (settings, clock, logger)
        failures = metrics.counter("casemate_jwks_failures_total", "Keys of issuers that could not be fetched.")
        switch settings.place {
        case .file: client = nil
        case .url:
            client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try Self.configuration(settings))
        }
    }

    /// Looks at a file now; its keys are read again with the next token, so that a reload brings what has changed.
    /// - Throws: what reading it throws.
    func confirm() throws(CasemateError) {
        guard case .file(let path) = settings.place else { return }
        _ = try Self.read(path, settings)
        state.withLock { ($0.keys, $0.tried) = (nil, nil) }
    }

    deinit { client?.shutdown { _ in } }

    /// The key for a token.
    /// - Returns: `nil` when there is none.
    /// - Throws: `GuardRefusal` with `unavailable` while no keys can be had.
    func verifier(kid: String?, algorithm: String) async throws(GuardRefusal) -> (any JWTAlgorithm)? {
        if let keys = await keys(knowing: kid) { return keys.verifier(kid: kid, algorithm: algorithm) }
        throw GuardRefusal(
            .unavailable, "tokens cannot be checked at the moment", retryAfter: 5, reason: "jwks_unavailable")
    }

    private func keys(knowing kid: String?) async -> TokenKeys? {
        let now = clock.monotonic
        let (keys, flight) = state.withLock { state -> (TokenKeys?, Task<Void, Never>?) in
            let age = now &- state.fetched
            let sinceTry = state.tried.map { now &- $0 } ?? .max
            let isUsable = state.keys != nil && age <= UInt64(settings.stale * 1e9)
            if isUsable, let keys = state.keys, keys.knows(kid) {
                // why not waited for: the keys that are there will do.
                if age > UInt64(settings.refresh * 1e9), sinceTry >= Self.minute { _ = Self.begin(&state, self, now) }
                return (keys, nil)
            }
            if let flight = state.flight { return (nil, flight) }
            if sinceTry >= (isUsable ? Self.minute : Self.retry) { return (nil, Self.begin(&state, self, now)) }
            return (isUsable ? state.keys : nil, nil)
        }
        guard let flight else { return keys }
        await flight.value
        return state.withLock { state in
            now &- min(now, state.fetched) <= UInt64(settings.stale * 1e9) ? state.keys : nil
        }
    }

    private static func begin(_ state: inout State, _ source: TokenKeySource, _ now: UInt64) -> Task<Void, Never> {
        if let flight = state.flight { return flight }
        state.tried = now
        // why a task of its own: the request that began it may be given up, and others wait for it too.
        let task = Task.detached { await source.fetch() }
        state.flight = task
        return task
    }

    private func fetch() async {
        do {
            let descriptions: [TokenKeys.Description]
            switch settings.place {
            case .file(let path): descriptions = try Self.read(path, settings)
            case .url(let url):
                descriptions = try TokenKeys.read(try await get(url), allowed: settings.algorithms, place: "jwks")
            }
            let keys = await TokenKeys(descriptions)
            guard keys.count > 0 else {
                throw CasemateError(.unusableData, at: "jwks", "has no key that can be used", help: "")
            }
            let now = clock.monotonic
            state.withLock { ($0.keys, $0.fetched, $0.flight) = (keys, now, nil) }
        } catch {
            failures.add()
            let word = (error as? CasemateError)?.code.rawValue ?? "\(type(of: error))"
            logger.warning("the keys of an issuer could not be fetched", metadata: ["error": "\(word)"])
            state.withLock { $0.flight = nil }
        }
    }

    private func get(_ url: String) async throws -> [UInt8] {
        guard let client else { return [] }
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "connection", value: "close")
        let response = try await client.execute(request, timeout: .seconds(5))
        guard response.status == .ok else {
            throw CasemateError(.unreadable, at: "jwks", "status \(response.status.code)", help: "")
        }
        let body = try await response.body.collect(upTo: TokenKeys.mostBytes)
        return Array(body.readableBytesView)
    }

    private static func read(_ path: String, _ settings: TokenSettings) throws(CasemateError) -> [TokenKeys.Description]
    {
        let help = "name a file with the issuer's JSON Web Key Set, or its https address"
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CasemateError(.notFound, at: path, "cannot be read", help: help)
        }
        defer { try? handle.close() }
        var data = Data()
        do { data = try handle.read(upToCount: TokenKeys.mostBytes + 1) ?? Data() } catch {
            throw CasemateError(.unreadable, at: path, "cannot be read", help: help)
        }
        return try TokenKeys.read(Array(data), allowed: settings.algorithms, place: path)
    }

    private static func configuration(_ settings: TokenSettings) throws(CasemateError) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(3), read: .seconds(5))
        configuration.connectionPool.retryConnectionEstablishment = false
        var encryption = TLSConfiguration.makeClientConfiguration()
        encryption.minimumTLSVersion = .tlsv12
        if let authorities = settings.authorities {
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(authorities), !certificates.isEmpty else {
                throw CasemateError(
                    .invalidSetting, at: authorities, "holds no certificates in PEM form",
                    help: "name the file of the authority that signed the server's certificate")
            }
            encryption.trustRoots = .certificates(certificates)
        }
        configuration.tlsConfiguration = encryption
        return configuration
    }
}
