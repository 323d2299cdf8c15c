public import Foundation

/// Time as the guard sees it. Limits, breakers and detectors use the monotonic side alone, so that setting the clock
/// neither refills nor starves anybody; tokens, records and expiry use the wall clock.
public protocol GuardClock: Sendable {
    /// Nanoseconds since some start, never running backwards.
    var monotonic: UInt64 { get }
    /// Time of day.
    var wall: Date { get }
}

/// The clocks of the system.
public struct SystemClock: GuardClock {
    /// Makes it.
    public init() {}
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    public var monotonic: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
    /// Time of day.
    public var wall: Date { Date() }
}
