import CasemateGuard
import Foundation
import Testing

/// HTTP/2 with prior knowledge: several requests at a time, and the known ways to make a server work for nothing.
struct ServerHTTP2Tests {
    private static let quick = """
        listen: 127.0.0.1:0
        server: {header_timeout: 500ms, idle_timeout: 500ms, http2_streams: 8, shutdown_delay: 1ms, access_log: false}
        """

    private func ask(_ bytes: [UInt8], seconds: Double = 20, until: @escaping @Sendable (RawClient.Reply) -> Bool)
        async throws -> RawClient.Reply
    {
        try await ServerFixture(Self.quick).serve { port, _ in
            await offThread {
                let client = RawClient(port: port)
                client.send(HTTP2Frames.preface + bytes)
                return client.receive(seconds: seconds, until: until)
            }
        }
    }

    @Test func requestsOnOneConnectionDoNotWaitForEachOther() async throws {
        let reply = try await ask(
            HTTP2Frames.get("/slow", stream: 1) + HTTP2Frames.get("/health", stream: 3)
                + HTTP2Frames.get("/nothing", stream: 5)
        ) { $0.body(of: 1) != nil }
        #expect(reply.body(of: 1) == "late" && reply.body(of: 3) == "ok")
        let order = reply.frames.filter { $0.type == 1 }.map(\.stream)
        #expect(Set(order) == [1, 3, 5] && order.last == 1)
    }

    @Test func anIdleConnectionIsToldAndEnded() async throws {
        let reply = try await ask(HTTP2Frames.get("/health", stream: 1), seconds: 20) { _ in false }
        #expect(reply.body(of: 1) == "ok" && reply.hasGoneAway && reply.isClosed)
    }

    /// Also for a caller that never acknowledges the server's settings.
    @Test(arguments: [true, false])
    func moreStreamsThanAllowedAreRefused(isAcknowledged: Bool) async throws {
        let streams = (0..<20).map { $0 * 2 + 1 }
        let acknowledgement = isAcknowledged ? HTTP2Frames.frame(4, 1, 0, []) : []
        let bytes = acknowledgement + streams.flatMap { HTTP2Frames.get("/slow", stream: $0) }
        let reply = try await ask(bytes, seconds: isAcknowledged ? 0.8 : 20) { reply in
            !isAcknowledged && reply.body(of: 1) != nil && reply.body(of: 15) != nil
        }
        #expect(streams.count { reply.body(of: $0) != nil } <= 8)
        #expect(isAcknowledged || (reply.body(of: 1) == "late" && reply.body(of: 15) == "late"))
        let settings = try #require(reply.frames.first { $0.type == 4 && $0.flags == 0 })
        // SETTINGS_MAX_CONCURRENT_STREAMS is 3.
        #expect(settings.payload.starts(with: [0, 3, 0, 0, 0, 8]))
    }

    @Test(arguments: ["reset", "ping", "settings", "continuation", "large"])
    func floodsEndTheConnection(kind: String) async throws {
        let flood = Self.flood(kind)
        let reply = try await ask(flood) { _ in false }
        #expect(reply.isClosed && reply.seconds < 9, "\(reply.seconds)")
        #expect(reply.body(of: 1) == nil)
    }

    private static func flood(_ kind: String) -> [UInt8] {
        var bytes: [UInt8] = []
        switch kind {
        case "reset":
            for stream in stride(from: 1, to: 2_001, by: 2) {
                bytes += HTTP2Frames.get("/slow", stream: stream)
                bytes += HTTP2Frames.frame(3, 0, stream, [0, 0, 0, 8])
            }
        case "ping":
            for _ in 0..<1_000 { bytes += HTTP2Frames.frame(6, 0, 0, [UInt8](repeating: 1, count: 8)) }
        case "settings":
            for _ in 0..<1_000 { bytes += HTTP2Frames.frame(4, 0, 0, []) }
        case "continuation":
            bytes += HTTP2Frames.frame(1, 1, 1, HTTP2Frames.block("/health"))
            for _ in 0..<1_000 { bytes += HTTP2Frames.frame(9, 0, 1, [UInt8](repeating: 0x82, count: 8)) }
        default:
            // Names and values of 100 bytes without an index: 64 KiB of header fields.
            let name: [UInt8] = [0x00, 100] + [UInt8](repeating: 0x61, count: 100)
            let value: [UInt8] = [100] + [UInt8](repeating: 0x62, count: 100)
            var fields: [UInt8] = []
            for _ in 0..<80 { fields += name + value }
            bytes += HTTP2Frames.frame(1, 1, 1, HTTP2Frames.block("/health"))
            for _ in 0..<4 { bytes += HTTP2Frames.frame(9, 0, 1, fields) }
            bytes += HTTP2Frames.frame(9, 4, 1, [])
        }
        return bytes
    }
}
