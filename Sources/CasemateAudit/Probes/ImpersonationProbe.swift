public import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// Which accepted cases are cheapest to imitate from a rejected one, and how few of their attributes suffice.
///
/// Method, findings and blind spots: `docs/probes/impersonation.md`.
public struct ImpersonationProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "impersonation"
    /// Heading in reports.
    public static let title = "Impersonation"
    /// What it examines.
    public static let purpose = "which accepted cases are cheapest to imitate, and with how few attributes"
    /// Crafting inputs against a running model, by known cases.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity], specificity: .targeted,
        knowledge: [.labels], atlas: ["AML.T0015", "AML.T0043.001"], owasp: ["ML01"], nist: ["NISTAML.025"])
    /// Keys under `probes.impersonation`.
    public static let settings: [Setting<ImpersonationProbe>] = [
        .integer("samples", \.samples, 1...1_000_000, "rejected test rows, drawn at random from more"),
        .integer("pool", \.pool, 1...1_000_000, "accepted identities, drawn at random from more"),
        .integer("identities", \.search.identities, 1...10_000, "cheapest identities asked about for each row"),
        .integer("studied", \.search.studied, 1...1_000, "identities whose attributes are looked into for each row"),
        .integer(
            "max_attributes", \.search.maxAttributes, 1...8, "largest set of attributes that is searched exhaustively"),
        .integer("queries", \.search.queries, 1...100_000_000, "queries for each row in each of the two stages"),
        .integer("donors", \.search.donors, 0...1_000, "most imitated identities that are tried on every row"),
        .number("cheap", \.cheap, .number(0...1e12, isLowExcluded: true), "cost up to which an imitation is cheap"),
    ]

    /// Rejected rows.
    public var samples = 100
    /// Accepted identities.
    public var pool = 5_000
    /// The search.
    public var search = ImpersonationSearch()
    /// Cost up to which an imitation is cheap.
    public var cheap = 1.0

    /// Creates the probe.
    public init() {}

    /// Refuses settings that clash.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> ImpersonationProbe {
        if search.studied > search.identities {
            throw CasemateError(
                .invalidSetting, at: configuration.place(of: "probes.impersonation.studied"),
                "\(search.studied) identities studied are more than the \(search.identities) asked about",
                help: "raise 'probes.impersonation.identities', or lower this")
        }
        return self
    }

    /// Needs a table, a favourable outcome, and rows on both sides of the decision.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        switch subject.model.model.signature.layout {
        case .text, .image: return "attributes are copied between the rows of a table"
        case .matrix, .columns: break
        }
        if subject.decision == nil { return "a regression without `decision: {threshold: …}` makes no decisions" }
        guard subject.favourable != nil else { return "what is accepted needs `favourable:` under `data:`" }
        if subject.test.count == 0 { return "no rows" }
        let rejected = (0..<subject.test.count).count { !subject.isFavourableDecision($0) }
        if rejected == 0 { return "every test row is decided favourably" }
        if subject.train == nil, rejected == subject.test.count { return "no test row is decided favourably" }
        return nil
    }

    /// Searches.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        guard let decision = subject.decision, let favourable = subject.favourable else {
            return outcome(status: .notTested, reason: "nothing is decided")
        }
        do {
            let (problem, rows) = try problem(subject, favourable, decision, context)
            guard problem.identities.count > 0 else {
                return outcome(status: .notTested, reason: "no training row is decided favourably")
            }
            let oracle = TableOracle(model: subject.model, decision: decision, cancellation: context.cancellation)
            let result = try search.run(problem, oracle: oracle, context: context)
            let stopped = result.isPartial ? "the time budget ran out before every row was studied" : nil
            var outcome = outcome(status: result.isPartial ? .partial : .tested, reason: stopped)
            outcome.settings = [
                "rejected rows": "\(problem.rows.count)",
                "accepted identities": "\(problem.identities.count) "
                    + (subject.train == nil ? "test rows" : "training rows"),
                "identities asked about": "\(search.identities)", "studied": "\(search.studied)",
                "attributes at most, exhaustively": "\(search.maxAttributes)",
            ]
            ImpersonationReport(
                probe: self, subject: subject, problem: problem, identityRows: rows, result: result,
                seed: context.seed
            ).append(to: &outcome)
            return outcome
        } catch let cancelled as Cancelled where cancelled.reason == .outOfTime {
            return outcome(status: .partial, reason: "the time budget ran out before the first answer")
        }
    }

    /// Rejected test rows and accepted identities, and the rows of the latter in their file.
    private func problem(
        _ subject: AuditSubject, _ favourable: Int, _ decision: DecisionRule, _ context: RunContext
    ) throws -> (ImpersonationProblem, [Int]) {
        var generator = SeededGenerator(seed: context.seed, stream: 0x69_6D_70)
        let rejected = (0..<subject.test.count).filter { !subject.isFavourableDecision($0) }
        let rows = Array(rejected.shuffled(using: &generator).prefix(samples)).sorted()
        let decisions: [Int32]
        if let answers = try subject.trainPredictions(context: context) {
            decisions = decision.decide(answers)
        } else {
            decisions = subject.decisions
        }
        let accepted = decisions.indices.filter { decisions[$0] == Int32(favourable) }
        let identities = Array(accepted.shuffled(using: &generator).prefix(pool)).sorted()
        let problem = try ImpersonationProblem(
            rows: subject.test.rows(rows), identities: (subject.train ?? subject.test).rows(identities),
            space: subject.space, wanted: Int32(favourable), identifiers: rows)
        return (problem, identities)
    }
}
