import CasemateCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The connections of one event loop to a model's server.
///
/// why unchecked: all of it is used on the loop alone.
final class UpstreamPool: @unchecked Sendable {
    /// Where the server is, and how it is reached.
    struct Target: Sendable {
        let host: String, port: Int
        /// `nil` for connections that are not encrypted.
        let encryption: NIOSSLContext?
        let connectTimeout: TimeAmount, idle: TimeAmount
        let answerLimit: Int
    }
    let loop: any EventLoop
    private let target: Target
    private let most: Int
    /// Those without work, the one used last at the end.
    private var resting: [UpstreamConnection] = []
    /// Connections that are open or being opened.
    private var open: [ObjectIdentifier: UpstreamConnection] = [:]
    private var opening = 0
    private var waiting = CircularBuffer<UpstreamCall>()
    private var sweep: Scheduled<Void>?
    private var isEnded = false

    init(_ target: Target, loop: any EventLoop, most: Int) {
        (self.target, self.loop, self.most) = (target, loop, most)
    }

    /// Takes a call; it ends by itself when its time is up.
    func take(_ call: UpstreamCall, within time: TimeAmount) {
        guard !isEnded else { return call.finish(.failure(UpstreamClient.Failure.noConnection)) }
        call.set(loop.scheduleTask(in: time) { [self] in giveUp(call, UpstreamClient.Failure.timeout) })
        while let connection = resting.popLast() {
            if connection.isOpen { return connection.start(call) }
            open[ObjectIdentifier(connection)] = nil
        }
        if open.count + opening < most { connect(for: call) } else { waiting.append(call) }
    }

    /// Ends a call that nobody waits for any more, and the connection that works on it.
    func giveUp(_ call: UpstreamCall, _ reason: any Error) {
        call.finish(.failure(reason))
        waiting.removeAll { $0 === call }
        open.values.first { $0.isBusy(with: call) }?.close()
    }

    private func connect(for call: UpstreamCall) {
        opening += 1
        let target = target
        ClientBootstrap(group: loop).connectTimeout(target.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let encryption = target.encryption {
                        // why: only names of hosts may be told (RFC 6066, section 3).
                        let isNumber = (try? SocketAddress(ipAddress: target.host, port: 0)) != nil
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: encryption, serverHostname: isNumber ? nil : target.host))
                    }
                    try pipeline.addHandlers([
                        HTTPRequestEncoder(),
                        ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)),
                        UpstreamConnection(self, mostBytes: target.answerLimit),
                    ])
                }
            }
            .connect(host: target.host, port: target.port)
            .whenComplete { [self] in connected($0, for: call) }
    }

    private func connected(_ result: Result<any Channel, any Error>, for call: UpstreamCall) {
        opening -= 1
        do {
            let channel = try result.get()
            let connection = try channel.pipeline.syncOperations.handler(type: UpstreamConnection.self)
            open[ObjectIdentifier(connection)] = connection
            guard !isEnded else { return connection.close() }
            if call.isOver { rests(connection) } else { connection.start(call) }
        } catch {
            if case ChannelError.connectTimeout = error {
                call.finish(.failure(UpstreamClient.Failure.timeout))
            } else {
                call.finish(.failure(UpstreamClient.Failure.noConnection))
            }
            more()
        }
    }

    /// A connection has no work any more.
    func rests(_ connection: UpstreamConnection) {
        guard !isEnded else { return connection.close() }
        guard connection.isOpen else { return closed(connection) }
        while let call = waiting.popFirst() {
            if !call.isOver { return connection.start(call) }
        }
        resting.append(connection)
        if sweep == nil { sweep = loop.scheduleTask(in: target.idle) { [self] in look() } }
    }

    /// A connection is gone.
    func closed(_ connection: UpstreamConnection) {
        open[ObjectIdentifier(connection)] = nil
        resting.removeAll { $0 === connection }
        more()
    }

    private func more() {
        while !waiting.isEmpty, open.count + opening < most, let call = waiting.popFirst() {
            if !call.isOver { connect(for: call) }
        }
    }

    /// Closes what has rested long enough.
    private func look() {
        sweep = nil
        let now = NIODeadline.now()
        for connection in resting where connection.restsSince + target.idle <= now { connection.close() }
        guard let first = resting.first(where: { $0.restsSince + target.idle > now }) else { return }
        sweep = loop.scheduleTask(deadline: first.restsSince + target.idle) { [self] in look() }
    }

    /// Closes all connections; calls on their way fail.
    func end() {
        isEnded = true
        sweep?.cancel()
        for call in waiting { call.finish(.failure(UpstreamClient.Failure.noConnection)) }
        waiting.removeAll()
        for connection in open.values { connection.close() }
    }
}
