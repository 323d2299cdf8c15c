import CasemateCore
import Synchronization

/// How far a batch of rows is, and how the time that is left is shared.
final class TreeProgress: Sendable {
    private let total: Int
    private let context: RunContext
    private let state = Mutex((started: 0, done: 0))

    init(_ total: Int, _ context: RunContext) { (self.total, self.context) = (total, context) }

    /// When the row that starts now should end: an equal share of what is left for the rows that are left.
    func deadline(threads: Int) -> ContinuousClock.Instant? {
        let started = state.withLock { state in
            state.started += 1
            return state.started
        }
        guard let end = context.deadline else { return nil }
        let (now, left) = (ContinuousClock.now, total - started + 1)
        guard end > now else { return end }
        let rounds = (left + max(threads, 1) - 1) / max(threads, 1)
        return now + (end - now) / max(rounds, 1)
    }

    /// Counts a row that is finished.
    func finish() {
        let done = state.withLock { state in
            state.done += 1
            return state.done
        }
        context.progress("exact search", done, total)
    }
}
