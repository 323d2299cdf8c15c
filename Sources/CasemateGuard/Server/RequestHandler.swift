import NIOCore
import NIOHTTP1

/// Takes the requests of a connection, or of one HTTP/2 stream, one after the other: hands each to the guard, gives it its
/// body when the guard asks for it, and writes the response.
///
/// While a request is being worked on no more is read from the connection than one buffer, so what a caller may make the
/// server hold is that buffer beside the body that was asked for.
final class RequestHandler: TimedHandler, ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase {
        /// Waits for a request; has its head; the guard works; the response goes out; nothing more is taken.
        case idle, head, running, writing, over
    }
    /// Who waits for a body.
    struct Wanted {
        let limit: Int
        let promise: EventLoopPromise<ByteBuffer>
    }

    let connection: ConnectionHandler
    let isStream: Bool
    var context: ChannelHandlerContext?
    var phase = Phase.idle
    /// The request that is worked on.
    var wire: WireHead?
    var keepsAlive = false
    var version = HTTPVersion.http1_1
    var task: Task<Void, Never>?
    /// What is left of a response.
    var rest = ByteBuffer()

    private var body = ByteBuffer()
    private var received = 0
    private var wanted: Wanted?
    private var expectsContinue = false
    /// Whether the request came in whole; whether what came of it was broken.
    private(set) var isWhole = false
    private var isBroken = false
    private var bodyStart = NIODeadline.now(), bodyEnd = NIODeadline.now()
    /// Requests that came before their turn, and what broke after them.
    private var queue = CircularBuffer<HTTPServerRequestPart>()
    private var failure: GuardRefusal?
    private var isReadPending = false
    /// Requests that were handed to the guard.
    private var requests: UInt64 = 0
    private static let mostQueued = 1_024

    /// Makes a handler.
    init(_ connection: ConnectionHandler, isStream: Bool) {
        (self.connection, self.isStream) = (connection, isStream)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.loop.add(self)
    }
    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }
    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// Lets everything go: the caller is gone.
    private func end() {
        connection.loop.remove(self)
        guard phase != .over else { return }
        let wasBusy = phase != .idle
        phase = .over
        task?.cancel()
        task = nil
        wanted?.promise.fail(CancellationError())
        wanted = nil
        queue.removeAll()
        if wasBusy { connection.ended() }
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        if isReading { context.read() } else { isReadPending = true }
    }
    private var isReading: Bool {
        switch phase {
        case .idle, .head, .over: true
        // why not always: one buffer that came early may wait, no more.
        case .running: wanted != nil || isWhole && !isStream && !connection.hasWaiting
        case .writing: false
        }
    }
    private func resumeReading() {
        guard isReadPending, isReading else { return }
        isReadPending = false
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard phase != .over, failure == nil else { return }
        let isNext = if case .head = part { phase != .idle } else { !queue.isEmpty }
        guard isNext else { return take(part) }
        guard queue.count < Self.mostQueued else {
            connection.core.reject("pipeline")
            return context.close(promise: nil)
        }
        queue.append(part)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // why here and not with the last part: the decoder is not at work any more, so that all may be done at once.
        if phase == .head { start(atOnce: true) }
        context.fireChannelReadComplete()
    }

    /// How many bytes the decoder may be given now, so that few requests ever wait in the form of objects: none while a
    /// request is worked on, what is left of a body, or little.
    var appetite: Int {
        switch phase {
        case .idle: 1_024
        case .head, .running: isWhole ? 0 : max(1, wire?.contentLength.map { $0 - received } ?? 4_096)
        case .writing, .over: 0
        }
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head): begin(head)
        case .body(let bytes): gather(bytes)
        case .end:
            isWhole = true
            succeed()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        phase = .head
        (isWhole, isBroken, received, wire) = (false, false, 0, nil)
        body.clear(minimumCapacity: 0)
        connection.began()
        (keepsAlive, version) = (head.isKeepAlive && !head.headers.contains(name: "upgrade"), head.version)
        expectsContinue =
            version == .http1_1
            && head.headers[canonicalForm: "expect"].contains {
                RequestCheck.lowercased(String($0)) == "100-continue"
            }
        let check = RequestCheck(
            peer: connection.peer, certificateNames: connection.certificateNames,
            isSecure: connection.isSecure, isStream: isStream)
        do { wire = try check.head(head) } catch { refuse(error) }
    }

    private func gather(_ bytes: ByteBuffer) {
        guard phase == .head || phase == .running, !isBroken else { return }
        received += bytes.readableBytes
        if let wanted, received > wanted.limit {
            self.wanted = nil
            wanted.promise.fail(Self.tooLarge(wanted.limit))
        }
        // why the limit: who asks for more than this is refused by what was received, not by what was kept.
        guard received <= connection.settings.maximumBody else { return }
        if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    }

    private func succeed() {
        guard let wanted else { return }
        self.wanted = nil
        deadline = requestDeadline
        wanted.promise.succeed(body)
        body = ByteBuffer()
    }

    static func tooLarge(_ limit: Int) -> GuardRefusal {
        GuardRefusal(.tooLarge, "the body may have at most \(limit) bytes")
    }

    /// Hands the request to the guard.
    /// - Parameter atOnce: Whether work that need not wait may be done before this returns.
    private func start(atOnce: Bool = false) {
        guard let wire, let context else { return }
        phase = .running
        deadline = requestDeadline
        let job = RequestJob(
            wire: wire, whole: isWhole ? body : nil, handler: NIOLoopBound(self, eventLoop: context.eventLoop),
            loop: context.eventLoop, core: connection.core, label: protocolName, bytes: received,
            hasLog: connection.settings.hasAccessLog)
        if isWhole { body = ByteBuffer() }
        requests &+= 1
        let (number, executor) = (requests, connection.loop.executor)
        let begun =
            atOnce ? executor.begin { await job.run() } : Task(executorPreference: executor) { await job.run() }
        // why: a request that took little work is over by now, and the next one may have begun.
        if phase == .running, requests == number { task = begun }
    }

    /// why so late: the guard's own deadlines come first, and answers may wait a minute on purpose.
    private var requestDeadline: NIODeadline { .seconds(connection.settings.requestTimeout + 65) }
    private var protocolName: String { isStream ? "HTTP/2" : version == .http1_0 ? "HTTP/1.0" : "HTTP/1.1" }

    /// The body, once it is there.
    func collect(_ limit: Int) -> EventLoopFuture<ByteBuffer> {
        guard let context, phase == .running else {
            return connection.loopOfChannel.makeFailedFuture(CancellationError())
        }
        guard received <= limit else { return context.eventLoop.makeFailedFuture(Self.tooLarge(limit)) }
        guard !isBroken else { return context.eventLoop.makeFailedFuture(Self.broken) }
        guard !isWhole else { return context.eventLoop.makeSucceededFuture(body) }
        let promise = context.eventLoop.makePromise(of: ByteBuffer.self)
        wanted = Wanted(limit: limit, promise: promise)
        (bodyStart, bodyEnd) = (.now(), .seconds(connection.settings.bodyTimeout))
        deadline = min(bodyEnd, .seconds(min(5, connection.settings.headerTimeout)))
        if expectsContinue, received == 0 {
            expectsContinue = false
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        resumeReading()
        return promise.futureResult
    }

    // MARK: What goes wrong

    private static let broken = GuardRefusal(
        .malformed, "the body ended early or its framing is broken", reason: "http_body")

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // why the last: a decoder that failed says so again for every byte that comes.
        guard phase != .over, failure == nil, !isBroken else { return }
        guard let parsing = error as? HTTPParserError else { return context.close(promise: nil) }
        let refusal =
            parsing == .headerOverflow
            ? GuardRefusal(.headers, "the request's line and header fields are too long or too many")
            : GuardRefusal(.malformed, "the request is no HTTP that is served here", reason: "http_syntax")
        switch phase {
        case .idle:
            phase = .head
            connection.began()
            refuse(refusal)
        case .head, .running, .writing:
            guard isWhole else {
                (isBroken, keepsAlive) = (true, false)
                wanted?.promise.fail(Self.broken)
                return wanted = nil
            }
            failure = refusal
        case .over: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            keepsAlive = false
            if phase == .idle { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// The head did not come in time.
    func headTimedOut() {
        guard phase == .idle else { return }
        phase = .head
        connection.began()
        refuse(GuardRefusal(.timeout, "the header fields took too long"))
    }

    /// Answers without asking the guard, and takes nothing more.
    private func refuse(_ refusal: GuardRefusal) {
        (keepsAlive, isWhole, phase) = (false, false, .running)
        connection.core.reject(refusal.reason)
        let id = Exchange.newIdentifier()
        var response = Problem.response(refusal, id: id)
        response.headers.append(.init("x-request-id", id))
        if connection.settings.hasAccessLog {
            connection.core.note(
                WireHead(method: "", path: "", peer: connection.peer), response, label: protocolName, bytes: received,
                nanoseconds: 0)
        }
        write(Outgoing(response, isHead: false))
    }

    override func expire(_ now: NIODeadline) {
        deadline = .distantFuture
        switch phase {
        case .running:
            guard let wanted else {
                connection.core.reject("request_timeout")
                task?.cancel()
                context?.close(promise: nil)
                return
            }
            let seconds = Double((now - bodyStart).nanoseconds) / 1e9
            if now < bodyEnd, Double(received) >= seconds * Double(connection.settings.bodyRate) {
                return deadline = min(bodyEnd, now + .seconds(1))
            }
            self.wanted = nil
            (isBroken, keepsAlive) = (true, false)
            deadline = requestDeadline
            connection.core.reject("slow_body")
            wanted.promise.fail(GuardRefusal(.timeout, "the body took too long", reason: "slow_body"))
        case .writing:
            connection.core.reject("slow_reader")
            context?.close(promise: nil)
        case .idle, .head, .over: break
        }
    }

    // MARK: After a response

    /// Goes on with what came meanwhile.
    func next() {
        phase = .idle
        deadline = .distantFuture
        (wire, task) = (nil, nil)
        while phase == .idle || phase == .head && !isWhole, let part = queue.popFirst() { take(part) }
        if phase == .idle || phase == .head { connection.feed() }
        if phase == .head { start() }
        if phase == .idle, let failure {
            self.failure = nil
            phase = .head
            connection.began()
            refuse(failure)
        }
        resumeReading()
    }
}
