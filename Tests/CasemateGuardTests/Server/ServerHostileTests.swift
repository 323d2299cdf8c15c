import CasemateGuard
import Foundation
import Testing

/// Requests that two servers might read in two ways, and requests that only cost: one refusal each, and the end of the
/// connection. Sources: RFC 9112, section 11.2; the fault list of the guard.
struct ServerHostileTests {
    private static let get = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let post = "POST /echo HTTP/1.1\r\nHost: a\r\n"

    struct Attempt: Sendable, CustomTestStringConvertible {
        let name: String, bytes: String, statuses: Set<Int>
        var testDescription: String { name }
        init(_ name: String, _ bytes: String, _ statuses: Set<Int> = [400]) {
            (self.name, self.bytes, self.statuses) = (name, bytes, statuses)
        }
    }

    static let attempts: [Attempt] = [
        .init("length and coding", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get),
        .init("coding and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + get),
        .init("two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + get),
        .init("the same length twice", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + get),
        .init("a list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello" + get),
        .init("a signed length", post + "Content-Length: +5\r\n\r\nhello" + get),
        .init("a negative length", post + "Content-Length: -5\r\n\r\nhello" + get),
        .init("a length that overflows", post + "Content-Length: 18446744073709551621\r\n\r\nhello" + get),
        .init("a length of many digits", post + "Content-Length: 000000000000000000005\r\n\r\nhello" + get),
        .init("a length in hexadecimal", post + "Content-Length: 0x5\r\n\r\nhello" + get),
        .init("an empty length", post + "Content-Length:\r\n\r\nhello" + get),
        .init("another coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + get),
        .init("chunked not last", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + get),
        .init("two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + get),
        .init("chunked in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get),
        .init("a space before the colon", post + "Content-Length : 5\r\n\r\nhello" + get),
        .init("a folded line", "GET /health HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n" + get),
        .init("a folded coding", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + get),
        .init("a line that begins with a space", "GET /health HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n" + get),
        .init("a bare return", "GET /health HTTP/1.1\r\nHost: a\rX: y\r\n\r\n" + get),
        .init("bare line feeds", "GET /health HTTP/1.1\nHost: a\n\n" + get),
        .init("a zero in a value", "GET /health HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n" + get),
        .init("a zero in a name", "GET /health HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n" + get),
        .init("a zero in the target", "GET /health\0 HTTP/1.1\r\nHost: a\r\n\r\n" + get),
        .init("a space in the target", "GET /hea lth HTTP/1.1\r\nHost: a\r\n\r\n" + get),
        .init("a fragment", "GET /health#a HTTP/1.1\r\nHost: a\r\n\r\n" + get),
        .init("no slash", "GET health HTTP/1.1\r\nHost: a\r\n\r\n" + get),
        .init("another scheme", "GET ftp://a/health HTTP/1.1\r\nHost: a\r\n\r\n" + get),
        .init("no name", "GET /health HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" + get),
        .init("two hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + get),
        .init("no host", "GET /health HTTP/1.1\r\n\r\n" + get),
        .init("a host with a path", "GET /health HTTP/1.1\r\nHost: a/b@c\r\n\r\n" + get),
        .init("another version", "GET /health HTTP/1.2\r\nHost: a\r\n\r\n" + get, [400, 505]),
        .init("version 2 in text", "GET /health HTTP/2.0\r\nHost: a\r\n\r\n" + get, [400, 505]),
        .init("version 9", "GET /health HTTP/9.9\r\nHost: a\r\n\r\n" + get, [400, 505]),
        .init("no version", "GET /health\r\nHost: a\r\n\r\n" + get, [400, 505]),
        .init("an unknown method", "PROBE /health HTTP/1.1\r\nHost: a\r\n\r\n" + get, [400, 405, 501]),
        .init("a small method", "get /health HTTP/1.1\r\nHost: a\r\n\r\n" + get, [400, 405, 501]),
        .init("connect", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n" + get, [400, 405, 501]),
        .init("trace", "TRACE /health HTTP/1.1\r\nHost: a\r\n\r\n" + get, [400, 405, 501]),
        .init("a hello of TLS", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\r\n\r\n", [400]),
        .init("a bad chunk size", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + get),
        .init("a signed chunk size", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + get),
        .init(
            "a chunk size that overflows", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n" + get),
        .init("a chunk with a bare feed", post + "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n" + get),
        .init("a long method", String(repeating: "A", count: 100_000) + " / HTTP/1.1\r\n\r\n", [400, 414, 431, 501]),
        .init("a long path", "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\n\r\n", [414, 431]),
        .init("a long header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 100_000), [431]),
        .init("a long name", "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a", count: 100_000), [431]),
        .init(
            "many headers", "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: 5_000) + "\r\n",
            [431]),
        .init(
            "many trailers",
            post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "X: a\r\n", count: 5_000) + "\r\n",
            [400, 431]),
    ]

    @Test func eachGetsOneRefusalAndTheEnd() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {header_timeout: 2s, shutdown_delay: 1ms}")
        let replies = try await fixture.serve { port, _ in
            await withTaskGroup(of: (Int, RawClient.Reply).self) { tasks in
                for (index, attempt) in Self.attempts.enumerated() {
                    tasks.addTask { (index, await RawClient.ask(port, attempt.bytes)) }
                }
                return await tasks.reduce(into: [Int: RawClient.Reply]()) { $0[$1.0] = $1.1 }
            }
        }
        for (index, attempt) in Self.attempts.enumerated() {
            let reply = try #require(replies[index])
            #expect(reply.statuses.count == 1, "\(attempt.name): \(reply.statuses)")
            #expect(attempt.statuses.contains(reply.statuses.first ?? 0), "\(attempt.name): \(reply.statuses)")
            #expect(reply.isClosed && reply.seconds < 9, "\(attempt.name): closed after \(reply.seconds)")
            #expect(reply.has("connection: close") && reply.has("x-request-id"), "\(attempt.name)")
        }
    }

    @Test func whatIsLegalPasses() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {header_timeout: 2s, shutdown_delay: 1ms}")
        let end = "Connection: close\r\n\r\n"
        let legal = [
            "GET http://a/health HTTP/1.1\r\nHost: a\r\n\(end)", "\r\nGET /health HTTP/1.1\r\nHost: a\r\n\(end)",
            "GET /health?a=%00#".dropLast() + " HTTP/1.1\r\nHost: [::1]:80\r\n\(end)",
            "POST /echo HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\(end)0\r\n\r\n",
            "GET /health HTTP/1.1\r\nHost:a\r\nX-Tab: a\tb \r\n\(end)",
            "GET /health HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
        ]
        let replies = try await fixture.serve { port, _ in
            var replies: [RawClient.Reply] = []
            for text in legal { replies.append(await RawClient.ask(port, String(text))) }
            return replies
        }
        for (text, reply) in zip(legal, replies) { #expect(reply.statuses == [200], "\(text): \(reply.text)") }
    }

    /// The first request is answered before what is broken behind it.
    @Test func whatIsBrokenBehindAGoodRequestComesSecond() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {header_timeout: 2s, shutdown_delay: 1ms}")
        let reply = try await fixture.serve { port, _ in
            await RawClient.ask(port, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nbroken\r\n\r\n" + Self.get)
        }
        #expect(reply.statuses == [200, 400] && reply.isClosed && reply.has("late"))
    }

    /// Requests that come before their turn wait in the socket, not in memory, and none is lost.
    @Test func thousandsOfRequestsInOneGoAreAnswered() async throws {
        let fixture = try ServerFixture(
            "listen: 127.0.0.1:0\nserver: {header_timeout: 2s, shutdown_delay: 1ms, access_log: false}")
        let reply = try await fixture.serve { port, _ in
            await offThread {
                let client = RawClient(port: port)
                let text = String(repeating: Self.get, count: 500)
                for _ in 0..<4 { client.send(text) }
                client.send("GET /health HTTP/1.0\r\n\r\n")
                return client.receive()
            }
        }
        #expect(reply.isClosed && reply.statuses == [Int](repeating: 200, count: 2_001))
    }
}
