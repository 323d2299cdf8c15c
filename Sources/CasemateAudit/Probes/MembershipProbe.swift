import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// Whether the model's answers tell which rows it was trained on: loss threshold and likelihood ratios (LiRA) against
/// shadow models, training rows as members and test rows as non-members.
///
/// Definitions, sources and blind spots: `docs/probes/membership.md`.
public struct MembershipProbe: Probe {
    /// What shadow models are.
    public enum Learner: String, Sendable, CaseIterable { case boosting, logistic }

    /// Name in configuration and reports.
    public static let identifier = "membership"
    /// Heading in reports.
    public static let title = "Membership inference"
    /// What it examines.
    public static let purpose = "how well training rows can be told from others"
    /// Somebody with a record in hand asks the model whether it learnt from it.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.privacy], specificity: .targeted,
        knowledge: [.scores], atlas: ["AML.T0024.000"], owasp: ["ML04"], nist: ["NISTAML.033"])
    /// Keys under `probes.membership`.
    public static let settings: [Setting<MembershipProbe>] = [
        .integer("shadows", \.shadows, 4...1_024, "shadow models, an even number"),
        .choice(
            "learner", \.learner, "what shadow models are: the closer to the real training, the stronger"),
        .integer("rounds", \.rounds, 1...10_000, "trees of a boosted shadow"),
        .integer("leaves", \.leaves, 2...10_000, "leaves of a tree of a boosted shadow"),
        .number(
            "learning_rate", \.learningRate, .number(0...1, isLowExcluded: true), "learning rate of a boosted shadow"),
        .integer("min_leaf", \.minimumLeaf, 1...1_000_000, "rows in a leaf of a boosted shadow at least"),
        .integer("rows", \.rows, 200...1_000_000, "rows of both files that are attacked, drawn at random from more"),
        .number("alpha", \.alpha, .share, "level of significance after Holm's adjustment"),
    ]
    /// One group for each attack.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["attack"] }

    /// Shadow models; an even number.
    public var shadows = 32
    /// What shadow models are.
    public var learner = Learner.boosting
    /// Trees of a boosted shadow.
    public var rounds = 100
    /// Leaves of its trees.
    public var leaves = 31
    /// Its learning rate.
    public var learningRate = 0.1
    /// Rows in a leaf at least.
    public var minimumLeaf = 20
    /// Rows of both files that are attacked, at most.
    public var rows = 10_000
    /// Level of significance after Holm's adjustment over attacks and rates.
    public var alpha = 0.05
    /// Fewer members or non-members than these are not attacked at all.
    static let fewest = 50

    /// Creates the probe.
    public init() {}

    /// Refuses an odd number of shadows: every row is in half of them.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> MembershipProbe {
        guard shadows.isMultiple(of: 2) else {
            throw CasemateError(
                .invalidSetting, at: configuration.place(of: "probes.membership.shadows"),
                "\(shadows) shadows cannot be halved", help: "give an even number")
        }
        return self
    }

    /// Needs a classifier, labelled training data and LightGBM.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.model.model.signature.layout == .text { return "shadow models are trained on tables only" }
        guard subject.train != nil else { return "no training data: add `train: FILE` under `data:`" }
        guard case .classes = subject.targets else {
            return "the model is a regression; only classifiers are attacked"
        }
        guard case .classes? = subject.trainTargets else {
            return "the training data lack the target: add its column to the file under `data: {train: …}`"
        }
        if learner == .logistic, (subject.decision?.classes.count ?? 0) > 2 {
            return "logistic shadows serve two classes: write `probes: {membership: {learner: boosting}}`"
        }
        return subject.boosting == nil ? AuditSubject.boostingMissing : nil
    }

    /// Attacks.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        guard let attacked = try MembershipCase(subject, probe: self, context: context) else { return outcome() }
        guard min(attacked.members, attacked.nonMembers) >= Self.fewest else {
            return outcome(
                status: .notTested,
                reason:
                    "\(Words.count(attacked.members, "training row")) and \(Words.count(attacked.nonMembers, "test row")) "
                    + "that stand in one file only are too few: give at least \(Self.fewest) of each")
        }
        guard let engine = subject.boosting else { return outcome() }
        var stopped: String?
        var (shift, shadows): (DistributionShift?, ShadowConfidences?) = (nil, nil)
        do {
            shift = try attacked.shift(engine, context)
            if attacked.confidences != nil {
                shadows = try attacked.design(seed: context.seed).confidences(
                    of: attacked.pool, learner: learner(engine, attacked), context: context)
            }
        } catch let cancelled as Cancelled where cancelled.reason == .outOfTime {
            stopped = "the shadow models did not finish within the time budget"
        }
        var outcome = outcome(status: stopped == nil ? .tested : .partial, reason: stopped)
        outcome.settings = described(attacked)
        let evidence = attacked.evidence(shadows: shadows)
        MembershipReport(
            probe: self, subject: subject, attacked: attacked, shift: shift,
            results: MembershipResult.all(evidence, isMember: attacked.isMember), stopped: stopped
        ).append(to: &outcome)
        return outcome
    }

    private func learner(_ engine: LightGBM, _ attacked: MembershipCase) -> any ShadowLearner {
        switch learner {
        case .boosting:
            BoostedShadow(
                engine: engine, rounds: rounds, leaves: leaves, learningRate: learningRate, minimumLeaf: minimumLeaf)
        case .logistic: LogisticShadow()
        }
    }

    private func described(_ attacked: MembershipCase) -> [String: String] {
        var all = [
            "members": "\(attacked.members)", "non-members": "\(attacked.nonMembers)", "alpha": "\(alpha)",
            "variance": shadows < 64 ? "global" : "per row",
        ]
        guard attacked.confidences != nil else { return all }
        all["shadows"] = "\(shadows), \(learner.rawValue)"
        if learner == .boosting {
            all["shadow training"] =
                "\(rounds) trees of at most \(leaves) leaves, learning rate \(learningRate), "
                + "\(minimumLeaf) rows a leaf at least"
        }
        return all
    }
}
