/// A limit that a request ran into.
struct HitLimit: Sendable {
    /// Whose limit.
    enum Owner: String, Sendable, CaseIterable { case client, model, server }
    /// Which.
    enum Kind: String, Sendable, CaseIterable { case rate, quota, concurrency, batch }
    let whose: Owner
    let kind: Kind
    /// Seconds after which to try again.
    let wait: Double

    init(_ whose: Owner, _ kind: Kind, wait: Double = 1) { (self.whose, self.kind, self.wait) = (whose, kind, wait) }

    /// The stable word for records, such as `client_rate`.
    var reason: String { "\(whose.rawValue)_\(kind.rawValue)" }

    /// What the caller is told.
    var detail: String {
        let owner =
            switch whose {
            case .client: "this client"
            case .model: "this model, for all clients together,"
            case .server: "this server, for all clients together,"
            }
        switch kind {
        case .rate: return "\(owner) has reached its limit of rows a second"
        case .quota: return "\(owner) has used its rows of the day, which ends at midnight UTC"
        case .concurrency: return "\(owner) has reached its limit of requests at the same time"
        case .batch: return "the request has too many rows"
        }
    }
}

/// Counters of limits.
struct LimitMeters: Sendable {
    private let hits: [String: MetricsRegistry.Cell]
    private let clients: MetricsRegistry.Cell, shared: MetricsRegistry.Cell, waiting: MetricsRegistry.Cell

    init(_ metrics: MetricsRegistry) {
        var hits: [String: MetricsRegistry.Cell] = [:]
        for owner in HitLimit.Owner.allCases {
            for kind in HitLimit.Kind.allCases {
                let limit = HitLimit(owner, kind)
                guard owner == .client || kind == .rate || kind == .concurrency else { continue }
                hits[limit.reason] = metrics.counter(
                    "casemate_limit_hits_total", "Requests that ran into a limit.",
                    [("limit", owner.rawValue), ("kind", kind.rawValue)])
            }
        }
        self.hits = hits
        clients = metrics.gauge("casemate_limit_clients", "Clients that limits remember.")
        shared = metrics.gauge(
            "casemate_limit_shared_uses", "Uses of the bucket that newcomers share when no room is left.")
        waiting = metrics.gauge("casemate_limit_tarpitted", "Refusals that wait at the moment.")
    }
    /// Counts a request that ran into a limit.
    func count(_ limit: HitLimit) { hits[limit.reason]?.add() }
    /// Shows the state of the table.
    func show(_ memory: LimitsMemory) {
        clients.set(Double(memory.clients.count))
        shared.set(Double(memory.clients.overflows))
        waiting.set(Double(memory.waitingCount))
    }
}
