/// How outliers are looked for.
public struct OutlierSettings: Hashable, Sendable {
    /// Share of usual rows that may be called outliers, above 0 and at most 0.5.
    public var rate = 0.01
    /// Trees of the isolation forest, and rows of a tree (Liu et al.: 100 and 256).
    public var trees = 100, treeRows = 256
    /// Neighbours whose mean distance counts, and most rows among which they are looked for.
    public var neighbours = 10, neighbourRows = 10_000
    /// Most rows that a detector learns from, and most that thresholds are read off.
    public var fitRows = 15_000, calibrationRows = 5_000
    /// Most numbers that a row becomes for distances and the autoencoder; columns beyond are left out by the seed.
    public var width = 256
    /// Most steps of the autoencoder's training; few rows take fewer; 0 leaves it out.
    public var steps = 4_000
    /// Most columns named for a row.
    public var columns = 4
    /// Makes the default settings.
    public init() {}
}

/// How odd a row is, and why.
public struct OutlierScore: Hashable, Sendable {
    /// A column that makes a row odd.
    public struct Column: Hashable, Sendable {
        /// Position among the features, from 0.
        public let feature: Int
        /// Share of the oddness, in 0…1.
        public let share: Double
        /// Makes an entry.
        public init(feature: Int, share: Double) { (self.feature, self.share) = (feature, share) }
    }
    /// Combined score; the higher, the odder. About standard normal for usual rows.
    public let score: Double
    /// Probability that a usual row is at least as odd, in 0…1.
    public let tailProbability: Double
    /// Normal quantile of each detector's score, in the order of `OutlierDetector.detectors`.
    public let parts: [Double]
    /// Columns that make it odd, the most telling first; empty for rows that are not odd at the set rate.
    public let columns: [Column]
    /// Makes a score.
    public init(score: Double, tailProbability: Double, parts: [Double], columns: [Column]) {
        (self.score, self.tailProbability, self.parts, self.columns) = (score, tailProbability, parts, columns)
    }
}
