import CasemateGuard
import Foundation
import Testing

/// HTTP/1.1 as well-behaved clients speak it.
struct ServerProtocolTests {
    private static let quick =
        "listen: 127.0.0.1:0\nserver: {header_timeout: 2s, idle_timeout: 2s, shutdown_delay: 1ms}"

    @Test func answersCarryWhatTheyMust() async throws {
        let fixture = try ServerFixture(Self.quick)
        let reply = try await fixture.serve { port, _ in
            await RawClient.ask(port, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        }
        #expect(reply.statuses == [200] && reply.isClosed && reply.text.hasSuffix("\r\n\r\nok"))
        for field in [
            "content-length: 2\r\n", "date: ", "x-content-type-options: nosniff", "cache-control: no-store",
            "connection: close", "x-request-id: ",
        ] { #expect(reply.has(field), "\(field)") }
        #expect(!reply.has("\r\nserver:"))
    }

    @Test func aConnectionIsKeptAndRequestsAreAnsweredInOrder() async throws {
        let fixture = try ServerFixture(Self.quick)
        let reply = try await fixture.serve { port, _ in
            await RawClient.ask(
                port,
                "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
                    + "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\nHEAD /big?5 HTTP/1.1\r\nHost: a\r\n\r\n"
                    + "GET /health HTTP/1.0\r\n\r\n")
        }
        #expect(reply.statuses == [200, 200, 404, 200, 200] && reply.isClosed)
        let late = try #require(reply.text.range(of: "\r\n\r\nlate"))
        let one = try #require(reply.text.range(of: "\r\n\r\none"))
        #expect(late.lowerBound < one.lowerBound && reply.text.hasSuffix("ok"))
        #expect(reply.has("content-length: 5\r\n") && !reply.has("aaaaa"))
        // A header that a stage made of a caller's words stays one header.
        #expect(reply.has("x-odd: a  b: c\r\n"))
    }

    @Test func bodiesInChunksAreRead() async throws {
        let fixture = try ServerFixture(Self.quick)
        let reply = try await fixture.serve { port, _ in
            await offThread {
                let client = RawClient(port: port)
                client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
                for part in ["3\r\nabc\r\n", "2;x=y\r\nde\r\n", "0\r\n", "X-Trailer: t\r\n\r\n"] {
                    usleep(10_000)
                    client.send(part)
                }
                return client.receive()
            }
        }
        #expect(reply.statuses == [200] && reply.text.hasSuffix("abcde"))
    }

    @Test func continueIsSaidOnlyForBodiesThatAreTaken() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {max_body: 1024, shutdown_delay: 1ms}")
        let (taken, refused, unread) = try await fixture.serve { port, _ in
            await offThread {
                func head(_ path: String, _ bytes: Int) -> String {
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: \(bytes)\r\n\r\n"
                }
                let client = RawClient(port: port)
                client.send(head("/echo", 4))
                let first = client.receive { $0.has("100 Continue\r\n\r\n") }
                client.send("body")
                let second = client.receive { $0.text.hasSuffix("body") }
                let large = RawClient(port: port)
                large.send(head("/echo", 1 << 30))
                let unknown = RawClient(port: port)
                unknown.send(head("/nothing", 10))
                return ([first.text, second.text], large.receive(), unknown.receive())
            }
        }
        #expect(taken[0].hasPrefix("HTTP/1.1 100") && taken[1].hasPrefix("HTTP/1.1 200"), "\(taken)")
        #expect(refused.statuses == [413] && refused.isClosed)
        #expect(unread.statuses == [404] && unread.isClosed)
    }

    @Test(arguments: ["Content-Length: 2000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n7d0\r\n"])
    func whatIsLargerThanAllowedIsRefused(start: String) async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {max_body: 1024, shutdown_delay: 1ms}")
        let reply = try await fixture.serve { port, _ in
            await RawClient.ask(
                port, "POST /echo HTTP/1.1\r\nHost: a\r\n\(start)" + String(repeating: "x", count: 1_500))
        }
        #expect(reply.statuses == [413] && reply.isClosed && reply.has("connection: close"))
    }

    @Test func aLogLineSaysWhatHappenedAndNoSecret() async throws {
        let fixture = try ServerFixture(Self.quick)
        _ = try await fixture.serve { port, _ in
            await RawClient.ask(
                port,
                "POST /echo?key=hidden HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer hidden\r\nContent-Length: 6\r\n"
                    + "Connection: close\r\n\r\nhidden")
        }
        let line = try #require(fixture.lines.lines.first { $0.hasPrefix("info request ") })
        #expect(line.contains("method=POST path=/echo peer=127.0.0.1 protocol=HTTP/1.1 request="))
        #expect(line.contains("bytes_in=6 bytes_out=6") && line.hasSuffix("status=200"))
        #expect(!line.contains("hidden"))
    }
}
