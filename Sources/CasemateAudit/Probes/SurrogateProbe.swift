import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// How cheaply the model can be copied from its answers: students trained on queries, and equation solving for linear
/// models. White-hat: copies are judged and thrown away.
///
/// Definitions, sources and blind spots: `docs/probes/surrogate.md`.
public struct SurrogateProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "surrogate"
    /// Heading in reports.
    public static let title = "Model extraction"
    /// What it examines.
    public static let purpose = "how cheaply the model can be copied from its answers"
    /// Somebody asks a running model.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.privacy], knowledge: [.labels, .scores],
        atlas: ["AML.T0024.002"], owasp: ["ML05"], nist: ["NISTAML.031"])
    /// Keys under `probes.surrogate`.
    public static let settings: [Setting<SurrogateProbe>] = [
        words("students", \.students, studentLearners.map { $0.identifier }, "what copies are made of"),
        words("access", \.access, ["scores", "labels", "rounded"], "what the attacker sees of an answer"),
        words(
            "distributions", \.distributions, QueryDistribution.allCases.map(\.rawValue), "where queries come from"),
        Setting(
            "budgets", .list(.integer(10...1_000_000)), "numbers of queries; real rows end where the data end",
            apply: { probe, node in probe.budgets = Set(node.items.compactMap(\.integer)).sorted() },
            show: { .list($0.budgets.map { .integer($0) }) }),
        .integer("decimals", \.decimals, 1...9, "decimals of rounded scores"),
        .integer("rows", \.rows, 50...1_000_000, "held-out rows that judge copies, drawn at random from more"),
        .integer("cheap", \.cheap, 10...1_000_000, "a copy from so many queries or fewer is cheap"),
        .number("kappa", \.kappa, .share, "a copy of this kappa or more stands in for the model"),
        .number("r2", \.r2, .share, "the same for a regression without decisions, by R²"),
        .number("alpha", \.alpha, .share, "level of significance over all tests of cheap copies"),
    ]
    /// One group for each copy.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["copy"] }

    /// Identifiers of learners.
    public var students = studentLearners.map { $0.identifier }
    /// What the attacker sees.
    public var access = ["scores", "labels", "rounded"]
    /// Where queries come from.
    public var distributions = QueryDistribution.allCases.map(\.rawValue)
    /// Numbers of queries, ascending.
    public var budgets = [100, 500, 1_000, 5_000]
    /// Decimals of rounded scores.
    public var decimals = 2
    /// Held-out rows that judge copies, at most.
    public var rows = 4_000
    /// Queries that count as cheap.
    public var cheap = 1_000
    /// Kappa from which a copy stands in for the model.
    public var kappa = 0.8
    /// R² from which it does where nothing is decided.
    public var r2 = 0.9
    /// Level of significance, shared by the tests of cheap copies.
    public var alpha = 0.05
    /// Fewer rows than these on either side are not examined.
    static let fewest = 30

    /// Creates the probe.
    public init() {}

    private static func words(
        _ key: String, _ path: Setting<SurrogateProbe>.Path<[String]>, _ known: [String], _ meaning: String
    ) -> Setting<SurrogateProbe> {
        Setting(
            key, .list(.choice(known)), meaning,
            apply: { probe, node in probe[keyPath: path] = known.filter { node.texts.contains($0) } },
            show: { .list($0[keyPath: path].map { .text($0) }) })
    }

    /// Needs a table, enough rows, answers that `access` lets the attacker see, and the engine of the students.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        guard subject.model.model.signature.layout != .text, subject.model.model.signature.layout != .image else {
            return "this release copies models of tables only"
        }
        let rows = subject.train.map { min($0.count, subject.test.count) } ?? subject.test.count / 2
        guard rows >= Self.fewest else {
            return "\(Words.count(rows, "row")) to ask about or to judge copies by are too few: give at least "
                + "\(Self.fewest) training and test rows"
        }
        let form = SubjectOracle(subject, Cancellation()).form
        guard seen.contains(where: { $0.shows(form) }) else {
            return form.scores == .none
                ? "the model answers decisions only: add `labels` to `probes: {surrogate: {access: […]}}`"
                : "a regression without `decision: {threshold: …}` decides nothing: add `scores` to "
                    + "`probes: {surrogate: {access: […]}}`"
        }
        let needsEngine = studentLearners.contains { $0.needsBoosting && students.contains($0.identifier) }
        guard !needsEngine || subject.boosting != nil else {
            return AuditSubject.boostingMissing + ", or write `probes: {surrogate: {students: [linear]}}`"
        }
        return nil
    }

    /// Copies the model.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let oracle = SubjectOracle(subject, context.cancellation)
        let problem = try problem(subject, seed: context.seed)
        var equations: SurrogateEquations?
        do {
            if seen.contains(.scores) {
                equations = try SurrogateEquations(problem, oracle, decimals: decimals, context: context)
            }
            var extraction = ModelExtraction()
            extraction.students = students
            extraction.access = seen
            extraction.distributions = QueryDistribution.allCases.filter { distributions.contains($0.rawValue) }
            extraction.budgets = budgets
            let result = try extraction.run(problem, oracle: oracle, boosting: subject.boosting, context: context)
            let stopped =
                result.unfinished == 0
                ? nil
                : "\(result.unfinished) cop\(result.unfinished == 1 ? "y" : "ies") did not finish within the time budget"
            var outcome = outcome(status: stopped == nil ? .tested : .partial, reason: stopped)
            outcome.settings = described(result, subject)
            try SurrogateReport(probe: self, subject: subject, form: oracle.form, result: result, equations: equations)
                .append(to: &outcome)
            return outcome
        } catch let cancelled as Cancelled where cancelled.reason == .outOfTime {
            return outcome(status: .partial, reason: "the model was not copied within the time budget")
        }
    }

    /// What the attacker sees, scores first.
    var seen: [ExtractionAccess] {
        let all: [ExtractionAccess] = [.scores, .labels, .rounded(decimals: decimals)]
        return all.filter { access.contains($0.name) }
    }

    /// Training rows are asked about and test rows judge; without training data the test rows are halved.
    private func problem(_ subject: AuditSubject, seed: UInt64) throws -> ExtractionProblem {
        var (pool, evaluation) = (subject.train ?? subject.test, subject.test)
        if subject.train == nil {
            var generator = SeededGenerator(seed: seed, stream: 0x68_61_6C_66)
            let order = (0..<subject.test.count).shuffled(using: &generator)
            pool = subject.test.rows(order[(order.count / 2)...])
            evaluation = subject.test.rows(order[..<(order.count / 2)])
        }
        return try ExtractionProblem(
            space: subject.space, pool: pool, evaluation: evaluation,
            most: (pool: max(20_000, budgets.max() ?? 0), evaluation: rows), seed: seed)
    }

    private func described(_ result: ExtractionResult, _ subject: AuditSubject) -> [String: String] {
        var all = [
            "students": students.joined(separator: ", "), "budgets": budgets.map(String.init).joined(separator: ", "),
            "queries": QueryDistribution.allCases.compactMap { distribution in
                result.asked[distribution].map { "\($0) \(distribution.rawValue)" }
            }.joined(separator: ", "),
            "real rows asked about": subject.train == nil ? "half of the test rows" : "training rows",
            "judged by": "\(result.naturalEvaluation) held-out and \(result.uniformEvaluation) uniform rows",
        ]
        if access.contains("rounded") { all["decimals of rounded scores"] = "\(decimals)" }
        return all
    }
}
