import CasemateAttacks
import CasemateCore

extension AuditConfiguration {
    /// Settings of the probes.
    static let probeSettings: [AuditSetting] =
        [
            .flag("probes.performance.enabled", \.performance.isEnabled, "whether the probe runs"),
            .integer("probes.performance.bins", \.performance.bins, 2...1000, "calibration bins"),
        ] + evasionSettings + [
            .flag("probes.fairness.enabled", \.fairness.isEnabled, "whether the probe runs"),
            .number(
                "probes.fairness.thresholds.air", \.fairness.adverseImpact, .share,
                "adverse impact ratios below this are large; 0.8 is the four-fifths rule"),
            .number(
                "probes.fairness.thresholds.odds_difference", \.fairness.oddsDifference, .share,
                "differences of true or false positive rates above this are large"),
            .integer(
                "probes.fairness.min_group", \.fairness.minimumGroup, 1...1_000_000_000,
                "groups with fewer rows give figures but no finding"),
            .number("probes.fairness.alpha", \.fairness.alpha, .share, "level of significance after Holm's adjustment"),
            .flag("probes.file.enabled", \.file.isEnabled, "whether the probe runs"),
            .integer(
                "probes.file.max_bytes", \.file.maximumBytes, 1...Int.max,
                "files above this size raise a finding; no limit where left out"),
            .texts(
                "probes.file.allowed_domains", \.file.allowedDomains,
                "operator domains that raise no finding, besides the standard ones"),
        ] + laterProbes.map { .later("probes.\($0)", $1) }

    private static let positive = SettingKind.number(0...Double.greatestFiniteMagnitude, isLowExcluded: true)
    private static let evasionSettings: [AuditSetting] = [
        .flag("probes.evasion.enabled", \.evasion.isEnabled, "whether the probe runs"),
        AuditSetting(
            "probes.evasion.attack",
            .choice(
                evasionAttacks.map { $0.identifier },
                later: ["boundary", "square", "simba", "nes", "zoo", "greedy", "beam", "transfer", "auto_attack"]),
            "the search", apply: { if let text = $1.text { $0.evasion.attack = text } },
            show: { .text($0.evasion.attack) }),
        .choice("probes.evasion.norm", \.evasion.norm, "measures of distance to search in"),
        .integer("probes.evasion.samples", \.evasion.samples, 1...1_000_000, "test rows attacked"),
        .integer("probes.evasion.iterations", \.evasion.iterations, 1...100_000, "steps of the search"),
        .integer(
            "probes.evasion.evaluations", \.evasion.evaluations, 1...1_000_000,
            "most queries for one gradient estimate"),
        .integer(
            "probes.evasion.initial_evaluations", \.evasion.initialEvaluations, 1...1_000_000,
            "queries of the first gradient estimate"),
        .integer(
            "probes.evasion.queries", \.evasion.queries, 1...1_000_000_000,
            "most queries a row; no limit where left out"),
        AuditSetting(
            "probes.evasion.epsilons", .list(positive), "distances at which robust accuracy is reported",
            apply: { $0.evasion.epsilons = Set($1.numbers).sorted() },
            show: { .list($0.evasion.epsilons.map { .number($0) }) }),
        .flag(
            "probes.evasion.polish", \.evasion.polish, "whether flips are made cheaper feature by feature at the end"),
        .choice("probes.evasion.goal", \.evasion.goal, "decisions that an attacker wants"),
    ]
    /// Probes that the grammar names and that no release runs yet.
    private static let laterProbes: [(String, String)] = [
        ("constraints", "rows that break declared CEL rules"),
        ("residuals", "training rows that got the good outcome against the odds"),
        ("sensitivity", "smallest single changes that flip, swings, cliff edges"),
        ("benchmark_model", "rows where a simple model disagrees"),
        ("insiders", "how insiders fare beside their peers"),
        ("surrogate", "how well query answers let the model be copied"),
        ("membership", "how well training rows can be told from others"),
        ("leaf_shift", "segments that changed score between two releases"),
        ("random_testing", "answers to malformed, extreme and unseen rows"),
        ("white_box", "attacks with the model's gradients"),
        ("exact_trees", "smallest changes that flip a tree ensemble, proved"),
        ("hidden_branches", "regions of extreme answers without training rows"),
        ("impersonation", "accepted identities that are cheapest to imitate"),
        ("text", "changed words and letters that flip a text classifier"),
        ("training_data", "poison, wrong labels, triggers and duplicates"),
        ("provenance", "whether data are what the ledger says"),
        ("poisoning", "what planted training rows would do"),
    ]
}
