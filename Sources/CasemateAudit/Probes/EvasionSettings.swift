public import CasemateAttacks
import CasemateCore
public import CasemateData
import CasemateModels

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
    /// What the attacker sees; `nil` is the most that the attack makes use of and the model gives.
    public var access: EvasionAccess?
    /// What is made small.
    public var objective = EvasionRun.Objective.distance
    /// Steps of an attack that walks; `nil` takes 10 for HopSkipJump and the published number for others.
    public var iterations: Int?
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
    /// The type of the attack.
    var type: any EvasionAttack.Type { evasionAttacks.first { $0.identifier == attack } ?? HopSkipJump.self }

    /// What the attacker sees of a model that gives scores, or labels only.
    func access(givesScores: Bool) -> EvasionAccess {
        if let access { return access }
        return type.richestAccess == .scores && !givesScores ? type.access : type.richestAccess
    }

    /// The run that these settings describe, under one norm.
    func run(
        norm: FeatureSpace.Norm, isTable: Bool, givesScores: Bool, boosting: LightGBM?,
        deadline: ContinuousClock.Instant?
    ) -> EvasionRun {
        EvasionRun(
            attack: search(norm, isTable: isTable, boosting), norm: norm,
            limits: EvasionRun.Limits(maxQueriesPerSample: queryLimit ?? .max, deadline: deadline),
            polish: isPolished ? EvasionPolish() : nil, access: access(givesScores: givesScores), objective: objective)
    }

    /// The attack of that name, with what of the settings it has.
    private func search(_ norm: FeatureSpace.Norm, isTable: Bool, _ boosting: LightGBM?) -> any EvasionAttack {
        // why: a search that spends everything leaves nothing for the polish, which brings more.
        let most = queryLimit.map { max(1, $0 - $0 / 5) }
        switch attack {
        case BoundaryAttack.identifier: return BoundaryAttack(iterations: iterations ?? BoundaryAttack().iterations)
        case SquareSearch.identifier: return SquareSearch(maxQueries: most ?? SquareSearch().maxQueries)
        case SimpleBlackBox.identifier:
            return SimpleBlackBox(step: SimpleBlackBox().step, maxQueries: most ?? SimpleBlackBox().maxQueries)
        case NaturalEvolution.identifier:
            let plain = NaturalEvolution()
            return NaturalEvolution(iterations: iterations ?? plain.iterations, maxQueries: most ?? plain.maxQueries)
        case ZerothOrder.identifier:
            let plain = ZerothOrder()
            return ZerothOrder(iterations: iterations ?? plain.iterations, maxQueries: most ?? plain.maxQueries)
        case ConstrainedDescent.identifier:
            let plain = ConstrainedDescent()
            return ConstrainedDescent(iterations: iterations ?? plain.iterations, maxQueries: most ?? plain.maxQueries)
        case GreedySearch.identifier:
            return GreedySearch(values: GreedySearch().values, maxQueries: most ?? GreedySearch().maxQueries)
        case BeamSearch.identifier:
            return BeamSearch(width: BeamSearch().width, maxQueries: most ?? BeamSearch().maxQueries)
        case TransferAttack.identifier: return TransferAttack(lessons: TransferAttack().lessons, boosting: boosting)
        case HopSkipJump.identifier: return walk(norm, isTable: isTable)
        default: return type.init()
        }
    }

    private func walk(_ norm: FeatureSpace.Norm, isTable: Bool) -> HopSkipJump {
        let iterations = iterations ?? 10
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
            "attack", .choice(evasionAttacks.map { $0.identifier }), "the search",
            apply: { if let text = $1.text { $0.attack.attack = text } },
            show: { .text($0.attack.attack) }),
        .choice(
            "access", \.attack.access, of: EvasionAccess.allCases,
            "what the attacker sees; what the attack makes use of where left out"),
        .choice("objective", \.attack.objective, "what is made small: the distance, or the costs of the feature space"),
        Setting(
            "norm", .choice(FeatureSpace.Norm.allCases.map(\.rawValue) + [bothNorms]),
            "measures of distance to search in; both are l2 and linf, as far as the attack serves them",
            apply: { probe, node in
                probe.attack.norms =
                    node.text == bothNorms
                    ? [.l2, .linf] : FeatureSpace.Norm.allCases.filter { node.text == $0.rawValue }
            }, show: { .text($0.attack.norms.count == 1 ? $0.attack.norms[0].rawValue : bothNorms) }),
        .integer("samples", \.attack.samples, 1...1_000_000, "test rows attacked"),
        .integer(
            "iterations", \.attack.iterations, 1...100_000,
            "steps of a search that walks; 10 for `hop_skip_jump` where left out"),
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
