import CasemateGuard
import Foundation
import Testing

/// Connections on which nothing useful happens end by themselves, and none costs more than its share.
struct ServerDeadlineTests {
    private static let tight = """
        listen: 127.0.0.1:0
        server:
          header_timeout: 300ms
          body_timeout: 900ms
          body_rate: 2000
          idle_timeout: 500ms
          write_timeout: 300ms
          shutdown_delay: 1ms
          shutdown_grace: 1s
        """

    /// Sends one byte after the other until the server has enough.
    private static func drip(_ port: Int, _ start: String, _ unit: String) async -> RawClient.Reply {
        await offThread {
            let client = RawClient(port: port)
            client.send(start)
            let begin = Date()
            var reply = RawClient.Reply()
            while !reply.isClosed, Date().timeIntervalSince(begin) < 20 {
                client.send(unit)
                let more = client.receive(seconds: 0.02)
                reply.bytes += more.bytes
                reply.isClosed = more.isClosed
            }
            reply.seconds = Date().timeIntervalSince(begin)
            return reply
        }
    }

    @Test func slowAndSilentCallersAreEnded() async throws {
        let fixture = try ServerFixture(Self.tight)
        let post = "POST /echo HTTP/1.1\r\nHost: a\r\n"
        let replies = try await fixture.serve { port, _ in
            async let silent = RawClient.ask(port, "")
            async let head = Self.drip(port, "GET /health HTTP/1.1\r\n", "X: y\r\n")
            async let blank = Self.drip(port, "", "\r\n")
            async let body = Self.drip(port, post + "Content-Length: 100000\r\n\r\n", "a")
            async let chunks = Self.drip(port, post + "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n")
            async let extensions = Self.drip(port, post + "Transfer-Encoding: chunked\r\n\r\n1", ";xxxxxxxxxx")
            async let steady = Self.drip(
                port, post + "Content-Length: 10000000\r\n\r\n", String(repeating: "a", count: 1_000))
            async let idle = RawClient.ask(port, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            return await [silent, head, blank, body, chunks, extensions, steady, idle]
        }
        #expect(replies.map(\.statuses) == [[], [408], [408], [408], [408], [408], [408], [200]])
        #expect(replies.map(\.isClosed) == replies.map { _ in true })
        // why so long: a busy machine is slow to look, and without the deadlines they would stay for ever.
        for (index, reply) in replies.enumerated() { #expect(reply.seconds < 9, "\(index): \(reply.seconds)") }
        // One whose bytes come fast enough has the whole time for a body.
        #expect(replies[6].seconds > 0.85)
        #expect(fixture.rejected("slow_head") == 3 && fixture.rejected("slow_body") == 4)
    }

    @Test func whoDoesNotReadIsEnded() async throws {
        let fixture = try ServerFixture(Self.tight)
        let (isClosed, bytes) = try await fixture.serve { port, _ in
            await offThread {
                let client = RawClient(port: port)
                client.send("GET /big?33554432 HTTP/1.1\r\nHost: a\r\n\r\n")
                // why until then: how soon a busy machine notices is not what is tested.
                for _ in 0..<1_000 where fixture.rejected("slow_reader") == 0 { usleep(20_000) }
                let reply = client.receive()
                return (reply.isClosed, reply.bytes.count)
            }
        }
        #expect(isClosed && bytes < 33_554_432 && fixture.rejected("slow_reader") == 1)
    }

    @Test func aSlowReaderThatGoesOnGetsEverything() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {write_timeout: 1s, shutdown_delay: 1ms}")
        let bytes = try await fixture.serve { port, _ in
            await offThread {
                let client = RawClient(port: port)
                client.send("GET /big?16777216 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                var count = 0
                for _ in 0..<600 {
                    let more = client.receive(seconds: 0.05) { $0.bytes.count >= 256 << 10 }
                    count += more.bytes.count
                    if more.isClosed { break }
                    usleep(20_000)
                }
                return count
            }
        }
        #expect(bytes > 16_777_216)
    }

    @Test func connectionsOverTheLimitAreToldToComeBack() async throws {
        let fixture = try ServerFixture(
            "listen: 127.0.0.1:0\nserver: {max_connections: 8, max_connections_per_address: 4, shutdown_delay: 1ms}")
        let (over, after) = try await fixture.serve { port, _ in
            await offThread {
                let held = (0..<4).map { _ in
                    let client = RawClient(port: port)
                    client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = client.receive { $0.has("ok") }
                    return client
                }
                let over = RawClient(port: port).receive()
                withExtendedLifetime(held) {}
                return over
            }
        } followedBy: { port in
            // Once they are gone there is room again.
            for _ in 0..<50 {
                let reply = await RawClient.ask(
                    port, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if reply.statuses == [200] { return reply }
            }
            return RawClient.Reply()
        }
        #expect(over.statuses == [503] && over.isClosed && over.has("connection: close"))
        #expect(after.statuses == [200])
        #expect(fixture.rejected("connections_address") >= 1)
        #expect(fixture.metrics.gauge("casemate_connections", "Open connections.").value == 0)
    }

    @Test func callersThatGoLeaveNothingBehind() async throws {
        let fixture = try ServerFixture(Self.tight)
        let open: @Sendable () -> Double = { fixture.metrics.gauge("casemate_connections", "Open connections.").value }
        let left = try await fixture.serve { port, _ in
            await offThread {
                for text in [
                    "", "GET /sl", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n",
                    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab",
                ] {
                    for isReset in [true, false] {
                        let client = RawClient(port: port)
                        client.send(text)
                        usleep(20_000)
                        if isReset { client.reset() }
                    }
                }
                for _ in 0..<1_000 where open() > 0 { usleep(20_000) }
                return open()
            }
        }
        #expect(left == 0)
    }

    @Test func whoSaysThatNothingMoreComesGetsHisAnswer() async throws {
        let fixture = try ServerFixture(Self.tight)
        let (answered, broken) = try await fixture.serve { port, _ in
            await offThread {
                let whole = RawClient(port: port)
                whole.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
                whole.finish()
                let half = RawClient(port: port)
                half.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab")
                half.finish()
                return (whole.receive(), half.receive())
            }
        }
        #expect(answered.statuses == [200] && answered.text.hasSuffix("late") && answered.isClosed)
        #expect(broken.statuses == [400] && broken.isClosed)
    }
}

extension ServerFixture {
    /// Runs a server for two things, one after the other.
    func serve<First: Sendable, Second: Sendable>(
        _ first: @escaping @Sendable (_ port: Int, _ server: GuardServer) async throws -> First,
        followedBy second: @escaping @Sendable (_ port: Int) async throws -> Second
    ) async throws -> (First, Second) {
        try await serve { port, server in
            let one = try await first(port, server)
            return (one, try await second(port))
        }
    }
}
