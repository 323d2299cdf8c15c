public import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// Every check of `casemate data audit` on the training data of an audit.
public struct TrainingDataProbe: Probe {
    /// Name.
    public static let identifier = "training_data"
    /// Heading.
    public static let title = "Poisoned training data"
    /// What it examines.
    public static let purpose = "looks for poison, wrong labels, triggers, duplicates and payloads in the training data"
    /// Where the threat stands.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020"], owasp: ["ML02"],
        nist: ["NISTAML.013", "NISTAML.023", "NISTAML.024"])
    /// Keys of the configuration.
    public static let settings: [Setting<TrainingDataProbe>] = [
        .texts("checks", \.checks, "checks that run, such as `labels`; all where left out")
    ]
    /// Groups of the metrics.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] {
        ["column", "check", "source", "window", "class"] + configuration.data.protected.map(\.column)
    }

    /// Names of the checks that run; empty runs all.
    public var checks: [String] = []

    /// Makes it with the defaults.
    public init() {}

    /// Refuses names that no check has.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> TrainingDataProbe {
        _ = try DataAuditPlan.checks(named: checks, at: "probes.training_data.checks")
        return self
    }

    /// Needs training data.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        subject.tables.train == nil ? "there are no training data: add `data: {train: …}`" : nil
    }

    /// Runs the checks and gathers what they say.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let data = try Self.data(of: subject)
        let plan = DataAuditPlan(checks: try DataAuditPlan.checks(named: checks, at: "probes.training_data.checks"))
        let result = try plan.run(on: data, context: context)
        var outcome = outcome()
        for (name, least) in [("suspects", 0.0), ("likely", 0.5)] {
            let count = result.suspects.count { $0.score >= least }
            let interval = Intervals.wilson(successes: count, trials: data.count)
            outcome.metrics.append(
                Metric(
                    "training_data.\(name)", Double(count) / Double(max(1, data.count)), low: interval?.low,
                    high: interval?.high, n: data.count, note: "Wilson 95 %"))
        }
        for part in result.outcomes { Self.append(part, to: &outcome) }
        outcome.tables.insert(DataAuditStory.queue(result.suspects), at: 0)
        outcome.tables.append(Self.coverage(result.outcomes))
        let unfinished = result.outcomes.filter { $0.status == .partial || $0.status == .failed }
        guard unfinished.isEmpty else {
            let reasons = unfinished.map { "\($0.probe): \($0.reason ?? "unfinished")" }.joined(separator: "; ")
            let isFailed = unfinished.contains { $0.status == .failed }
            var late = self.outcome(status: isFailed ? .failed : .partial, reason: reasons)
            (late.summary, late.findings, late.metrics) = (outcome.summary, outcome.findings, outcome.metrics)
            (late.headlines, late.tables, late.plots) = (outcome.headlines, outcome.tables, outcome.plots)
            late.attacker = outcome.attacker
            return late
        }
        return outcome
    }

    /// The training data of an audit as checks see them.
    static func data(of subject: AuditSubject) throws -> DataSubject {
        guard let train = subject.tables.train else {
            throw CasemateError(
                .unusableData, at: "audit", "there are no training data", help: "add `data: {train: …}`")
        }
        var opening = DataOpening(train: train, reference: subject.tables.reference, test: subject.tables.test)
        opening.roles = subject.roles.roles
        (opening.model, opening.previous) = (subject.model, subject.previous?.model)
        opening.constraints = subject.constraints
        (opening.boosting, opening.runtime) = (subject.boosting, subject.trainingRuntime)
        return try opening.subject(name: String(train.path.split(separator: "/").last ?? "train"))
    }

    private static func append(_ part: ProbeOutcome, to outcome: inout ProbeOutcome) {
        outcome.summary += part.summary.map { "\(part.title): \($0)" }
        outcome.findings += part.findings
        outcome.metrics += part.metrics
        outcome.headlines += part.headlines.prefix(1)
        outcome.plots += part.plots
        outcome.tables += part.tables
        outcome.attacker += part.attacker
    }

    private static func coverage(_ outcomes: [ProbeOutcome]) -> EvidenceTable {
        EvidenceTable(
            title: "Checks on the training data", columns: ["check", "status", "findings", "why not"],
            rows: outcomes.map { part in
                [part.probe, part.status.rawValue, "\(part.findings.count)", part.reason ?? ""]
            })
    }
}
