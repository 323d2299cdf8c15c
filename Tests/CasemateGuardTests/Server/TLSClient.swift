import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// A client that shows a certificate or none, and says what came of it.
enum TLSClient {
    struct Outcome: Sendable {
        var bytes: [UInt8] = []
        var chosen: String?
        /// Serial number of the server's certificate.
        var server: [UInt8] = []
        var text: String { String(decoding: bytes, as: UTF8.self) }
        var status: Int? {
            text.hasPrefix("HTTP/1.1 ") ? Int(text.dropFirst(9).prefix(3)) : nil
        }
    }

    /// Asks for a path over HTTP/1.1, or with `h2` chosen sends frames; empty bytes when the handshake failed.
    static func ask(
        _ port: Int, _ path: String, authority: String, identity: (certificate: String, key: String)? = nil,
        protocols: [String] = ["http/1.1"]
    ) async throws -> Outcome {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
        configuration.applicationProtocols = protocols
        if let identity {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
        }
        let context = try NIOSSLContext(configuration: configuration)
        let box = Box(gathered: Mutex(Outcome()))
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let encryption = try NIOSSLClientHandler(context: context, serverHostname: "localhost")
                    try channel.pipeline.syncOperations.addHandlers([encryption, Gatherer(path, box, encryption)])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let bound = channel.eventLoop.scheduleTask(in: .seconds(3)) { channel.close(promise: nil) }
        try? await channel.closeFuture.get()
        bound.cancel()
        return box.gathered.withLock { $0 }
    }

    final class Box: Sendable {
        let gathered: Mutex<Outcome>
        init(gathered: consuming Mutex<Outcome>) { self.gathered = gathered }
    }

    private final class Gatherer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let path: String, box: Box, encryption: NIOSSLClientHandler
        init(_ path: String, _ box: Box, _ encryption: NIOSSLClientHandler) {
            (self.path, self.box, self.encryption) = (path, box, encryption)
        }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case TLSUserEvent.handshakeCompleted(let chosen)? = event as? TLSUserEvent else { return }
            let server = (try? encryption.peerCertificate?.toDERBytes()) ?? []
            box.gathered.withLock { ($0.chosen, $0.server) = (chosen, server) }
            let text = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            let bytes =
                chosen == "h2" ? HTTP2Frames.preface + HTTP2Frames.get(path, stream: 1) : Array(text.utf8)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let isDone = box.gathered.withLock { outcome in
                outcome.bytes += unwrapInboundIn(data).readableBytesView
                return outcome.chosen == "h2"
                    && HTTP2Frames.parsed(outcome.bytes).contains { $0.type == 0 && $0.flags & 1 == 1 }
            }
            if isDone { context.close(promise: nil) }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
