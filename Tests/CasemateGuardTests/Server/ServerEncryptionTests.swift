import CasemateCore
import CasemateGuard
import Foundation
import NIOSSL
import TestSupport
import Testing
import X509

/// TLS: versions of HTTP, certificates that change, and callers that show one.
struct ServerEncryptionTests {
    /// A folder with an authority and the files of a server.
    private final class Files: Sendable {
        let folder: String
        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ text: String, to name: String) throws {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        func write(_ pair: (certificate: String, key: String)) throws {
            try write(pair.key, to: "key.pem")
            try write(pair.certificate, to: "cert.pem")
        }
    }
    private static let local: [GeneralName] = [.dnsName("localhost")]
    private static func settings(_ rest: String = "") -> String {
        """
        listen: 127.0.0.1:0
        server: {header_timeout: 500ms, shutdown_delay: 1ms}
        tls: {certificate: cert.pem, key: key.pem\(rest)}
        """
    }

    @Test func bothVersionsAreServedAndPlainTextIsNot() async throws {
        let (files, authority) = (try Files(), try TestAuthority())
        try files.write(try authority.issue(Self.local, for: .server))
        let trust = try authority.pem
        let fixture = try ServerFixture(Self.settings(), folder: files.folder)
        let (first, second, plain, silent) = try await fixture.serve { port, _ in
            async let plain = RawClient.ask(port, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            async let silent = RawClient.ask(port, "")
            return (
                try await TLSClient.ask(port, "/health", authority: trust),
                try await TLSClient.ask(port, "/health", authority: trust, protocols: ["h2", "http/1.1"]),
                await plain, await silent
            )
        }
        #expect(first.status == 200 && first.chosen == "http/1.1" && first.text.hasSuffix("ok"))
        #expect(second.chosen == "h2" && HTTP2Frames.parsed(second.bytes).contains { $0.payload == Array("ok".utf8) })
        #expect(plain.isClosed && plain.statuses.isEmpty)
        #expect(silent.isClosed && silent.seconds < 9)
        withExtendedLifetime(files) {}
    }

    @Test func certificatesAreReadAgainAndBrokenOnesRefused() async throws {
        let (files, authority) = (try Files(), try TestAuthority())
        let old = try authority.issue(Self.local, for: .server)
        let new = try authority.issue(Self.local, for: .server)
        try files.write(old)
        let trust = try authority.pem
        let fixture = try ServerFixture(Self.settings(), folder: files.folder)
        let seen = try await fixture.serve { port, server in
            /// Asks until the log has a line, at most so long.
            func wait(_ word: String) async throws {
                for _ in 0..<100 where !fixture.lines.lines.contains(where: { $0.contains(word) }) {
                    server.refreshCertificates()
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            var seen = [try await TLSClient.ask(port, "/health", authority: trust)]
            try files.write("-----BEGIN CERTIFICATE-----\nhalf", to: "cert.pem")
            try await wait("are refused")
            seen.append(try await TLSClient.ask(port, "/health", authority: trust))
            try files.write(new)
            try await wait("read again")
            seen.append(try await TLSClient.ask(port, "/health", authority: trust))
            return seen
        }
        let expected = try [old, old, new].map { pair in
            try NIOSSLCertificate(bytes: Array(pair.certificate.utf8), format: .pem).toDERBytes()
        }
        #expect(seen.map(\.server) == expected && seen.map(\.status) == [200, 200, 200])
        #expect(fixture.lines.lines.count { $0.contains("error certificates are refused") } == 1)
        withExtendedLifetime(files) {}
    }

    @Test func callersAreKnownByTheNamesOfTheirCertificates() async throws {
        let (files, authority, stranger) = (try Files(), try TestAuthority(), try TestAuthority())
        try files.write(try authority.issue(Self.local, for: .server))
        let trust = try authority.pem
        try files.write(trust, to: "ca.pem")
        let names: [GeneralName] = [
            .dnsName("Caller.example"), .uniformResourceIdentifier("spiffe://bank/scoring"),
            .rfc822Name("a@b.example"), .uniformResourceIdentifier("bad\u{1}name"),
        ]
        let good = try authority.issue(names, for: .client, common: "root")
        let nameless = try authority.issue([], for: .client, common: "admin")
        let refused = [
            try stranger.issue(names, for: .client), try authority.issue(names, for: .server),
            try authority.issue(names, for: .none), try authority.issue(names, for: .client, validFor: -3_600),
        ]
        let fixture = try ServerFixture(Self.settings(", client_ca: ca.pem"), folder: files.folder)
        let (known, unnamed, none, others) = try await fixture.serve { port, _ in
            var others: [Int?] = []
            for identity in refused {
                others.append(try await TLSClient.ask(port, "/who", authority: trust, identity: identity).status)
            }
            return (
                try await TLSClient.ask(port, "/who", authority: trust, identity: good),
                try await TLSClient.ask(port, "/who", authority: trust, identity: nameless),
                try await TLSClient.ask(port, "/who", authority: trust), others
            )
        }
        #expect(known.text.hasSuffix("\r\n\r\n127.0.0.1 spiffe://bank/scoring caller.example"))
        #expect(unnamed.text.hasSuffix("\r\n\r\n127.0.0.1 "), "a common name is no identity")
        #expect(none.status == nil && others == [nil, nil, nil, nil])
        withExtendedLifetime(files) {}
    }

    @Test func aCertificateMayBeLeftOutWhereItIsOptional() async throws {
        let (files, authority) = (try Files(), try TestAuthority())
        try files.write(try authority.issue(Self.local, for: .server))
        let trust = try authority.pem
        try files.write(trust, to: "ca.pem")
        let identity = try authority.issue([.uniformResourceIdentifier("spiffe://a")], for: .client)
        let wrong = try TestAuthority().issue([.uniformResourceIdentifier("spiffe://a")], for: .client)
        let fixture = try ServerFixture(
            Self.settings(", client_ca: ca.pem, client_certificates: optional"), folder: files.folder)
        let outcomes = try await fixture.serve { port, _ in
            [
                try await TLSClient.ask(port, "/who", authority: trust),
                try await TLSClient.ask(port, "/who", authority: trust, identity: identity),
                try await TLSClient.ask(port, "/who", authority: trust, identity: wrong),
            ]
        }
        #expect(outcomes[0].text.hasSuffix("127.0.0.1 ") && outcomes[0].status == 200)
        #expect(outcomes[1].text.hasSuffix("127.0.0.1 spiffe://a"))
        #expect(outcomes[2].status == nil)
        withExtendedLifetime(files) {}
    }

    @Test(arguments: ["missing", "no certificate", "another key", "no key"])
    func filesThatCannotBeUsedAreNamed(fault: String) async throws {
        let (files, authority) = (try Files(), try TestAuthority())
        let pair = try authority.issue(Self.local, for: .server)
        let other = try authority.issue(Self.local, for: .server)
        if fault != "missing" {
            try files.write(fault == "no certificate" ? pair.key : pair.certificate, to: "cert.pem")
        }
        try files.write(
            fault == "another key" ? other.key : fault == "no key" ? pair.certificate : pair.key, to: "key.pem")
        let fixture = try ServerFixture(Self.settings(), folder: files.folder)
        let error = await #expect(throws: CasemateError.self) {
            try await fixture.serve { _, _ in }
        }
        let place = fault.hasSuffix("key") ? "key.pem" : "cert.pem"
        #expect(error?.place == "\(files.folder)/\(place)", "\(String(describing: error))")
    }
}
