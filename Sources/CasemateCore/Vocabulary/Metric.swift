/// One measured number with its uncertainty: never a rate without interval and count.
public struct Metric: Hashable, Sendable, Codable {
    /// Name in snake case, `probe.measure` with an optional `@parameter`, from the committed list of metric names.
    public let name: String
    /// The value; `nil` when the data cannot carry it (an empty cell), in which case `note` says why.
    public let value: Double?
    /// Lower and upper end of the interval at `confidence`; `nil` where none is defined.
    public let low: Double?, high: Double?
    /// Number of samples that the value rests on.
    public let n: Int
    /// The group that the value is about, such as `sex=female`; `nil` for all rows.
    public let group: String?
    /// How the interval was made (`Wilson 95 %`, `Katz 95 %`, …) or why there is no value.
    public let note: String?

    /// Makes a metric; values that are not finite become `nil`.
    public init(
        _ name: String, _ value: Double?, low: Double? = nil, high: Double? = nil, n: Int, group: String? = nil,
        note: String? = nil
    ) {
        func finite(_ number: Double?) -> Double? { number.flatMap { $0.isFinite ? $0 : nil } }
        (self.name, self.value, self.low, self.high) = (name, finite(value), finite(low), finite(high))
        (self.n, self.group, self.note) = (n, group, note)
    }
}
