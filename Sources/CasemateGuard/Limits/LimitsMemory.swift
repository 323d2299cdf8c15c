import Synchronization

/// What one exchange holds until it is over.
struct LimitLease: Sendable {
    /// Hash of the client; `nil` where no request of it was begun.
    var client: UInt64?
    /// Whether the client had to share the common entry.
    var isShared = false
    /// Whether requests of the model and the server were begun.
    var isRunning = false
    /// Whether its refusal waits.
    var isTarpitted = false
}

/// State of limits that outlives reloads and is shared by all models.
final class LimitsMemory: Sendable {
    /// Clients.
    let clients: ClientTable
    /// The whole server.
    let server = SharedLimit()
    /// The day of quotas.
    let days = DayClock()
    private let waiting = Atomic<Int>(0)
    private let leases: [Leases] = (0..<16).map { _ in Leases() }
    private final class Leases: Sendable { let held = Mutex<[String: LimitLease]>([:]) }

    init(clients capacity: Int) { clients = ClientTable(capacity: capacity) }

    private func leases(of exchange: String) -> Leases {
        // why the end: identifiers are random digits, so that their last ones spread over the shards.
        leases[Int(exchange.utf8.last ?? 0) & (leases.count - 1)]
    }
    /// Remembers what an exchange holds.
    func hold(_ lease: LimitLease, for exchange: String) {
        leases(of: exchange).held.withLock { $0[exchange] = lease }
    }
    /// Takes back what an exchange held; `nil` where it held nothing.
    func release(_ exchange: String) -> LimitLease? {
        leases(of: exchange).held.withLock { $0.removeValue(forKey: exchange) }
    }
    /// Exchanges that hold something.
    var leaseCount: Int { leases.reduce(0) { $0 + $1.held.withLock { $0.count } } }

    /// Takes one of the places where refusals wait.
    func beginWaiting(most: Int) -> Bool {
        if waiting.add(1, ordering: .relaxed).oldValue < most { return true }
        waiting.subtract(1, ordering: .relaxed)
        return false
    }
    /// Gives it back.
    func endWaiting() { waiting.subtract(1, ordering: .relaxed) }
    /// Refusals that wait.
    var waitingCount: Int { waiting.load(ordering: .relaxed) }
}
