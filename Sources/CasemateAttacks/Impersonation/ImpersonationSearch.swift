public import CasemateCore
import CasemateData

/// Finds the accepted identities that are cheapest to imitate, and how few of their attributes suffice.
///
/// For each row: (1) the cost of becoming each identity, as far as the row may copy it; (2) full copies of the cheapest
/// `identities` are asked about; (3) for the `studied` cheapest of those that pass (then of the others), sets of
/// attributes are asked about by increasing size, the cheapest first, up to `maxAttributes`: the first that passes is
/// the smallest, and the cheapest of its size; (4) where a size has more sets than queries are left, or none passes, a full
/// copy that passes loses the dearest attributes first as long as it still passes. The identities that most rows passed
/// with are then tried on all rows. A copy that breaks a rule of the space is never asked about, and everything reported
/// is scored and checked anew.
public struct ImpersonationSearch: Hashable, Sendable {
    /// Full copies asked about for each row.
    public var identities = 32
    /// Identities whose attributes are looked into for each row.
    public var studied = 3
    /// Largest set of attributes that is searched exhaustively.
    public var maxAttributes = 3
    /// Queries for each row, and again for each row when the most imitated identities are tried on it.
    public var queries = 2_000
    /// Identities that are tried on all rows.
    public var donors = 5
    /// Rows in one call of the oracle.
    public var batch = 4_096

    /// Makes a search with its usual settings.
    public init() {}

    /// Searches.
    /// - Throws: `CasemateError` with `invalid-setting` for settings that make no sense; what the oracle throws;
    ///   `Cancelled` when the user interrupts. Out of time, what was found is returned.
    public func run(
        _ problem: ImpersonationProblem, oracle: any DecisionOracle, context: RunContext
    ) throws -> ImpersonationResult {
        try check(problem, oracle)
        let session = ImpersonationSession(self, problem, oracle, context)
        do {
            try session.studyRows()
            try session.studyDonors()
        } catch is EvasionStop { session.isPartial = true } catch let cancelled as Cancelled
            where cancelled.reason == .outOfTime
        { session.isPartial = true }
        return try session.result()
    }

    private func check(_ problem: ImpersonationProblem, _ oracle: any DecisionOracle) throws(CasemateError) {
        let all = [identities, studied, maxAttributes, queries, batch]
        guard all.allSatisfy({ $0 >= 1 }), donors >= 0, studied <= identities, maxAttributes <= 8 else {
            throw CasemateError(
                .invalidSetting, at: "impersonation",
                "\(identities) identities, \(studied) studied, sets of \(maxAttributes) and \(queries) queries make no sense",
                help: "give at least 1 of each, no more studied than tried, and sets of at most 8")
        }
        guard oracle.featureCount == problem.space.features.count else {
            throw CasemateError(
                .mismatch, at: "model",
                "takes \(oracle.featureCount) features, the rows have \(problem.space.features.count)",
                help: "use the columns that the model was trained on")
        }
    }
}
