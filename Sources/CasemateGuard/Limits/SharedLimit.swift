import Synchronization

/// The bucket and the number of requests at once of a model, or of the whole server; without a lock.
final class SharedLimit: Sendable {
    private let tat = Atomic<UInt64>(0)
    private let running = Atomic<Int>(0)

    /// Requests that run now.
    var count: Int { running.load(ordering: .relaxed) }

    /// Begins a request.
    /// - Returns: Whether there was room; if not, nothing has changed.
    func begin(most: Int?) -> Bool {
        let before = running.add(1, ordering: .relaxed).oldValue
        guard let most, before >= most else { return true }
        running.subtract(1, ordering: .relaxed)
        return false
    }
    /// Ends a request that has begun.
    func end() { running.subtract(1, ordering: .relaxed) }

    /// Takes rows.
    /// - Returns: `nil` when they got through, else the nanoseconds after which they would.
    func take(_ rows: Int, _ rate: RowRate, at now: UInt64) -> UInt64? {
        var seen = tat.load(ordering: .relaxed)
        while true {
            var next = seen
            if let wait = rate.take(rows, from: &next, at: now) { return wait }
            let (done, current) = tat.compareExchange(expected: seen, desired: next, ordering: .relaxed)
            if done { return nil }
            seen = current
        }
    }
    /// Puts rows back.
    func put(_ rows: Int, _ rate: RowRate) {
        var seen = tat.load(ordering: .relaxed)
        while true {
            var next = seen
            rate.put(rows, into: &next)
            let (done, current) = tat.compareExchange(expected: seen, desired: next, ordering: .relaxed)
            if done { return }
            seen = current
        }
    }
}
