public import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// How score and decision react when one or two features move and the rest stays: swings, smallest single changes that
/// flip, cliff edges, interactions, broken directions, impossible combinations that score extremely well.
///
/// Definitions, guarantees, sources and blind spots: `docs/probes/sensitivity.md`.
public struct SensitivityProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "sensitivity"
    /// Heading in reports.
    public static let title = "Sensitivity of single features"
    /// What it examines.
    public static let purpose = "smallest single changes that flip, swings, cliff edges, impossible combinations"
    /// Probing a running model, and defects that training put into it.
    public static let taxonomy = Taxonomy(
        stages: [.training, .inference], influence: .exploratory, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.scores], atlas: ["AML.T0015", "AML.T0043.003"], owasp: ["ML01"],
        nist: ["NISTAML.025"])

    /// Rows drawn for averages and shares; as many unfavourable ones for flips.
    public var samples = 100
    /// Quantiles in the grid of a number.
    public var grid = 20
    /// Most influential features swept in pairs.
    public var pairs = 4
    /// Features swept at most.
    public var features = 64
    /// Distance up to which a single change is cheap.
    public var cheap = 0.05
    /// Jump of the score, and the share of a feature's range within which it must happen, that make a cliff.
    public var cliffJump = 0.2, cliffWidth = 0.001
    /// Declared direction of the score by feature.
    public var monotone: [String: MonotoneDirection] = [:]

    /// Keys of the configuration.
    public static let settings: [Setting<SensitivityProbe>] = [
        .integer(
            "samples", \.samples, 10...100_000, "test rows drawn, and unfavourable ones searched for flips"),
        .integer("grid", \.grid, 2...200, "quantiles of the training data at which a number is looked at first"),
        .integer("pairs", \.pairs, 0...12, "most influential features that are also moved in pairs"),
        .integer("features", \.features, 1...4_096, "features swept at most, those that move the score most"),
        .number(
            "cheap", \.cheap, .number(0...1, isLowExcluded: true), "distance up to which a single change is cheap"),
        .number(
            "cliffs.jump", \.cliffJump, .number(0...1, isLowExcluded: true),
            "jump of the score that makes a cliff; for scores that are no probabilities as a share of their range"),
        .number(
            "cliffs.width", \.cliffWidth, .number(0...1, isLowExcluded: true),
            "share of a feature's range within which the jump happens"),
        Setting(
            "monotone", .table(.choice(MonotoneDirection.allCases.map(\.rawValue)), of: "features"),
            "direction in which the score of the positive class may move when the feature grows",
            apply: { probe, node in
                probe.monotone = [:]
                for entry in node.entries {
                    probe.monotone[entry.key] = entry.value.text.flatMap { MonotoneDirection(rawValue: $0) }
                }
            },
            show: { $0.monotone.isEmpty ? nil : .mapping($0.monotone.mapValues { .text($0.rawValue) }) }),
    ]
    /// One value a feature, a pair of features or an impossible combination.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] {
        ["feature", "pair", "combination"]
    }

    /// Creates the probe with its default settings.
    public init() {}

    /// Needs a table.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        switch subject.model.model.signature.layout {
        case .text: return "single features of a text cannot be moved"
        case .image: return "single pixels say little; see the probe `evasion`"
        case .matrix, .columns: break
        }
        if subject.test.count == 0 { return "no rows to examine" }
        if subject.predictions.kind == .labels, subject.decision == nil {
            return "the model gives neither scores nor decisions"
        }
        return nil
    }

    /// Sweeps, searches and sums up.
    /// - Throws: `mismatch` for a declared direction of something that is no numeric feature.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let inquiry = try SensitivityInquiry(subject, self, seed: context.seed)
        var analysis = SensitivityAnalysis()
        (analysis.grid, analysis.paired, analysis.mostUnits) = (grid, pairs, features)
        (analysis.cliffJump, analysis.cliffWidth) = (cliffJump, cliffWidth)
        context.progress("sensitivity", 0, 1)
        let result = try analysis.run(
            inquiry.problem,
            function: TableScores(subject: subject, column: inquiry.column, cancellation: context.cancellation),
            monotone: inquiry.monotone, rules: inquiry.rules, goals: inquiry.goals, context: context)
        context.progress("sensitivity", 1, 1)
        return SensitivityAccount(probe: self, inquiry: inquiry, result: result, subject: subject).outcome()
    }
}
