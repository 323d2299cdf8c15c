import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateReport
public import Foundation

/// `casemate attack evasion` by labels or scores: the evasion probe's attack by itself, row by row, without a policy.
public struct EvasionJob: Sendable {
    /// One attacked row.
    public struct Row: Hashable, Sendable, Encodable {
        /// Number of the row in its file, from 1; 0 when masked.
        public let row: Int
        /// Norm of the attack.
        public let norm: String
        /// What became of it.
        public let outcome: String
        /// Whether the decision can be changed.
        public let success: Bool
        /// Distance of the closest row found; `nil` without one.
        public let distance: Double?
        /// What the change costs by the feature space, and the number of features changed; `nil` without a row found.
        public let cost: Double?, changed: Int?
        /// Queries spent on it, and proposals that no repair made lawful and that were not asked about.
        public let queries: Int, unrepairable: Int
        /// What was done, in words; `nil` without a row found.
        public let action: String?
        /// What was done, feature by feature; empty without a row found.
        public let steps: [RowChange.Step]
    }
    /// One attack over all rows.
    public struct Attack: Hashable, Sendable, Encodable {
        /// Identifier of the attack, what it saw of the model, what it made small.
        public let attack: String, access: String, objective: String
        /// Norm, rows attacked, rows whose decision changed, results that the re-check refused.
        public let norm: String, samples: Int, succeeded: Int, discarded: Int
        /// Proposals that no repair made lawful; the model was not asked about them.
        public let unrepairable: Int
        /// Medians over the rows found; `nil` without any.
        public let medianDistance: Double?, medianCost: Double?
        /// Rows that the model was asked in all, and wall seconds of the attack.
        public let queries: Int, seconds: Double
    }
    /// Report with the rows beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// The attack under the first norm, all attacks, and their rows.
        public let attacks: [Attack], rows: [Row]

        /// The envelope with `attack`, `attacks` and `rows` beside its members.
        public func json() throws -> Data {
            try report.renderJSON(adding: [
                ("attack", attacks.first.map { $0 as any Encodable & Sendable } ?? [String]()), ("attacks", attacks),
                ("rows", rows),
            ])
        }
    }
    private let configuration: AuditConfiguration
    private let search: EngineSearch
    private let isPublished: Bool
    private let bounds: ClosedRange<Float>?

    /// Makes a job.
    /// - Parameters:
    ///   - isPublished: Runs the attack exactly as published, for comparison with peers.
    ///   - bounds: Bounds of every numeric feature; `nil` takes those of the feature space.
    public init(
        _ configuration: AuditConfiguration, search: EngineSearch, isPublished: Bool, bounds: ClosedRange<Float>?
    ) {
        (self.configuration, self.search) = (configuration, search)
        (self.isPublished, self.bounds) = (isPublished, bounds)
    }

    /// Attacks.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        var configuration = configuration
        if bounds != nil { configuration.featureSpace.defaults.bounds = .none }
        let loaded = try SubjectLoader(configuration, search: search, context: context).load()
        var probe = try configuration.probes[EvasionProbe.self].prepared(for: configuration)
        if isPublished {
            (probe.attack.isPolished, probe.attack.usesTrainingRows, probe.attack.probesWidely) = (false, false, false)
        }
        let subject = loaded.subject.attacked(within: bounds)
        if let reason = probe.reasonNotToRun(on: subject) {
            throw CasemateError(.unsupported, at: subject.name, reason, help: "`casemate audit` lists what applies")
        }
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let attacks = try probe.attacks(on: subject, context: context)
        var outcome = try probe.outcome(of: attacks)
        outcome.seconds = attacks.done.reduce(0) { $0 + $1.seconds }
        let isRedacted = configuration.report.isRedacted
        let report = Report(
            version: Product.version, verb: "attack evasion", subject: subject.name, facts: loaded.factsNow,
            verdict: .pass, exitStatus: 0,
            reason: outcome.reason ?? "an attack by itself: nothing is judged", policy: [], probes: [outcome],
            inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: isRedacted)
        let rows = attacks.done.flatMap { attack in
            attack.result.samples.map { Self.row($0, attack, isRedacted: isRedacted) }
        }
        return Result(report: report, attacks: attacks.done.map(Self.summary), rows: rows)
    }

    private static func row(
        _ sample: EvasionResult.Sample, _ attack: EvasionAnalysis, isRedacted: Bool
    ) -> Row {
        let isFound = sample.outcome == .found
        let change = isFound ? attack.change(sample) : nil
        let shown = isRedacted ? change?.redacted() : change
        return Row(
            row: isRedacted ? 0 : sample.identifier + 1, norm: attack.result.norm.rawValue,
            outcome: sample.outcome.rawValue, success: sample.success,
            distance: sample.distance.isFinite ? sample.distance : nil,
            cost: sample.cost.isFinite ? sample.cost : nil, changed: isFound ? sample.changed : nil,
            queries: sample.queries, unrepairable: sample.unrepairable,
            action: shown?.action, steps: shown?.steps ?? [])
    }

    private static func summary(_ attack: EvasionAnalysis) -> Attack {
        Attack(
            attack: attack.rows.settings.attack, access: attack.result.access.rawValue,
            objective: attack.result.objective.rawValue, norm: attack.result.norm.rawValue,
            samples: attack.result.samples.count,
            succeeded: attack.result.samples.count { $0.success }, discarded: attack.result.discarded,
            unrepairable: attack.result.unrepairable, medianDistance: attack.result.medianDistance,
            medianCost: attack.result.medianCost, queries: attack.result.queries, seconds: attack.seconds)
    }
}
