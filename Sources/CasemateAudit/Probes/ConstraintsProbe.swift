public import CasemateCore
import CasemateData

/// Counts the rows that break declared rules, in training and test data, and asks how the model decides them.
///
/// Definitions, findings and blind spots: `docs/probes/constraints.md`; the language: `docs/reference/constraints.md`.
public struct ConstraintsProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "constraints"
    /// Heading in reports.
    public static let title = "Constraints: rows that cannot exist"
    /// What it examines.
    public static let purpose = "rows that break declared CEL rules, and how the model decides them"
    /// Data that somebody made up or spoilt, and a model that takes them.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training, .inference], influence: .causative, violations: [.integrity],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0015"],
        owasp: ["ML01", "ML02"], nist: ["NISTAML.013", "NISTAML.022"])
    /// Keys under `probes.constraints`.
    public static let settings: [Setting<ConstraintsProbe>] = [
        .integer("rows", \.rows, 0...100, "rows that a finding lists at most"),
        .number("medium", \.medium, .share, "share of rows that break a rule from which a finding is medium"),
        .number("high", \.high, .share, "share of training rows that break a rule from which a finding is high"),
        .integer(
            "min_rows", \.minimum, 1...1_000_000,
            "fewer favoured rows that break a rule are a low finding, and no word of attackers"),
        .number("alpha", \.alpha, .share, "level of significance for rules that are never kept together"),
    ]
    /// One group for each rule.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["rule"] }

    /// Rows that a finding lists at most.
    public var rows = 10
    /// Share of rows that break a rule from which a finding is medium; the lower end of the interval must reach it.
    public var medium = 0.01
    /// Share of training rows that break a rule from which a finding is high, read in the same way.
    public var high = 0.1
    /// Fewer test rows that break a rule and are decided favourably give a finding of severity low.
    public var minimum = 5
    /// Level of significance, after Holm's adjustment over all pairs, for rules that are never kept together.
    public var alpha = 0.01

    /// Creates the probe.
    public init() {}

    /// The shares must be in order.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> ConstraintsProbe {
        guard medium <= high else {
            throw CasemateError(
                .invalidSetting, at: "probes.constraints", "'medium' is \(medium), above 'high', which is \(high)",
                help: "write the smaller share for 'medium'")
        }
        return self
    }

    /// Needs rules.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        subject.constraints.isEmpty
            ? "no rule is declared: add `constraints: [\"row.years_on_job <= row.age - 14\"]`" : nil
    }

    /// Counts in both files and reviews the rules.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        var outcome = outcome()
        outcome.settings = [
            "rules": "\(subject.constraints.count)", "share for medium": "\(medium)", "share for high": "\(high)",
            "favoured rows for medium": "\(minimum)", "alpha": "\(alpha)",
        ]
        try context.cancellation.check()
        let test = try ConstraintVerdicts(of: subject.constraints, in: subject.tables.test)
        try context.cancellation.check()
        let train = try subject.tables.train.map { try ConstraintVerdicts(of: subject.constraints, in: $0) }
        try context.cancellation.check()
        let review = ConstraintReview(of: train ?? test, in: subject.tables.leading, alpha: alpha)
        ConstraintsReport(probe: self, subject: subject, test: test, train: train, review: review)
            .append(to: &outcome)
        return outcome
    }
}

/// Figures, table and plot of what rules said; findings are in an extension.
struct ConstraintsReport {
    let probe: ConstraintsProbe
    let subject: AuditSubject
    let test: ConstraintVerdicts, train: ConstraintVerdicts?
    let review: ConstraintReview
    let testCounts: [ConstraintCounts], trainCounts: [ConstraintCounts]?
    /// Test rows that break at least one sound rule, with those among them that are decided favourably.
    let broken: [Int], favoured: [Int]
    /// Training rows that break at least one sound rule.
    let trainBroken: Int?

    init(
        probe: ConstraintsProbe, subject: AuditSubject, test: ConstraintVerdicts, train: ConstraintVerdicts?,
        review: ConstraintReview
    ) {
        (self.probe, self.subject, self.test, self.train, self.review) = (probe, subject, test, train, review)
        testCounts = test.counts(listing: probe.rows)
        trainCounts = train?.counts(listing: probe.rows)
        let sound = subject.constraints.indices.filter { !review.unsound.contains($0) }
        broken = test.rowsBreaking(sound)
        favoured =
            subject.favourable == nil || subject.decisions.isEmpty
            ? [] : broken.filter { subject.isFavourableDecision($0) }
        trainBroken = train?.rowsBreaking(sound).count
    }

    var rules: [ConstraintRule] { subject.constraints }
    /// Whether decisions can be called favourable.
    var hasFavour: Bool { subject.favourable != nil && !subject.decisions.isEmpty }

    func append(to outcome: inout ProbeOutcome) {
        for (index, rule) in rules.enumerated() {
            outcome.metrics += metrics(rule, testCounts[index], prefix: "")
            if let counts = trainCounts?[index] { outcome.metrics += metrics(rule, counts, prefix: "train_") }
        }
        let shares = wholeShares
        outcome.metrics += shares
        outcome.headlines = shares.filter { $0.name == "constraints.broken_rows" }
        outcome.tables.append(table)
        if let plot { outcome.plots.append(plot) }
        outcome.summary += summary
        outcome.findings = findings
        outcome.attacker = attacker
    }

