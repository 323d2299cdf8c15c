public import CasemateCore
import CasemateData
public import CasemateDetect
import CasemateReport
public import Foundation

/// `casemate data audit`: every check on training data that applies, one report, one verdict, one list of rows.
public struct DataAuditJob: Sendable {
    /// Report with the rows beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// Rows to look at, the likeliest first; empty when masked.
        public let suspects: [RankedSuspect]
        /// What the user should know besides.
        public let warnings: [String]
        /// `suspects.csv` and the digest of the data beside it; empty when masked.
        public let files: [(name: String, content: Data)]
        /// The envelope with `suspects` beside its members.
        public func json() throws -> Data { try report.renderJSON(adding: [("suspects", suspects)]) }
    }
    private let configuration: AuditConfiguration
    private let checks: [any DataCheck]
    private let reliability: [String: Double]
    private let search: EngineSearch

    /// Makes a job.
    public init(
        _ configuration: AuditConfiguration, checks: [any DataCheck], reliability: [String: Double] = [:],
        search: EngineSearch
    ) {
        (self.configuration, self.checks, self.reliability) = (configuration, checks, reliability)
        self.search = search
    }

    /// Audits.
    /// - Throws: `CasemateError` when the data cannot be loaded; `Cancelled` when interrupted.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let loaded = try DataAuditLoader(configuration, search: search, context: context).load()
        let result = try DataAuditPlan(checks: checks, reliability: reliability)
            .run(on: loaded.subject, context: context)
        guard let today = CalendarDay(String(started.ISO8601Format().prefix(10))) else {
            throw CasemateError(
                .invalidSetting, at: "clock", "the machine's date is out of range", help: "set the clock")
        }
        let judgement = policy.judge(result.outcomes, today: today)
        let isRedacted = configuration.report.isRedacted
        let queue = DataAuditStory.queue(result.suspects)
        let report = Report(
            version: Product.version, verb: "data audit", subject: loaded.subject.name,
            facts: DataAuditStory(subject: loaded.subject).facts + [isRedacted ? queue.redacted() : queue],
            verdict: judgement.verdict, exitStatus: judgement.exitStatus, reason: judgement.reason,
            policy: judgement.rules, probes: judgement.outcomes, inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(),
                seconds: (clock.now - start).inSeconds),
            isRedacted: isRedacted)
        let files = isRedacted ? [] : try self.files(result.suspects, loaded)
        return Result(
            report: report, suspects: isRedacted ? [] : result.suspects, warnings: judgement.warnings, files: files)
    }

    private func files(
        _ suspects: [RankedSuspect], _ loaded: DataAuditLoader.Loaded
    ) throws -> [(name: String, content: Data)] {
        let input = loaded.inputs.first { $0.role == "train" }
        let origin = input.map {
            SuspectOrigin(data: $0.path, sha256: $0.sha256, bytes: $0.bytes, rows: loaded.subject.count)
        }
        return try SuspectFile(suspects, origin: origin).files()
    }

    /// What reviewers' decisions say of each check; empty without a file of decisions.
    /// - Throws: what opening it throws.
    public static func reliability(decisions path: String?) throws -> [String: Double] {
        guard let path else { return [:] }
        return ReviewScores(try ReviewStore(path, isMade: false).decisions()).reliability(
            for: builtInDataChecks.map { $0.identifier })
    }

    /// The policy without rules on what no check of data measures.
    private var policy: Policy {
        var policy = configuration.policy
        policy.rules = policy.rules.filter { $0.text.contains("data_") }
        return policy
    }
}
