public import CasemateCore
public import CasemateData

/// Rejected rows, accepted identities that they may imitate, and what a row can change of itself.
public struct ImpersonationProblem: Sendable {
    /// The rows that are decided against.
    public let rows: FeatureMatrix
    /// A number for each row, such as its place in the file.
    public let identifiers: [Int]
    /// The rows that are decided as the attacker wants.
    public let identities: FeatureMatrix
    /// What can change, at what cost.
    public let space: FeatureSpace
    /// The decision that the attacker wants.
    public let wanted: Int32

    /// Makes a problem; `identifiers` default to the position.
    /// - Throws: `mismatch` for counts or features that do not fit together.
    public init(
        rows: FeatureMatrix, identities: FeatureMatrix, space: FeatureSpace, wanted: Int32, identifiers: [Int]? = nil
    ) throws(CasemateError) {
        let names = space.features.map(\.name)
        for matrix in [rows, identities] where matrix.features.map(\.name) != names {
            throw CasemateError(
                .mismatch, at: "impersonation",
                "rows of \(matrix.features.count) features in a space of \(names.count), or in another order",
                help: "make all of them from the same list of features")
        }
        let identifiers = identifiers ?? Array(0..<rows.count)
        guard identifiers.count == rows.count else {
            throw CasemateError(
                .mismatch, at: "impersonation", "\(identifiers.count) identifiers for \(rows.count) rows",
                help: "give one for each row")
        }
        (self.rows, self.identities, self.space) = (rows, identities, space)
        (self.wanted, self.identifiers) = (wanted, identifiers)
    }
}

/// What imitation of accepted identities comes to.
public struct ImpersonationResult: Hashable, Sendable {
    /// How the smallest set of attributes was found.
    public enum Method: String, Hashable, Sendable, Codable, CaseIterable {
        /// All smaller sets, and all cheaper ones of the same size, were asked: none is smaller.
        case exhaustive
        /// Attributes were dropped from a full copy as long as it served: no single one can go, a smaller set may exist.
        case greedy
    }
    /// One row that passes with attributes of one identity.
    public struct Imitation: Hashable, Sendable {
        /// Index of the row, and of the identity.
        public let row: Int, identity: Int
        /// Features that were copied, one entry an attribute: a feature, or the members of a group.
        public let attributes: [[Int]]
        /// The row afterwards.
        public let values: [Float]
        /// What it costs.
        public let cost: Double
        /// How the set was found.
        public let method: Method
    }
    /// What became of one row.
    public struct Sample: Hashable, Sendable {
        /// Its number.
        public let identifier: Int
        /// The cheapest imitation found, each identity with its smallest set; `nil` for none.
        public let best: Imitation?
        /// Rows asked about on its behalf.
        public let queries: Int
        /// Whether time ended before its search did.
        public let isUnfinished: Bool
    }
    /// One identity tried on every row.
    public struct Donor: Hashable, Sendable {
        /// Index of the identity.
        public let identity: Int
        /// Rows that can imitate it, each with the smallest set, in the order of the rows.
        public let imitations: [Imitation]
    }
    /// One a row, in order.
    public let samples: [Sample]
    /// The identities that most rows can imitate, the most imitated first.
    public let donors: [Donor]
    /// Identities from which the donors were chosen: those that some row passed with.
    public let candidates: Int
    /// Queries in all, the re-check included.
    public let queries: Int
    /// Results that the re-check refused.
    public let discarded: Int
    /// Copies that broke a relation, a limit or a derived value and were not asked about.
    public let unlawful: Int
    /// Whether time ended first.
    public let isPartial: Bool
}
