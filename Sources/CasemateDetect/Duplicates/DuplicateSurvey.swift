import CasemateCore
import CasemateData

/// What is learnt of repeated rows, step by step.
struct DuplicateSurvey {
    let check: DataDuplicatesCheck
    let subject: DataSubject
    let equal: EqualRows
    /// Sizes of groups of equal rows, the largest first.
    let sizes: [EqualRows.Size]
    /// Whether columns have so few values that equal rows must occur.
    var isCoarse = false
    var summary: [String] = []
    var findings: [Finding] = []
    var metrics: [Metric] = []
    var tables: [EvidenceTable] = []
    var settings: [String: String] = [:]
    var suspects: [Int: Suspect] = [:]

    init(check: DataDuplicatesCheck, subject: DataSubject, equal: EqualRows, sizes: [EqualRows.Size]) {
        (self.check, self.subject, self.equal, self.sizes) = (check, subject, equal, sizes)
    }

    /// Number of groups, rows in them, rows that repeat an earlier one, pairs of equal rows.
    var groups: Int { sizes.reduce(0) { $0 + $1.groups } }
    var members: Int { sizes.reduce(0) { $0 + $1.groups * $1.rows } }
    var copies: Int { members - groups }
    var pairs: Double {
        sizes.reduce(0) { $0 + Double($1.groups) * Double($1.rows) * Double($1.rows - 1) / 2 }
    }
    var favourable: String? { subject.labels.flatMap { labels in labels.favourable.map { labels.classes[$0] } } }

    /// Adds suspects; of two entries for a row the stronger stays.
    mutating func add(_ found: [Suspect]) {
        for suspect in found where suspect.strength > suspects[suspect.row]?.strength ?? 0 {
            suspects[suspect.row] = suspect
        }
    }

    /// A share with Wilson's interval as a metric.
    mutating func measure(_ name: String, _ successes: Int, of trials: Int, group: String? = nil) {
        let interval = Intervals.wilson(successes: successes, trials: trials)
        metrics.append(
            Metric(
                "data_duplicates.\(name)", trials > 0 ? Double(successes) / Double(trials) : nil, low: interval?.low,
                high: interval?.high, n: trials, group: group, note: trials > 0 ? "Wilson 95 %" : "nothing to count"))
    }

    /// How many rows repeat others.
    mutating func reportCopies() {
        measure("copies", copies, of: subject.count)
        metrics.append(Metric("data_duplicates.groups", Double(groups), n: subject.count))
        metrics.append(Metric("data_duplicates.largest", Double(sizes.first?.rows ?? 1), n: subject.count))
        settings["columns compared"] = "\(equal.columns.count)"
        guard copies > 0 else {
            summary.append(
                "No row occurs twice over the \(RowWords.count(equal.columns.count, "feature")), labels apart.")
            return
        }
        summary.append(
            "\(RowWords.count(copies, "training row")) (\(RowWords.share(copies, of: subject.count))) "
                + "repeat\(copies == 1 ? "s" : "") an earlier one, labels apart: \(RowWords.count(groups, "row")) "
                + "occur\(groups == 1 ? "s" : "") several times, the commonest \(RowWords.count(sizes[0].rows)) times.")
        if isCoarse {
            summary.append(
                "The columns have so few values that equal rows are to be expected; they need not be copies.")
        }
        let share = Double(copies) / Double(max(1, subject.count))
        findings.append(
            check.finding(
                "copies", !isCoarse && share >= 0.01 ? .low : .info,
                "\(RowWords.percent(share)) of the training rows repeat an earlier row",
                evidence: [.metric(metrics[0])],
                remedy: "Keep copies on one side of every split; drop them unless they stand for different cases.",
                about: subject))
        tables.append(
            EvidenceTable(
                title: "Rows that occur several times", columns: ["times", "rows", "of them with different labels"],
                rows: sizes.prefix(12).map {
                    [RowWords.count($0.rows), RowWords.count($0.groups), RowWords.count($0.mixed)]
                }))
    }

