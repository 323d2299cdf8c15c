public import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server on 127.0.0.1 with a port of its own, for tests of clients. It counts what it is asked, may misbehave,
/// and stops when it goes.
public final class LoopbackServer: Sendable {
    /// What a client sent.
    public struct Request: Sendable {
        /// Number of the request, from 1.
        public let number: Int
        /// Method and path with query.
        public let method: String, path: String
        /// Header values by lower-case name; the last of several.
        public let headers: [String: String]
        /// The body.
        public let body: Data
        /// When it was complete.
        public let time: ContinuousClock.Instant
    }
    /// What the server does.
    public struct Response: Sendable {
        /// Status, headers, body.
        public var status: Int, headers: [String: String], body: Data
        /// Seconds before it.
        public var delay = 0.0
        /// Whether nothing is ever answered.
        public var hangs = false
        /// Bytes of the body after which the connection is closed, though more were promised.
        public var cut: Int?
        /// Makes a response.
        public init(_ body: Data, status: Int = 200, headers: [String: String] = ["content-type": "application/json"]) {
            (self.status, self.headers, self.body) = (status, headers, body)
        }
        /// Makes a response of text.
        public init(
            _ text: String, status: Int = 200, headers: [String: String] = ["content-type": "application/json"]
        ) {
            self.init(Data(text.utf8), status: status, headers: headers)
        }
    }
    /// The address without a path.
    public let url: String
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let log = Mutex<[Request]>([])
    private let answer: @Sendable (Request) -> Response

    /// Starts; `answer` is called on the server's own thread.
    /// - Parameter certificate: PEM file of certificate and key, for TLS.
    public static func start(
        certificate: String? = nil, _ answer: @escaping @Sendable (Request) -> Response
    ) throws -> LoopbackServer {
        let encryption = try certificate.map { path in
            let chain = try NIOSSLCertificate.fromPEMFile(path).map { NIOSSLCertificateSource.certificate($0) }
            let key = try NIOSSLPrivateKey(file: path, format: .pem)
            return try NIOSSLContext(
                configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let weak = Weak()
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let encryption {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: encryption))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler { weak.server?.respond($0) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        let server = LoopbackServer(group, channel, isEncrypted: encryption != nil, answer)
        weak.set(server)
        return server
    }

    private init(
        _ group: MultiThreadedEventLoopGroup, _ channel: any Channel, isEncrypted: Bool,
        _ answer: @escaping @Sendable (Request) -> Response
    ) {
        (self.group, self.channel, self.answer) = (group, channel, answer)
        url = (isEncrypted ? "https" : "http") + "://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    deinit { group.shutdownGracefully { _ in } }

    /// Everything that was asked so far.
    public var requests: [Request] { log.withLock { $0 } }
    /// Forgets what was asked.
    public func forget() { log.withLock { $0 = [] } }

    /// Stops listening and closes every connection.
    public func stop() { try? group.syncShutdownGracefully() }

    fileprivate func respond(_ parts: (HTTPRequestHead, Data)) -> Response {
        let (head, body) = parts
        var headers: [String: String] = [:]
        for (name, value) in head.headers { headers[name.lowercased()] = value }
        let request = log.withLock { log in
            let request = Request(
                number: log.count + 1, method: head.method.rawValue, path: head.uri, headers: headers, body: body,
                time: .now)
            if log.count < 100_000 { log.append(request) }
            return request
        }
        return answer(request)
    }
}

/// A server that handlers may ask for while it is there.
private final class Weak: Sendable {
    private struct Box: Sendable { weak var server: LoopbackServer? }
    private let box = Mutex(Box())
    var server: LoopbackServer? { box.withLock { $0.server } }
    func set(_ server: LoopbackServer) { box.withLock { $0.server = server } }
}

/// Gathers one request after the other and writes what the server answers.
private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private static let mostBytes = 16 << 20
    private let answer: @Sendable ((HTTPRequestHead, Data)) -> LoopbackServer.Response?
    private var head: HTTPRequestHead?
    private var body = Data()

    init(_ answer: @escaping @Sendable ((HTTPRequestHead, Data)) -> LoopbackServer.Response?) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, Data())
        case .body(let part):
            body.append(contentsOf: part.readableBytesView)
            if body.count > Self.mostBytes { context.close(promise: nil) }
        case .end:
            guard let head, let response = answer((head, body)) else { return context.close(promise: nil) }
            guard !response.hangs else { return }
            guard response.delay > 0 else { return write(response, context) }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .nanoseconds(Int64(response.delay * 1e9))) {
                let (handler, context) = bound.value
                handler.write(response, context)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func write(_ response: LoopbackServer.Response, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(response.headers.map { ($0.key, $0.value) })
        headers.replaceOrAdd(name: "content-length", value: "\(response.body.count)")
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let sent = response.cut.map { response.body.prefix($0) } ?? response.body
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: sent)))), promise: nil)
        guard response.cut == nil else {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.flush()
            return context.eventLoop.execute { bound.value.close(promise: nil) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