    private func metrics(_ rule: ConstraintRule, _ counts: ConstraintCounts, prefix: String) -> [Metric] {
        let group = "rule=\(rule.name)", n = counts.applicable
        let interval = Intervals.wilson(successes: counts.violated, trials: n)
        return [
            Metric("constraints.\(prefix)violations", Double(counts.violated), n: n, group: group),
            Metric(
                "constraints.\(prefix)violation_share", n > 0 ? Double(counts.violated) / Double(n) : nil,
                low: interval?.low, high: interval?.high, n: n, group: group,
                note: n > 0 ? "Wilson 95 %" : "the rule applies to no row"),
            Metric(
                "constraints.\(prefix)not_applicable", Double(counts.notApplicable), n: n + counts.notApplicable,
                group: group),
        ]
    }

    private var wholeShares: [Metric] {
        var shares = [share("broken_rows", broken.count, test.count)]
        if let train, let trainBroken { shares.append(share("train_broken_rows", trainBroken, train.count)) }
        if hasFavour { shares.append(share("favoured_broken_rows", favoured.count, broken.count)) }
        return shares
    }

    private func share(_ name: String, _ count: Int, _ n: Int) -> Metric {
        let interval = Intervals.wilson(successes: count, trials: n)
        return Metric(
            "constraints.\(name)", n > 0 ? Double(count) / Double(n) : nil, low: interval?.low, high: interval?.high,
            n: n,
            note: n > 0 ? "Wilson 95 %" : "no such rows")
    }

    // MARK: Table and plot

    /// Rules in the order in which they are shown: the most broken first.
    private var order: [Int] {
        func share(_ counts: ConstraintCounts) -> Double {
            counts.applicable > 0 ? Double(counts.violated) / Double(counts.applicable) : -1
        }
        let shares = rules.indices.map { index in
            max(share(testCounts[index]), trainCounts.map { share($0[index]) } ?? -1)
        }
        return rules.indices.sorted { shares[$0] != shares[$1] ? shares[$0] > shares[$1] : $0 < $1 }
    }

    private var table: EvidenceTable {
        func cells(_ counts: ConstraintCounts) -> [String] {
            let share = counts.applicable > 0 ? Double(counts.violated) / Double(counts.applicable) : nil
            return ["\(counts.violated)", Words.percent(share), "\(counts.notApplicable)"]
        }
        let files = (trainCounts == nil ? [] : ["training"]) + ["test"]
        let shown = order.prefix(50)
        return EvidenceTable(
            title: "Rows that break each rule" + (rules.count > 50 ? ", the 50 most broken of \(rules.count)" : ""),
            columns: ["rule", "as written"]
                + files.flatMap { ["broken, \($0)", "share, \($0)", "does not apply, \($0)"] },
            rows: shown.map { index in
                let written = rules[index].text == rules[index].name ? "" : rules[index].text
                return [rules[index].name, written] + (trainCounts.map { cells($0[index]) } ?? [])
                    + cells(testCounts[index])
            })
    }

    private var plot: Plot? {
        let shown = order.prefix(20).filter { testCounts[$0].applicable + (trainCounts?[$0].applicable ?? 0) > 0 }
        guard !shown.isEmpty else { return nil }
        func series(_ name: String, _ counts: [ConstraintCounts]) -> Plot.Series {
            let points = shown.enumerated().compactMap { place, index -> Plot.Point? in
                let (violated, n) = (counts[index].violated, counts[index].applicable)
                guard let interval = Intervals.wilson(successes: violated, trials: n) else { return nil }
                return Plot.Point(
                    x: Double(place), y: Double(violated) / Double(n), low: interval.low, high: interval.high,
                    label: rules[index].name)
            }
            return Plot.Series(name: name, style: .bars, points: points)
        }
        let all = (trainCounts.map { [series("training data", $0)] } ?? []) + [series("test data", testCounts)]
        let worst = all.flatMap(\.points).max { $0.y < $1.y }
        return Plot(
            id: "constraints.violation_shares", title: "Share of rows that break each rule",
            x: Plot.Axis("rule"), y: Plot.Axis("share of the rows to which it applies", low: 0, isPercent: true),
            series: all,
            summary: worst.map {
                "The most broken rule is '\($0.label ?? "")' with \(Words.percent($0.y)); bars with 95 % intervals."
            } ?? "")
    }

    private var summary: [String] {
        let files = train.map { "\($0.count) training rows and \(test.count) test rows" } ?? "\(test.count) test rows"
        var sentences = [
            "\(Words.count(rules.count, "rule")) \(rules.count == 1 ? "was" : "were") checked on \(files)."
        ]
        let trained = trainBroken.map { "\(Words.count($0, "training row")) and " } ?? ""
        let verb = trained.isEmpty && broken.count == 1 ? "breaks" : "break"
        sentences.append("\(trained)\(Words.count(broken.count, "test row")) \(verb) at least one of them.")
        let silent = testCounts.map(\.notApplicable).max() ?? 0
        if silent > 0 {
            sentences.append(
                "A rule that touches a missing value says nothing about the row; at most \(silent) of \(test.count) test "
                    + "rows are left out so by one rule.")
        }
        if !review.unsound.isEmpty {
            sentences.append(
                "Rules that no row keeps, or that exclude each other, are not counted there: the rule is likelier to be "
                    + "wrong than every row.")
        }
        if !hasFavour {
            sentences.append(
                "How the model decides broken rows is not said: add `favourable:` under `data:`"
                    + (subject.decision == nil ? " and `decision: {threshold: …}`." : "."))
        }
        return sentences
    }
}
