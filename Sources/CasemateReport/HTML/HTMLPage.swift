import CasemateCore

/// The page as fields for its templates.
struct HTMLPage {
    let report: Report
    let limits: HTMLLimits

    /// Every member that the page's templates ask for.
    var fields: HTMLFields.Members {
        var fields = banner
        fields["style"] = TrustedMarkup(renderText: StyleSheet.text)
        fields["cards"] = cards
        fields["hasCards"] = !cards.isEmpty
        fields.merge(attackers) { $1 }
        fields["hasAttacker"] = !report.attacker.isEmpty
        fields["noAttacker"] = noAttacker
        fields.merge(findings) { $1 }
        fields["rules"] = rules
        fields["hasRules"] = !report.policy.isEmpty
        fields.merge(probes) { $1 }
        fields["facts"] = report.facts.map { HTMLFields.table($0, limit: limits.rows) }
        fields["hasFacts"] = !report.facts.isEmpty
        fields.merge(coverage) { $1 }
        fields.merge(reproduction) { $1 }
        return fields
    }

    private var banner: HTMLFields.Members {
        let run = report.reproduction
        let facts = [
            ("Exit status", String(report.exitStatus)), ("Findings", report.severitiesInWords),
            ("Coverage", report.coverageInWords), ("Date", run.dateInWords),
            ("Made by", "Casemate \(report.version), \(report.verb)"),
        ]
        return [
            "verdict": report.verdict.rawValue, "verdictWord": report.verdictWord,
            "verdictSentence": report.verdictSentence,
            "icon": TrustedMarkup(renderText: HTMLIcons.verdict(report.verdict)),
            "reason": HTMLFields.parts(report.reason), "subject": report.subject, "version": report.version,
            "verb": report.verb,
            "isRedacted": report.isRedacted,
            "bannerFacts": facts.map { ["name": $0.0, "value": $0.1] as HTMLFields.Members },
        ]
    }

    private var cards: [HTMLFields.Members] {
        report.keyMetrics().map { metric in
            let parts = metric.name.split(separator: ".", maxSplits: 1).map(String.init)
            let ruled = report.policy.first { $0.names(metric.name) }
            return [
                "name": MetricCatalogue.label(metric.name),
                "probe": ([parts.count > 1 ? parts[0] : nil, metric.group].compactMap { $0 }).joined(separator: " · "),
                "value": metric.valueInWords, "interval": metric.intervalInWords ?? "no interval",
                "n": Numerals.count(metric.n), "note": metric.note ?? "",
                "hasNote": metric.note != nil, "isBroken": ruled?.status == .broken,
                "rule": ruled?.rule ?? "",
                "isKept": ruled?.status == .kept,
            ]
        }
    }

    /// What an attacker can do: a list, or a list for each probe that has something to say.
    private var attackers: HTMLFields.Members {
        let groups = report.attackerGroups
        let isGrouped = groups.contains { !$0.title.isEmpty }
        let members = groups.map { group -> HTMLFields.Members in
            [
                "title": group.title, "anchor": anchor(of: group.probe) ?? "probes",
                "sentences": HTMLFields.sentences(group.sentences),
            ]
        }
        return [
            "isGrouped": isGrouped, "attackers": isGrouped ? members : [],
            "attacker": isGrouped ? [] : HTMLFields.sentences(report.attacker),
        ]
    }

    /// The probes that have something to show.
    var shownProbes: [ProbeOutcome] { report.probes.filter { $0.status != .notTested } }

    /// The place of a probe on the page; `nil` when it has none.
    func anchor(of probe: String) -> String? {
        shownProbes.firstIndex { $0.probe == probe }.map { "probe-\($0 + 1)" }
    }

    private var noAttacker: String {
        let tested = report.coverage.contains { $0.status == .tested && $0.taxonomy.influence != nil }
        return tested
            ? "Nothing, as far as the attacks that were run could find. The coverage below says what was not tried."
            : "Not measured: no attack was run. The coverage below says why."
    }

    private var rules: [HTMLFields.Members] {
        report.policy.map { rule in
            [
                "rule": rule.rule, "detail": HTMLFields.parts(rule.detail), "status": rule.status.rawValue,
                "icon": TrustedMarkup(renderText: HTMLIcons.rule(rule.status)),
            ]
        }
    }
}

extension Report.Reproduction {
    /// The start as people read it: `2026-01-31 12:00:05 UTC`.
    var dateInWords: String {
        guard timestamp != nil, started.hasSuffix("Z") else { return started }
        return started.prefix(10) + " " + started.dropFirst(11).prefix(8) + " UTC"
    }
}
