import CasemateCore
import CasemateData
import CasemateModels

extension StarterPage {
    /// Rules of the data: suggestions only.
    func constraintSection(_ yaml: inout StarterYaml) {
        yaml.gap()
        yaml.comment(
            "What every row keeps, whoever wrote it down. A rule that merely happens to hold is a false alarm to come: "
                + "take those that must hold. Page: docs/reference/constraints.md")
        yaml.line("constraints:", isOff: true)
        if patterns.rules.isEmpty {
            yaml.comment("  No ordering between columns holds in every row; a rule looks so:")
            yaml.line("  - row.years_employed <= row.age - 14", isOff: true)
        }
        for rule in patterns.rules {
            let chance = rule.chance.map { "; unrelated columns would break it in \(Words.percent($0))" } ?? ""
            yaml.line("  # holds in all \(Words.count(rule.rows, "row"))\(chance)", isOff: true)
            yaml.line("  - \(StarterYaml.expression(rule.text))", isOff: true)
        }
        yaml.gap()
        yaml.comment(
            "People who could favour themselves, by an identifier that the data have too; one a line under its name:")
        yaml.line("insiders: insiders.csv", isOff: true)
    }

    /// Every probe with its defaults.
    func probeSection(_ yaml: inout StarterYaml) {
        yaml.gap()
        yaml.comment(
            "What is examined, with the defaults. All probes run that the files allow; `enabled: false` stops one.")
        yaml.line("probes:", isOff: true)
        let defaults = AuditConfiguration()
        for probe in builtInProbes {
            let prefix = "probes.\(probe.identifier)."
            let shown = AuditConfiguration.settings.filter { $0.key.hasPrefix(prefix) && $0.isServed }
                .compactMap { setting in setting.show(defaults).map { (setting.key.dropFirst(prefix.count), $0.yaml) } }
            yaml.line("  # \(probe.purpose)", isOff: true)
            yaml.mapping("  \(probe.identifier)", Self.nested(shown), indent: 0, isOff: true)
        }
    }

    /// Pairs of flow mappings; `thresholds.air` stands within `thresholds`.
    private static func nested(_ settings: [(key: Substring, value: String)]) -> [String] {
        var pairs: [String] = [], inner: [String] = [], open = ""
        func close() {
            if !inner.isEmpty { pairs.append("\(open): {\(inner.joined(separator: ", "))}") }
            inner = []
        }
        for (key, value) in settings {
            let parts = key.split(separator: ".", maxSplits: 1)
            if parts.count == 2 {
                if open != parts[0] { close() }
                open = String(parts[0])
                inner.append("\(parts[1]): \(value)")
            } else {
                close()
                let pair = "\(key): \(value)"
                // why: a list is joined by the commas that join pairs, so a long one may be broken at any of them.
                pairs += value.hasPrefix("[") && pair.count > 80 ? pair.split(separator: ", ").map(String.init) : [pair]
            }
        }
        close()
        return pairs
    }

    /// What the result must meet.
    func policySection(_ yaml: inout StarterYaml, _ rules: [StarterRule]) {
        yaml.gap()
        yaml.line("policy:")
        yaml.comment("Findings of this severity or worse fail the audit.", indent: 2)
        yaml.line("fail_on: high", indent: 2)
        yaml.comment("Rules on metrics; the first ones hold for this model as it was measured just now.", indent: 2)
        yaml.line("rules:", indent: 2, isOff: true)
        for rule in rules { yaml.line("  - \(rule.rule)  # measured \(rule.measured)", indent: 2, isOff: true) }
        if facts.signature.task != .regression {
            yaml.line("  - evasion.robust_accuracy@0.05 >= 0.6", indent: 2, isOff: true)
        }
        guard facts.favourable?.isObvious == true, let first = facts.roles.protected.first else { return }
        let name = first.column
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else { return }
        yaml.line("  - fairness.air[\(name)] >= 80 %", indent: 2, isOff: true)
    }
}

extension StarterYaml {
    /// A rule as a scalar of a list on lines of its own.
    static func expression(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                || " ._<=>+-".unicodeScalars.contains($0)
        }
        return isPlain && text.hasPrefix("row.") ? text : quoted(text)
    }
}
