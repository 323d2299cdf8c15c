import CasemateCore
import CasemateData
import CasemateModels

extension AuditConfiguration {
    /// Every setting, in the order of the reference page.
    static let settings: [Setting<AuditConfiguration>] =
        general + modelSettings + endpointSettings + dataSettings + decisionSettings + spaceSettings + probeSettings
        + policySettings + reportSettings + cacheSettings

    private static let cacheSettings: [Setting<AuditConfiguration>] = [
        .flag("cache.enabled", \.cache.isEnabled, "whether results are kept, and an unchanged probe is not run again"),
        .path(
            "cache.folder", \.cache.folder,
            "folder of kept results, which hold rows of data; the user's own cache folder where left out"),
    ]

    private static let general: [Setting<AuditConfiguration>] = [
        Setting(
            "version", .integer(1...1), "version of this grammar", apply: { _, _ in }, show: { _ in .integer(1) }),
        Setting(
            "seed", .integer(0...Int.max), "seed of all randomness",
            apply: { if let value = $1.integer { $0.seed = UInt64(value) } },
            show: { .integer(Int(clamping: $0.seed)) }),
        .integer("threads", \.threads, 1...1024, "threads that work; every core where left out"),
        Setting(
            "budget", .duration, "most time that the probes may take; no limit where left out",
            apply: { $0.budget = $1.number }, show: { $0.budget.map { .text(SettingScalar.duration($0)) } }),
        Setting(
            "constraints", .list(.mapping(constraintKeys, short: "rule"), minimum: 0),
            "CEL rules that every row of the data keeps; see constraints.md",
            apply: { configuration, node in
                configuration.constraints = node.items.map { item in
                    Constraint(
                        item["rule"]?.text ?? "", name: item["name"]?.text, at: item["rule"]?.place ?? item.place)
                }
            }, show: { $0.constraints.isEmpty ? nil : .list($0.constraints.map(\.shown)) }),
        .path("insiders.path", \.insiders.path, "file that names insiders by an identifier, for self-reflection"),
        .text(
            "insiders.column", \.insiders.column,
            "identifier column that the file shares with the data; the declared identifier of both where left out"),
    ]
    private static let constraintKeys = [
        SettingKey("name", .text, "name in messages"),
        SettingKey("rule", .text, "CEL expression over `row`", isRequired: true),
    ]
    private static let modelSettings: [Setting<AuditConfiguration>] = [
        .path("model.path", \.model.path, "the model file"),
        Setting(
            "model.format", .choice(["auto"] + ModelFile.Format.allCases.map(\.name)),
            "format of the file; `auto` takes what its bytes show",
            apply: { configuration, node in
                configuration.model.format = ModelFile.Format.allCases.first { $0.name == node.text }
            }, show: { .text($0.model.format?.name ?? "auto") }),
        .choice(
            "model.task", \.model.overrides.task, of: ModelTask.allCases,
            "what the model answers; read from the graph where left out"),
        .choice(
            "model.layout", \.model.overrides.layout, of: [.matrix, .columns, .image, .text],
            "how its inputs take columns; read from the graph where left out"),
        .texts(
            "model.features", \.model.features,
            "columns it takes, in its order; all that are declared as nothing else where left out"),
        .text("model.output.label", \.model.overrides.labelOutput, "output that holds the class"),
        .texts(
            "model.output.scores", \.model.overrides.scoreOutputs,
            "output that holds the scores, or one output for each class in order"),
        .choice(
            "model.output.kind", \.model.overrides.kind, of: ScoreKind.allCases, "what the scores are"),
        .texts("model.output.classes", \.model.overrides.classes, "classes in the order of the model's scores"),
        Setting(
            "model.row_shape", .list(.integer(1...1_000_000)), "axes of one row where the graph leaves them open",
            apply: { $0.model.overrides.rowShape = $1.items.compactMap(\.integer) },
            show: { $0.model.overrides.rowShape.map { .list($0.map { .integer($0) }) } }),
        Setting(
            "model.provider", .choice(["cpu", "cuda"]), "execution provider of the engine",
            apply: { $0.model.provider = $1.text ?? "cpu" }, show: { .text($0.model.provider) }),
        .path("model.previous", \.model.previous, "release before this one, for comparison segment by segment"),
    ]
    private static let dataSettings: [Setting<AuditConfiguration>] = [
        .path("data.train", \.data.train, "training data: bounds, scales and levels come from it"),
        .path("data.test", \.data.test, "test data: everything is measured on it"),
        .path(
            "data.reference", \.data.reference,
            "data that are known to be good: training data are compared with them"),
        .text("data.target", \.data.target, "column that the model predicts"),
        .text("data.favourable", \.data.favourable, "outcome that people want, as the data spell it"),
        Setting(
            "data.protected", .list(.mapping(protectedKeys, short: "column"), minimum: 0),
            "protected attributes; kept out of the model's features",
            apply: { configuration, node throws(CasemateError) in
                configuration.data.protected = try node.items.map { item throws(CasemateError) in try Protected(item) }
            }, show: { .list($0.data.protected.map(\.shown)) }),
        .texts("data.identifiers", \.data.identifiers, "columns that name a row; never features"),
        .text("data.weights", \.data.weights, "column of row weights"),
        .text("data.time", \.data.time, "column that says when a row came to be"),
        .text("data.source", \.data.source, "column that says where a row came from"),
        .texts("data.ignore", \.data.ignore, "columns that are left out"),
        .texts("data.missing", \.data.missing, "cells that stand for a missing value, besides empty ones"),
        Setting(
            "data.types", .table(.choice(ColumnType.allCases.map(\.rawValue)), of: "columns"),
            "types that replace the inferred ones",
            apply: { configuration, node in
                configuration.data.types = [:]
                for entry in node.entries {
                    configuration.data.types[entry.key] = entry.value.text.flatMap { ColumnType(rawValue: $0) }
                }
            },
            show: { $0.data.types.isEmpty ? nil : .mapping($0.data.types.mapValues { .text($0.rawValue) }) }),
    ]
    private static let protectedKeys = [
        SettingKey("column", .text, "the column", isRequired: true),
        SettingKey(
            "reference", .text, "group that others are compared with; the one of the highest rate where left out"),
        SettingKey(
            "buckets", .list(.number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)),
            "ascending cuts that turn a number into groups"),
    ]
    private static let decisionSettings: [Setting<AuditConfiguration>] = [
        .number(
            "decision.threshold", \.decision.threshold,
            .number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude),
            "scores of the positive class from here on decide positive; 0.5 for two classes where left out"),
        .text(
            "decision.positive", \.decision.positive,
            "the positive class; the model's last class where left out"),
    ]
    private static let spaceSettings: [Setting<AuditConfiguration>] =
        [
            Setting(
                "feature_space.defaults.bounds", .choice(["train", "none"]), "bounds of numeric features",
                apply: { $0.featureSpace.defaults.bounds = $1.text == "none" ? .none : .train },
                show: { .text($0.featureSpace.defaults.bounds == .none ? "none" : "train") }),
            Setting(
                "feature_space.defaults.integer", .choice(["train", "never"]),
                "`train`: a feature whose training values are all whole takes whole numbers only",
                apply: { $0.featureSpace.defaults.detectsIntegers = $1.text != "never" },
                show: { .text($0.featureSpace.defaults.detectsIntegers ? "train" : "never") }),
            Setting(
                "feature_space.defaults.scale", .choice(["train", "raw"]),
                "`train`: a change is divided by the training range; `raw`: it counts as it is",
                apply: { $0.featureSpace.defaults.scale = $1.text == "raw" ? .raw : .train },
                show: { .text($0.featureSpace.defaults.scale == .raw ? "raw" : "train") }),
        ] + FeatureSpaceDeclaration.keys.map { declared($0) }

    /// A key of `feature_space` whose grammar the declaration itself holds.
    private static func declared(_ key: SettingKey) -> Setting<AuditConfiguration> {
        Setting(
            "feature_space.\(key.name)", key.kind, key.meaning, isServed: key.isServed,
            apply: { configuration, node throws(CasemateError) in try configuration.featureSpace.take(key.name, node) },
            show: { $0.featureSpace.shown(key.name) })
    }
    private static let policySettings: [Setting<AuditConfiguration>] = [
        Setting(
            "policy.fail_on", .choice(Severity.allCases.reversed().map(\.rawValue) + ["never"]),
            "findings of this severity or worse fail",
            apply: { $0.policy.failOn = ($1.text).flatMap { Severity(rawValue: $0) } },
            show: { .text($0.policy.failOn?.rawValue ?? "never") }),
        Setting(
            "policy.rules", .list(.text, minimum: 0), "rules on metrics",
            apply: { configuration, node throws(CasemateError) in
                configuration.policy.rules = try node.items.map { item throws(CasemateError) in
                    try PolicyRule(item.text ?? "", at: item.place)
                }
            }, show: { .list($0.policy.rules.map { .text($0.text) }) }),
        Setting(
            "policy.accept", .list(.mapping(acceptKeys), minimum: 0), "risks that somebody answers for until a day",
            apply: { configuration, node throws(CasemateError) in
                configuration.policy.accepted = try node.items.map { item throws(CasemateError) in
                    try acceptance(item)
                }
            }, show: { .list($0.policy.accepted.map { .text("\($0.fingerprint) until \($0.expires)") }) }),
    ]
    private static let acceptKeys = [
        SettingKey("fingerprint", .text, "fingerprint of the finding, as the report shows it", isRequired: true),
        SettingKey("reason", .text, "why the risk is accepted, and who says so", isRequired: true),
        SettingKey("expires", .day, "last day on which it is accepted", isRequired: true),
    ]
    private static let reportSettings: [Setting<AuditConfiguration>] = [
        Setting(
            "report.output", .path, "folder that the report goes to",
            apply: { if let text = $1.text { $0.report.folder = $0.resolved(text) } },
            show: { .text($0.report.folder) }),
        Setting(
            "report.formats", .list(.choice(["json", "html", "sarif", "junit"])), "files that are written",
            apply: { $0.report.formats = $1.texts }, show: { .list($0.report.formats.map { .text($0) }) }),
        .flag("report.redact", \.report.isRedacted, "whether values of data rows are masked"),
    ]
}
