import CasemateCore

extension HTMLPage {
    /// The findings, the worst first, accepted ones behind the others.
    var findings: HTMLFields.Members {
        let ordered = report.openFindings + report.findings.filter { $0.accepted != nil }
        let shown = ordered.prefix(limits.findings).enumerated().map { index, item in
            let isMany = ordered.count > HTMLLimits.openFindings
            let isMild = item.severity < .high || item.accepted != nil
            return finding(item, number: index + 1, isFolded: isMany && (isMild || index >= HTMLLimits.openFindings))
        }
        let missing = ordered.count - shown.count
        return [
            "findings": shown, "hasFindings": !shown.isEmpty, "findingCount": report.severitiesInWords,
            "findingsCut": missing > 0,
            "findingsNote": "\(Numerals.count(missing, "finding")) of lower severity left out; report.json holds all.",
        ]
    }

    private func finding(_ finding: Finding, number: Int, isFolded: Bool) -> HTMLFields.Members {
        var texts: [String] = []
        var metrics: [Metric] = []
        var tables: [EvidenceTable] = []
        var changes: [RowChange] = []
        for evidence in finding.evidence {
            switch evidence {
            case .text, .location, .pattern: texts.append(evidence.inWords)
            case .metric(let metric): metrics.append(metric)
            case .table(let table): tables.append(table)
            case .change(let change): changes.append(change)
            }
        }
        let metricTable = HTMLFields.metrics(metrics, title: "Measured", limit: limits.metrics)
        let others = tables.map { HTMLFields.table($0, limit: limits.rows) }
        return [
            "number": String(number), "isFolded": isFolded, "severity": finding.severity.rawValue, "id": finding.id,
            "icon": TrustedMarkup(renderText: HTMLIcons.severity(finding.severity)),
            "title": HTMLFields.parts(finding.title), "remedy": HTMLFields.parts(finding.remedy),
            "texts": HTMLFields.sentences(texts), "hasTexts": !texts.isEmpty,
            "tables": (metrics.isEmpty ? [] : [metricTable]) + others,
            "changes": HTMLFields.changes(Array(changes.prefix(limits.changes))), "hasChanges": !changes.isEmpty,
            "changesCut": changes.count > limits.changes, "changesNote": changesNote(changes.count),
            "references": references(finding.taxonomy), "fingerprint": finding.fingerprint,
            "isAccepted": finding.accepted != nil, "accepted": finding.accepted ?? "",
        ]
    }

    /// What is said below a list of changed rows that was cut.
    func changesNote(_ count: Int) -> String {
        "The first \(limits.changes) of \(Numerals.count(count, "changed row")); report.json holds all."
    }

    /// The identifiers of a taxonomy entry with their catalogues and short names.
    func references(_ taxonomy: Taxonomy) -> [HTMLFields.Members] {
        let all =
            taxonomy.atlas.map { ("ATLAS", $0) } + taxonomy.owasp.map { ("OWASP", $0) }
            + taxonomy.nist.map { ("NIST", $0) }
        return all.map { catalogue, identifier in
            let name = TaxonomyNames.name(of: identifier)
            return ["catalogue": catalogue, "identifier": identifier, "name": name ?? "", "hasName": name != nil]
        }
    }
}
