/// What came of copying a model.
public struct ExtractionResult: Hashable, Sendable {
    /// One copy and how good it is.
    public struct Copy: Hashable, Sendable {
        /// Identifier of the learner.
        public let student: String
        /// What the attacker saw.
        public let access: ExtractionAccess
        /// Where his queries came from.
        public let distribution: QueryDistribution
        /// How many answers he used.
        public let queries: Int
        /// On held-out real rows.
        public let natural: CopyQuality
        /// On uniform rows.
        public let uniform: CopyQuality
    }
    /// The copies that were finished, in the order in which they were asked for.
    public let copies: [Copy]
    /// Copies that the time budget cut off.
    public let unfinished: Int
    /// Real rows that could be asked about, and those left out because an evaluation row is the same.
    public let naturalRows: Int, repeated: Int
    /// Whether rows that judge were asked about too, because the table has too few different ones.
    public let isShared: Bool
    /// Rows that the model was asked for copies, by distribution, and to judge them.
    public let asked: [QueryDistribution: Int], evaluationQueries: Int
    /// Rows that judge a copy.
    public let naturalEvaluation: Int, uniformEvaluation: Int

    /// The best copy of an access, distribution and number of queries: by kappa, by R² where nothing is decided.
    public func strongest(
        _ access: ExtractionAccess, _ distribution: QueryDistribution, queries: Int
    ) -> Copy? {
        copies.filter { $0.access == access && $0.distribution == distribution && $0.queries == queries }
            .max { Self.rank($0) < Self.rank($1) }
    }

    private static func rank(_ copy: Copy) -> Double {
        copy.natural.decisions.map { $0.kappa ?? $0.share ?? -1 } ?? copy.natural.scores?.r2 ?? -.infinity
    }
}
