import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// The smallest change that turns each decision of a tree ensemble, found exactly and proved.
///
/// Source: Kantchelian, Tygar and Joseph, ICML 2016 (the problem); Chen et al., NeurIPS 2019, and Devos, Meert and Davis,
/// ICML 2021 (searches). Method, findings and blind spots: `docs/probes/exact_trees.md`.
public struct ExactTreesProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "exact_trees"
    /// Heading in reports.
    public static let title = "Exact robustness of trees"
    /// What it examines.
    public static let purpose = "smallest changes that turn a tree ensemble, proved"
    /// Crafting inputs with the model at hand.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.gradients], atlas: ["AML.T0043.000"], owasp: ["ML01"],
        nist: ["NISTAML.022"])

    /// Norms that the search serves.
    public enum Measure: String, Hashable, Sendable, CaseIterable { case linf, l1, l2 }
    /// How distances are measured.
    public var norm = Measure.linf
    /// Number of test rows, drawn by the seed.
    public var samples = 100
    /// Distances at which shares are reported.
    public var epsilons: [Double] = [0.01, 0.02, 0.05, 0.1]
    /// Most nodes of the search for one row; what is left open then is said.
    public var mostNodes = 200_000

    private static let positive = SettingKind.number(0...Double.greatestFiniteMagnitude, isLowExcluded: true)
    /// Keys under `probes.exact_trees`.
    public static let settings: [Setting<ExactTreesProbe>] = [
        .choice("norm", \.norm, "measure of distance"),
        .integer("samples", \.samples, 1...1_000_000, "test rows for which the smallest change is searched"),
        .integer(
            "nodes", \.mostNodes, 1...1_000_000_000, "most steps of the search for one row; then bounds are reported"),
        Setting(
            "epsilons", .list(positive), "distances at which shares are reported",
            apply: { $0.epsilons = Set($1.numbers).sorted() }, show: { .list($0.epsilons.map { .number($0) }) }),
    ]

    /// Creates the probe.
    public init() {}

    /// The norm of the search.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["norm"] }

    /// Needs decisions of one tree ensemble whose columns can be followed back to the table.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.decision == nil { return "a regression without `decision: {threshold: …}` makes no decisions" }
        guard subject.hasTrees else { return "the model is no tree ensemble" }
        return subject.test.count == 0 ? "no rows to search from" : nil
    }

    /// Searches row by row.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let robustness: TreeRobustness
        do {
            guard let trees = try TreeModel(subject.model), let decision = subject.decision else {
                return outcome(status: .notTested, reason: "the model is no tree ensemble")
            }
            robustness = try TreeRobustness(trees, rule: decision, space: subject.space)
        } catch let error as CasemateError where error.code == .unsupported {
            return outcome(status: .notTested, reason: "\(error.place): \(error.what)")
        }
        var drawn = EvasionSettings()
        drawn.samples = samples
        let chosen = EvasionRows(subject, drawn, seed: context.seed).indices
        let labels = EvasionRows.labels(subject)
        let norm = FeatureSpace.Norm(rawValue: norm.rawValue) ?? .linf
        let certificates = try robustness.smallestChanges(
            of: subject.test.rows(chosen).values, count: chosen.count,
            TreeSearchSettings(norm: norm, mostNodes: mostNodes), context: context)
        let rows = zip(chosen, certificates).map { index, certificate in
            CertificateOutcome.Row(
                number: index + 1, values: Array(subject.test[row: index]),
                isRight: labels[index] == subject.decisions[index], certificate: certificate)
        }
        let isPartial = context.isOutOfTime && certificates.contains { !$0.isExact }
        var outcome = outcome(
            status: isPartial ? .partial : .tested,
            reason: isPartial ? "the time budget ran out: some rows have bounds instead of exact distances" : nil)
        outcome.settings = [
            "norm": norm.rawValue, "samples": String(chosen.count), "nodes": String(mostNodes),
        ]
        CertificateOutcome(
            rows: rows, norm: norm, epsilons: epsilons, space: subject.space,
            classes: subject.decision?.classes ?? [], favourable: subject.favourable, subject: subject.name,
            isScaled: true
        ).fill(&outcome, probe: Self.identifier)
        return outcome
    }
}
