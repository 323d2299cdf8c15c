/// What asking an endpoint showed: how much was asked, what went wrong, whether answers stay.
public struct RemoteObservations: Hashable, Sendable {
    /// Requests sent, tries again included.
    public internal(set) var requests = 0
    /// Rows sent, each counted once however often it was tried; `queries` bounds it.
    public internal(set) var rows = 0
    /// Rows whose answers were kept from before, in this run or an earlier one.
    public internal(set) var kept = 0
    /// Tries again.
    public internal(set) var retries = 0
    /// Responses 429 and 503.
    public internal(set) var throttles = 0
    /// Requests without a response in time.
    public internal(set) var timeouts = 0
    /// Rows that were asked a second time.
    public internal(set) var repeats = 0
    /// Those whose answer was another one.
    public internal(set) var changed = 0
    /// Those of them whose class was another one.
    public internal(set) var flipped = 0
    /// The largest difference between two answers to one row.
    public internal(set) var largestChange: Float = 0
    /// Versions that the server said have answered, in order.
    public internal(set) var versions: [String] = []
    /// Whether a secret goes over the network in clear.
    public internal(set) var isSecretInClear = false
    /// Seconds of each successful request; a bounded, evenly thinned sample.
    var latencies = Thinned()

    /// The quantile of the seconds that a request takes, `nil` before the first.
    public func latency(quantile: Double) -> Double? {
        let sorted = latencies.values.sorted()
        guard let last = sorted.indices.last else { return nil }
        return sorted[Int((Double(last) * min(1, max(0, quantile))).rounded())]
    }

    /// Every n-th value, n doubled whenever there are too many.
    struct Thinned: Hashable, Sendable {
        private(set) var values: [Double] = []
        private var step = 1, seen = 0

        mutating func add(_ value: Double) {
            defer { seen += 1 }
            guard seen.isMultiple(of: step) else { return }
            values.append(value)
            guard values.count >= 4_096 else { return }
            values = stride(from: 0, to: values.count, by: 2).map { values[$0] }
            step *= 2
        }
    }
}
