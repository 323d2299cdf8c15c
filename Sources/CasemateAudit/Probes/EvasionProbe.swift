import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// How little an attacker who sees only decisions must change a row to change its decision: HopSkipJump over all rows
/// at once, inside the feature space, every result checked again from scratch.
///
/// Source: Chen, Jordan, Wainwright, "HopSkipJumpAttack", IEEE S&P 2020. Method, findings and blind spots:
/// `docs/probes/evasion.md`.
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
        var copy = self
        copy.attack.epsilons = Set(attack.epsilons + configuration.policy.rules.compactMap(\.distance)).sorted()
        return copy
    }

    /// Needs decisions, and inputs that are a table or an image.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.decision == nil { return "a regression without `decision: {threshold: …}` makes no decisions" }
        if subject.model.model.signature.layout == .text { return "this release has no attack on text" }
        if attack.goal != .any, subject.favourable == nil {
            return "the goal '\(attack.goal.rawValue)' needs `favourable:` under `data:`"
        }
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
        attacks.rows = rows.indices.count
        for norm in attack.norms {
            guard attacks.stopped == nil else {
                attacks.missing.append(norm)
                continue
            }
            let clock = ContinuousClock()
            let start = clock.now
            do {
                let result = try result(rows, norm, oracle, subject, context)
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
        var outcome = outcome(status: attacks.stopped == nil ? .tested : .partial, reason: attacks.stopped)
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

    private func result(
        _ rows: EvasionRows, _ norm: FeatureSpace.Norm, _ oracle: TableOracle, _ subject: AuditSubject,
        _ context: RunContext
    ) throws -> EvasionResult {
        let problem = try EvasionProblem(
            originals: subject.test.rows(rows.indices), space: subject.space, goals: rows.goals,
            identifiers: rows.indices, startingPoints: attack.usesTrainingRows ? subject.train : nil)
        let isTable = subject.model.model.signature.layout != .image
        return try attack.run(norm: norm, isTable: isTable, deadline: context.deadline).run(
            problem, oracle: oracle, context: context)
    }
}

/// The test rows that are attacked, and what the attacker wants of each.
struct EvasionRows {
    /// Test rows in file order.
    let indices: [Int]
    /// One goal a row.
    let goals: [EvasionProblem.Goal]
    /// Settings of the attack.
    let settings: EvasionSettings

    init(_ subject: AuditSubject, _ settings: EvasionSettings, seed: UInt64) {
        self.settings = settings
        let labels = Self.labels(subject)
        let candidates = (0..<subject.test.count).filter { row in
            switch settings.goal {
            case .any: true
            case .favourable: !subject.isFavourableDecision(row)
            case .unfavourable: subject.isFavourableDecision(row)
            }
        }
        var generator = SeededGenerator(seed: seed, stream: 0x65_76_61)
        indices = Array(candidates.shuffled(using: &generator).prefix(settings.samples)).sorted()
        goals = indices.map { row in
            switch settings.goal {
            case .any: .untargeted(label: labels[row])
            case .favourable: .targeted(label: Int32(subject.favourable ?? 0))
            case .unfavourable: .untargeted(label: Int32(subject.favourable ?? 0))
            }
        }
    }

    /// The right decision of every test row.
    static func labels(_ subject: AuditSubject) -> [Int32] {
        switch subject.targets {
        case .classes(let classes): classes.map(Int32.init)
        case .values(let values):
            if case .value(let threshold)? = subject.decision?.kind {
                values.map { $0 >= threshold ? 1 : 0 }
            } else {
                subject.decisions
            }
        }
    }
}
