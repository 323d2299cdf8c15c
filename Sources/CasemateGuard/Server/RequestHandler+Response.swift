import NIOCore
import NIOHTTP1

/// A response as it goes out.
struct Outgoing: Sendable {
    /// Status and fields.
    let status: HTTPResponseStatus
    private(set) var headers: HTTPHeaders
    /// What is sent of the body.
    let body: ByteBuffer

    /// Adds what every response carries; the body of an answer to `HEAD` is counted and not sent.
    init(_ response: WireResponse, isHead: Bool) {
        status = HTTPResponseStatus(statusCode: (200...599).contains(response.status) ? response.status : 500)
        var fields: [(String, String)] = []
        fields.reserveCapacity(response.headers.count + 8)
        for header in response.headers where !Self.own.contains(where: { Self.isSame($0, header.name) }) {
            fields.append((header.name, Self.clean(header.value)))
        }
        for (name, value) in Self.security
        where !response.headers.contains(where: { Self.isSame(name, $0.name) }) { fields.append((name, value)) }
        let hasBody = status != .noContent && status != .notModified
        if hasBody { fields.append(("content-length", "\(response.body.count)")) }
        headers = HTTPHeaders(fields)
        body = isHead || !hasBody ? ByteBuffer() : ByteBuffer(bytes: response.body)
    }

    mutating func add(_ name: String, _ value: String) { headers.add(name: name, value: value) }

    /// Fields that the server alone decides.
    private static let own = [
        "content-length", "transfer-encoding", "connection", "date", "server", "keep-alive", "upgrade",
    ]
    /// Whether a name is the one that is given in lower case.
    private static func isSame(_ lower: String, _ name: String) -> Bool {
        lower.utf8.count == name.utf8.count
            && zip(lower.utf8, name.utf8).allSatisfy { $0 == $1 || (65...90).contains($1) && $0 == $1 + 32 }
    }
    private static let security = [
        ("x-content-type-options", "nosniff"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ]
    /// why: a line break in a value would begin another header field, or another response.
    private static func clean(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return value }
        return String(decoding: value.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }
}

extension RequestHandler {
    /// Bytes of a response that a caller must take within the write timeout.
    private static let piece = 64 << 10

    /// Writes a response.
    func write(_ outgoing: Outgoing) {
        guard phase == .running, let context else { return }
        phase = .writing
        task = nil
        var outgoing = outgoing
        outgoing.add("date", connection.loop.date)
        if !isStream {
            if !isWhole || connection.isEnding { keepsAlive = false }
            if !keepsAlive {
                outgoing.add("connection", "close")
            } else if version == .http1_0 {
                outgoing.add("connection", "keep-alive")
            }
        }
        // why always 1.1: a server says what it speaks itself (RFC 9110, section 6.2).
        let head = HTTPResponseHead(version: .http1_1, status: outgoing.status, headers: outgoing.headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        rest = outgoing.body
        writePiece()
    }

    private func writePiece() {
        guard phase == .writing, let context else { return }
        deadline = .seconds(connection.settings.writeTimeout)
        let promise = context.eventLoop.makePromise(of: Void.self)
        let isLast = rest.readableBytes <= Self.piece
        if let part = rest.readSlice(length: min(rest.readableBytes, Self.piece)), part.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(part))), promise: isLast ? nil : promise)
        }
        if isLast { context.write(wrapOutboundOut(.end(nil)), promise: promise) }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let handler = bound.value
            guard case .success = result else { return handler.context?.close(promise: nil) ?? () }
            if isLast { return handler.wrote() }
            // why not at once: a reader that keeps up would make every piece one more call deep.
            handler.context?.eventLoop.execute { bound.value.writePiece() }
        }
        context.flush()
    }

    private func wrote() {
        guard phase == .writing else { return }
        deadline = .distantFuture
        if keepsAlive, !isStream {
            connection.ended()
            return next()
        }
        phase = .over
        connection.ended()
        guard isStream else { return connection.linger() }
        // why: a stream whose caller still sends would keep its slot.
        if !isWhole { context?.close(promise: nil) }
    }
}
