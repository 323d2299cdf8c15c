public import CasemateCore
import CasemateScan
import Foundation

/// Checks the data files of an audit against the ledger in which they were registered.
///
/// Definitions, findings and blind spots: `docs/probes/provenance.md`.
public struct ProvenanceProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = ProvenanceReport.probe
    /// Heading in reports.
    public static let title = ProvenanceReport.title
    /// What it examines.
    public static let purpose = "whether data files are what was registered in the ledger"
    /// Tampering with data and with the record of where they came from.
    public static let taxonomy = ProvenanceReport.taxonomy
    /// Keys under `probes.provenance`.
    public static let settings: [Setting<ProvenanceProbe>] = [
        Setting(
            "ledger", .text,
            "path of the ledger, from the folder of the configuration; the one there or in its repository where left out",
            apply: { $0.ledger = $1.text }, show: { probe in probe.shownLedger.map { .text($0) } }),
        .texts("keys", \.keys, "files of the public keys whose signatures count"),
        .flag("required", \.isRequired, "whether data without a ledger are a finding"),
        .text("expect_head", \.expectedHead, "hash of an entry that the ledger must still hold"),
        .text("checkpoint", \.checkpoint, "checkpoint file that the ledger must continue"),
    ]

    /// Path of the ledger; `nil` looks for it.
    public var ledger: String?
    /// Files of public keys that are trusted.
    public var keys: [String] = []
    /// Whether data without a ledger are a finding.
    public var isRequired = false
    /// Hash of an entry that must be there, and a checkpoint file.
    public var expectedHead: String?, checkpoint: String?
    /// Data files of the audit, and the folder that paths are taken from.
    private var files: [String] = [], folder = "", isRedacted = false
    /// Content of ledger and keys, so that a kept result is not taken for another ledger's.
    private var stamp: String?

    /// Creates the probe.
    public init() {}

    private var shownLedger: String? { stamp.map { "\(ledger ?? "") \($0)" } ?? ledger }

    /// Takes the data files from the configuration.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> ProvenanceProbe {
        var probe = self
        let base = configuration.path.map { ($0 as NSString).deletingLastPathComponent } ?? ""
        probe.folder = base.isEmpty ? FileManager.default.currentDirectoryPath : base
        probe.isRedacted = configuration.report.isRedacted
        probe.files = [configuration.data.train, configuration.data.test, configuration.data.reference].compactMap {
            $0
        }
        if let head = expectedHead, LedgerCheckpoint(head: head) == nil {
            throw CasemateError(
                .invalidSetting, at: "probes.provenance.expect_head", "is no hash of an entry",
                help: "write its 64 lower-case hexadecimal digits, as `casemate data register` prints them")
        }
        let paths = [probe.location.path] + keys.map(probe.path) + [checkpoint.map(probe.path)].compactMap { $0 }
        let digests = paths.map { path in (try? FileDigest(of: path))?.sha256 ?? "none" }
        probe.stamp = FileDigest.sha256(Data(digests.joined(separator: " ").utf8))
        return probe
    }

    private func path(_ name: String) -> String {
        name.hasPrefix("/") ? name : (folder as NSString).appendingPathComponent(name)
    }
    private var location: LedgerLocation {
        ledger.map { LedgerLocation(path($0)) } ?? LedgerLocation.standard(in: folder)
    }

    /// Needs a ledger, or the wish for one.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        guard ledger == nil, !isRequired, !FileManager.default.fileExists(atPath: location.path) else { return nil }
        return "no ledger is there: begin one with `casemate data register FILE`"
    }

    /// Checks files and ledger.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let location = location
        guard let content = try LedgerDatabase.store(location.path).read() else { return missing(subject) }
        let trusted = try keys.map { key throws(CasemateError) in try VerifyingKey(contentsOf: path(key)) }
        let review = LedgerReview(content, trusted: trusted)
        var problems = review.problems
        if let head = expectedHead.flatMap({ LedgerCheckpoint(head: $0) }) {
            problems += review.problems(with: head)
        }
        if let checkpoint {
            problems += review.problems(with: try LedgerCheckpoint(contentsOf: path(checkpoint), trusted: trusted))
        }
        let verifier = DataVerifier(
            location, entries: review.entries, search: subject.search, context: context, limit: 200)
        let checked = try files.map { try verifier.check($0) }
        return ProvenanceReport(
            ledger: location.path, review: review, problems: problems, offsets: content.offsets, checked: checked,
            hasKeys: !trusted.isEmpty, asksAll: false, isRedacted: isRedacted
        ).outcome()
    }

    private func missing(_ subject: AuditSubject) -> ProbeOutcome {
        var outcome = outcome()
        let path = location.path
        outcome.metrics = [Metric("provenance.unregistered_files", Double(files.count), n: files.count)]
        outcome.summary = ["There is no ledger at '\(path)'."]
        outcome.findings = [
            finding(
                "unregistered", .medium, "No data file is registered: there is no ledger",
                evidence: [.text("A ledger is required, and '\(path)' is not there.")],
                remedy:
                    "Register the data with `casemate data register FILE --key KEY`, or name the ledger with `probes: {provenance: {ledger: …}}`.",
                about: subject)
        ]
        return outcome
    }
}
