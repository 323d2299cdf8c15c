public import CasemateData

/// What an attack achieved, after every adversarial row was checked from scratch.
public struct EvasionResult: Hashable, Sendable {
    /// What became of one sample.
    public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        /// The model decided as the attacker wants before anything was changed: distance 0, one query.
        case alreadyReached
        /// A changed row was found and survived the re-check.
        case found
        /// The search ended without one. This says nothing about whether one exists.
        case notFound
        /// A row was found and did not survive the re-check.
        case discarded
        /// The search was stopped before it had found one.
        case unfinished
    }
    /// One sample.
    public struct Sample: Hashable, Sendable {
        /// As given in the problem.
        public let identifier: Int
        /// What became of it.
        public let outcome: Outcome
        /// Distance of `row` from the original; 0 when the goal was reached before, infinite without a success.
        public let distance: Double
        /// Number of features changed, a one-hot group counting one.
        public let changed: Int
        /// What the change costs by the feature space; 0 when the goal was reached before, infinite without a success.
        public let cost: Double
        /// Rows that the oracle was asked for this sample, without the re-check.
        public let queries: Int
        /// Proposals of the search that no repair made lawful; the model was not asked about them.
        public let unrepairable: Int
        /// The closest adversarial row, or the original when the goal was reached before; `nil` without a success.
        public let row: [Float]?
        /// What the model says to `row`.
        public let label: Int32?
        /// Whether the model can be made to decide as the attacker wants.
        public var success: Bool { outcome == .found || outcome == .alreadyReached }
    }
    /// One entry a row of the problem, in its order.
    public let samples: [Sample]
    /// How distances are measured.
    public let norm: FeatureSpace.Norm
    /// What was made small.
    public let objective: EvasionRun.Objective
    /// What the attack could see of the model.
    public let access: EvasionAccess
    /// Queries that belong to no single sample: labels of the starting points.
    public let sharedQueries: Int
    /// Queries of the re-check.
    public let recheckQueries: Int
    /// Whether the search was stopped by its deadline; what had been found by then is in `samples`.
    public let isPartial: Bool
    /// Attack, norm and every setting that the figures depend on.
    public let settings: [String: String]

    /// All rows that the oracle was asked.
    public var queries: Int { samples.reduce(sharedQueries + recheckQueries) { $0 + $1.queries } }
    /// Number of samples with this outcome.
    public func count(_ outcome: Outcome) -> Int { samples.count { $0.outcome == outcome } }
    /// Samples that were found adversarial and did not survive the re-check.
    public var discarded: Int { count(.discarded) }
    /// Proposals of all searches that no repair made lawful.
    public var unrepairable: Int { samples.reduce(0) { $0 + $1.unrepairable } }
    /// Median cost of the rows found; `nil` when there are none.
    public var medianCost: Double? { Self.median(samples.filter { $0.outcome == .found }.map(\.cost)) }
    /// Median distance of the rows found, samples that needed no change left out; `nil` when there are none.
    public var medianDistance: Double? {
        Self.median(samples.filter { $0.outcome == .found }.map(\.distance))
    }

    private static func median(_ values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
