import CasemateCore
import CasemateGuard
import Testing

/// What the configuration says of the server, and whose word about callers counts.
struct ServerSettingsTests {
    private func settings(_ text: String) throws -> ServerSettings {
        try ServerSettings(
            GuardConfiguration("models: [{name: m, path: m.onnx}]\naudit_log: a\n\(text)\n", path: "conf/guard.yaml"))
    }

    @Test func whatIsLeftOutHasItsDefault() throws {
        let settings = try settings("")
        #expect(settings.listen.host == "127.0.0.1" && settings.listen.port == 8_080)
        #expect(settings.maximumBody == 16 << 20 && settings.headerTimeout <= 10)
        #expect(settings.encryption == nil && settings.trustedProxies.isEmpty)
        #expect(settings.hasAccessLog)
    }

    @Test func everyKeyIsRead() throws {
        let settings = try settings(
            """
            listen: "[::1]:0"
            server:
              max_body: 2048
              header_bytes: 4096
              header_count: 20
              max_connections: 50
              max_connections_per_address: 5
              http2_streams: 7
              body_rate: 99
              request_timeout: 1s
              header_timeout: 2s
              body_timeout: 3s
              idle_timeout: 4s
              write_timeout: 5s
              shutdown_delay: 6s
              shutdown_grace: 7s
              trusted_proxies: [10.0.0.0/8]
              access_log: false
            tls: {certificate: c.pem, key: /k.pem, client_ca: ca.pem, minimum_version: "1.3"}
            """)
        #expect(settings.listen.host == "::1" && settings.listen.port == 0)
        #expect([settings.maximumBody, settings.headerBytes, settings.headerCount] == [2_048, 4_096, 20])
        #expect([settings.maximumConnections, settings.maximumPerAddress, settings.streams] == [50, 5, 7])
        #expect(settings.bodyRate == 99 && !settings.hasAccessLog)
        #expect([settings.requestTimeout, settings.headerTimeout, settings.bodyTimeout] == [1, 2, 3])
        #expect([settings.idleTimeout, settings.writeTimeout] == [4, 5])
        #expect([settings.shutdownDelay, settings.shutdownGrace] == [6, 7])
        #expect(settings.isTrusted("10.9.8.7") && !settings.isTrusted("11.0.0.1"))
        let encryption = try #require(settings.encryption)
        #expect(encryption.certificate == "conf/c.pem" && encryption.key == "/k.pem")
        #expect(encryption.clients == .required && encryption.isNewestOnly)
    }

    @Test(arguments: [
        "listen: 127.0.0.1", "listen: '127.0.0.1:70000'", "listen: '::1:80'", "listen: ':80'", "listen: 'a b:80'",
        "listen: '127.0.0.1:+8'", "listen: '256.1.1.1:80'", "listen: '127.1:80'", "listen: '8080:80'",
        "listen: '[::g]:80'", "auth: {certificates: [{name: a.example}]}",
        "auth: {certificates: [{name: a.example}]}\ntls: {certificate: c, key: k}",
        "server: {trusted_proxies: [proxy.example]}", "server: {trusted_proxies: [10.0.0.0/33]}",
        "server: {trusted_proxies: ['::/x']}", "server: {header_timeout: 2m}",
        "tls: {certificate: c, key: k, client_certificates: required}",
        "tls: {certificate: c}", "server: {max_body: 1}",
    ])
    func whatMakesNoSenseIsRefusedWithItsPlace(text: String) throws {
        let error = try #require(throws: CasemateError.self) { _ = try settings(text) }
        #expect(error.code == .invalidSetting && error.place.hasPrefix("conf/guard.yaml:3:"), "\(error)")
    }

    @Test func certificatesOfClientsNeedAnAuthority() throws {
        let tls = "tls: {certificate: c, key: k, client_ca: ca}\nauth: {certificates: [{name: a.example}]}"
        #expect(try settings(tls).encryption?.clients == .required)
        #expect(try settings("auth: {anonymous: true}").encryption == nil)
    }

    /// why so long a label: no resolver is asked for a name that cannot be.
    @Test func aNameThatIsNotKnownIsAnErrorOfOurs() async throws {
        let name = String(repeating: "a", count: 64)
        let fixture = try ServerFixture("listen: '\(name):0'")
        let server = GuardServer(edge: fixture.edge, logger: fixture.lines.logger)
        let error = await #expect(throws: CasemateError.self) { try await server.run() }
        #expect(error?.code == .notFound && error?.place == "\(name):0" && error?.help.contains("`listen`") == true)
    }

    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false), ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.6", false), ("10.0.0.0/9", "10.127.0.1", true), ("10.0.0.0/9", "10.128.0.1", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("::ffff:10.0.0.1", "10.0.0.1", true),
    ])
    func networksHoldTheirAddresses(network: String, address: String, isIn: Bool) throws {
        let settings = try settings("server: {trusted_proxies: ['\(network)']}")
        #expect(settings.isTrusted(address) == isIn)
    }

    /// Entries before the last one that no trusted proxy wrote are the caller's own words.
    @Test(arguments: [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"), ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"), ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "", "10.0.0.1"), ("10.0.0.1", "1.2.3.4, evil", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4:5678", "1.2.3.4"), ("10.0.0.1", "[2001:DB8::1]:99", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ])
    func onlyListedProxiesAreBelieved(peer: String, forwarded: String, address: String) throws {
        let settings = try settings("server: {trusted_proxies: [10.0.0.0/8]}")
        let head = WireHead(
            method: "GET", path: "/", headers: [.init("x-forwarded-for", forwarded)], peer: peer,
            certificateNames: ["spiffe://a"])
        let credentials = Credentials(head, trusting: settings)
        #expect(credentials.address == address)
        #expect(credentials.certificateNames == ["spiffe://a"])
    }
}
