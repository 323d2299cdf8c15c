import CasemateCore
import CasemateModels
import Foundation

/// The server of a model: where, by which protocol, how long to wait, and when to leave it alone.
struct UpstreamSettings: Sendable {
    /// Protocols of upstreams.
    enum Dialect: String, Sendable, CaseIterable { case openInference = "open_inference", mlflow }
    let address: ServingAddress
    /// `nil` asks the server.
    var dialect: Dialect?
    /// Model and version there.
    var model: String?, version: String?
    /// Outputs to ask for by name; empty takes all that the server declares.
    var outputs: [String] = []
    /// Whether values go as they stand in memory.
    var isBinary = false
    /// Seconds for a connection.
    var connectTimeout = 1.0
    /// Most connections, and most calls that wait for one.
    var pool = 64, waiting = 256
    /// Seconds for which a connection is kept without use.
    var idle = 4.0
    /// Headers of every call, the token among them.
    var headers: [(name: String, value: String)] = []
    /// PEM file of the authorities that may have signed the server's certificate; `nil` takes the system's.
    var authorities: String?
    /// Most bytes of an answer.
    var answerLimit = 64 << 20
    /// Share of calls that may be tried again.
    var retries = 0.2
    /// Seconds that opening waits for a server that does not answer.
    var patience = 5.0
    var breaker = CircuitBreaker.Settings()
    let place: String

    /// Settings that hold by default.
    init(_ address: String, at place: String) throws {
        self.address = try ServingAddress(address, at: place)
        self.place = place
        (model, version) = (self.address.model, self.address.version)
        dialect = self.address.dialect.flatMap { Dialect(rawValue: $0.rawValue) }
    }

    /// Reads what was checked against `keys`.
    init(_ node: SettingNode, setup: StageSetup) throws {
        guard let url = node["url"]?.text else {
            throw CasemateError(
                .invalidSetting, at: node.place, "the upstream has no address",
                help: "write it as `upstream: {url: http://127.0.0.1:8080}`")
        }
        try self.init(url, at: node["url"]?.place ?? node.place)
        if let name = node["protocol"]?.text { dialect = Dialect(rawValue: name) }
        model = node["model"]?.text ?? model
        version = node["model_version"]?.text ?? version
        outputs = node["outputs"]?.texts ?? []
        isBinary = node["encoding"]?.text == "binary"
        connectTimeout = node["connect_timeout"]?.number ?? connectTimeout
        pool = node["pool"]?.integer ?? pool
        waiting = node["waiting"]?.integer ?? waiting
        idle = node["idle"]?.number ?? idle
        authorities = node["ca_file"]?.text.map { setup.path($0) }
        answerLimit = node["answer_limit"]?.integer ?? answerLimit
        retries = node["retries"]?.number ?? retries
        patience = node["patience"]?.number ?? patience
        if let settings = node["breaker"] { breaker = CircuitBreaker.Settings(settings) }
        headers = (node["headers"]?.entries ?? []).map { ($0.key.lowercased(), $0.value.text ?? "") }
        if let file = node["token_file"] {
            headers.append(try Self.token(setup.path(file.text ?? ""), node["token_header"]?.text, at: file.place))
        }
        for header in headers { try Self.check(header, at: node["headers"]?.place ?? node.place) }
    }

