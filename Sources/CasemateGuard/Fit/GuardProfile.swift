public import CasemateData
public import CasemateModels

/// What a model usually sees and says: learnt once from rows, kept as a folder, read by the stages that compare.
///
/// `profile.json` holds what stands here, `outliers.bin` the detector of odd rows, `reference.csv.gz` some rows with what
/// the model answered. The last two hold values of rows and are as confidential as they are.
public struct GuardProfile: Hashable, Sendable, Codable {
    /// Name and version of the form.
    public static let schema = "casemate.guard-profile/1"
    /// Names of the files in the folder.
    public static let profileFile = "profile.json", outliersFile = "outliers.bin"
    /// Name of the file of reference rows.
    public static let referenceFile = "reference.csv.gz"
    /// Probabilities at which quantiles are kept.
    public static let quantileLevels = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    /// An answer whose two highest probabilities lie closer than this has a low margin.
    public static let lowMargin = 0.1

    /// One feature, in the model's order.
    public struct Column: Hashable, Sendable, Codable {
        /// Name of the column in the data.
        public let name: String
        /// What the column holds in the data.
        public let type: ColumnType
        /// Levels of a category; a value of a row is their index. `nil` for numbers.
        public let levels: [String]?
        /// Smallest and largest number that was seen; `nil` where none was, and for categories.
        public let low: Double?, high: Double?
        /// Ends beyond which a usual row lies at most as often as the rate says, all features together: the seen ends,
        /// moved outwards where the tail asks for it.
        public let usualLow: Double?, usualHigh: Double?
        /// Numbers at `GuardProfile.quantileLevels`; empty for categories.
        public let quantiles: [Double]
        /// Share of rows without a value.
        public let missing: Double
        /// Whether every number that was seen is whole.
        public let isWhole: Bool
        /// As attacks, detectors and models see it.
        public var feature: Feature { Feature(name, levels.map { .categorical(levels: $0) } ?? .numeric) }
    }
    /// The model that answered.
    public struct Origin: Hashable, Sendable, Codable {
        /// Name of its file.
        public let name: String
        /// SHA-256 of its file in hexadecimal digits.
        public let sha256: String
        /// What it answers.
        public let task: ModelTask
        /// What its scores are.
        public let kind: ScoreKind
        /// Names of its classes in order; empty for a regression.
        public let classes: [String]
    }
    /// What the model answers to usual rows.
    public struct Answers: Hashable, Sendable, Codable {
        /// Share of rows that each class is predicted for, in the order of the classes; empty for a regression.
        public let shares: [Double]
        /// Share of rows with a low margin; `nil` for a regression and where there are no scores.
        public let lowMargin: Double?
        /// Margins, or the values of a regression, at `GuardProfile.quantileLevels`; empty where there are none.
        public let quantiles: [Double]
    }
    /// How many rows that nothing was learnt from lie beyond a threshold: the false alarms that are to be expected.
    public struct HeldOut: Hashable, Sendable, Codable {
        /// What the threshold is of: `ranges` or `anomaly`.
        public let threshold: String
        /// Rows that were held out, and those beyond.
        public let rows: Int, beyond: Int
        /// Ends of the 95 % interval of the share (Clopper and Pearson).
        public let low: Double, high: Double
        /// Share beyond.
        public var share: Double { rows > 0 ? Double(beyond) / Double(rows) : 0 }
    }
    /// SHA-256 of the other files, in hexadecimal digits.
    public struct Files: Hashable, Sendable, Codable {
        /// Of the detector; `nil` where none could be made.
        public let outliers: String?
        /// Of the reference rows.
        public let reference: String
    }

    /// Name and version of the form.
    public let schema: String
    /// The model.
    public let model: Origin
    /// Number of rows that it was learnt from.
    public let rows: Int
    /// Seed of all draws.
    public let seed: UInt64
    /// Share of usual rows that may lie beyond each threshold.
    public let rate: Double
    /// The features in the model's order.
    public let features: [Column]
    /// What the model answers.
    public let answers: Answers
    /// False alarms on held-out rows.
    public let heldOut: [HeldOut]
    /// The other files.
    public let files: Files
}
