public import Foundation
import Synchronization

/// A clock that stands until it is moved, for tests and for replaying traces.
public final class ManualClock: GuardClock {
    private struct Times {
        var monotonic: UInt64
        var wall: Date
    }
    private let times: Mutex<Times>

    /// Makes a clock.
    public init(monotonic: UInt64 = 0, wall: Date = Date(timeIntervalSince1970: 1_700_000_000)) {
        times = Mutex(Times(monotonic: monotonic, wall: wall))
    }
    /// Nanoseconds since the start.
    public var monotonic: UInt64 { times.withLock { $0.monotonic } }
    /// Time of day.
    public var wall: Date { times.withLock { $0.wall } }
    /// Moves both clocks forward.
    public func advance(seconds: Double) {
        times.withLock {
            $0.monotonic &+= UInt64(max(0, seconds) * 1e9)
            $0.wall += seconds
        }
    }
    /// Sets the time of day alone, as somebody who sets the system's clock does.
    public func setWall(_ wall: Date) { times.withLock { $0.wall = wall } }
}
