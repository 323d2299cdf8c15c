import CasemateCore

/// Limits of connections and requests, and certificates.
public struct ServerSettings: Sendable {
    /// Whether callers show a certificate.
    public enum ClientCertificates: String, Sendable, Hashable, CaseIterable { case none, optional, required }
    /// Files of the encryption, and what it asks for.
    public struct Encryption: Sendable, Hashable {
        /// PEM files of the chain and the key, and of the authorities of clients.
        public let certificate: String, key: String, clientAuthorities: String?
        /// Whether callers show a certificate.
        public let clients: ClientCertificates
        /// Whether TLS 1.2 is refused.
        public let isNewestOnly: Bool
    }

    /// Where to listen.
    public let listen: ListenAddress
    /// Largest body in bytes, as it arrives and unpacked.
    public let maximumBody: Int
    /// Most bytes of a request's line and fields, and most fields.
    public let headerBytes: Int, headerCount: Int
    /// Most connections at a time, in all and from one address.
    public let maximumConnections: Int, maximumPerAddress: Int
    /// Most requests at a time on one HTTP/2 connection.
    public let streams: Int
    /// Least bytes of a body a second.
    public let bodyRate: Int
    /// Longest time for one request in seconds.
    public let requestTimeout: Double
    /// Longest times in seconds: for handshake and header fields, for a body, between requests, for a caller to take a
    /// piece of an answer.
    public let headerTimeout: Double, bodyTimeout: Double, idleTimeout: Double, writeTimeout: Double
    /// Seconds from the signal to the end of listening, and from there to the end of everything.
    public let shutdownDelay: Double, shutdownGrace: Double
    /// Whose `X-Forwarded-For` is believed.
    public let trustedProxies: [AddressRange]
    /// Whether each request gives a line of the log.
    public let hasAccessLog: Bool
    /// Certificates; `nil` for connections that are not encrypted.
    public let encryption: Encryption?

    /// Reads the settings of a configuration.
    /// - Throws: `CasemateError` with `invalidSetting` and the place of what makes no sense.
    public init(_ configuration: GuardConfiguration) throws {
        let root = configuration.root
        let reader = Reader(node: root["server"])
        listen = try ListenAddress(
            root["listen"]?.text ?? "127.0.0.1:8080", at: root["listen"]?.place ?? configuration.path)
        maximumBody = reader.whole("max_body", 16 << 20)
        (headerBytes, headerCount) = (reader.whole("header_bytes", 32 << 10), reader.whole("header_count", 100))
        maximumConnections = reader.whole("max_connections", 16_384)
        maximumPerAddress = reader.whole("max_connections_per_address", 4_096)
        (streams, bodyRate) = (reader.whole("http2_streams", 64), reader.whole("body_rate", 1_024))
        requestTimeout = try reader.seconds("request_timeout", 30)
        headerTimeout = try reader.seconds("header_timeout", 10, most: 60)
        bodyTimeout = try reader.seconds("body_timeout", 60)
        idleTimeout = try reader.seconds("idle_timeout", 60)
        writeTimeout = try reader.seconds("write_timeout", 10)
        shutdownDelay = try reader.seconds("shutdown_delay", 1)
        shutdownGrace = try reader.seconds("shutdown_grace", 20)
        trustedProxies = try (root["server"]?["trusted_proxies"]?.items ?? []).map {
            try AddressRange($0.text ?? "", at: $0.place)
        }
        hasAccessLog = root["server"]?["access_log"]?.flag ?? true
        encryption = try root["tls"].map { try Self.encryption($0, configuration) }
        // why an error: rules over certificates that no caller is asked for would let nobody in, without a word.
        if let rules = root["auth"]?["certificates"], encryption.map({ $0.clients == .none }) ?? true {
            throw CasemateError(
                .invalidSetting, at: rules.place,
                encryption == nil
                    ? "'auth.certificates' needs encryption, and there is no 'tls'"
                    : "'auth.certificates' needs callers that are asked for a certificate, and 'tls' asks for none",
                help: "add `client_ca: ca.pem` under `tls`, beside `certificate` and `key`, or leave the rules out")
        }
    }

    /// The place in messages is the key's own.
    private struct Reader {
        let node: SettingNode?
        func whole(_ key: String, _ fallback: Int) -> Int { node?[key]?.integer ?? fallback }
        func seconds(_ key: String, _ fallback: Double, most: Double = 86_400) throws -> Double {
            guard let found = node?[key], let seconds = found.number else { return fallback }
            guard seconds <= most else {
                throw CasemateError(
                    .invalidSetting, at: found.place, "'server.\(key)' may be \(SettingScalar.duration(most)) at most",
                    help: "set a shorter time, or leave it out")
            }
            return seconds
        }
    }

    private static func encryption(_ node: SettingNode, _ configuration: GuardConfiguration) throws -> Encryption {
        func path(_ key: String) -> String? {
            node[key]?.text.map { path in
                path.hasPrefix("/") || configuration.folder.isEmpty ? path : "\(configuration.folder)/\(path)"
            }
        }
        let authorities = path("client_ca")
        let asked = node["client_certificates"]?.text.flatMap(ClientCertificates.init(rawValue:))
        let clients = asked ?? (authorities == nil ? .none : .required)
        if clients != .none, authorities == nil {
            throw CasemateError(
                .invalidSetting, at: node["client_certificates"]?.place ?? node.place,
                "client certificates cannot be checked without 'client_ca'",
                help: "add `client_ca: ca.pem`, the certificate that signed those of the clients")
        }
        return Encryption(
            certificate: path("certificate") ?? "", key: path("key") ?? "", clientAuthorities: authorities,
            clients: clients, isNewestOnly: node["minimum_version"]?.text == "1.3")
    }

    /// Whether what a proxy at this address says of its callers is believed.
    public func isTrusted(_ address: String) -> Bool {
        guard !trustedProxies.isEmpty, let bytes = AddressRange.bytes(address) else { return false }
        return trustedProxies.contains { $0.contains(bytes) }
    }
}
