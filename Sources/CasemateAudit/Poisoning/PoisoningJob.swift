import CasemateAttacks
public import CasemateCore
import CasemateData
public import CasemateDetect
import CasemateModels
import CasemateReport
public import Foundation

/// `casemate attack poisoning`: plants, trains anew, measures, and asks the checks on data what they would have seen.
public struct PoisoningJob: Sendable {
    /// Report with the curves beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        let attacks: [PoisoningDocument.Attack]
        /// The envelope with `attacks` beside its members.
        public func json() throws -> Data { try report.renderJSON(adding: [("attacks", attacks)]) }
    }
    private let configuration: AuditConfiguration
    private let plan: PoisoningPlan
    private let catalogue: [any DataCheck.Type]
    private let search: EngineSearch

    /// Makes a job.
    /// - Parameter checks: The checks that may look; the plan chooses among them.
    public init(
        _ configuration: AuditConfiguration, plan: PoisoningPlan, checks: [any DataCheck.Type] = builtInDataChecks,
        search: EngineSearch
    ) {
        (self.configuration, self.plan, catalogue, self.search) = (configuration, plan, checks, search)
    }

    /// Attacks.
    /// - Throws: `CasemateError` for what cannot be read, does not fit or makes no sense; `Cancelled`.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let run = try plan.run(at: "attack poisoning")
        let checks =
            plan.looking == .none
            ? [] : try DataAuditPlan.checks(named: plan.checks, of: catalogue, at: "--checks")
        let engine = Once { try DataEngine(search, threads: context.threads, cancellation: context.cancellation) }
        let material = try PoisoningLoader(configuration: configuration, plan: plan, search: search, context: context)
            .load { try engine.get() }
        let boosting = Once { try LightGBM(search) }, runtime = Once { try OnnxRuntime(search) }
        let victim = try PoisoningVictims.make(
            plan.victim, medium: material.problem.train.medium, classes: material.problem.classes.count,
            boosting: { try boosting.get() }, runtime: { try runtime.get() })
        let study = try PoisoningStudy(
            material, plan: plan, run: run, victim: victim, checks: checks,
            engines: PoisoningMaterial.Engines(
                data: try? engine.get(), boosting: try? boosting.get(), runtime: try? runtime.get()), context: context)
        try refuseNothing(study)
        let story = PoisoningStory(
            study: study, probe: PoisoningProbe.identifier, title: PoisoningProbe.title,
            taxonomy: PoisoningProbe.taxonomy, subject: material.name)
        var outcome = story.outcome
        outcome.seconds = (clock.now - start).inSeconds
        outcome.headlines = story.headlines
        let engines = [
            ("DuckDB", (try? engine.get())?.version), ("ONNX Runtime", (try? runtime.get())?.version),
        ].compactMap { name, version in version.map { (name, $0) } }
        let report = Report(
            version: Product.version, verb: "attack poisoning", subject: material.name, facts: [facts(material)],
            verdict: .pass, exitStatus: 0, reason: outcome.reason ?? "an attack by itself: nothing is judged",
            policy: [], probes: [outcome], inputs: try inputs(context),
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads,
                engines: Dictionary(uniqueKeysWithValues: engines), platform: Product.platform,
                started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: configuration.report.isRedacted)
        return Result(report: report, attacks: PoisoningDocument.attacks(study))
    }

    /// Attacks that somebody asked for by name and that do not apply are an error, not a silence.
    private func refuseNothing(_ study: PoisoningStudy) throws(CasemateError) {
        let asked = study.result.skipped.filter { plan.attacks.contains($0.identifier) }
        guard let first = asked.first ?? (study.attacks.isEmpty ? study.result.skipped.first : nil) else { return }
        throw CasemateError(
            .unsupported, at: "attack \(first.identifier)", first.reason, help: "choose another attack, or other data")
    }

    private func facts(_ material: PoisoningMaterial) -> EvidenceTable {
        let problem = material.problem
        var rows = [
            ["training data", "\(Words.grouped(problem.train.count)), \(problem.train.medium.rawValue)"],
            ["test data", Words.grouped(problem.test.count)],
            [
                "classes",
                problem.classes.prefix(10).joined(separator: ", ") + (problem.classes.count > 10 ? ", …" : ""),
            ],
            ["favourable outcome", problem.favourable.map { problem.name($0) } ?? "none named"],
        ]
        if problem.space != nil { rows.append(["planted rows", "inside the feature space of the configuration"]) }
        rows += material.notes.map { ["note", $0] }
        return EvidenceTable(title: "Data", columns: ["fact", "value"], rows: rows)
    }

    private func inputs(_ context: RunContext) throws -> [Report.Input] {
        let data = configuration.data
        let files = [
            ("configuration", configuration.path), ("train", data.train), ("test", data.test),
            ("reference", data.reference),
        ]
        return try files.compactMap { role, path in
            // why: a folder of pictures has no digest of its own.
            var isFolder: ObjCBool = false
            guard let path, FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue
            else { return nil }
            try context.cancellation.check()
            let digest = try FileDigest(of: path)
            return Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes)
        }
    }
}
