public import CasemateCore
import CasemateReport
import CasemateScan
public import Foundation

/// `casemate data verify`: whether files and ledger are what they were.
public struct DataVerifyJob: Sendable {
    /// What is verified, and against what.
    public struct Plan: Sendable {
        /// Files; empty takes all that the ledger names.
        public var files: [String] = []
        /// Path of the ledger; `nil` looks for the one of the working folder or its repository.
        public var ledger: String?
        /// Files of public keys that are trusted.
        public var keys: [String] = []
        /// Hash of an entry that must be there, and a checkpoint file.
        public var expectedHead: String?, checkpoint: String?
        /// Whether a half-written last line is mended first.
        public var mends = false
        /// Rows that are listed for one file at most.
        public var rows = 1000
        /// Whether row numbers are masked.
        public var isRedacted = false
        /// Makes a plan for all files of the ledger here.
        public init() {}
    }
    /// What was found.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// What was done to the ledger's end, in words; `nil` when nothing was.
        public let mended: String?
        let ledger: ProvenanceDocument.Ledger, files: [ProvenanceDocument.File]
        /// The envelope with `ledger` and `files` beside its members.
        public func json() throws -> Data { try report.renderJSON(adding: [("ledger", ledger), ("files", files)]) }
    }
    private let plan: Plan, search: EngineSearch

    /// Makes a job.
    public init(_ plan: Plan, search: EngineSearch) { (self.plan, self.search) = (plan, search) }

    /// Verifies.
    /// - Throws: `CasemateError` when there is no ledger, or a file, key or checkpoint cannot be read; `Cancelled`.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let opened = try OpenLedger(plan.ledger, keys: plan.keys, mends: plan.mends)
        var problems = opened.review.problems
        if let head = plan.expectedHead {
            guard let checkpoint = LedgerCheckpoint(head: head) else {
                throw CasemateError(
                    .invalidSetting, at: "--expect-head", "'\(head.prefix(80))' is no hash of an entry",
                    help: "give its 64 lower-case hexadecimal digits, as `casemate data register` prints them")
            }
            problems += opened.review.problems(with: checkpoint)
        }
        if let path = plan.checkpoint {
            problems += opened.review.problems(with: try LedgerCheckpoint(contentsOf: path, trusted: opened.keys))
        }
        let verifier = DataVerifier(
            opened.location, entries: opened.review.entries, search: search, context: context, limit: plan.rows)
        let files = plan.files.isEmpty ? verifier.registered() : plan.files
        let checked = try files.map { try verifier.check($0) }
        let provenance = ProvenanceReport(
            ledger: opened.location.path, review: opened.review, problems: problems, offsets: opened.offsets,
            checked: checked, hasKeys: !opened.keys.isEmpty, asksAll: plan.files.isEmpty,
            isRedacted: plan.isRedacted)
        var outcome = provenance.outcome()
        outcome.seconds = (clock.now - start).inSeconds
        let report = try self.report(outcome, opened, checked, context, command, started, seconds: outcome.seconds)
        return Result(
            report: report, mended: opened.mended, ledger: ProvenanceDocument.Ledger(provenance),
            files: checked.map { ProvenanceDocument.File($0, isRedacted: plan.isRedacted) })
    }

    private func report(
        _ outcome: ProbeOutcome, _ opened: OpenLedger, _ checked: [DataVerifier.Checked], _ context: RunContext,
        _ command: String, _ started: Date, seconds: Double
    ) throws -> Report {
        let broken = outcome.findings.filter { $0.severity >= .medium }
        let reason =
            broken.isEmpty
            ? "everything is what the ledger says"
            : "\(Words.count(broken.count, "finding")): \(broken.prefix(2).map { $0.title.prefix(1).lowercased() + $0.title.dropFirst() }.joined(separator: "; "))"
        let files = checked.compactMap { file in
            file.sha256.map { Report.Input(role: "data", path: file.path, sha256: $0, bytes: file.bytes) }
        }
        return Report(
            version: Product.version, verb: "data verify", subject: opened.location.path, facts: [opened.facts],
            verdict: broken.isEmpty ? .pass : .fail, exitStatus: broken.isEmpty ? 0 : 1, reason: reason, policy: [],
            probes: [outcome], inputs: try opened.inputs() + files,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: [:],
                platform: Product.platform, started: started.ISO8601Format(), seconds: seconds),
            isRedacted: plan.isRedacted)
    }
}

/// A ledger with the keys that are trusted.
struct OpenLedger {
    let location: LedgerLocation
    let review: LedgerReview, offsets: [Int]
    let keys: [VerifyingKey], keyFiles: [String]
    let mended: String?

    /// Reads a ledger.
    /// - Throws: `notFound` when there is none.
    init(_ path: String?, keys keyFiles: [String], mends: Bool = false) throws {
        let here = FileManager.default.currentDirectoryPath
        location = path.map { LedgerLocation($0) } ?? LedgerLocation.standard(in: here)
        keys = try keyFiles.map { path throws(CasemateError) in try VerifyingKey(contentsOf: path) }
        let store = LedgerDatabase.store(location.path)
        mended = mends ? try store.mend() : nil
        guard let content = try store.read() else {
            throw CasemateError(
                .notFound, at: location.path, "there is no ledger",
                help: "name it with --ledger, or begin one with `casemate data register FILE`")
        }
        (review, offsets, self.keyFiles) = (LedgerReview(content, trusted: keys), content.offsets, keyFiles)
    }

    /// The ledger as the head of a report shows it.
    var facts: EvidenceTable {
        var rows = [
            ["ledger", location.path], ["entries", Words.grouped(review.entries.count)],
            ["last entry", review.head ?? "none"],
        ]
        if let identifier = review.ledger { rows.append(["identifier", identifier]) }
        rows += keys.map { ["trusted key", "\($0.algorithm.rawValue) \($0.identifier)"] }
        return EvidenceTable(title: "Ledger", columns: ["what", "value"], rows: rows)
    }

    /// Files that the result depends on besides the data.
    func inputs() throws(CasemateError) -> [Report.Input] {
        var inputs: [Report.Input] = []
        for (role, path) in [("ledger", location.path)] + keyFiles.map({ ("key", $0) }) {
            let digest = try FileDigest(of: path)
            inputs.append(Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes))
        }
        return inputs
    }
}
