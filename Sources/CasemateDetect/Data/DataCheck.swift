public import CasemateCore

/// Examines training data for one kind of trouble. One file, one catalogue line, one page.
///
/// Metrics and findings are named after the identifier: `data_labels.noise`, `data_labels.random_noise`.
public protocol DataCheck: Sendable {
    /// Stable name in reports, `suspects.csv` and metric names: snake case, begins with `data_`.
    static var identifier: String { get }
    /// Heading in reports.
    static var title: String { get }
    /// Where the threat stands.
    static var taxonomy: Taxonomy { get }
    /// Creates the check with its default settings.
    init()
    /// Why the check does not apply to these data, with what to add; `nil` when it applies.
    func reasonNotToRun(on subject: DataSubject) -> String?
    /// Does the work. What it could finish before the deadline of the context is returned as `partial`.
    func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult
}

extension DataCheck {
    /// An empty outcome of this check, to be filled.
    package func outcome(status: ProbeOutcome.Status = .tested, reason: String? = nil) -> ProbeOutcome {
        ProbeOutcome(
            probe: Self.identifier, title: Self.title, taxonomy: Self.taxonomy, status: status, reason: reason)
    }
    /// A finding of this check about the data.
    package func finding(
        _ rule: String, _ severity: Severity, _ title: String, evidence: [Evidence], remedy: String,
        about subject: DataSubject, feature: String = ""
    ) -> Finding {
        Finding(
            id: "\(Self.identifier).\(rule)", probe: Self.identifier, severity: severity, title: title,
            evidence: evidence, remedy: remedy, taxonomy: Self.taxonomy, subject: subject.name, feature: feature)
    }
}

/// What a check learnt: numbers and findings for the report, rows for the people who look at them.
public struct DataCheckResult: Sendable {
    /// Sentences, metrics, findings, tables, plots.
    public var outcome: ProbeOutcome
    /// Rows that a person should look at, in any order; a row at most once.
    public var suspects: [Suspect]
    /// Makes a result.
    public init(outcome: ProbeOutcome, suspects: [Suspect] = []) {
        (self.outcome, self.suspects) = (outcome, suspects)
    }
}
