import CasemateAttacks
import CasemateCore
public import CasemateData

/// Settings of the evasion probe.
public struct EvasionSettings: Hashable, Sendable {
    /// Whose decisions an attacker wants to change.
    public enum Goal: String, Hashable, Sendable, CaseIterable {
        /// Any right decision into another one.
        case any
        /// Unfavourable decisions into the favourable one: bad let through.
        case favourable
        /// The favourable decision into another one: good turned away.
        case unfavourable
    }
    /// Identifier of the attack, one of `evasionAttacks`.
    public var attack = HopSkipJump.identifier
    /// Measures, each attacked by itself; the first one gives the findings.
    public var norms: [FeatureSpace.Norm] = [.l2, .linf]
    /// Number of test rows, drawn by the seed.
    public var samples = 100
    /// Iterations of HopSkipJump.
    public var iterations = 10
    /// Most evaluations in one gradient estimate, and those in the first.
    public var maxEvaluations = 10_000, initialEvaluations = 100
    /// Most queries a row; `nil` sets no limit.
    public var queryLimit: Int?
    /// Distances at which robust accuracy is reported.
    public var epsilons: [Double] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    /// Whether found rows are made sparser and closer one feature at a time.
    public var isPolished = true
    /// Whether the search may start from training rows that are decided otherwise.
    public var usesTrainingRows = true
    /// Whether the search probes widely on tables, so that it sees over the flat steps of trees; else as published.
    public var probesWidely = true
    /// Whose decisions are attacked.
    public var goal = Goal.any
    /// Makes the default settings.
    public init() {}
}

extension EvasionSettings {
    /// The run that these settings describe, under one norm.
    func run(norm: FeatureSpace.Norm, isTable: Bool, deadline: ContinuousClock.Instant?) -> EvasionRun {
        EvasionRun(
            attack: search(norm, isTable: isTable), norm: norm,
            limits: EvasionRun.Limits(maxQueriesPerSample: queryLimit ?? .max, deadline: deadline),
            polish: isPolished ? EvasionPolish() : nil)
    }

    /// The attack of that name; the settings of the walk reach HopSkipJump, others run as published.
    private func search(_ norm: FeatureSpace.Norm, isTable: Bool) -> any EvasionAttack {
        if attack != HopSkipJump.identifier, let type = evasionAttacks.first(where: { $0.identifier == attack }) {
            return type.init()
        }
        var walk =
            isTable && probesWidely
            ? HopSkipJump.forTables(norm, iterations: iterations) : HopSkipJump(iterations: iterations)
        walk.maxEvaluations = maxEvaluations
        walk.initialEvaluations = initialEvaluations
        return walk
    }
}

extension EvasionProbe {
    private static let positive = SettingKind.number(0...Double.greatestFiniteMagnitude, isLowExcluded: true)
    private static let bothNorms = "both"

    /// Its settings.
    public static let settings: [Setting<EvasionProbe>] = [
        Setting(
            "attack",
            .choice(
                evasionAttacks.map { $0.identifier },
                later: ["boundary", "square", "simba", "nes", "zoo", "greedy", "beam", "transfer", "auto_attack"]),
            "the search", apply: { if let text = $1.text { $0.attack.attack = text } },
            show: { .text($0.attack.attack) }),
        Setting(
            "norm", .choice([FeatureSpace.Norm.l2.rawValue, FeatureSpace.Norm.linf.rawValue, bothNorms]),
            "measures of distance to search in",
            apply: { probe, node in
                probe.attack.norms = [.l2, .linf].filter { node.text == $0.rawValue || node.text == bothNorms }
            }, show: { .text($0.attack.norms.count == 1 ? $0.attack.norms[0].rawValue : bothNorms) }),
        .integer("samples", \.attack.samples, 1...1_000_000, "test rows attacked"),
        .integer("iterations", \.attack.iterations, 1...100_000, "steps of the search"),
        .integer("evaluations", \.attack.maxEvaluations, 1...1_000_000, "most queries for one gradient estimate"),
        .integer(
            "initial_evaluations", \.attack.initialEvaluations, 1...1_000_000, "queries of the first gradient estimate"),
        .integer("queries", \.attack.queryLimit, 1...1_000_000_000, "most queries a row; no limit where left out"),
        Setting(
            "epsilons", .list(positive), "distances at which robust accuracy is reported",
            apply: { $0.attack.epsilons = Set($1.numbers).sorted() },
            show: { .list($0.attack.epsilons.map { .number($0) }) }),
        .flag("polish", \.attack.isPolished, "whether flips are made cheaper feature by feature at the end"),
        .choice("goal", \.attack.goal, "decisions that an attacker wants"),
    ]
}
