public import CasemateCore

extension ServerSettings {
    /// Keys under `server`.
    public static let keys: [SettingKey] = limits + times + places

    private static let limits: [SettingKey] = [
        SettingKey("max_body", .integer(1_024...(1 << 30)), "largest body in bytes", fallback: .integer(16 << 20)),
        SettingKey(
            "header_bytes", .integer(1_024...(1 << 20)), "most bytes of a request's line and header fields",
            fallback: .integer(32 << 10)),
        SettingKey("header_count", .integer(8...1_000), "most header fields of a request", fallback: .integer(100)),
        SettingKey(
            "max_connections", .integer(1...1_000_000),
            "most connections at a time; further ones are told to come back", fallback: .integer(16_384)),
        SettingKey(
            "max_connections_per_address", .integer(1...1_000_000),
            "most connections at a time from one address that is no trusted proxy", fallback: .integer(4_096)),
        SettingKey(
            "http2_streams", .integer(1...1_000), "most requests at a time on one HTTP/2 connection",
            fallback: .integer(64)),
        SettingKey(
            "body_rate", .integer(0...(1 << 30)),
            "least bytes of a body a second, on average after the first seconds", fallback: .integer(1_024)),
    ]

    private static let times: [SettingKey] = [
        SettingKey("request_timeout", .duration, "longest time for one request", fallback: .text("30s")),
        SettingKey(
            "header_timeout", .duration,
            "longest time for the handshake and for the header fields of a request, at most a minute",
            fallback: .text("10s")),
        SettingKey("body_timeout", .duration, "longest time for a body to arrive", fallback: .text("60s")),
        SettingKey(
            "idle_timeout", .duration, "how long a connection may rest between requests", fallback: .text("60s")),
        SettingKey(
            "write_timeout", .duration, "longest time for a caller to take 64 KiB of an answer", fallback: .text("10s")),
        SettingKey(
            "shutdown_delay", .duration,
            "how long readiness says 503 before the server stops listening", fallback: .text("1s")),
        SettingKey(
            "shutdown_grace", .duration, "how long requests on their way may take when the server ends",
            fallback: .text("20s")),
    ]

    private static let places: [SettingKey] = [
        SettingKey(
            "trusted_proxies", .list(.text),
            "addresses or networks (10.0.0.0/8) whose X-Forwarded-For is believed"),
        SettingKey("access_log", .flag, "whether each request gives a line of the log", fallback: .flag(true)),
    ]

    /// Keys under `tls`.
    public static let tlsKeys: [SettingKey] = [
        SettingKey("certificate", .path, "certificate chain, PEM; read again when it changes", isRequired: true),
        SettingKey("key", .path, "private key, PEM; read again when it changes", isRequired: true),
        SettingKey("client_ca", .path, "certificates that client certificates are signed with, PEM"),
        SettingKey(
            "client_certificates", .choice(ClientCertificates.allCases.map(\.rawValue)),
            "whether callers show a certificate; `required` where `client_ca` is given, else `none`"),
        SettingKey("minimum_version", .choice(["1.2", "1.3"]), "oldest version of TLS", fallback: .text("1.2")),
    ]
}
