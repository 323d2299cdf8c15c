import CasemateCore
import CasemateData

/// Turns what was measured into sentences, findings, numbers and rows.
struct DataProfileStory {
    let check: DataProfileCheck, subject: DataSubject
    var train: MeasuredTable?
    var comparison: ProfileComparison?
    var sources: GroupComparison?, windows: GroupComparison?
    var rules: RuleBreaks?
    private(set) var findings: [Finding] = []
    private(set) var suspects: [Int: Suspect] = [:]

    init(check: DataProfileCheck, subject: DataSubject) { (self.check, self.subject) = (check, subject) }

    /// Everything together. `unfinished` says what there was no time for.
    mutating func result(unfinished: String? = nil) throws -> DataCheckResult {
        var outcome =
            unfinished.map { check.outcome(status: .partial, reason: "the time budget ran out before \($0)") }
            ?? check.outcome()
        addRules()
        if let sources { try add(sources, isWindow: false) }
        if let windows { try add(windows, isWindow: true) }
        if let comparison { try add(comparison) }
        addColumnFacts()
        outcome.summary = summary
        outcome.findings = findings
        outcome.metrics = metrics
        outcome.headlines = metrics.filter { $0.group == nil && Self.headlines.contains($0.name) }
        outcome.tables = tables
        outcome.settings = settings
        return DataCheckResult(outcome: outcome, suspects: suspects.values.sorted { $0.row < $1.row })
    }

    private static let headlines = ["data_profile.shifted_columns", "data_profile.broken_rows"]

    private var settings: [String: String] {
        var settings = [
            "false-discovery rate": "\(check.alpha)",
            "gap or V for low, medium": "\(check.effect.low), \(check.effect.medium)",
            "stability index for low, medium": "\(check.stability.low), \(check.stability.medium)",
        ]
        if let train, !train.isWhole { settings["sampled rows"] = "\(train.rows.count)" }
        return settings
    }

    /// Notes a finding.
    mutating func report(
        _ rule: String, _ severity: Severity, _ title: String, _ evidence: [Evidence], remedy: String,
        feature: String = ""
    ) {
        findings.append(
            check.finding(
                rule, severity, title, evidence: evidence, remedy: remedy, about: subject, feature: feature))
    }

    /// Notes a row; of two reasons the stronger stays.
    mutating func suspect(_ row: Int, _ strength: Double, _ reason: String) {
        if let known = suspects[row], known.strength >= strength { return }
        suspects[row] = Suspect(row: row, strength: strength, reason: reason)
    }

    /// Rows of the training data that meet a condition, at most `limit`, from 0.
    func rows(where condition: String, limit: Int = RuleBreaks.rowLimit) throws -> [Int] {
        guard let table = subject.train else { return [] }
        let sql = """
            SELECT n FROM (SELECT row_number() OVER () - 1 AS n, (\(condition)) AS hit FROM {table}) WHERE hit \
            ORDER BY n LIMIT \(limit)
            """
        guard case .integers(let rows)? = try table.query(sql).columns.first else { return [] }
        return rows.compactMap(\.self)
    }

    // MARK: Rules

    private mutating func addRules() {
        guard let rules else { return }
        for broken in rules.rules where broken.counts.violated > 0 { add(broken) }
        for (row, rule) in rules.rows {
            let broken = rules.rules[rule]
            suspect(
                row, RuleBreaks.strength(share: broken.share), "breaks the rule '\(broken.rule.name.clipped(to: 80))'")
        }
    }

    private mutating func add(_ broken: RuleBreaks.Broken) {
        let (rule, counts) = (broken.rule, broken.counts)
        guard let interval = Intervals.wilson(successes: counts.violated, trials: counts.applicable) else { return }
        let metric = Metric(
            "data_profile.violation_share", broken.share, low: interval.low, high: interval.high,
            n: counts.applicable, group: "rule=\(rule.name)", note: "Wilson 95 %")
        let evidence: [Evidence] = [.metric(metric), .text("The rule: \(rule.text)")]
        guard !broken.isUnsound else {
            report(
                "rule_never_kept", .medium, "Nothing keeps the rule '\(rule.name.clipped())', or another excludes it",
                evidence, remedy: "Look at the rule first (a wrong unit, sides exchanged), then at the column.",
                feature: rule.name)
            return
        }
        let severity: Severity =
            interval.low >= check.rules.high ? .high : interval.low >= check.rules.medium ? .medium : .low
        let shown = counts.firstViolations.prefix(10).map { "\($0)" }.joined(separator: ", ")
        let more = counts.violated > 10 ? " and \(counts.violated - 10) more" : ""
        report(
            "broken_rule", severity,
            "\(Figure.count(counts.violated, "training row")) (\(Figure.percent(broken.share))) "
                + "break\(counts.violated == 1 ? "s" : "") the rule '\(rule.name.clipped())'",
            evidence + [
                .table(
                    EvidenceTable(
                        title: "Where", columns: ["rows (from 0)"], rows: [[shown + more]], personal: ["rows (from 0)"])
                )
            ],
            remedy: "Find out where these rows come from; correct or drop them before training, or correct the rule.",
            feature: rule.name)
    }

    /// Columns that say nothing.
    private mutating func addColumnFacts() {
        guard let profile = train?.profile else { return }
        let empty = profile.columns.filter { $0.missing == profile.rows }.map(\.name)
        let constant = profile.columns.filter { $0.missing < profile.rows && $0.distinct == 1 }.map(\.name)
        for (names, what, rule) in [
            (empty, "hold\(empty.count == 1 ? "s" : "") no value", "empty_columns"),
            (constant, "hold\(constant.count == 1 ? "s" : "") one value only", "constant_columns"),
        ] where !names.isEmpty {
            let shown = names.prefix(8).map { "'\($0.clipped(to: 40))'" }.joined(separator: ", ")
            let more = names.count > 8 ? " and \(names.count - 8) more" : ""
            report(
                rule, .info, "\(Figure.count(names.count, "column")) \(what): \(shown)\(more)", [],
                remedy: "Leave such columns out, or find out what emptied them.")
        }
    }
}
