public import CasemateCore
import CasemateModels
import CasemateScan

/// The gate on the model file: what it is, what it is made of, and whether it reaches outside its folder.
///
/// Files that cannot be read safely never get this far; see `docs/probes/file.md`.
public struct FileProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "file"
    /// Heading in reports.
    public static let title = "Model file"
    /// What it examines.
    public static let purpose = "the model file itself"
    /// Tampering with the artefact.
    public static let taxonomy = Taxonomy(
        stages: [.artefact], influence: .causative, violations: [.integrity, .availability],
        specificity: .indiscriminate,
        atlas: ["AML.T0010.003", "AML.T0018.001"], owasp: ["ML06"], nist: ["NISTAML.051"])

    /// Its settings.
    public static let settings: [Setting<FileProbe>] = [
        .integer(
            "max_bytes", \.maximumBytes, 1...Int.max, "files above this size raise a finding; no limit where left out"),
        .texts(
            "allowed_domains", \.allowedDomains, "operator domains that raise no finding, besides the standard ones"),
    ]
    /// Files above this size raise a finding; `nil` sets no limit.
    public var maximumBytes: Int?
    /// Operator domains that raise no finding, besides the standard ones.
    public var allowedDomains: [String] = []

    /// Creates the probe.
    public init() {}

    /// Applies to ONNX files.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        subject.file == nil ? "the model is no ONNX file" : nil
    }

    /// Lists facts and raises findings.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        var outcome = outcome()
        guard let file = subject.file else { return outcome }
        let gate = FileGate(allowedDomains: Set(allowedDomains), maximumBytes: maximumBytes)
        let verdict = gate.examine(file)
        outcome.metrics += [
            Metric("file.bytes", Double(verdict.bytes), n: 1),
            Metric(
                "file.opset", verdict.opset > 0 ? Double(verdict.opset) : nil, n: 1,
                note: verdict.opset > 0 ? nil : "the file names no standard operator set"),
            Metric("file.operators", Double(verdict.operatorCount), n: 1),
            Metric("file.parameters", Double(verdict.parameters), n: 1),
        ]
        outcome.tables += verdict.tables
        outcome.summary += verdict.summary
        outcome.findings += verdict.issues.map { issue in
            finding(
                issue.rule, issue.severity, issue.title, evidence: issue.evidence, remedy: issue.remedy,
                about: subject, feature: issue.feature)
        }
        return outcome
    }
}
