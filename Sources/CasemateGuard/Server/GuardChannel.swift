import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// How Hummingbird's server sets up a connection for the guard.
struct GuardChannel: ServerChildChannel {
    /// A connection.
    struct Value: ServerChildChannelValue { let channel: any Channel }
    /// What connections share.
    let core: ServerCore

    /// Counts the connection and puts its handlers in place, or turns it away.
    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let settings = core.settings
            let peer = Self.address(channel)
            // why: an answer is one small packet, and waiting for a fuller one would cost 40 ms.
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            if let refusal = core.ledger.enter(peer, settings) {
                core.reject("connections_\(refusal.rawValue)")
                let isAnswered = core.security == nil && core.ledger.enterRefused()
                guard isAnswered else {
                    channel.close(promise: nil)
                    return Value(channel: channel)
                }
                try channel.pipeline.syncOperations.addHandler(TurnedAway(core))
                return Value(channel: channel)
            }
            do { try addHandlers(channel, settings, peer) } catch {
                core.ledger.leave(peer)
                throw error
            }
            return Value(channel: channel)
        }
    }

    private func addHandlers(_ channel: any Channel, _ settings: ServerSettings, _ peer: String) throws {
        let encryption = core.security.map { NIOSSLServerHandler(context: $0.context) }
        let handler = ConnectionHandler(
            core, settings: settings, peer: peer, encryption: encryption, loop: channel.eventLoop)
        if let encryption { try channel.pipeline.syncOperations.addHandler(encryption) }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Waits for the end of the connection; closes it when the server cannot wait any longer.
    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            try? await value.channel.closeFuture.get()
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }

    /// The address without port; IPv4 in IPv6 clothes is IPv4.
    private static func address(_ channel: any Channel) -> String {
        guard let text = channel.remoteAddress?.ipAddress else { return "" }
        guard text.contains(":"), let bytes = AddressRange.bytes(text) else { return text }
        return AddressRange.text(bytes)
    }
}

/// Tells a caller that there are too many connections, and closes.
private final class TurnedAway: TimedHandler, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let core: ServerCore
    private var context: ChannelHandlerContext?
    private var bytes = 0

    init(_ core: ServerCore) { self.core = core }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { answer(context) }
    }
    func channelActive(context: ChannelHandlerContext) {
        answer(context)
        context.fireChannelActive()
    }
    private func answer(_ context: ChannelHandlerContext) {
        core.state(of: context.eventLoop).add(self)
        deadline = .seconds(1)
        let refusal = GuardRefusal(
            .unavailable, "there are too many connections", retryAfter: 1, reason: "connections")
        let response = Problem.response(refusal, id: Exchange.newIdentifier())
        let outgoing = Outgoing(response, isHead: false)
        var text = "HTTP/1.1 503 Service Unavailable\r\n"
        for (name, value) in outgoing.headers { text += "\(name): \(value)\r\n" }
        text += "date: \(core.state(of: context.eventLoop).date)\r\nconnection: close\r\n\r\n"
        var buffer = context.channel.allocator.buffer(string: text)
        buffer.writeImmutableBuffer(outgoing.body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        context.close(mode: .output, promise: nil)
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        if bytes > 64 << 10 { context.close(promise: nil) }
    }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) {
        core.state(of: context.eventLoop).remove(self)
        core.ledger.leaveRefused()
        self.context = nil
    }
    override func expire(_ now: NIODeadline) { context?.close(promise: nil) }
}
