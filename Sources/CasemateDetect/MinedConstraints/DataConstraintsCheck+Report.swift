import CasemateCore

extension DataConstraintsCheck {
    /// Sentences for everybody.
    func summary(
        _ subject: DataSubject, _ constraints: [MinedConstraint], _ verdicts: BrokenConstraints, leftOut: Int
    ) -> [String] {
        let whose = subject.reference == nil ? "training data" : "reference"
        let kinds = MinedConstraint.Kind.allCases.compactMap { kind -> String? in
            let number = constraints.count { $0.kind == kind }
            let plural = kind == .dependency ? "functional dependencies" : kind.rawValue + "s"
            return number > 0 ? "\(number) \(number == 1 ? kind.rawValue : plural)" : nil
        }
        var lines = [
            constraints.isEmpty
                ? "No rule between columns holds in \(RowWords.percent(support)) of the rows of the \(whose) unless by chance."
                : "Mined from the \(whose): \(kinds.joined(separator: ", ")), each kept by at least "
                    + "\(RowWords.percent(support)) of the rows."
        ]
        if !constraints.isEmpty {
            lines.append(
                verdicts.entries.isEmpty
                    ? "No training row breaks any of them."
                    : "Training rows break \(verdicts.entries.count) of the \(constraints.count) rules.")
        }
        if !verdicts.hasReference, !verdicts.entries.isEmpty {
            lines.append(
                "Without a reference the rules are mined from the rows that they judge: a row that breaks one may be a rare "
                    + "honest case.")
        }
        if leftOut > 0 {
            lines.append(
                "Not looked at: \(RowWords.count(leftOut, "column")) beyond the first \(MiningSample.numberLimit) of "
                    + "numbers and \(MiningSample.otherLimit) of others.")
        }
        return lines
    }

    func metrics(_ constraints: [MinedConstraint], _ verdicts: BrokenConstraints, _ count: Int) -> [Metric] {
        let rows = Set(verdicts.entries.flatMap(\.rows)).count
        let interval = Intervals.wilson(successes: rows, trials: count)
        var metrics = [
            Metric("data_constraints.mined", Double(constraints.count), n: count),
            Metric(
                "data_constraints.breaking_rows", Double(rows) / Double(max(1, count)), low: interval?.low,
                high: interval?.high, n: count, note: "Wilson 95 %"),
            Metric("data_constraints.broken", Double(verdicts.entries.count), n: constraints.count),
        ]
        for entry in verdicts.entries.prefix(shown) {
            let (broken, applicable) = (entry.constraint.trainBroken, entry.constraint.trainApplicable)
            let interval = Intervals.wilson(successes: broken, trials: applicable)
            metrics.append(
                Metric(
                    "data_constraints.violation_share", Double(broken) / Double(max(1, applicable)), low: interval?.low,
                    high: interval?.high, n: applicable,
                    group: "rule=\((entry.constraint.rule ?? entry.constraint.statement).clipped(to: 120))",
                    note: "Wilson 95 %"))
        }
        return metrics
    }

    func table(_ constraints: [MinedConstraint], _ subject: DataSubject) -> EvidenceTable {
        let isOwn = subject.reference == nil
        let rows = constraints.prefix(shown).map { found -> [String] in
            let (broken, applicable) = (found.broken, found.applicable)
            let kept = "\(RowWords.percent(1 - found.brokenShare)) of \(RowWords.count(applicable))"
            return [
                found.kind.rawValue, found.rule ?? "\(found.statement) (no rule language for it)", kept,
                isOwn ? RowWords.count(broken) : RowWords.count(found.trainBroken),
                found.kind == .shape ? "–" : RowWords.percent(found.chance),
            ]
        }
        let more = constraints.count > shown ? " (the first \(shown) of \(constraints.count))" : ""
        return EvidenceTable(
            title: "Mined rules, ready to be pasted under `constraints:`\(more)",
            columns: ["kind", "rule", "kept by", "training rows that break it", "broken by chance"], rows: rows)
    }

    /// One finding for each rule broken significantly oftener than in the reference, one for all others.
    func findings(_ subject: DataSubject, _ verdicts: BrokenConstraints) -> [Finding] {
        var findings: [Finding] = []
        let grave = verdicts.entries.filter { ($0.pValue ?? 1) < alpha && $0.constraint.trainBroken >= 5 }
        for entry in grave.prefix(10) {
            let found = entry.constraint
            findings.append(
                finding(
                    "new_violations", .medium,
                    "\(RowWords.count(found.trainBroken, "training row")) "
                        + "break\(found.trainBroken == 1 ? "s" : "") a rule that the reference keeps: \(found.statement)",
                    evidence: [
                        .text(
                            "Broken by \(RowWords.share(found.trainBroken, of: found.trainApplicable)) of the training rows "
                                + "and \(RowWords.share(found.broken, of: found.applicable)) of the reference, "
                                + "\(RowWords.p(entry.pValue ?? 1)) after Holm."),
                        .table(rowTable([entry])),
                    ],
                    remedy:
                        "Look these rows up where they came from; declare the rule under `constraints:` so that no such "
                        + "row comes in again.", about: subject,
                    feature: found.rule ?? found.statement))
        }
        let rest = verdicts.entries.filter { entry in
            entry.strength >= 0.05 && !grave.contains { $0.constraint == entry.constraint }
        }
        if let first = rest.first {
            let rows = Set(rest.flatMap(\.rows)).count
            findings.append(
                finding(
                    "violations", .low,
                    "\(RowWords.count(rows, "training row")) break\(rows == 1 ? "s" : "") a rule that nearly all others "
                        + "keep, such as \(first.constraint.statement)",
                    evidence: [.table(rowTable(Array(rest.prefix(20))))],
                    remedy: "Look at the rows, correct or drop what cannot be, and declare the rules that are meant.",
                    about: subject))
        }
        return findings
    }

    private func rowTable(_ entries: [BrokenConstraints.Entry]) -> EvidenceTable {
        EvidenceTable(
            title: "Who breaks which rule", columns: ["rule", "training rows", "row (from 0)"],
            rows: entries.map { entry in
                [
                    (entry.constraint.rule ?? entry.constraint.statement).clipped(to: 200),
                    RowWords.count(entry.constraint.trainBroken), RowWords.rows(entry.rows),
                ]
            }, personal: ["row (from 0)"])
    }
}
