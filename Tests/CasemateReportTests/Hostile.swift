import CasemateCore
import Foundation

/// Reports whose every text comes from an attacker, or that are as long as none should be.
enum Hostile {
    /// Breaks out of HTML, attributes, CDATA, Mustache, terminals, links and the direction of text.
    static let text =
        "x<script>alert(1)</script>]]>\"onload=\"a' --> {{{style}}} & \u{1B}[31m\u{7}\u{202E}evil\u{2066}\u{0}\r\n\u{2028}"
        + "\"\u{301}onmouseover=1 <\u{301}img src=x> [click](https://evil.example/) </style></svg>\u{FEFF}\u{FFFF}"

    static let report: Report = {
        let taxonomy = Taxonomy(
            stages: [.inference], influence: .exploratory, atlas: [text], owasp: [text], nist: [text])
        let table = EvidenceTable(title: text, columns: [text, text], rows: [[text, text]])
        let change = RowChange(
            row: 3, steps: [RowChange.Step(feature: text, before: text, after: text)], decisionBefore: text,
            decisionAfter: text, distance: 1)
        let metric = Metric("a.\(text)", 0.5, low: 0.1, high: 0.9, n: 9, group: text, note: text)
        let evidence: [Evidence] = [
            .text(text), .metric(metric), .table(table), .change(change),
            .location(FileLocation(path: "../\(text)", byteOffset: -1, byteLength: 3, line: 0)),
        ]
        var probe = ProbeOutcome(probe: text, title: text, taxonomy: taxonomy, status: .partial, reason: text)
        probe.summary = [text]
        probe.attacker = [text, "a `\(text)` b"]
        probe.findings =
            Severity.allCases.map {
                Finding(
                    id: "\(text)\($0)", probe: text, severity: $0, title: text,
                    evidence: $0 == .high ? Array(evidence.prefix(4)) : [],
                    remedy: text, taxonomy: taxonomy, subject: text
                ).accepted(because: text)
            } + [
                Finding(
                    id: text, probe: text, severity: .high, title: text, evidence: Array(evidence.prefix(4)),
                    remedy: text,
                    taxonomy: taxonomy, subject: text)
            ]
        probe.metrics = [metric, Metric("a.\(text)", 2, n: 1)]
        probe.plots = [
            plot(.bars, label: text), plot(.line, label: nil), plot(.points, label: nil), plot(.step, label: nil),
        ]
        probe.tables = [table]
        probe.changes = [change]
        probe.settings = [text: text]
        return Report(
            version: text, verb: text, subject: text, facts: [table], verdict: .undecided, exitStatus: 2, reason: text,
            policy: [.kept, .broken, .undecided].map { Report.Rule(rule: text, status: $0, detail: text) },
            probes: [probe],
            inputs: [Report.Input(role: text, path: text, sha256: String(repeating: "0", count: 64), bytes: 1)],
            reproduction: Report.Reproduction(
                command: text, seed: .max, threads: 1, engines: [text: text], platform: text, started: text, seconds: 1)
        )
    }()

    private static func plot(_ style: Plot.Series.Style, label: String?) -> Plot {
        let points = [-1e308, 0, 1e308].map { Plot.Point(x: $0, y: $0, low: $0, high: $0, label: label) }
        return Plot(
            id: text, title: text, x: Plot.Axis(text), y: Plot.Axis(text, isPercent: true),
            series: [
                Plot.Series(name: text, style: style, points: points),
                Plot.Series(name: text, style: style, points: []),
                Plot.Series(name: text, style: style, points: [Plot.Point(x: 0, y: 0)]),
            ], references: [Plot.Reference(.horizontal, at: 0, label: text), Plot.Reference(.diagonal, label: text)],
            summary: text)
    }

    /// Nothing in it.
    static let empty = Report(
        version: "0.1.0", verb: "audit", subject: "", facts: [], verdict: .pass, exitStatus: 0, reason: "", policy: [],
        probes: [], inputs: [], reproduction: Sample.reproduction)

    /// Curves of 10,000 points, tables of 2,000 rows, more than a thousand findings, unless told otherwise.
    static func long(points: Int = 10_000, rows: Int = 2_000, findings: Int = 1_200) -> Report {
        let curves = (0..<4).map { line in
            Plot.Series(
                name: "curve \(line)", style: line % 2 == 0 ? .line : .step,
                points: (0..<points).map {
                    let y = 0.5 + 0.4 * sin(Double($0) / 700 + Double(line))
                    return Plot.Point(x: Double($0), y: y, low: y - 0.05, high: y + 0.05)
                })
        }
        let plots = (0..<3).map { number in
            Plot(
                id: "long.plot\(number)", title: "Plot \(number)", x: Plot.Axis("step"),
                y: Plot.Axis("share", isPercent: true),
                series: curves, summary: "Four waves.")
        }
        let row = (0..<8).map { "cell \($0) with some words in it" }
        var probe = ProbeOutcome(probe: "long", title: "Long", taxonomy: Sample.evasion)
        probe.plots = plots
        probe.tables = [EvidenceTable(title: "Long", columns: row, rows: Array(repeating: row, count: rows))]
        probe.changes = Array(repeating: Sample.changes[0], count: 500)
        probe.findings = (0..<findings).map {
            Finding(
                id: "long.rule\($0)", probe: "long", severity: Severity.allCases[$0 % 5], title: "Finding \($0)",
                evidence: Sample.smallChange.evidence, remedy: "Mend it.", taxonomy: Sample.evasion, subject: "m")
        }
        return Report(
            version: "0.1.0", verb: "audit", subject: "long", facts: [], verdict: .fail, exitStatus: 1, reason: "many",
            policy: [], probes: [probe], inputs: Sample.inputs, reproduction: Sample.reproduction)
    }
}
