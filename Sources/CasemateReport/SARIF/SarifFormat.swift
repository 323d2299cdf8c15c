public import CasemateCore
public import Foundation

/// SARIF 2.1.0 for code-scanning services: a result a finding and a result a rule of the policy that is not kept.
///
/// Binary files have no lines: every region starts at line 1 and carries the bytes where they are known.
public struct SarifFormat: ReportFormat {
    /// Name on the command line.
    public static let identifier = "sarif"
    /// Name of the file.
    public static let fileName = "report.sarif"
    /// The most results that services show of one run.
    static let resultLimit = 5000
    /// Creates the format.
    public init() {}

    /// Writes the log, ended by a line feed.
    public func render(_ report: Report, options: ReportOptions) throws -> Data {
        let places = SarifPlaces(report, workingFolder: options.workingFolder)
        let items = report.sarifItems.prefix(Self.resultLimit)
        let rules = SarifRules(items)
        var seen: [String: Int] = [:]
        let results = items.map { item in
            seen[item.fingerprint, default: 0] += 1
            return SarifLog.Result(
                ruleId: item.rule, ruleIndex: rules.index(of: item.rule), kind: item.kind, level: item.level,
                message: .init(text: item.message.sarifText(limit: 1000)),
                locations: [places.location(of: item.place)],
                partialFingerprints: [
                    "primaryLocationLineHash": "\(item.fingerprint):\(seen[item.fingerprint] ?? 1)",
                    "casemateFingerprint/v1": item.fingerprint,
                ],
                suppressions: item.accepted.map { [.init(justification: $0.sarifText(limit: 1000))] })
        }
        let run = SarifLog.Run(
            tool: .init(
                driver: .init(
                    semanticVersion: report.version.sarifText(limit: 100),
                    version: report.version.sarifText(limit: 100), rules: rules.all)),
            automationDetails: .init(id: "casemate/\(report.verb.sarifText(limit: 100))"),
            invocations: [invocation(of: report)],
            artifacts: places.artifacts, results: results,
            properties: [
                "verdict": report.verdict.rawValue, "reason": report.reason.sarifText(limit: 1000),
                "subject": report.subject.sarifText(limit: 1000),
            ])
        return try JSONFormat.document(SarifLog(runs: [run]))
    }

    private func invocation(of report: Report) -> SarifLog.Invocation {
        var notes = report.coverage.filter { $0.status != .tested }.map { line in
            let text = "\(line.title): \(line.status.inWords), \(line.reason ?? "no reason given")"
            let level = line.status == .failed ? "error" : line.status == .partial ? "warning" : "note"
            return SarifLog.Notification(level: level, message: .init(text: text.sarifText(limit: 1000)))
        }
        let missing = report.sarifItems.count - Self.resultLimit
        if missing > 0 {
            let text = "\(Numerals.count(missing, "result")) left out, the worst are kept; report.json holds all"
            notes.append(.init(level: "warning", message: .init(text: text)))
        }
        return SarifLog.Invocation(
            executionSuccessful: !report.coverage.contains { $0.status == .failed }, exitCode: report.exitStatus,
            startTimeUtc: report.reproduction.timestamp, toolExecutionNotifications: notes)
    }
}

extension String {
    /// One line of at most `limit` characters that no viewer takes for a link or an instruction.
    func sarifText(limit: Int) -> String {
        inert.replacing("](", with: "] (").shortened(to: limit)
    }
}

/// Where results stand: the files of the report, relative.
struct SarifPlaces {
    private let workingFolder: String?
    private let fallback: String
    /// The files that the report depends on, each once.
    let artifacts: [SarifLog.Artifact]

    init(_ report: Report, workingFolder: String?) {
        self.workingFolder = workingFolder
        let main = report.inputs.first { $0.role == "model" } ?? report.inputs.first
        fallback = main?.path ?? report.subject
        var seen: Set<String> = []
        artifacts = report.inputs.compactMap { input in
            let uri = RelativePath.uri(of: input.path, workingFolder: workingFolder)
            guard seen.insert(uri).inserted else { return nil }
            return SarifLog.Artifact(
                location: .init(uri: uri), length: input.bytes, hashes: ["sha-256": input.sha256],
                description: .init(text: input.role.sarifText(limit: 100)))
        }
    }

    /// The place, or the model where a result has none of its own.
    func location(of place: FileLocation?) -> SarifLog.Location {
        let uri = RelativePath.uri(of: place?.path ?? fallback, workingFolder: workingFolder)
        let region = SarifLog.Region(
            startLine: max(1, place?.line ?? 1), byteOffset: place?.byteOffset.map { max(0, $0) },
            byteLength: place?.byteOffset == nil ? nil : place?.byteLength.map { max(0, $0) })
        return .init(physicalLocation: .init(artifactLocation: .init(uri: uri), region: region))
    }
}
