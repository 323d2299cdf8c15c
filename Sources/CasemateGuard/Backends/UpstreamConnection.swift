import NIOCore
import NIOHTTP1

/// One connection to a model's server: a request at a time, its answer gathered within bounds.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let pool: UpstreamPool
    private let mostBytes: Int
    private var context: ChannelHandlerContext?
    private var call: UpstreamCall?
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()
    /// Whether all of the request has been handed to the system.
    private var isSent = false
    /// When it was last used.
    private(set) var restsSince = NIODeadline.now()

    init(_ pool: UpstreamPool, mostBytes: Int) { (self.pool, self.mostBytes) = (pool, mostBytes) }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Whether a request can be sent.
    var isOpen: Bool { context?.channel.isActive ?? false }
    /// Whether it works on a call.
    func isBusy(with call: UpstreamCall) -> Bool { self.call === call }
    /// Ends the connection.
    func close() { context?.close(promise: nil) }

    /// Sends a request.
    func start(_ call: UpstreamCall) {
        guard let context, isOpen else {
            call.finish(.failure(UpstreamClient.Failure.broken))
            return pool.closed(self)
        }
        (self.call, head, isSent) = (call, nil, false)
        body = ByteBuffer()
        context.write(wrapOutboundOut(.head(call.head)), promise: nil)
        if let bytes = call.body { context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenSuccess { if bound.value.call === call { bound.value.isSent = true } }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // why: a server that speaks without being asked cannot be told from one that answers the next request.
        guard call != nil else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            if length > mostBytes { fail(.tooLarge) } else { body.reserveCapacity(min(length, 1 << 16)) }
        case .body(let bytes):
            guard body.readableBytes + bytes.readableBytes <= mostBytes else { return fail(.tooLarge) }
            if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
        case .end: finish()
        }
    }

    private func finish() {
        guard let call, let head else { return fail(.broken) }
        self.call = nil
        let reply = UpstreamClient.Reply(status: Int(head.status.code), headers: head.headers, body: body)
        body = ByteBuffer()
        call.finish(.success(reply))
        // why not after an early answer: what is left of the request would be taken for the next one.
        guard isSent, head.isKeepAlive, head.status.code >= 200 else { return close() }
        restsSince = .now()
        pool.rests(self)
    }

    private func fail(_ failure: UpstreamClient.Failure) {
        let call = call
        self.call = nil
        call?.finish(.failure(failure))
        close()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(.broken) }
    func channelInactive(context: ChannelHandlerContext) {
        fail(.broken)
        pool.closed(self)
        context.fireChannelInactive()
    }
}
