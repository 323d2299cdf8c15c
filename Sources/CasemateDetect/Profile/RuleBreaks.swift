import CasemateCore
import CasemateData

/// Rows that break declared rules.
struct RuleBreaks: Sendable {
    /// One rule.
    struct Broken: Sendable {
        let rule: ConstraintRule
        let counts: ConstraintCounts
        /// Whether nothing keeps the rule, so that it is likelier to be wrong than the rows.
        let isUnsound: Bool
        /// Share of the rows to which it applies, with its interval.
        var share: Double { Double(counts.violated) / Double(max(1, counts.applicable)) }
    }
    let rules: [Broken]
    /// Rows that break a sound rule, each with the first such rule, at most `rowLimit`.
    let rows: [(row: Int, rule: Int)]
    /// Rows that break a sound rule.
    let count: Int
    /// Rows of the table.
    let total: Int
    /// The most rows that are listed.
    static let rowLimit = 10_000

    init(_ rules: [ConstraintRule], _ table: DataTable) throws {
        let verdicts = try ConstraintVerdicts(of: rules, in: table)
        let review = ConstraintReview(of: verdicts, in: table)
        let counts = verdicts.counts()
        self.rules = rules.indices.map {
            Broken(rule: rules[$0], counts: counts[$0], isUnsound: review.unsound.contains($0))
        }
        // why rare first: of two rules that a row breaks, the one that others keep says more.
        let sound = rules.indices.filter { !review.unsound.contains($0) && counts[$0].violated > 0 }
            .sorted { (counts[$0].violated, $0) < (counts[$1].violated, $1) }
        let broken = verdicts.rowsBreaking(sound)
        rows = broken.prefix(Self.rowLimit).compactMap { row in
            sound.first { verdicts.verdict(rule: $0, row: row) == .violated }.map { (row, $0) }
        }
        (count, total) = (sound.isEmpty ? 0 : broken.count, table.count)
    }

    /// How likely a row that breaks a rule is wrong: the fewer break it, the likelier; where many do, the rule is.
    static func strength(share: Double) -> Double { max(0.05, 0.95 - 3 * share) }
}
