import Synchronization

/// Says that work is to stop, from any thread; reaches the native engines through handlers.
public final class Cancellation: Sendable {
    /// Why work stops.
    public enum Reason: Sendable { case interrupted, outOfTime }
    private struct State {
        var reason: Reason?
        var handlers: [Int: @Sendable () -> Void] = [:]
        var next = 0
    }
    private let state = Mutex(State())

    /// Makes a token that is not cancelled.
    public init() {}

    /// Why work is to stop; `nil` while it is not.
    public var reason: Reason? { state.withLock { $0.reason } }
    /// Whether work is to stop.
    public var isCancelled: Bool { reason != nil }

    /// Cancels once; later calls change nothing. Handlers run on the calling thread.
    public func cancel(_ reason: Reason) {
        let handlers = state.withLock { state in
            guard state.reason == nil else { return [@Sendable () -> Void]() }
            state.reason = reason
            defer { state.handlers = [:] }
            return Array(state.handlers.values)
        }
        for handler in handlers { handler() }
    }

    /// Throws `Cancelled` when work is to stop.
    public func check() throws {
        if let reason { throw Cancelled(reason: reason) }
    }

    /// Throws only when the user interrupted; work that ran out of time may still be written down.
    public func check(onlyInterruption: Bool) throws {
        guard let reason, !onlyInterruption || reason == .interrupted else { return }
        throw Cancelled(reason: reason)
    }

    /// Runs `body` while `handler` is registered, so that a native call inside `body` can be interrupted.
    ///
    /// The handler runs at most once, at once when the token is already cancelled.
    public func whileRunning<Result>(onCancel handler: @escaping @Sendable () -> Void, _ body: () throws -> Result)
        rethrows -> Result
    {
        let key: Int? = state.withLock { state in
            guard state.reason == nil else { return nil }
            state.next += 1
            state.handlers[state.next] = handler
            return state.next
        }
        if key == nil { handler() }
        defer { if let key { state.withLock { _ = $0.handlers.removeValue(forKey: key) } } }
        return try body()
    }
}

/// Thrown by work that was told to stop.
public struct Cancelled: Error, Hashable, Sendable {
    /// Why.
    public let reason: Cancellation.Reason
    /// Makes it.
    public init(reason: Cancellation.Reason) { self.reason = reason }
}