    /// Equal rows with different labels.
    mutating func reportConflicts() throws {
        guard let labels = subject.labels, groups > 0 else { return }
        var counts = [Int](repeating: 0, count: labels.classes.count)
        for value in labels.values where value >= 0 { counts[Int(value)] += 1 }
        let total = Double(max(1, counts.reduce(0, +)))
        let conflicts = LabelConflicts(sizes, shares: counts.map { Double($0) / total })
        measure("conflicts", conflicts.mixed, of: conflicts.groups)
        metrics.append(
            Metric(
                "data_duplicates.chance_conflicts", conflicts.expected / Double(max(1, conflicts.groups)),
                n: conflicts.groups, note: "if labels fell by chance"))
        guard conflicts.mixed > 0 else {
            summary.append("No repeated row has different labels.")
            return
        }
        let isTelling = conflicts.isTelling && !isCoarse
        let found = try equal.conflicts(limit: check.conflictRows)
        let doubtful = found.flatMap { conflicts.suspects($0, favourable: favourable) }
        if !isCoarse { add(doubtful) }
        summary.append(
            "\(RowWords.count(conflicts.mixed)) of the \(RowWords.count(conflicts.groups)) repeated rows have different "
                + "labels; \(RowWords.fixed(conflicts.expected, 1)) would if labels fell by chance"
                + (isTelling
                    ? ", so that equal rows mean the same case and these are exceptions."
                    : ": equal rows here need not mean the same case, and say little against a label."))
        let share = Double(conflicts.mixed) / Double(conflicts.groups)
        let severity: Severity = !isTelling ? .info : conflicts.mixed >= 10 && share >= 0.05 ? .medium : .low
        findings.append(
            check.finding(
                "conflicting_labels", severity,
                "\(RowWords.count(conflicts.mixed, "repeated row")) \(conflicts.mixed == 1 ? "has" : "have") "
                    + "different labels",
                evidence: [.table(conflictTable(found))],
                remedy: "Look up which label is right; a label that the other copies contradict was either changed or "
                    + "entered twice.", about: subject))
    }

    private func conflictTable(_ groups: [EqualRows.Group]) -> EvidenceTable {
        let rows = groups.sorted { $0.rows.count > $1.rows.count }.prefix(10).map { group -> [String] in
            var counts: [String: Int] = [:]
            for label in group.labels { counts[label ?? "missing", default: 0] += 1 }
            let said = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
            return [
                RowWords.rows(group.rows, shown: 6),
                said.map { "\($0.key.clipped(to: 30)): \($0.value)" }.joined(separator: ", "),
            ]
        }
        return EvidenceTable(
            title: "Equal rows with different labels", columns: ["row (from 0)", "labels"], rows: rows,
            personal: ["row (from 0)"])
    }

    /// Test rows that are training rows.
    mutating func reportOverlap() throws {
        guard let test = subject.test else { return }
        guard equal.columns.allSatisfy({ column in test.columns.contains { $0.name == column.name } }) else {
            summary.append("The test data lack columns of the training data, so that rows cannot be compared.")
            return
        }
        let found = try equal.overlap(with: RowSQL(test), limit: 20)
        measure("test_overlap", found.count, of: test.count)
        guard found.count > 0 else {
            summary.append("No test row is a training row.")
            return
        }
        let share = Double(found.count) / Double(test.count)
        let natural = Double(members) / Double(max(1, subject.count))
        let low = Intervals.wilson(successes: found.count, trials: test.count)?.low ?? 0
        let severity: Severity =
            isCoarse ? .info : low > max(0.1, 3 * natural) ? .high : low > 2 * natural + 0.01 ? .medium : .low
        let beyond = severity >= .medium ? ", far more than rows repeat one another within the training data" : ""
        summary.append(
            "\(RowWords.count(found.count)) of \(RowWords.count(test.count, "test row")) "
                + "(\(RowWords.share(found.count, of: test.count))) are training rows too\(beyond).")
        findings.append(
            check.finding(
                "train_test_overlap", severity,
                "\(RowWords.percent(share)) of the test rows stand in the training data as well",
                evidence: [
                    .text(
                        "Within the training data \(RowWords.percent(natural)) of the rows have an equal row; a random "
                            + "split would leave about as many in the test data."),
                    .table(
                        EvidenceTable(
                            title: "Test rows that are training rows", columns: ["test row (from 0)"],
                            rows: [[RowWords.rows(found.rows)]], personal: ["test row (from 0)"])),
                ],
                remedy: "Put copies on one side before splitting. Accuracy, membership tests and duplicates across the "
                    + "split cannot be believed until then.", about: subject))
    }

    /// The outcome with what could not be done in time.
    func result(skipped: [String]) -> DataCheckResult {
        let reason = skipped.isEmpty ? nil : "out of time before: \(skipped.joined(separator: ", "))"
        var outcome = check.outcome(status: skipped.isEmpty ? .tested : .partial, reason: reason)
        (outcome.summary, outcome.findings, outcome.metrics) = (summary, findings, metrics)
        (outcome.tables, outcome.settings, outcome.headlines) = (tables, settings, Array(metrics.prefix(1)))
        return DataCheckResult(outcome: outcome, suspects: suspects.values.sorted { $0.row < $1.row })
    }
}
