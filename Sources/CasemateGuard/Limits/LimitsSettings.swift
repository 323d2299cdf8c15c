import CasemateCore

/// What is set for limits.
struct LimitsSettings: Sendable {
    /// Limits of a client.
    struct Client: Sendable {
        var rate: RowRate?
        var concurrency: Int
        var daily: Int?
    }
    /// Limits of a model or of the server.
    struct Shared: Sendable {
        var rate: RowRate?
        var concurrency: Int
    }
    /// How clients that go on after refusals are slowed.
    struct Tarpit: Sendable {
        var after: Int
        var longest: Double
        var most: Int
    }
    var client: Client
    var model: Shared
    var server: Shared
    var tarpit: Tarpit
    var clients: Int
    var quotaStore: String?
    var isEnforced: Bool

    private static let concurrency = (client: 256, model: 1_024, server: 2_048)
    private static let tarpit = Tarpit(after: 10, longest: 10, most: 128)
    private static let clients = 100_000

    /// The grammar under `stages.limits`.
    static var keys: [SettingKey] {
        [
            SettingKey(
                "client",
                .mapping(
                    rates("a client") + [
                        concurrent("a client", concurrency.client),
                        SettingKey(
                            "daily", .integer(1...1_000_000_000_000),
                            "rows that a client may ask of models in a day (UTC); no quota where left out"),
                    ]), "limits of each client, over all models"),
            SettingKey(
                "model",
                .mapping(rates("all clients together") + [concurrent("all clients together", concurrency.model)]),
                "limits of the model"),
            SettingKey(
                "server",
                .mapping(rates("all models together") + [concurrent("all models together", concurrency.server)]),
                "limits of the whole server"),
            SettingKey("tarpit", .mapping(tarpitKeys), "how clients that go on after refusals are slowed down"),
            SettingKey(
                "clients", .integer(16...10_000_000),
                "clients that are remembered, some 63 bytes each; newcomers beyond that share one bucket",
                fallback: .integer(clients)),
            SettingKey(
                "quota_store", .path,
                "SQLite file that keeps daily quotas across restarts; without it they begin anew"),
        ]
    }

    private static func rates(_ whose: String) -> [SettingKey] {
        [
            SettingKey(
                "rate", .number(RowRate.rates), "rows a second of \(whose); no limit where left out"),
            SettingKey(
                "burst", .integer(RowRate.bursts),
                "rows that may come at once, and most rows of one request; one second's rows where left out"),
        ]
    }
    private static func concurrent(_ whose: String, _ most: Int) -> SettingKey {
        SettingKey(
            "concurrency", .integer(1...1_000_000), "requests of \(whose) at the same time", fallback: .integer(most))
    }
    private static var tarpitKeys: [SettingKey] {
        [
            SettingKey(
                "after", .integer(1...1_000_000),
                "refusals of a client that are answered at once; one is forgiven each second",
                fallback: .integer(tarpit.after)),
            SettingKey(
                "longest", .duration, "longest that a refusal waits; at most 60s", fallback: .text("10s")),
            SettingKey(
                "at_once", .integer(0...100_000), "refusals that wait at the same time; 0 lets none wait",
                fallback: .integer(tarpit.most)),
        ]
    }

    /// Reads the settings.
    /// - Throws: `invalidSetting` for a burst without a rate and for waits of more than 60 seconds.
    init(_ node: SettingNode?) throws(CasemateError) {
        let own = node?["client"]
        client = Client(
            rate: try Self.rate(own), concurrency: own?["concurrency"]?.integer ?? Self.concurrency.client,
            daily: own?["daily"]?.integer)
        model = try Self.shared(node?["model"], Self.concurrency.model)
        server = try Self.shared(node?["server"], Self.concurrency.server)
        let slow = node?["tarpit"]
        tarpit = Tarpit(
            after: slow?["after"]?.integer ?? Self.tarpit.after,
            longest: slow?["longest"]?.number ?? Self.tarpit.longest,
            most: slow?["at_once"]?.integer ?? Self.tarpit.most)
        guard tarpit.longest <= 60 else {
            throw CasemateError(
                .invalidSetting, at: slow?["longest"]?.place ?? "", "a refusal waits at most 60s",
                help: "write `longest: 60s` or less")
        }
        clients = node?["clients"]?.integer ?? Self.clients
        quotaStore = node?["quota_store"]?.text
        isEnforced = (node?["mode"]?.text ?? StageMode.enforce.rawValue) == StageMode.enforce.rawValue
    }

    private static func shared(_ node: SettingNode?, _ concurrency: Int) throws(CasemateError) -> Shared {
        Shared(rate: try rate(node), concurrency: node?["concurrency"]?.integer ?? concurrency)
    }

    private static func rate(_ node: SettingNode?) throws(CasemateError) -> RowRate? {
        let burst = node?["burst"]
        guard let rate = node?["rate"]?.number else {
            guard let burst else { return nil }
            throw CasemateError(
                .invalidSetting, at: burst.place, "a burst without a rate limits nothing",
                help: "add `rate`, the rows a second")
        }
        return RowRate(perSecond: rate, burst: burst?.integer)
    }
}
