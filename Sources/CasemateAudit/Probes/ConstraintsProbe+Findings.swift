import CasemateCore
import CasemateData

extension ConstraintsReport {
    /// Findings on data, on decisions, and on the rules themselves.
    var findings: [Finding] {
        var found: [Finding] = []
        for index in rules.indices where !review.unsound.contains(index) {
            if let train, let counts = trainCounts?[index] { found += broken(index, counts, "training", train.count) }
            found += broken(index, testCounts[index], "test", test.count)
        }
        return found + favouredFinding + review.faults.map(fault)
    }

    /// What an attacker can do with it today.
    var attacker: [String] {
        guard favoured.count >= probe.minimum else { return [] }
        return [
            "Somebody who hands in a case that cannot exist gets the good outcome: \(favoured.count) of "
                + "\(broken.count) test rows that break a declared rule are decided favourably, and nothing stops them."
        ]
    }

    /// A rule that rows of one file break.
    private func broken(_ index: Int, _ counts: ConstraintCounts, _ file: String, _ count: Int) -> [Finding] {
        guard counts.violated > 0,
            let interval = Intervals.wilson(successes: counts.violated, trials: counts.applicable)
        else { return [] }
        let rule = rules[index], isTraining = file == "training"
        let severity: Severity =
            interval.low >= probe.high && isTraining ? .high : interval.low >= probe.medium ? .medium : .low
        let share = Double(counts.violated) / Double(counts.applicable)
        let metric = Metric(
            isTraining ? "constraints.train_violation_share" : "constraints.violation_share", share, low: interval.low,
            high: interval.high, n: counts.applicable, group: "rule=\(rule.name)", note: "Wilson 95 %")
        return [
            probe.finding(
                isTraining ? "broken_in_training" : "broken_in_test", severity,
                "\(Words.count(counts.violated, "\(file) row")) (\(Words.percent(share))) "
                    + "break\(counts.violated == 1 ? "s" : "") the rule '\(rule.name)'",
                evidence: [.metric(metric), .text("The rule: \(rule.text)")]
                    + listed(counts.firstViolations, counts.violated),
                remedy: isTraining
                    ? "Find out where these rows come from; correct or drop them and train again, or correct the rule."
                    : "Correct or drop these rows, or the rule; refuse such rows before they reach the model.",
                about: subject, feature: rule.name)
        ]
    }

    /// Row numbers, as many as the settings allow.
    private func listed(_ rows: [Int], _ count: Int) -> [Evidence] {
        let shown = rows.prefix(probe.rows).map { "\($0 + 1)" }
        guard !shown.isEmpty else { return [] }
        let more = count > shown.count ? " and \(count - shown.count) more" : ""
        return [
            .table(
                EvidenceTable(
                    title: "Where", columns: ["rows"], rows: [[shown.joined(separator: ", ") + more]],
                    personal: ["rows"]))
        ]
    }

    /// Rows that cannot exist and get the good outcome.
    private var favouredFinding: [Finding] {
        guard hasFavour, !favoured.isEmpty else { return [] }
        let isBroken = Set(broken)
        let others = (0..<test.count).filter { !isBroken.contains($0) }
        let good = others.count { subject.isFavourableDecision($0) }
        let difference = Intervals.newcombeDifference(
            successes: favoured.count, trials: broken.count, referenceSuccesses: good, referenceTrials: others.count)
        // why: a model that turns such rows away oftener than others does part of the checking itself.
        let isTurnedAway = (difference?.high ?? 0) < 0
        let isFew = favoured.count < probe.minimum
        let share = Double(favoured.count) / Double(broken.count)
        let interval = Intervals.wilson(successes: favoured.count, trials: broken.count)
        let rest = others.isEmpty ? nil : Double(good) / Double(others.count)
        return [
            probe.finding(
                "impossible_rows_favoured", isTurnedAway || isFew ? .low : .medium,
                "\(favoured.count) of \(Words.count(broken.count, "test row")) that cannot exist "
                    + "get\(favoured.count == 1 ? "s" : "") the good outcome",
                evidence: [
                    .metric(
                        Metric(
                            "constraints.favoured_broken_rows", share, low: interval?.low, high: interval?.high,
                            n: broken.count, note: "Wilson 95 %")),
                    .text(
                        "Of the rows that break no rule, \(Words.percent(rest)) get it"
                            + (isTurnedAway
                                ? ", significantly more."
                                : isFew ? "; too few break a rule to compare." : ", not significantly more.")),
                ] + listed(favoured, favoured.count),
                remedy: "Check the declared rules before the model is asked, and refuse or review what breaks them.",
                about: subject)
        ]
    }

