import CasemateCore
import Foundation
import Synchronization

/// What all callers of one endpoint share: requests under way, pace, budget, claimed rows, observations.
///
/// Callers wait here for each other; event loops only report and wake. Everything is behind one mutex; the condition
/// only carries the waking, and is locked after the mutex is let go, so that no wake-up is lost.
final class RemoteTraffic: Sendable {
    /// Whether a request may begin.
    enum Permission: Hashable {
        /// Yes, with so many rows.
        case go(rows: Int)
        /// Not before this time, or before a request under way has ended.
        case wait(ContinuousClock.Instant?)
        /// The budget of rows is spent.
        case spent
    }
    private struct State {
        var underWay = 0
        var nextRequest: ContinuousClock.Instant, nextRow: ContinuousClock.Instant
        var pausedUntil: ContinuousClock.Instant
        var claimed: Set<RowKey> = []
        var observations = RemoteObservations()
        var number = 0
        var events = 0
    }
    private let state: Mutex<State>
    private let condition = NSCondition()
    private let concurrency: Int, rate: Double?, rowRate: Double?, queries: Int?

    init(_ options: RemoteOptions) {
        let now = ContinuousClock.now
        state = Mutex(State(nextRequest: now, nextRow: now, pausedUntil: now))
        (concurrency, rate, rowRate, queries) = (options.concurrency, options.rate, options.rowRate, options.queries)
    }

    /// What was seen so far.
    var observations: RemoteObservations { state.withLock { $0.observations } }
    /// Counts something.
    func observe(_ change: (inout RemoteObservations) -> Void) { state.withLock { change(&$0.observations) } }

    /// Asks for leave to send `rows` rows; `isAgain` for a request whose rows were counted before. On `go` one request
    /// is under way, which `ended` gives back.
    func begin(rows: Int, isAgain: Bool, now: ContinuousClock.Instant) -> (Permission, number: Int) {
        state.withLock { state in
            var allowed = rows
            if let queries, !isAgain, rows > 0 {
                allowed = min(rows, queries - state.observations.rows)
                if allowed <= 0 { return (.spent, 0) }
            }
            guard state.underWay < concurrency else { return (.wait(nil), 0) }
            let due = max(state.pausedUntil, state.nextRequest, state.nextRow)
            guard due <= now else { return (.wait(due), 0) }
            // why from now: time in which nothing was asked is not saved up for a burst.
            if let rate { state.nextRequest = now + .seconds(1 / rate) }
            if let rowRate { state.nextRow = now + .seconds(Double(allowed) / rowRate) }
            state.underWay += 1
            state.number += 1
            state.observations.requests += 1
            if isAgain { state.observations.retries += 1 } else { state.observations.rows += allowed }
            return (.go(rows: allowed), state.number)
        }
    }

    /// A request has ended, however.
    func ended() {
        state.withLock { $0.underWay -= 1 }
        wake()
    }

    /// Nobody sends before this time.
    func pause(until time: ContinuousClock.Instant) {
        state.withLock { $0.pausedUntil = max($0.pausedUntil, time) }
    }

    /// The keys of `keys` that nobody else asks for now; they are the caller's until `release`.
    func claim(_ keys: [RowKey]) -> (mine: [RowKey], others: [RowKey]) {
        state.withLock { state in
            var (mine, others): ([RowKey], [RowKey]) = ([], [])
            for key in keys {
                if state.claimed.insert(key).inserted { mine.append(key) } else { others.append(key) }
            }
            return (mine, others)
        }
    }

    /// Gives claimed keys back, answered or not.
    func release(_ keys: [RowKey]) {
        guard !keys.isEmpty else { return }
        state.withLock { $0.claimed.subtract(keys) }
        wake()
    }

    /// Whether any of these keys is claimed.
    func isClaimed(_ keys: [RowKey]) -> Bool {
        state.withLock { state in keys.contains { state.claimed.contains($0) } }
    }

    /// Something has happened.
    func wake() {
        state.withLock { $0.events += 1 }
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }

    /// Number of wake-ups so far, for `wait`.
    var events: Int { state.withLock { $0.events } }

    /// Waits until there were more than `events` wake-ups, or until a time.
    func wait(after events: Int, until time: ContinuousClock.Instant?) {
        condition.lock()
        defer { condition.unlock() }
        while self.events == events {
            guard let time else {
                condition.wait()
                continue
            }
            let left = (time - ContinuousClock.now).inSeconds
            guard left > 0, condition.wait(until: Date(timeIntervalSinceNow: left)) else { return }
        }
    }
}
