/// A rate with bursts, by the generic cell rate algorithm: one number, the theoretical arrival time (TAT) in
/// nanoseconds of the monotonic clock, holds the state of a bucket. Equal to a token bucket that holds `burst` rows and
/// fills at `perSecond`.
///
/// Source: ITU-T I.371, Annex A (GCRA); with weights, `rows` at once are let through when `max(t, TAT) + rows·T - t`
/// is at most `burst·T`.
package struct RowRate: Sendable, Hashable {
    /// Rows a second.
    package let perSecond: Double
    /// Rows that may come at once.
    package let burst: Int
    /// Nanoseconds that one row takes to come back, rounded up so that never more than the rate gets through.
    let interval: UInt64
    /// Nanoseconds that a drained bucket takes to fill.
    let depth: UInt64

    /// Rates that can be kept.
    package static let rates = 0.0001...1_000_000.0
    /// Bursts that can be kept.
    package static let bursts = 1...1_000_000

    /// Makes a rate; numbers outside the bounds are taken to the nearest. Without a burst it holds one second's rows,
    /// at least one.
    package init(perSecond: Double, burst: Int? = nil) {
        let rate = min(max(perSecond.isNaN ? 0 : perSecond, Self.rates.lowerBound), Self.rates.upperBound)
        self.perSecond = rate
        self.burst = min(max(burst ?? Int(rate.rounded(.up)), Self.bursts.lowerBound), Self.bursts.upperBound)
        interval = UInt64((1e9 / rate).rounded(.up))
        depth = interval * UInt64(self.burst)
    }

    /// The same for a client whose credential allows another rate: bursts grow and shrink with it.
    func scaled(to perSecond: Double) -> RowRate {
        let burst = (Double(burst) * perSecond / self.perSecond).rounded(.up)
        return RowRate(perSecond: perSecond, burst: Int(min(max(1, burst), Double(Self.bursts.upperBound))))
    }

    /// Takes rows out of a bucket.
    /// - Parameters:
    ///   - rows: At most `burst`; more never get through.
    ///   - tat: State of the bucket, changed only when the rows get through.
    ///   - now: Monotonic nanoseconds.
    /// - Returns: `nil` when they got through, else the nanoseconds after which they would.
    @inline(__always)
    package func take(_ rows: Int, from tat: inout UInt64, at now: UInt64) -> UInt64? {
        guard rows <= burst else { return depth }
        let next = max(tat, now) &+ UInt64(max(0, rows)) &* interval
        guard next &- now <= depth else { return next &- now &- depth }
        tat = next
        return nil
    }
    /// Puts rows back that were taken and not used.
    @inline(__always)
    func put(_ rows: Int, into tat: inout UInt64) {
        let amount = UInt64(max(0, rows)) &* interval
        tat = tat > amount ? tat &- amount : 0
    }
    /// Rows that are left.
    func left(_ tat: UInt64, at now: UInt64) -> Int {
        guard tat > now else { return burst }
        let missing = tat &- now
        return missing >= depth ? 0 : Int((depth &- missing) / interval)
    }
    /// Whole seconds until the bucket is full, rounded up.
    static func seconds(until tat: UInt64, at now: UInt64) -> Int {
        tat > now ? Int((tat &- now &+ 999_999_999) / 1_000_000_000) : 0
    }
}
