import CasemateAttacks
public import CasemateCore
import CasemateData
package import CasemateDetect
import CasemateModels

/// What planted training rows would do: attacks against the share of poisoned rows, on a victim that is trained anew, and
/// whether the checks on the training data would have seen them.
///
/// Definitions, sources and blind spots: `docs/probes/poisoning.md`.
public struct PoisoningProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "poisoning"
    /// Heading in reports.
    public static let title = "Poisoning of a retrained model"
    /// What it examines.
    public static let purpose = "what planted training rows would do, and whether checks on the data would see them"
    /// Somebody reaches the training data.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0018.000"],
        owasp: ["ML02", "ML10"], nist: ["NISTAML.013", "NISTAML.021", "NISTAML.023", "NISTAML.024"])
    /// Keys under `probes.poisoning`.
    public static let settings: [Setting<PoisoningProbe>] = [
        .texts("attacks", \.attacks, "attacks, by name; all that apply where left out"),
        Setting(
            "shares", .list(.number(0...0.5, isLowExcluded: true)), "shares of the training rows that are poisoned",
            apply: { probe, node in probe.shares = Set(node.items.compactMap(\.number)).sorted() },
            show: { .list($0.shares.map { .number($0) }) }),
        .integer("repeats", \.repeats, 1...100, "times that each share is measured, with other draws"),
        .text("victim", \.victim, "what is trained, such as `boosting` or `logistic:l2=1`; by the data where left out"),
        .integer("rows", \.rows, 100...1_000_000, "training rows and test rows that take part, drawn from more"),
        .choice(
            "checks", \.looking, "when checks on the data look: at all shares, at the smallest that works, or none"),
        .number("gain", \.gain, .share, "rise of the attacker's success from which an attack counts as working"),
    ]
    /// One group for each attack.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["attack"] }

    /// Names of attacks; empty takes all that apply.
    public var attacks: [String] = []
    /// Shares of the training rows.
    public var shares = [0.01, 0.03]
    /// Times that each share is measured.
    public var repeats = 1
    /// What is trained.
    public var victim: String?
    /// Rows that take part, at most.
    public var rows = 4_000
    /// When checks look; they take longer than all the rest, so that an audit leaves them to `casemate attack poisoning`.
    public var looking = PoisoningPlan.Looking.none
    /// Rise of the success from which an attack counts as working.
    public var gain = 0.1

    /// Creates the probe.
    public init() {}

    /// Refuses attacks that there are not.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> PoisoningProbe {
        _ = try plan.run(at: configuration.place(of: "probes.poisoning.attacks"))
        return self
    }

    var plan: PoisoningPlan {
        var plan = PoisoningPlan()
        (plan.attacks, plan.shares, plan.repeats) = (attacks, shares, repeats)
        (plan.victim, plan.looking, plan.gain) = (victim ?? "auto", looking, gain)
        return plan
    }

    /// Needs a classifier and labelled training data.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        guard subject.train != nil else { return "no training data: add `train: FILE` under `data:`" }
        guard case .classes = subject.targets else {
            return "the model is a regression; only classifiers are retrained on poison"
        }
        guard case .classes(let labels)? = subject.trainTargets else {
            return "the training data lack the target: add its column to the file under `data: {train: …}`"
        }
        if Set(labels).count < 2 { return "the training data have one class only" }
        let needsBoosting =
            (victim ?? "boosting").hasPrefix("boosting") && subject.model.model.signature.layout != .text
        return needsBoosting && subject.boosting == nil ? AuditSubject.boostingMissing : nil
    }

    /// Attacks.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        try run(on: subject, checks: builtInDataChecks.map { $0.init() }, context: context)
    }

    /// Attacks, and has these checks look.
    package func run(
        on subject: AuditSubject, checks: [any DataCheck], context: RunContext
    ) throws -> ProbeOutcome {
        let material = try material(of: subject, context: context)
        func boosting() throws -> LightGBM {
            guard let engine = subject.boosting else {
                throw CasemateError(.engineMissing, at: "LightGBM", AuditSubject.boostingMissing, help: "")
            }
            return engine
        }
        func runtime() throws -> OnnxRuntime {
            guard let runtime = subject.trainingRuntime else {
                throw CasemateError(.engineMissing, at: "ONNX Runtime", "not installed", help: "run `make setup`")
            }
            return runtime
        }
        let trained = try PoisoningVictims.make(
            plan.victim, medium: material.problem.train.medium, classes: material.problem.classes.count,
            boosting: boosting, runtime: runtime)
        let engines = PoisoningMaterial.Engines(
            data: subject.engine, boosting: subject.boosting, runtime: subject.trainingRuntime)
        let study = try PoisoningStudy(
            material, plan: plan, run: plan.run(at: "probes.poisoning"), victim: trained,
            checks: subject.engine == nil && material.table != nil ? [] : checks, engines: engines, context: context)
        guard !study.attacks.isEmpty else {
            let reason = study.result.skipped.map { "\($0.identifier): \($0.reason)" }.joined(separator: "; ")
            return outcome(status: .notTested, reason: "no attack applies: \(reason)")
        }
        var outcome = PoisoningStory(
            study: study, probe: Self.identifier, title: Self.title, taxonomy: Self.taxonomy, subject: subject.name
        ).outcome
        outcome.summary += material.notes
        return outcome
    }
}
