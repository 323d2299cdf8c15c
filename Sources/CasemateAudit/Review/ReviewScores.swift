public import CasemateCore
public import CasemateDetect

/// How often each check was right about the rows that reviewers looked at, and what that says of its next rows.
public struct ReviewScores: Hashable, Sendable {
    /// One check.
    public struct Score: Hashable, Sendable {
        /// Identifier of the check.
        public let check: String
        /// Decided rows that it had pointed at, and how many of them are bad.
        public let reviewed: Int, bad: Int
        /// Mean of the posterior of its precision: Beta with Jeffreys' prior, `(bad + 1/2) / (reviewed + 1)`.
        public let precision: Double
        /// 95 % of that posterior; 0 and 1 where no or every row is bad.
        public let interval: Interval
        /// What the next ranking takes: the share of bad rows, drawn towards that of all checks by one row's weight.
        public let reliability: Double
    }
    /// Checks by name.
    public let scores: [Score]
    /// Decided rows, and how many of them are bad.
    public let reviewed: Int, bad: Int

    /// Counts.
    ///
    /// A row counts for every check that pointed at it, by what the list said when it was decided; for rows of `data`
    /// the checks of `suspects` count as well. Rows are those that reviewers saw, the best scores first as a rule: the
    /// precision is that of such rows.
    /// Source: Brown, Cai, DasGupta, "Interval estimation for a binomial proportion", Statistical Science, 2001.
    /// - Parameters:
    ///   - decisions: Those that stand; others are counted twice.
    ///   - suspects: A list of the data with the digest `data`.
    public init(_ decisions: [ReviewDecision], suspects: [RankedSuspect] = [], data: String? = nil) {
        let listed = Dictionary(suspects.map { ($0.row, $0.checks) }, uniquingKeysWith: { first, _ in first })
        var counts: [String: (reviewed: Int, bad: Int)] = [:]
        for check in suspects.flatMap(\.checks) { counts[check] = (0, 0) }
        var (reviewed, bad) = (0, 0)
        for decision in decisions {
            guard let isBad = decision.verdict.isBad else { continue }
            reviewed += 1
            bad += isBad ? 1 : 0
            let now = decision.data == data ? listed[decision.row] ?? [] : []
            for check in Set(decision.checks + now) {
                counts[check, default: (0, 0)].reviewed += 1
                counts[check, default: (0, 0)].bad += isBad ? 1 : 0
            }
        }
        let pooled = Self.pooled(bad, of: reviewed)
        (self.reviewed, self.bad) = (reviewed, bad)
        scores = counts.sorted { $0.key < $1.key }.map { check, count in
            Self.score(check, bad: count.bad, of: count.reviewed, pooled: pooled)
        }
    }

    /// What a check is worth that nobody looked at: the share of all checks together; 1 without any decision.
    public var pooled: Double { Self.pooled(bad, of: reviewed) }

    private static func pooled(_ bad: Int, of reviewed: Int) -> Double {
        reviewed == 0 ? 1 : (Double(bad) + 0.5) / (Double(reviewed) + 1)
    }

    private static func score(_ check: String, bad: Int, of reviewed: Int, pooled: Double) -> Score {
        let (k, n) = (Double(bad), Double(reviewed))
        let (alpha, beta) = (k + 0.5, n - k + 0.5)
        let low = bad == 0 ? 0 : Distributions.betaQuantile(0.025, alpha: alpha, beta: beta)
        let high = bad == reviewed ? 1 : Distributions.betaQuantile(0.975, alpha: alpha, beta: beta)
        return Score(
            check: check, reviewed: reviewed, bad: bad, precision: alpha / (n + 1), interval: Interval(low, high),
            reliability: (k + pooled) / (n + 1))
    }

    /// What `SuspectRanking.ranked(_:reliability:)` takes: the reliability of each of `checks`, of known ones without.
    public func reliability(for checks: [String] = []) -> [String: Double] {
        var all = Dictionary(scores.map { ($0.check, $0.reliability) }, uniquingKeysWith: { first, _ in first })
        for check in checks where all[check] == nil { all[check] = pooled }
        return all
    }

    /// The reliability of every check of a list, from decisions about its data and about others.
    public static func reliability(
        of decisions: [ReviewDecision], suspects: [RankedSuspect], data: String? = nil
    ) -> [String: Double] {
        ReviewScores(decisions, suspects: suspects, data: data).reliability()
    }
}
