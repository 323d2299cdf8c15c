import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// Asks the model about a thousand rows that nobody should send, and compares what it says with what is expected.
///
/// Definitions, sources and blind spots: `docs/probes/random_testing.md`.
public struct RandomTestingProbe: Probe {
    /// What should become of a row.
    public enum Expectation: String, Hashable, Sendable, CaseIterable {
        /// Nothing is expected; there are figures and no finding.
        case any
        /// A number for an answer.
        case answer
        /// A clean refusal, which the engine gives by an error message.
        case refuse
    }
    /// Which class a label should name.
    public enum LabelExpectation: String, Hashable, Sendable, CaseIterable {
        /// Nothing is expected: models may have thresholds of their own.
        case any
        /// The class with the highest score.
        case highest
    }
    /// Name in configuration and reports.
    public static let identifier = "random_testing"
    /// Heading in reports.
    public static let title = "Random and malformed input"
    /// What it examines.
    public static let purpose = "what malformed, extreme and random rows do"
    /// Anybody who may ask the model can send such rows.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .availability],
        specificity: .indiscriminate, knowledge: [.labels], atlas: ["AML.T0043"], owasp: ["ML01"],
        nist: ["NISTAML.025"])
    /// Keys under `probes.random_testing`.
    public static let settings: [Setting<RandomTestingProbe>] = [
        .integer("rows", \.rows, 20...100_000, "rows made"),
        .choice("missing", \.missing, "what should become of a row with a missing value"),
        .choice("unseen", \.unseen, "what should become of a category that the training data do not hold"),
        .choice("non_finite", \.nonFinite, "what should become of an infinite value"),
        .choice("extreme", \.extreme, "what should become of a value at the end of the number type"),
        .choice("label", \.label, "which class the model's own label should name"),
        .number(
            "favourable_share_at_most", \.favourableShare, .share,
            "most of the random rows that may be decided favourably; nothing is expected where left out"),
        .number(
            "tolerance", \.tolerance, .number(0...1),
            "differences between answers to the same row that count as rounding"),
    ]
    /// One group for each kind of row, and one for each rule that rows break.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["kind", "rule"] }

    /// Rows made.
    public var rows = 1_000
    /// What should become of rows with something missing, unseen, infinite or extreme in them.
    public var missing = Expectation.any, unseen = Expectation.any
    /// See `missing`.
    public var nonFinite = Expectation.any, extreme = Expectation.any
    /// Which class the model's own label should name.
    public var label = LabelExpectation.any
    /// Most of the random rows that may be decided favourably; `nil` expects nothing.
    public var favourableShare: Double?
    /// Differences between answers to the same row that count as rounding.
    public var tolerance = 1e-5

    /// Creates the probe.
    public init() {}

    /// Applies to every model.
    public func reasonNotToRun(on subject: AuditSubject) -> String? { nil }

    /// Makes the rows, asks, and judges.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let risky = Self.dataDrivenOperators(of: subject)
        let test = RandomTest(rows: rows, tolerance: tolerance, isTame: !risky.isEmpty)
        let decision = subject.decision
        let result = try test.run(
            subject.model.model, real: subject.test, reference: subject.train,
            oneHotGroups: subject.space.oneHotGroups, decide: { decision?.decide($0) ?? [] }, context: context)
        var outcome = outcome(
            status: result.isPartial ? .partial : .tested,
            reason: result.isPartial ? "the time budget ran out before every row was asked in every way" : nil)
        outcome.settings = [
            "rows": "\(result.rows.count)", "tolerance": "\(tolerance)", "missing": missing.rawValue,
            "unseen": unseen.rawValue, "non_finite": nonFinite.rawValue, "extreme": extreme.rawValue,
            "label": label.rawValue, "favourable_share_at_most": favourableShare.map { "\($0)" } ?? "none",
        ]
        let judge = RandomTestingJudge(probe: self, subject: subject, test: test, result: result, context: context)
        try judge.append(to: &outcome)
        if !risky.isEmpty {
            outcome.summary.append(
                "Numbers beyond a thousand million were left out: the graph holds \(risky.joined(separator: ", ")), with "
                    + "which a value can set the amount of work.")
        }
        return outcome
    }

    /// Operators by which a value, not a shape, may set how much the graph works or holds.
    private static func dataDrivenOperators(of subject: AuditSubject) -> [String] {
        let known: Set<String> = ["Loop", "Scan", "Range", "Tile"]
        return (subject.file?.operators ?? []).map(\.name).filter(known.contains).sorted()
    }
}
