/// Why credentials were not accepted; a word for logs and metrics.
struct AccessFault: Error {
    let reason: String
    let isExpired: Bool
    init(_ reason: String, isExpired: Bool = false) { (self.reason, self.isExpired) = (reason, isExpired) }
}

/// Counts wrong credentials, and tells an address that shows many to stay away.
///
/// An address has 20 failures, of which one comes back every 3 seconds; after that it is answered 429. Right
/// credentials from the same address still pass, so that nobody can lock others out. What was shown is never kept or
/// logged.
final class AccessFailures: Sendable {
    private let table = ClientTable(capacity: 8_192)
    private let rate = RowRate(perSecond: 1.0 / 3, burst: 20)
    private let hash: SipHash
    private let clock: any GuardClock
    private let metrics: MetricsRegistry

    init(hash: SipHash, clock: any GuardClock, metrics: MetricsRegistry) {
        (self.hash, self.clock, self.metrics) = (hash, clock, metrics)
    }

    /// Addresses that are known.
    var count: Int { table.count }

    /// The refusal for a failure of an address.
    func refusal(for fault: AccessFault, from host: String) -> GuardRefusal {
        metrics.counter(
            "casemate_auth_failures_total", "Credentials that were not accepted.", [("reason", fault.reason)]
        ).add()
        let now = clock.monotonic
        let (wait, _) = table.with(hash.of(host), at: now, today: 0) { entry, _ in
            rate.take(1, from: &entry.tat, at: now)
        }
        if let wait {
            return GuardRefusal(
                .limited, "too many credentials from this address were not accepted", retryAfter: Double(wait) / 1e9,
                reason: "auth_throttled")
        }
        let detail = fault.isExpired ? "the credentials have expired" : "the credentials are not accepted"
        return GuardRefusal(.unauthenticated, detail, reason: fault.reason)
    }
}
