import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// How little an attacker must change a row to change its decision: one of `evasionAttacks` (HopSkipJump, which sees only
/// decisions, unless told otherwise) over all rows at once, inside the feature space, every result checked again from
/// scratch.
///
/// Method, sources, findings and blind spots: `docs/probes/evasion.md`.
public struct EvasionProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "evasion"
    /// Heading in reports.
    public static let title = "Evasion, labels only"
    /// What it examines.
    public static let purpose = "how little changes a decision"
    /// Crafting inputs against a running model.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.labels], atlas: ["AML.T0015", "AML.T0043.001"], owasp: ["ML01"],
        nist: ["NISTAML.025"])

    /// Settings of the attack.
    public var attack = EvasionSettings()

    /// Creates the probe.
    public init() {}

    /// The norm of the attack.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["norm"] }

    /// Measures at the distances that rules of the policy name, too.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> EvasionProbe {
        if attack.initialEvaluations > attack.maxEvaluations {
            throw CasemateError(
                .invalidSetting, at: configuration.place(of: "probes.evasion.initial_evaluations"),
                "\(attack.initialEvaluations) initial evaluations are more than the \(attack.maxEvaluations) evaluations",
                help: "raise 'probes.evasion.evaluations', or lower this")
        }
        if attack.goal != .any, configuration.data.favourable == nil {
            throw CasemateError(
                .invalidSetting, at: configuration.place(of: "probes.evasion.goal"),
                "the goal '\(attack.goal.rawValue)' needs a favourable outcome",
                help: "add `data: {favourable: …}`, or use the goal 'any'")
        }
        try checkAccess(configuration)
        var copy = self
        copy.attack.norms = try servedNorms(configuration)
        copy.attack.epsilons = Set(attack.epsilons + configuration.policy.rules.compactMap(\.distance)).sorted()
        return copy
    }

    private func checkAccess(_ configuration: AuditConfiguration) throws(CasemateError) {
        guard let access = attack.access, access < attack.type.access else { return }
        let fitting = evasionAttacks.filter { $0.access <= access }.map { "'\($0.identifier)'" }
        throw CasemateError(
            .invalidSetting, at: configuration.place(of: "probes.evasion.access"),
            "'\(attack.attack)' needs \(attack.type.access.rawValue), and the access declared is \(access.rawValue)",
            help: "declare more access, or use one of \(fitting.joined(separator: ", "))")
    }

    /// The norms asked for that the attack serves; one that was named by itself must be among them.
    private func servedNorms(_ configuration: AuditConfiguration) throws(CasemateError) -> [FeatureSpace.Norm] {
        let served = attack.norms.filter(attack.type.norms.contains)
        guard served.isEmpty else { return served }
        throw CasemateError(
            .invalidSetting, at: configuration.place(of: "probes.evasion.norm"),
            "'\(attack.attack)' does not serve \(attack.norms.map(\.rawValue).joined(separator: ", "))",
            help: "use \(attack.type.norms.map(\.rawValue).joined(separator: ", "))")
    }

    /// Needs decisions, and inputs that are a table or an image.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.decision == nil { return "a regression without `decision: {threshold: …}` makes no decisions" }
        if subject.model.model.signature.layout == .text { return "the model takes text: the `text` probe attacks it" }
        if attack.goal != .any, subject.favourable == nil {
            return "the goal '\(attack.goal.rawValue)' needs `favourable:` under `data:`"
        }
        if attack.access(givesScores: subject.givesScores) == .scores, !subject.givesScores {
            return "the model answers decisions only, and '\(attack.attack)' is to see scores"
        }
        if attack.type.access == .gradients, let reason = GradientAccess.reasonAgainst(subject) { return reason }
        return attack.samples == 0 || subject.test.count == 0 ? "no rows to attack" : nil
    }

    /// Attacks under each norm in turn.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        try outcome(of: attacks(on: subject, context: context))
    }

    /// Attacks that came to a result, and why there are no more.
    struct Attacks {
        var done: [EvasionAnalysis] = []
        /// Norms that were asked for and have no result, with the number of rows.
        var missing: [FeatureSpace.Norm] = []
        var rows = 0
        var stopped: String?
    }

    /// Attacks under each norm in turn; those that the time budget cuts off are left out.
    func attacks(on subject: AuditSubject, context: RunContext) throws -> Attacks {
        var attacks = Attacks()
        guard let decision = subject.decision else { return attacks }
        let rows = EvasionRows(subject, attack, seed: context.seed)
        guard !rows.indices.isEmpty else { return attacks }
        let oracle = TableOracle(model: subject.model, decision: decision, cancellation: context.cancellation)
        let gradients = try attack.type.access == .gradients ? GradientAccess.oracle(subject, context) : nil
        attacks.rows = rows.indices.count
        for norm in attack.norms {
            guard attacks.stopped == nil else {
                attacks.missing.append(norm)
                continue
            }
            let clock = ContinuousClock()
            let start = clock.now
            do {
                let result = try result(rows, norm, oracle, gradients, subject, context)
                attacks.done.append(
                    EvasionAnalysis(
                        result: result, rows: rows, subject: subject,
                        seconds: (clock.now - start).inSeconds))
                if result.isPartial { attacks.stopped = "the time budget ran out under \(EvasionAnalysis.name(norm))" }
            } catch let cancelled as Cancelled where cancelled.reason == .outOfTime {
                attacks.missing.append(norm)
                attacks.stopped = "the time budget ran out before the \(EvasionAnalysis.name(norm)) had a result"
            }
        }
        return attacks
    }

    /// Figures and findings of attacks.
    func outcome(of attacks: Attacks) throws -> ProbeOutcome {
        guard let first = attacks.done.first else {
            let reason = attacks.stopped ?? "no test row has a decision that the goal could change"
            return outcome(status: attacks.stopped == nil ? .notTested : .partial, reason: reason)
        }
        var outcome = outcome(seeing: first.result.access, stopped: attacks.stopped)
        for analysis in attacks.done { try analysis.appendFigures(to: &outcome) }
        for norm in attacks.missing {
            outcome.metrics += EvasionAnalysis.unfinished(
                attack, norm: norm, rows: attacks.rows, of: attacks.rows)
        }
        let whole = attacks.done.filter { $0.result.count(.unfinished) == 0 }
        if let curve = try EvasionAnalysis.plot(whole) { outcome.plots.append(curve) }
        first.appendStory(to: &outcome, probe: self)
        let shown = attacks.done.map { "evasion.robust_accuracy@" + EvasionAnalysis.text($0.headlineDistance) }
        outcome.headlines = zip(attacks.done, shown).compactMap { analysis, name in
            outcome.metrics.first { $0.name == name && $0.group == analysis.group }
        }
        return outcome
    }

    /// An empty outcome that says what the attacker saw.
    private func outcome(seeing access: EvasionAccess, stopped: String?) -> ProbeOutcome {
        guard access != .labels else { return outcome(status: stopped == nil ? .tested : .partial, reason: stopped) }
        let plain = Self.taxonomy
        let taxonomy = Taxonomy(
            stages: plain.stages, influence: plain.influence, violations: plain.violations,
            specificity: plain.specificity, knowledge: access == .scores ? [.scores] : [.gradients],
            atlas: access == .scores ? plain.atlas : ["AML.T0015", "AML.T0043.000"], owasp: plain.owasp,
            nist: access == .scores ? plain.nist : ["NISTAML.022"])
        return ProbeOutcome(
            probe: Self.identifier, title: "Evasion, \(access == .scores ? "scores seen" : "gradients known")",
            taxonomy: taxonomy, status: stopped == nil ? .tested : .partial, reason: stopped)
    }

    private func result(
        _ rows: EvasionRows, _ norm: FeatureSpace.Norm, _ oracle: TableOracle, _ gradients: (any GradientOracle)?,
        _ subject: AuditSubject, _ context: RunContext
    ) throws -> EvasionResult {
        let problem = try EvasionProblem(
            originals: subject.test.rows(rows.indices), space: subject.space, goals: rows.goals,
            identifiers: rows.indices, startingPoints: attack.usesTrainingRows ? subject.train : nil)
        let isTable = subject.model.model.signature.layout != .image
        let run = attack.run(
            norm: norm, isTable: isTable, givesScores: subject.givesScores, boosting: subject.boosting,
            deadline: context.deadline)
        let scored = run.access >= .scores ? ScoredTableOracle(oracle, kind: subject.predictions.kind) : nil
        return try run.run(problem, oracle: scored ?? oracle, gradients: gradients, context: context)
    }
}

extension AuditSubject {
    /// Whether the model says more than its decision.
    var givesScores: Bool { predictions.kind != .labels }
}
