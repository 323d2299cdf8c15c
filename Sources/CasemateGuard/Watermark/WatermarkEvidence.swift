/// What one look at a suspect showed.
public struct WatermarkEvidence: Sendable, Hashable, Codable {
    /// Which part of the mark is looked for.
    public enum Part: String, Sendable, Hashable, Codable, CaseIterable {
        /// Moves of each input's own.
        case own
        /// Moves shared by inputs that are alike in a column.
        case shared
        /// Both moves together.
        case moves
        /// Labels that were changed.
        case labels
    }
    /// Which part.
    public let part: Part
    /// Rows that it was looked for in.
    public let rows: Int
    /// How far the suspect leans towards the mark, in standard deviations of a model made without the key; for labels
    /// the share of changed labels that the suspect repeats, less its share of the same among labels left alone.
    public let lean: Double
    /// A bound on the chance that a model made without the key leans as far.
    public let pValue: Double
}

/// The verdict about a suspect.
public struct WatermarkVerdict: Sendable, Hashable, Codable {
    /// The rows of one caller, or of all.
    public struct Look: Sendable, Hashable, Codable {
        /// Name of the caller; `nil` for all together. Comes from outside: escape it wherever it is shown.
        public let caller: String?
        /// Number of rows.
        public let rows: Int
        /// The parts.
        public let evidence: [WatermarkEvidence]
        /// A bound for the parts together: the smallest of them times their number.
        public let pValue: Double
    }
    /// A mark is found where the bound is below this.
    public static let level = 1e-6
    /// A bound on the chance that a model made without the key is accused as strongly, over all looks.
    public let pValue: Double
    /// All rows first, then callers, the most suspicious first.
    public let looks: [Look]
    /// Rows of the record that could not be read.
    public let unreadable: Int
    /// Whether trees helped to tell the mark from errors; without LightGBM less is found.
    public let hasTrees: Bool
    /// Whether the mark is found.
    public var isFound: Bool { pValue < Self.level }

    init(looks: [Look], unreadable: Int, hasTrees: Bool) {
        let lowest = looks.map(\.pValue).min() ?? 1
        pValue = min(1, lowest * Double(max(1, looks.count)))
        self.looks = Array(looks.prefix(1)) + looks.dropFirst().sorted { $0.pValue < $1.pValue }
        (self.unreadable, self.hasTrees) = (unreadable, hasTrees)
    }
}
