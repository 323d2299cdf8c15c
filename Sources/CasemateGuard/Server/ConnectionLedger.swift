import Synchronization

/// Counts open connections, in all and by address; what goes over a limit is refused.
final class ConnectionLedger: Sendable {
    /// Why a connection is not taken.
    enum Refusal: String { case total, address }
    private struct Counts {
        var total = 0
        var refused = 0
        var byAddress: [String: Int] = [:]
    }
    private let counts = Mutex(Counts())
    private let most: Int
    private let open: MetricsRegistry.Cell
    /// Refused connections that still wait for their answer to be read; more than that are closed at once.
    private static let mostRefused = 64

    /// Makes a ledger that never holds more than `most`, whatever is configured.
    init(most: Int, metrics: MetricsRegistry) {
        self.most = most
        open = metrics.gauge("casemate_connections", "Open connections.")
    }

    /// Takes a connection; `nil` when it is taken.
    func enter(_ address: String, _ settings: ServerSettings) -> Refusal? {
        // why not for proxies: all their callers share one address.
        let isCounted = !settings.isTrusted(address)
        return counts.withLock { counts in
            guard counts.total < min(settings.maximumConnections, most) else { return .total }
            let own = counts.byAddress[address] ?? 0
            if isCounted, own >= settings.maximumPerAddress { return .address }
            counts.total += 1
            counts.byAddress[address] = own + 1
            open.set(Double(counts.total))
            return nil
        }
    }

    /// Lets a connection go that was taken.
    func leave(_ address: String) {
        counts.withLock { counts in
            counts.total -= 1
            let own = (counts.byAddress[address] ?? 1) - 1
            counts.byAddress[address] = own > 0 ? own : nil
            open.set(Double(counts.total))
        }
    }

    /// Whether a refused connection may be answered; if so, `leaveRefused` follows.
    func enterRefused() -> Bool {
        counts.withLock { counts in
            guard counts.refused < Self.mostRefused else { return false }
            counts.refused += 1
            return true
        }
    }
    /// Lets a refused connection go.
    func leaveRefused() { counts.withLock { $0.refused -= 1 } }

    /// Open connections.
    var total: Int { counts.withLock { $0.total } }
}
