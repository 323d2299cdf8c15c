public import CasemateCore

extension AuditConfiguration {
    /// The grammar of `casemate.yaml`: reader, JSON Schema and reference page come from it.
    public static let keys: [SettingKey] = tree(settings[...], prefix: "")

    /// The JSON Schema (draft 2020-12) of `casemate.yaml`, as committed in `docs/reference/casemate.schema.json`.
    public static var jsonSchema: String {
        SettingKind.schema(keys: keys, identifier: "urn:casemate:configuration:1", title: "casemate.yaml, version 1")
    }

    private static let defaults = AuditConfiguration()
    private static let sections = fixedSections.merging(
        builtInProbes.map { ("probes.\($0.identifier)", $0.purpose) }, uniquingKeysWith: { first, _ in first })
    /// The key that a bare text stands for.
    private static let shorts = ["model": "path", "insiders": "path", "model.endpoint": "url"]
    private static let fixedSections = [
        "insiders": "people who could favour themselves; a path alone is short for `path`",
        "model": "the model; a path alone is short for `path`", "model.output": "what its outputs are",
        "model.endpoint": "a served model instead of a file; an address alone is short for `url`",
        "data": "the data and the roles of their columns", "decision": "how scores become decisions",
        "feature_space": "what an attacker can really do to a row; see feature-space.md",
        "feature_space.defaults": "what holds for features that say nothing else",
        "probes": "what is examined, and how thoroughly",
        "probes.fairness.thresholds": "from where on a disparity is large",
        "policy": "what the result must meet", "report": "what is written where",
        "cache": "where results of probes are kept",
    ]

    /// Builds the nested keys from dotted ones, in their order.
    private static func tree(_ settings: ArraySlice<Setting<AuditConfiguration>>, prefix: String) -> [SettingKey] {
        var names: [String] = []
        var members: [String: [Setting<AuditConfiguration>]] = [:]
        for setting in settings {
            let rest = setting.key.dropFirst(prefix.count)
            let name = String(rest.prefix { $0 != "." })
            if members[name] == nil { names.append(name) }
            members[name, default: []].append(setting)
        }
        return names.map { name in
            let path = prefix + name
            let inside = members[name] ?? []
            if let leaf = inside.first, leaf.key == path {
                return SettingKey(
                    name, leaf.kind, leaf.meaning, isServed: leaf.isServed, fallback: leaf.show(defaults))
            }
            return SettingKey(
                name,
                .mapping(tree(inside[...], prefix: path + "."), short: shorts[path]),
                sections[path] ?? "")
        }
    }
}
