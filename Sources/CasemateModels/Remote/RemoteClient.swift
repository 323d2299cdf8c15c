import AsyncHTTPClient
import CasemateCore
import Foundation
import NIOCore
import NIOHTTP1

/// Sends requests to one server; owns the connections and gives them back when it goes.
///
/// Requests run on the event loops of NIO, which are never blocked: completions are called there and must be short.
final class RemoteClient: Sendable {
    /// What came back.
    struct Response: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: ByteBuffer
    }
    private let client: HTTPClient
    private let headers: HTTPHeaders
    private let timeout: Double
    private let mostBytes: Int

    /// Makes a client; nothing is sent yet.
    /// - Throws: `invalidSetting` for headers or authorities that cannot be used.
    init(_ options: RemoteOptions) throws(CasemateError) {
        headers = try Self.headers(options)
        timeout = options.timeout
        mostBytes = options.responseLimit
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try ClientEncryption.configuration(authorities: options.authorities)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        let most = TimeAmount.nanoseconds(Int64(options.timeout * 1e9))
        configuration.timeout = .init(connect: min(most, .seconds(10)), read: most)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = options.concurrency
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // why not wait: the last reference may go on an event loop, and the client keeps itself until it is closed.
        client.shutdown { _ in }
    }

    /// Begins a request; `completion` is called once, on an event loop.
    /// - Returns: Ends the request early.
    func start(
        _ method: HTTPMethod, _ url: String, body: [UInt8]?,
        completion: @escaping @Sendable (Result<Response, any Error>) -> Void
    ) -> @Sendable () -> Void {
        do {
            var headers = headers
            if body != nil { headers.replaceOrAdd(name: "content-type", value: "application/json") }
            let content = body.map { HTTPClient.Body.bytes($0) }
            let request = try HTTPClient.Request(url: url, method: method, headers: headers, body: content)
            let task = client.execute(
                request: request, delegate: ResponseAccumulator(request: request, maxBodySize: mostBytes),
                deadline: .now() + .nanoseconds(Int64(timeout * 1e9)))
            task.futureResult.whenComplete { result in
                completion(
                    result.map {
                        Response(status: Int($0.status.code), headers: $0.headers, body: $0.body ?? ByteBuffer())
                    })
            }
            return { task.cancel() }
        } catch {
            completion(.failure(error))
            return {}
        }
    }

    private static func headers(_ options: RemoteOptions) throws(CasemateError) -> HTTPHeaders {
        // why close: a server that answers before it has read the request and hangs up stops the client library when its
        // connection was to be kept.
        var headers: HTTPHeaders = ["accept": "application/json", "user-agent": "casemate", "connection": "close"]
        var given = options.headers.map { ($0.key, $0.value) }
        if let credential = options.credential { given.append((credential.header, credential.value)) }
        let reserved: Set<String> = [
            "content-length", "transfer-encoding", "host", "connection", "content-type", "accept-encoding",
        ]
        for (name, value) in given {
            let isName = !name.isEmpty && name.utf8.allSatisfy { isToken($0) } && name.utf8.count <= 256
            let isValue = value.utf8.count <= 32_768 && value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x09 }
            guard isName, isValue, !reserved.contains(name.lowercased()) else {
                // why: the value may be a secret, so that it is never shown.
                throw CasemateError(
                    .invalidSetting, at: "model.endpoint",
                    "the header '\(OnnxLook.printable(name))' \(isName && !isValue ? "has a value" : "is one") that "
                        + "cannot be sent",
                    help: "names are letters, digits and dashes; values are plain ASCII on one line")
            }
            headers.replaceOrAdd(name: name, value: value)
        }
        return headers
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension RemoteClient.Response {
    /// Whether the headers say that the body is JSON, or say nothing.
    var isDeclaredJSON: Bool {
        guard let type = headers.first(name: "content-type")?.lowercased() else { return true }
        let kind = type.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
        return kind == "application/json" || kind == "text/json" || kind.hasSuffix("+json")
    }
    /// Whether it is a web page, as gateways and log-in pages answer.
    var isPage: Bool {
        if headers.first(name: "content-type")?.lowercased().contains("html") ?? false { return true }
        let start = body.readableBytesView.prefix(64).drop { $0 <= 0x20 }
        return start.first == UInt8(ascii: "<")
    }
    /// Reads the body.
    func json() throws(RemoteJSON.Problem) -> RemoteJSON {
        // why a result: the closure of the buffer does not pass a typed error on.
        let read = body.withUnsafeReadableBytes { bytes in
            Result { () throws(RemoteJSON.Problem) in try RemoteJSON.read(bytes) }
        }
        return try read.get()
    }
    /// Seconds to wait that the server asks for: a number, or a date of RFC 9110.
    func retryAfter(now: Date) -> Double? {
        guard let text = headers.first(name: "retry-after")?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Double(text), seconds.isFinite, seconds >= 0 { return seconds }
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return formatter.date(from: text).map { max(0, $0.timeIntervalSince(now)) }
    }
}
