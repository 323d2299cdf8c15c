public import CasemateCore
public import Foundation

/// The main job: loads a subject, runs the probes, judges, and gathers the report.
public struct Audit: Sendable {
    /// What is audited and how.
    public let configuration: AuditConfiguration
    /// Where engines are looked for.
    public let search: EngineSearch
    /// Probes to run.
    public let probes: [any Probe.Type]
    /// Finds and keeps results; `nil` runs every probe and keeps nothing.
    public let cache: ProbeCache?

    /// Makes an audit.
    public init(
        _ configuration: AuditConfiguration, search: EngineSearch, probes: [any Probe.Type] = builtInProbes,
        cache: ProbeCache? = nil
    ) {
        (self.configuration, self.search, self.probes, self.cache) = (configuration, search, probes, cache)
    }

    /// Audits.
    /// - Parameters:
    ///   - context: Seed, threads, cancellation, progress.
    ///   - command: The command line as given, for the reproduction section.
    ///   - started: Time of the start; its day decides whether acceptances have expired.
    /// - Returns: The report and what the user should know besides.
    /// - Throws: `CasemateError` when the subject cannot be loaded; `Cancelled` when interrupted.
    public func run(context: RunContext, command: String, started: Date) throws -> (report: Report, warnings: [String])
    {
        let clock = ContinuousClock()
        let start = clock.now
        let loaded = try SubjectLoader(configuration, search: search, context: context).load()
        let prepared: [any Probe] = try probes.map {
            try configuration.probes.configured($0).prepared(for: configuration)
        }
        let plan = AuditPlan(
            probes: prepared, disabled: configuration.probes.disabled,
            budget: configuration.budget.map { .seconds($0) },
            memory: cache.map { cache in
                AuditPlan.Memory(
                    cache: cache,
                    base: ProbeKey.base(configuration, loaded, seed: context.seed, program: cache.program),
                    started: started, isRedacted: configuration.report.isRedacted)
            })
        let outcomes = try plan.run(on: loaded.subject, context: context)
        guard let today = CalendarDay(String(started.ISO8601Format().prefix(10))) else {
            throw CasemateError(
                .invalidSetting, at: "clock", "the machine's date is out of range", help: "set the clock")
        }
        let judgement = configuration.policy.judge(outcomes, today: today)
        let report = Report(
            version: Product.version, verb: "audit", subject: loaded.subject.name, facts: loaded.factsNow,
            verdict: judgement.verdict, exitStatus: judgement.exitStatus, reason: judgement.reason,
            policy: judgement.rules, probes: judgement.outcomes, inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(),
                seconds: (clock.now - start).inSeconds),
            isRedacted: configuration.report.isRedacted)
        return (report, judgement.warnings)
    }
}
