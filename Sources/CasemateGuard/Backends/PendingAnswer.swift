import Synchronization

/// An answer that a task waits for; it is given once, from whatever thread.
final class PendingAnswer<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Value, any Error>)
        case over
    }
    private let state = Mutex(State.new)

    /// Takes the continuation; `false` when the answer was given, or given up, before.
    func begin(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isLive = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isLive { continuation.resume(throwing: CancellationError()) }
        return isLive
    }

    /// Answers, once; later answers are dropped.
    /// - Returns: Whether somebody waited for it.
    @discardableResult
    func finish(_ result: Result<Value, any Error>) -> Bool {
        let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            defer { state = .over }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(with: result)
        return continuation != nil
    }

    /// Whether it was given or given up.
    var isOver: Bool { state.withLock { if case .over = $0 { true } else { false } } }
}