    // MARK: Faults of the rules

    private func fault(_ fault: ConstraintReview.Fault) -> Finding {
        switch fault {
        case .alwaysTrue(let rule):
            return about(
                rule, "always_true", .info, "The rule '\(rules[rule].name)' is true of every row by its form", [],
                "Write a rule that a row can break, or remove it.")
        case .neverTrue(let rule, let columns):
            let why = columns.isEmpty ? [] : ["It leaves no value for \(Self.names(columns))."]
            return about(
                rule, "never_kept", .medium, "No row can keep the rule '\(rules[rule].name)'", why,
                "Correct the rule: its parts exclude each other.")
        case .neverApplies(let rule, let missing):
            let why =
                missing.isEmpty
                ? "No row has all the values that it needs, or its arithmetic never has a result."
                : "\(Self.names(missing)) \(missing.count == 1 ? "is" : "are") missing in every row."
            return about(
                rule, "never_applies", .low, "The rule '\(rules[rule].name)' applies to no row of the \(leading)",
                [why],
                "Check the column and what stands for missing values, or guard the rule with has(…).")
        case .brokenByAll(let rule, let rows):
            return about(
                rule, "never_kept", .medium,
                "The rule '\(rules[rule].name)' is broken by all \(rows) rows of the \(leading) to which it applies",
                [],
                "Look at the rule first (a wrong unit, sides exchanged), then at the column.")
        case .clash(let one, let other, let columns, let rows):
            return pair(
                one, other, "clash", rows > 0 ? .medium : .low, "exclude each other",
                "No value of \(Self.names(columns)) keeps both, and both apply to \(Words.count(rows, "row")).")
        case .apart(let one, let other, let rows, let pValue):
            return pair(
                one, other, "clash", .low, "are never kept by the same row",
                "Both apply to \(Words.count(rows, "row")) of the \(leading); each is kept by some and none keeps both "
                    + "(Fisher, Holm over all pairs: p \(pValue < 0.001 ? "" : "= ")\(Words.pValue(pValue))).")
        }
    }

    private var leading: String { train == nil ? "test data" : "training data" }

    private func about(
        _ rule: Int, _ id: String, _ severity: Severity, _ title: String, _ why: [String], _ remedy: String
    ) -> Finding {
        probe.finding(
            id, severity, title, evidence: (["The rule: \(rules[rule].text)"] + why).map { .text($0) }, remedy: remedy,
            about: subject, feature: rules[rule].name)
    }

    private func pair(
        _ one: Int, _ other: Int, _ id: String, _ severity: Severity, _ what: String, _ why: String
    ) -> Finding {
        probe.finding(
            id, severity, "The rules '\(rules[one].name)' and '\(rules[other].name)' \(what)",
            evidence: [.text("\(rules[one].text)  |  \(rules[other].text)"), .text(why)],
            remedy: "Decide which of them is meant, and correct the other.", about: subject,
            feature: "\(rules[one].name)\u{1F}\(rules[other].name)")
    }

    private static func names(_ columns: [String]) -> String { columns.map { "'\($0)'" }.joined(separator: ", ") }
}
