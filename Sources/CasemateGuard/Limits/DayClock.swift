package import Foundation
import Synchronization

/// The day (UTC) that daily quotas count for.
///
/// It follows the wall clock forward. Set back, the clock does not begin an earlier day until the current one has
/// lasted 24 hours of the monotonic clock: setting it to and fro renews no quota twice, and a clock that once was far
/// ahead keeps nobody waiting for more than a day.
package final class DayClock: Sendable {
    private struct State {
        var day: UInt32 = 0
        var since: UInt64 = 0
    }
    private let state = Mutex(State())
    private static let length: UInt64 = 86_400_000_000_000

    /// Makes a clock that knows no day yet.
    package init() {}

    /// The day, counted from 1 January 1970, and the seconds until the next.
    package func today(_ wall: Date, monotonic now: UInt64) -> (day: UInt32, left: Double) {
        let seconds = min(max(wall.timeIntervalSince1970, 0), 4e11)
        let shown = UInt32(seconds / 86_400)
        return state.withLock { state in
            if shown > state.day || shown < state.day && now &- state.since >= Self.length {
                state = State(day: shown, since: now)
            }
            if shown == state.day { return (state.day, 86_400 - seconds.truncatingRemainder(dividingBy: 86_400)) }
            return (state.day, Double(Self.length &- min(Self.length, now &- state.since)) / 1e9)
        }
    }
}
