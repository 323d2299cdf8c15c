import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import NIOTLS

/// Stands before the decoder of a connection: chooses the protocol, and sees to it that a connection on which nothing
/// useful happens ends.
///
/// Deadlines are absolute: single bytes do not extend them.
final class ConnectionHandler: TimedHandler, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    enum Phase {
        /// Encryption is agreed on; nothing came yet; between requests; a head is coming in; requests are worked on; all
        /// is said and what still comes is thrown away.
        case handshake, fresh, idle, head, busy, linger
    }
    let core: ServerCore
    let settings: ServerSettings
    let loop: LoopState
    let peer: String
    let loopOfChannel: any EventLoop
    private(set) var certificateNames: [String] = []
    private let encryption: NIOSSLServerHandler?
    private var context: ChannelHandlerContext?
    private var phase: Phase
    private var http1: RequestHandler?
    private var isHTTP2 = false
    private var active = 0, streams = 0, refusedStreams = 0
    private var isQuiescing = false, isInputClosed = false
    private var held = ByteBuffer()
    private var isEndTold = false
    private var thrownAway = 0

    /// Makes a handler; `encryption` stands before it.
    init(
        _ core: ServerCore, settings: ServerSettings, peer: String, encryption: NIOSSLServerHandler?,
        loop: any EventLoop
    ) {
        (self.core, self.settings, self.peer, self.encryption) = (core, settings, peer, encryption)
        (loopOfChannel, self.loop) = (loop, core.state(of: loop))
        phase = encryption == nil ? .fresh : .handshake
        super.init()
        deadline = .seconds(settings.headerTimeout)
    }

    /// Whether the connection is encrypted.
    var isSecure: Bool { encryption != nil }
    /// Whether bytes came that nobody has taken yet.
    var hasWaiting: Bool { held.readableBytes > 0 }
    /// Whether responses tell the caller to go elsewhere.
    var isEnding: Bool { isQuiescing || core.state.isDraining }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }
    func handlerRemoved(context: ChannelHandlerContext) { release() }
    func channelInactive(context: ChannelHandlerContext) {
        context.fireChannelInactive()
        release()
    }
    private func release() {
        guard context != nil else { return }
        (context, http1) = (nil, nil)
        loop.remove(self)
        core.ledger.leave(peer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        switch phase {
        case .linger:
            thrownAway += bytes.readableBytes
            if thrownAway > 1 << 20 { context.close(promise: nil) }
            return
        default: break
        }
        guard !isHTTP2 else { return context.fireChannelRead(data) }
        if held.readableBytes == 0 { held = bytes } else { held.writeImmutableBuffer(bytes) }
        if http1 == nil { choose(context) } else { feed() }
    }

    /// Gives the decoder of HTTP/1 as much as the request that is worked on can use. What is left waits as bytes.
    func feed() {
        guard let context, let http1, phase != .linger else { return }
        while held.readableBytes > 0, phase != .linger {
            guard let slice = held.readSlice(length: min(http1.appetite, held.readableBytes)),
                slice.readableBytes > 0
            else { return }
            if phase == .idle {
                phase = .head
                deadline = .seconds(settings.headerTimeout)
            }
            context.fireChannelRead(wrapInboundOut(slice))
        }
        held = ByteBuffer()
        guard isInputClosed, !isEndTold else { return }
        isEndTold = true
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// Tells HTTP/2 with prior knowledge from HTTP/1 by the first four bytes (RFC 9113, section 3.4).
    private func choose(_ context: ChannelHandlerContext) {
        let preface = Array("PRI ".utf8)
        let first = Array(held.readableBytesView.prefix(preface.count))
        guard first.count == preface.count || !preface.starts(with: first) else { return }
        begin(context, isHTTP2: first == preface)
        guard isHTTP2 else { return feed() }
        let bytes = held
        held = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(bytes))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let chosen):
            guard takeCertificate() else { return context.close(promise: nil) }
            phase = .fresh
            deadline = .seconds(settings.headerTimeout)
            begin(context, isHTTP2: chosen == "h2")
        case is ChannelShouldQuiesceEvent:
            isQuiescing = true
            if active == 0, !isHTTP2 { return context.close(promise: nil) }
            if active == 0 { deadline = .seconds(2) }
            context.fireUserInboundEventTriggered(event)
        case ChannelEvent.inputClosed:
            isInputClosed = true
            if phase == .linger || (http1 == nil && !isHTTP2) { return context.close(promise: nil) }
            if isHTTP2 { return context.fireUserInboundEventTriggered(event) }
            // why by that way: the decoder must have all bytes before it hears of the end.
            feed()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// Takes the names of a certificate; false for one that says it is for something else than clients.
    private func takeCertificate() -> Bool {
        guard settings.encryption?.clients != ServerSettings.ClientCertificates.none,
            let certificate = encryption?.peerCertificate
        else { return true }
        guard let names = CertificateNames.of(certificate) else {
            core.reject("certificate_purpose")
            return false
        }
        certificateNames = names
        return true
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if phase == .handshake { core.reject("handshake") }
        core.logger.debug("a connection failed", metadata: ["peer": "\(peer)", "error": "\(type(of: error))"])
        context.close(promise: nil)
    }

    // MARK: Protocols

    private func begin(_ context: ChannelHandlerContext, isHTTP2: Bool) {
        self.isHTTP2 = isHTTP2
        do {
            if isHTTP2 { try addHTTP2(context) } else { try addHTTP1(context) }
        } catch {
            context.close(promise: nil)
        }
    }

    private func addHTTP1(_ context: ChannelHandlerContext) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = settings.headerBytes
        limits.maxHeaderListSize = settings.headerBytes
        limits.maxHeaderFieldCount = settings.headerCount
        let handler = RequestHandler(self, isStream: false)
        http1 = handler
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        try context.pipeline.syncOperations.addHandlers(
            [HTTPResponseEncoder(), ByteToMessageHandler(decoder), handler], position: .last)
    }

    private func addHTTP2(_ context: ChannelHandlerContext) throws {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: settings.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: settings.headerBytes),
        ]
        configuration.maximumBufferedControlFrames = 1_000
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        _ = try context.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: configuration, streamConfiguration: .init(),
            position: .last
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try bound.value.openStream(stream)
                try stream.pipeline.syncOperations.addHandlers([
                    HTTP2FramePayloadToHTTP1ServerCodec(), RequestHandler(bound.value, isStream: true),
                ])
            }
        }
        let keeper = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: context.eventLoop,
            configuration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: .nanoseconds(Int64(settings.shutdownGrace * 1e9)),
                keepalive: nil))
        try context.pipeline.syncOperations.addHandlers([keeper, ConnectionEnd()], position: .last)
    }

    /// Counts a stream.
    ///
    /// why beside what the settings of HTTP/2 say: those bind a caller only once it has acknowledged them, and a hostile
    /// one never does.
    private func openStream(_ stream: any Channel) throws {
        guard streams < settings.streams else {
            core.reject("streams")
            refusedStreams += 1
            if refusedStreams > 100 { context?.close(promise: nil) }
            throw ChannelError.operationUnsupported
        }
        streams += 1
        let bound = NIOLoopBound(self, eventLoop: stream.eventLoop)
        stream.closeFuture.whenComplete { _ in bound.value.streams -= 1 }
    }

    // MARK: Deadlines

    /// A request begins.
    func began() {
        active += 1
        phase = .busy
        deadline = .distantFuture
    }
    /// A request is over.
    func ended() {
        active -= 1
        guard active == 0, phase == .busy else { return }
        phase = .idle
        deadline = .seconds(isQuiescing ? 2 : settings.idleTimeout)
    }

    /// Ends a connection whose caller may still be sending: closing at once would let the system throw away the response
    /// that the caller has not read yet.
    func linger() {
        guard let context else { return }
        guard !isInputClosed else { return context.close(promise: nil) }
        phase = .linger
        deadline = .seconds(min(2, settings.headerTimeout))
        context.close(mode: .output, promise: nil)
        context.read()
    }

    override func expire(_ now: NIODeadline) {
        deadline = .distantFuture
        switch phase {
        case .head, .fresh:
            core.reject("slow_head")
            if let http1 { http1.headTimedOut() } else { context?.close(promise: nil) }
        case .idle where isHTTP2 && !isQuiescing:
            isQuiescing = true
            deadline = .seconds(2)
            context?.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        case .handshake, .idle, .linger:
            context?.close(promise: nil)
        case .busy: break
        }
    }
}

/// Closes a connection whose protocol was broken, behind the handlers that said so to the caller.
private final class ConnectionEnd: ChannelInboundHandler {
    typealias InboundIn = Any
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
