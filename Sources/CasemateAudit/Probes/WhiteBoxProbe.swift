import CasemateAttacks
public import CasemateCore
import CasemateModels

/// What an attacker who has the model file can do: AutoAttack with gradients of the ONNX graph, and a check of the
/// evaluation itself. Method, findings and blind spots: `docs/probes/white_box.md`.
///
/// Source: Croce and Hein, ICML 2020, and the checklist in `docs/reference/attack-checklist.md`.
public struct WhiteBoxProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "white_box"
    /// Heading in reports.
    public static let title = "Evasion with gradients"
    /// What it examines.
    public static let purpose = "what gradients of the model reach"
    /// Crafting inputs with the model at hand.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.gradients], atlas: ["AML.T0043.000"], owasp: ["ML01"],
        nist: ["NISTAML.022"])

    /// Norms that AutoAttack serves.
    public enum Measure: String, Hashable, Sendable, CaseIterable { case linf, l2, l1 }
    /// How distances are measured.
    public var norm = Measure.linf
    /// Radius, in shares of each feature's range.
    public var epsilon = 0.1
    /// Number of test rows, drawn by the seed.
    public var samples = 50
    /// Whether the evaluation checks itself.
    public var runsChecks = true

    /// Keys under `probes.white_box`.
    public static let settings: [Setting<WhiteBoxProbe>] = [
        .choice("norm", \.norm, "measure of distance"),
        .number("epsilon", \.epsilon, .number(0...1_000), "radius, in shares of each feature's range"),
        .integer("samples", \.samples, 1...100_000, "test rows that are attacked"),
        .flag("checks", \.runsChecks, "whether the evaluation checks itself"),
    ]

    /// Creates the probe.
    public init() {}

    /// The norm of the attack.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["norm"] }

    /// Needs a classifier with one input of floats that gradients go through, and features that move freely.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if let reason = WhiteBoxSubject.reasonAgainst(subject) { return reason }
        let trees = subject.file?.operators.first { $0.name.hasPrefix("TreeEnsemble") }
        return trees == nil ? nil : "no gradient goes through trees; the `evasion` probe attacks them"
    }

    /// Attacks the rows and checks the evaluation.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        guard let model = subject.model.model as? OnnxModel else {
            return outcome(status: .notTested, reason: "gradients are taken of ONNX graphs")
        }
        let loaded = try WhiteBoxSubject(
            subject, AuditConfiguration(), samples: samples, bounds: nil, runtime: model.runtime, context: context)
        let set = try PerturbationSet(
            norm: PerturbationSet.Norm(rawValue: norm.rawValue) ?? .linf, epsilon: epsilon, low: 0, high: 1)
        let evaluation: EvaluationResult
        do {
            evaluation = try loaded.evaluate(
                loaded.problem(set, targetClass: nil), attack: AutoAttack(), runsChecks: runsChecks,
                usesGradients: true, surrogate: nil, context: context)
        } catch let error as CasemateError where error.code == .unsupported {
            return outcome(status: .notTested, reason: "\(error.place): \(error.what)")
        }
        let isPartial = evaluation.result.isPartial
        var outcome = outcome(
            status: isPartial ? .partial : .tested,
            reason: isPartial ? "the time budget ran out: unfinished rows count as right" : nil)
        try WhiteBoxOutcome(
            evaluation: evaluation, classes: model.signature.classes, rows: loaded.rows, format: loaded.format,
            notes: loaded.notes, distance: Words.distance(epsilon), subject: subject.name, bounds: loaded.bounds
        ).fill(&outcome)
        return outcome
    }
}