    /// The header that carries the secret of a file.
    private static func token(
        _ path: String, _ header: String?, at place: String
    ) throws(CasemateError) -> (name: String, value: String) {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        let text = data.count <= 32_768 ? String(data: data, encoding: .utf8) : nil
        let token = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        guard !token.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: place, "the file of the token cannot be read, or is empty",
                help: "write the token alone into it, readable for this program")
        }
        let name = header?.lowercased() ?? "authorization"
        return (name, name == "authorization" ? "Bearer " + token : token)
    }

    /// Whether a header can be sent; a value may be a secret and is never shown.
    private static func check(_ header: (name: String, value: String), at place: String) throws(CasemateError) {
        let reserved: Set<String> = [
            "content-length", "transfer-encoding", "host", "connection", "content-type", "accept-encoding", "te",
            "upgrade", "traceparent", "inference-header-content-length", "expect", "trailer",
        ]
        let isName =
            !header.name.isEmpty && header.name.utf8.count <= 256
            && header.name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F
            }
        let isValue =
            header.value.utf8.count <= 32_768
            && header.value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        guard isName, isValue, !reserved.contains(header.name) else {
            throw CasemateError(
                .invalidSetting, at: place, "a header cannot be sent, or is the client's own",
                help: "names are letters, digits and dashes; values are plain ASCII on one line")
        }
    }

    static let keys: [SettingKey] = [
        SettingKey(
            "url", .text, "address of the server, of one model on it, or of its /invocations", isRequired: true),
        SettingKey(
            "protocol", .choice(Dialect.allCases.map(\.rawValue)),
            "what it speaks; left out, the address tells or the server is asked"),
        SettingKey("model", .text, "name of the model there; left out, the name under which it is served here"),
        SettingKey("model_version", .text, "version there; left out, the newest"),
        SettingKey("outputs", .list(.text), "outputs to ask for by name; left out, all that the server declares"),
        SettingKey(
            "encoding", .choice(["json", "binary"]), "how values go to an Open Inference server",
            fallback: .text("json")),
        SettingKey("connect_timeout", .duration, "longest time for a connection", fallback: .text("1s")),
        SettingKey("pool", .integer(1...4_096), "most connections", fallback: .integer(64)),
        SettingKey(
            "waiting", .integer(0...100_000), "most calls that wait for a connection; more are refused with 503",
            fallback: .integer(256)),
        SettingKey("idle", .duration, "how long an unused connection is kept", fallback: .text("4s")),
        SettingKey("headers", .table(.text, of: "headers"), "further headers of every call"),
        SettingKey("token_file", .path, "file with the token that proves who asks; read when the file is opened"),
        SettingKey(
            "token_header", .text, "header of the token; `authorization` gets `Bearer` in front",
            fallback: .text("authorization")),
        SettingKey("ca_file", .path, "authorities of the server's certificate, PEM; left out, those of the system"),
        SettingKey(
            "answer_limit", .integer(1_024...(1 << 30)), "most bytes of an answer", fallback: .integer(64 << 20)),
        SettingKey(
            "retries", .number(0...0.2), "share of calls that may be tried again, when no connection came about",
            fallback: .number(0.2)),
        SettingKey(
            "patience", .duration, "how long opening waits for a server that does not answer", fallback: .text("5s")),
        SettingKey("breaker", .mapping(CircuitBreaker.Settings.keys), "when a failing server is left alone"),
    ]
}

extension CircuitBreaker.Settings {
    init(_ node: SettingNode) {
        self.init()
        failures = node["failures"]?.number ?? failures
        calls = node["calls"]?.integer ?? calls
        window = node["window"]?.number ?? window
        pause = node["pause"]?.number ?? pause
        longestPause = max(pause, node["longest_pause"]?.number ?? longestPause)
        probes = node["probes"]?.integer ?? probes
    }

    static let keys: [SettingKey] = [
        SettingKey("failures", .share, "share of failures at which it opens", fallback: .number(0.5)),
        SettingKey("calls", .integer(1...1_000_000), "calls before that counts", fallback: .integer(20)),
        SettingKey("window", .duration, "time over which calls are counted", fallback: .text("10s")),
        SettingKey(
            "pause", .duration, "how long it stays open at first; doubled at each failed attempt",
            fallback: .text("30s")),
        SettingKey("longest_pause", .duration, "how long it stays open at most", fallback: .text("8m")),
        SettingKey("probes", .integer(1...100), "calls that must succeed before it closes", fallback: .integer(3)),
    ]
}
