import Synchronization

/// Whether the server still takes new work; kept in the guard's memory under ``name``, so that health routes see it.
package final class ServerState: Sendable {
    /// The name under which it is kept.
    package static let name = "guard.state"
    private let draining = Atomic(false)

    /// Makes the state of a server that takes work.
    package init() {}

    /// Whether the server is shutting down: readiness answers 503, work in flight is still done.
    package var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Says that the server is shutting down; there is no way back.
    package func drain() { draining.store(true, ordering: .releasing) }
}
