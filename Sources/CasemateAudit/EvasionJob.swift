import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateReport
public import Foundation

/// `casemate attack evasion`: the evasion probe's attack by itself, row by row, without a policy.
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
        /// Queries spent on it.
        public let queries: Int
    }
    /// One attack over all rows.
    public struct Attack: Hashable, Sendable, Encodable {
        /// Norm, rows attacked, rows whose decision changed, results that the re-check refused.
        public let norm: String, samples: Int, succeeded: Int, discarded: Int
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
            version: Product.version, verb: "attack evasion", subject: subject.name, facts: loaded.facts,
            verdict: .pass, exitStatus: 0,
            reason: outcome.reason ?? "an attack by itself: nothing is judged", policy: [], probes: [outcome],
            inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: isRedacted)
        let rows = attacks.done.flatMap { attack in
            attack.result.samples.map { sample in
                Row(
                    row: isRedacted ? 0 : sample.identifier + 1, norm: attack.result.norm.rawValue,
                    outcome: sample.outcome.rawValue, success: sample.success,
                    distance: sample.distance.isFinite ? sample.distance : nil, queries: sample.queries)
            }
        }
        return Result(report: report, attacks: attacks.done.map(Self.summary), rows: rows)
    }

    private static func summary(_ attack: EvasionAnalysis) -> Attack {
        Attack(
            norm: attack.result.norm.rawValue, samples: attack.result.samples.count,
            succeeded: attack.result.samples.count { $0.success }, discarded: attack.result.discarded,
            queries: attack.result.queries, seconds: attack.seconds)
    }
}
