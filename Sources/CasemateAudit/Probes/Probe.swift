public import CasemateCore

/// Examines a subject for one threat and says what it found. One file, one catalogue line, one page.
///
/// A probe's stored properties are its settings; `settings` says which of them `casemate.yaml` may change.
public protocol Probe: Sendable {
    /// Stable name in configuration, reports and metric names, in snake case.
    static var identifier: String { get }
    /// Heading in reports.
    static var title: String { get }
    /// What it examines, a clause for the page of settings.
    static var purpose: String { get }
    /// Where the threat stands.
    static var taxonomy: Taxonomy { get }
    /// Keys under `probes.<identifier>` besides `enabled`.
    static var settings: [Setting<Self>] { get }
    /// Keys of the groups that its metrics carry, such as `student` for `student=tree`; rules of the policy name them.
    static func metricGroups(in configuration: AuditConfiguration) -> [String]
    /// Creates the probe with its default settings.
    init()
    /// The probe as it runs under a configuration: checks its settings beside the others.
    /// - Throws: `invalidSetting` for settings that clash.
    func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> Self
    /// Why the probe does not apply to this subject, with the line to add; `nil` when it applies.
    func reasonNotToRun(on subject: AuditSubject) -> String?
    /// Does the work. What it could finish before it was told to stop for lack of time is returned as `partial`.
    func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome
}

extension Probe {
    /// No settings.
    public static var settings: [Setting<Self>] { [] }
    /// No groups.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { [] }
    /// The probe itself.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> Self { self }
    /// An empty outcome of this probe, to be filled.
    func outcome(status: ProbeOutcome.Status = .tested, reason: String? = nil) -> ProbeOutcome {
        ProbeOutcome(
            probe: Self.identifier, title: Self.title, taxonomy: Self.taxonomy, status: status, reason: reason)
    }
    /// A finding of this probe about the subject.
    func finding(
        _ rule: String, _ severity: Severity, _ title: String, evidence: [Evidence], remedy: String,
        about subject: AuditSubject, feature: String = ""
    ) -> Finding {
        Finding(
            id: "\(Self.identifier).\(rule)", probe: Self.identifier, severity: severity, title: title,
            evidence: evidence, remedy: remedy, taxonomy: Self.taxonomy, subject: subject.name, feature: feature)
    }
}
