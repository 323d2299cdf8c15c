public import CasemateCore

/// Robust accuracy against distance: the share of samples for which no adversarial row was found within a distance.
///
/// An upper bound on the truth: a sample counts as robust when the attack failed, which proves nothing.
public struct RobustnessCurve: Hashable, Sendable {
    /// One distance.
    public struct Point: Hashable, Sendable {
        /// The distance.
        public let epsilon: Double
        /// Samples without an adversarial row at this distance or below.
        public let robust: Int
        /// Samples in all.
        public let total: Int
        /// Wilson interval of the share, 95 %; `nil` without samples.
        public let interval: Interval?
        /// The share; `nil` without samples.
        public var accuracy: Double? { total == 0 ? nil : Double(robust) / Double(total) }
    }
    /// One point for each distance asked, in the order asked.
    public let points: [Point]
    /// Samples whose search was stopped before it found anything; they count as robust in `points`.
    public let undecided: Int

    /// Makes a curve from distances: 0 for a sample misclassified as it is, infinite where nothing was found. A sample
    /// at exactly `epsilon` is not robust at `epsilon`, so the value at 0 is the clean accuracy.
    /// - Throws: `CasemateError` with `invalid-setting` for a negative or infinite epsilon.
    public init(distances: [Double], epsilons: [Double], undecided: Int = 0) throws(CasemateError) {
        var points: [Point] = []
        for epsilon in epsilons {
            guard epsilon >= 0, epsilon.isFinite else {
                throw CasemateError(
                    .invalidSetting, at: "epsilon", "distance '\(epsilon)' makes no sense",
                    help: "give finite distances that are not negative")
            }
            let robust = distances.count { $0 > epsilon }
            points.append(
                Point(
                    epsilon: epsilon, robust: robust, total: distances.count,
                    interval: Intervals.wilson(successes: robust, trials: distances.count)))
        }
        (self.points, self.undecided) = (points, undecided)
    }

    /// Makes the curve of a result.
    public init(_ result: EvasionResult, epsilons: [Double]) throws(CasemateError) {
        try self.init(
            distances: result.samples.map(\.distance), epsilons: epsilons, undecided: result.count(.unfinished))
    }
}
