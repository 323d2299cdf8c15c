public import CasemateCore
public import Foundation

/// The summary for a terminal, to be read in ten seconds: verdict, worst findings, key numbers, what was not tested.
public struct TextFormat: ReportFormat {
    /// Name on the command line.
    public static let identifier = "text"
    /// Name of the file.
    public static let fileName = "report.txt"
    /// Creates the format.
    public init() {}

    /// Writes the summary as UTF-8.
    public func render(_ report: Report, options: ReportOptions) throws -> Data {
        var page = TextPage(width: options.width, isColored: options.isColored)
        verdict(of: report, on: &page)
        attacker(of: report, on: &page)
        findings(of: report, on: &page)
        metrics(of: report, on: &page)
        policy(of: report, on: &page)
        coverage(of: report, on: &page)
        whereabouts(of: report, folder: options.outputFolder, on: &page)
        return Data(page.text.utf8)
    }

    private func verdict(of report: Report, on page: inout TextPage) {
        let (sign, tone): (String, TextPage.Tone) =
            switch report.verdict {
            case .pass: ("✓", .good)
            case .fail: ("✗", .worse)
            case .undecided: ("?", .warning)
            }
        let word = " \(sign) \(report.verdictWord) "
        let room = page.width - word.count - 2
        page.line(page.toned(word, tone) + "  " + page.toned(report.subject.inert.shortened(to: room), .strong))
        page.paragraph(report.reason)
        let facts = "\(report.verb), Casemate \(report.version), exit status \(report.exitStatus)"
        let masked = report.isRedacted ? ", personal data masked" : ""
        page.line(page.toned("  " + (facts + masked).inert.shortened(to: page.width - 2), .faint))
    }

    private func attacker(of report: Report, on page: inout TextPage) {
        guard !report.attacker.isEmpty else { return }
        page.heading("What an attacker can do to this model today")
        let groups = report.attackerGroups
        let shown =
            groups.count == 1 ? Array(report.attacker.prefix(3)) : groups.prefix(6).compactMap { $0.sentences.first }
        for sentence in shown { page.paragraph(sentence, lead: "  • ", lines: 3) }
        more(report.attacker.count - shown.count, "sentence", on: &page)
    }

    private func findings(of report: Report, on page: inout TextPage) {
        page.heading("Findings", note: report.severitiesInWords)
        let open = report.openFindings
        if open.isEmpty { page.line("  none that is not accepted") }
        for finding in open.prefix(3) {
            let lead = "  \(finding.severity.sign) \(finding.severity.rawValue.uppercased())"
            let filled = lead.padding(toLength: 14, withPad: " ", startingAt: 0)
            page.paragraph(finding.title, lead: filled, tone: finding.severity.tone, lines: 2)
            page.paragraph("fix: " + finding.remedy, lead: String(repeating: " ", count: 14), lines: 2)
        }
        more(open.count - 3, "finding", on: &page)
    }

    private func metrics(of report: Report, on page: inout TextPage) {
        let metrics = report.keyMetrics(limit: 10)
        guard !metrics.isEmpty else { return }
        page.heading("Key numbers", note: "with 95 % intervals unless the report says otherwise")
        let names = metrics.map { metric in
            (metric.name + (metric.group.map { " [\($0)]" } ?? "")).inert.shortened(to: page.width / 2)
        }
        let nameWidth = names.map(\.count).max() ?? 0
        let values = metrics.map(\.valueInWords)
        let valueWidth = values.map(\.count).max() ?? 0
        let intervals = metrics.map { $0.intervalInWords ?? "" }
        let intervalWidth = intervals.map(\.count).max() ?? 0
        for (index, metric) in metrics.enumerated() {
            let cells = [
                names[index].filled(to: nameWidth), values[index].filled(to: valueWidth, right: true),
                intervals[index].filled(to: intervalWidth),
            ]
            page.line("  " + cells.joined(separator: "  ") + "  n = \(Numerals.count(metric.n))")
        }
    }

    private func policy(of report: Report, on page: inout TextPage) {
        guard !report.policy.isEmpty else { return }
        let broken = report.policy.filter { $0.status == .broken }
        let undecided = report.policy.filter { $0.status == .undecided }
        let note = "\(broken.count) of \(Numerals.count(report.policy.count, "rule")) broken"
        page.heading("Policy", note: note + (undecided.isEmpty ? "" : ", \(undecided.count) undecided"))
        for rule in broken {
            page.paragraph("\(rule.rule) — \(rule.detail)", lead: "  ✗ broken: ", tone: .bad, lines: 2)
        }
        for rule in undecided {
            page.paragraph("\(rule.rule) — \(rule.detail)", lead: "  ? undecided: ", tone: .warning, lines: 2)
        }
        if broken.isEmpty, undecided.isEmpty { page.line("  ✓ every rule is kept") }
    }

    private func coverage(of report: Report, on page: inout TextPage) {
        guard !report.coverage.isEmpty else { return }
        page.heading("Coverage", note: report.coverageInWords)
        let gaps = report.coverage.filter { $0.status != .tested }
        for line in gaps {
            page.paragraph(
                "\(line.title): \(line.reason ?? "no reason given")",
                lead: "  \(line.status.sign) \(line.status.inWords): ",
                lines: gaps.count > 6 && line.status == .notTested ? 1 : 2)
        }
    }

    private func whereabouts(of report: Report, folder: String?, on page: inout TextPage) {
        page.gap()
        let time = Numerals.duration(report.reproduction.seconds)
        if let folder {
            let path = (folder.hasSuffix("/") ? folder : folder + "/") + HTMLFormat.fileName
            page.line("Report: \(page.toned(path.inert, .strong))  (\(time), seed \(report.reproduction.seed))")
        } else {
            page.line("\(time), seed \(report.reproduction.seed); --output DIR writes the whole report")
        }
    }

    private func more(_ count: Int, _ noun: String, on page: inout TextPage) {
        guard count > 0 else { return }
        page.line(
            page.toned("  … and \(Numerals.count(count)) more \(noun)\(count == 1 ? "" : "s") in the report", .faint))
    }
}

extension ProbeOutcome.Status {
    fileprivate var sign: String {
        switch self {
        case .tested: "✓"
        case .partial: "◐"
        case .notTested: "○"
        case .failed: "✗"
        }
    }
}

extension Severity {
    /// A sign of its own, so that colour never carries the meaning alone.
    var sign: String {
        switch self {
        case .critical: "‼"
        case .high: "▲"
        case .medium: "◆"
        case .low: "●"
        case .info: "○"
        }
    }
    fileprivate var tone: TextPage.Tone {
        switch self {
        case .critical: .worse
        case .high: .bad
        case .medium: .warning
        case .low, .info: .calm
        }
    }
}

extension String {
    fileprivate func filled(to width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - count))
        return right ? space + self : self + space
    }
}
