import CasemateCore
import CasemateModels
import Foundation

/// The figures, tables, plot and findings of one protected attribute.
struct FairnessAttribute {
    let groups: ProtectedGroups
    let probe: FairnessProbe
    let subject: AuditSubject
    let seed: UInt64

    func append(to outcome: inout ProbeOutcome) {
        guard groups.names.count > 1,
            let fairness = GroupFairness(
                groups.counts, reference: groups.reference, minimumReference: probe.minimumGroup, seed: seed)
        else {
            let known = groups.names.isEmpty ? "no value is known" : "every row is '\(groups.names[0])'"
            outcome.summary.append("\(groups.column) cannot be compared: \(known), insufficient data.")
            return
        }
        let gaps = scoreGaps(reference: fairness.reference.name)
        let adjusted = fairness.adjustedErrorRates()
        appendMetrics(fairness, gaps, adjusted, to: &outcome)
        outcome.tables += [selectionTable(fairness, gaps), parityTable(fairness)]
        outcome.plots.append(plot(fairness))
        outcome.summary += sentences(fairness)
        outcome.findings += findings(fairness, adjusted)
    }

    private func isTooSmall(_ row: GroupFairness.Row, _ fairness: GroupFairness) -> Bool {
        min(row.group.count, fairness.reference.count) < probe.minimumGroup
    }

    private func scoreGaps(reference: String) -> [String: StandardisedMeanDifference] {
        guard let scores = subject.positiveScores, let base = groups.names.firstIndex(of: reference) else { return [:] }
        let all = groups.rows.joined().map { scores[$0] }
        let baseScores = groups.rows[base].map { scores[$0] }
        return Dictionary(
            uniqueKeysWithValues: groups.names.indices.filter { $0 != base }.map { index in
                let own = groups.rows[index].map { scores[$0] }
                return (groups.names[index], StandardisedMeanDifference(group: own, reference: baseScores, all: all))
            })
    }

    // MARK: Metrics

    private func appendMetrics(
        _ fairness: GroupFairness, _ gaps: [String: StandardisedMeanDifference],
        _ adjusted: [String: [ErrorRate: Double]], to outcome: inout ProbeOutcome
    ) {
        for counts in groups.counts {
            let interval = Intervals.wilson(successes: counts.favourable, trials: counts.count)
            outcome.metrics.append(
                Metric(
                    "fairness.selection_rate", counts.selectionRate, low: interval?.low, high: interval?.high,
                    n: counts.count, group: "\(groups.column)=\(counts.name)", note: "Wilson 95 %"))
        }
        for row in fairness.rows {
            let group = "\(groups.column)=\(row.group.name)"
            let (n, selection) = (row.group.count, row.selection)
            let air = selection.ratioInterval
            let note = selection.ratio == nil ? "insufficient data: a needed cell is empty" : selection.intervalMethod
            outcome.metrics.append(
                Metric("fairness.air", selection.ratio, low: air?.low, high: air?.high, n: n, group: group, note: note))
            let points = selection.differenceInterval.map { Interval(-100 * $0.high, -100 * $0.low) }
            outcome.metrics.append(
                Metric(
                    "fairness.marginal_effect", row.marginalEffect, low: points?.low, high: points?.high, n: n,
                    group: group, note: "percentage points, Newcombe 95 %"))
            if let gap = gaps[row.group.name] {
                outcome.metrics.append(
                    Metric(
                        "fairness.smd", gap.value, low: gap.interval?.low, high: gap.interval?.high, n: n, group: group,
                        note: "Welch 95 %, \(subject.scoreMeaning)"))
            }
            appendParity(row, adjusted[row.group.name] ?? [:], group: group, to: &outcome)
        }
        // why: a rule on the group that happens to be the reference can then be decided.
        outcome.metrics.append(
            Metric(
                "fairness.air", 1, n: fairness.reference.count, group: "\(groups.column)=\(fairness.reference.name)",
                note: "reference group"))
        let count = groups.counts.reduce(0) { $0 + $1.count }
        let odds = Bootstrap.interval(strata: groups.rows, replicates: Bootstrap.replicates(for: count), seed: seed) {
            rows in
            GroupFairness.equalisedOdds(groups.recounted(rows, subject))
        }
        let known = fairness.equalisedOddsDifference != nil
        outcome.metrics.append(
            Metric(
                "fairness.equalised_odds_difference", fairness.equalisedOddsDifference, low: known ? odds?.low : nil,
                high: known ? odds?.high : nil, n: count, group: groups.column,
                note: known
                    ? "bootstrap within groups 95 %, biased upwards in small groups"
                    : "insufficient data: a needed cell is empty"))
    }

    private func appendParity(
        _ row: GroupFairness.Row, _ adjusted: [ErrorRate: Double], group: String, to outcome: inout ProbeOutcome
    ) {
        for rate in ErrorRate.allCases {
            guard let comparison = row.errorRates[rate] else { continue }
            let own = Intervals.wilson(successes: comparison.successes, trials: comparison.trials)
            outcome.metrics.append(
                Metric(
                    "fairness.\(rate.rawValue)", comparison.rate, low: own?.low, high: own?.high, n: comparison.trials,
                    group: group, note: "Wilson 95 %"))
            let span = comparison.differenceInterval
            outcome.metrics.append(
                Metric(
                    "fairness.\(rate.rawValue)_difference", comparison.difference, low: span?.low, high: span?.high,
                    n: comparison.trials, group: group,
                    note: comparison.difference == nil
                        ? "insufficient data: a needed cell is empty"
                        : "Newcombe 95 %; p (Holm) \(Words.pValue(adjusted[rate]))"))
            let ratio = comparison.ratioInterval
            outcome.metrics.append(
                Metric(
                    "fairness.\(rate.rawValue)_ratio", comparison.ratio, low: ratio?.low, high: ratio?.high,
                    n: comparison.trials, group: group,
                    note: comparison.ratio == nil
                        ? "insufficient data: a needed cell is empty" : comparison.intervalMethod))
        }
        outcome.metrics.append(
            Metric("fairness.average_odds_difference", row.averageOddsDifference, n: row.group.count, group: group))
    }

    // MARK: Tables and plot

    private func selectionTable(
        _ fairness: GroupFairness, _ gaps: [String: StandardisedMeanDifference]
    ) -> EvidenceTable {
        let base = fairness.reference
        var rows = [
            [
                "\(base.name) (reference)", "\(base.count)", Words.percent(base.selectionRate), "1", "–", "–", "–", "–",
            ]
        ]
        for row in fairness.rows {
            let gap = gaps[row.group.name]
            rows.append([
                row.group.name, "\(row.group.count)", Words.percent(row.selection.rate),
                Words.number(row.selection.ratio, row.selection.ratioInterval),
                Words.number(row.marginalEffect, digits: 1), Words.number(gap?.value, gap?.interval),
                Words.pValue(row.adjustedPValue), verdict(row, fairness),
            ])
        }
        let choice = fairness.isReferenceHighest ? "highest rate" : "named"
        return EvidenceTable(
            title:
                "Favourable decisions by \(groups.column), against \(base.name) (\(choice)); AIR: adverse impact ratio, "
                + "SMD: standardised mean difference",
            columns: [
                "group", "rows", "favourable", "AIR", "effect (points)", "SMD", "p (Holm)", "reading",
            ], rows: rows)
    }

    private func verdict(_ row: GroupFairness.Row, _ fairness: GroupFairness) -> String {
        guard let ratio = row.selection.ratio else { return "insufficient data" }
        if isTooSmall(row, fairness) { return "too few rows (under \(probe.minimumGroup))" }
        let isLarge = isPractical(ratio)
        switch (isLarge, (row.adjustedPValue ?? 1) < probe.alpha) {
        case (true, true): return "disparity"
        case (true, false): return "large, not significant: cannot be told from chance"
        case (false, true):
            return ratio < borderline ? "significant, near the threshold" : "significant, within the band"
        case (false, false): return "no disparity seen"
        }
    }

    /// Significant ratios below this raise a finding of medium severity.
    private var borderline: Double { max(probe.adverseImpact, 0.9) }

    /// Outside the band around parity: below the threshold, or above its inverse when the reference is named.
    private func isPractical(_ ratio: Double) -> Bool {
        ratio < probe.adverseImpact || ratio > 1 / probe.adverseImpact
    }

    private func parityTable(_ fairness: GroupFairness) -> EvidenceTable {
        func cells(_ counts: GroupCounts) -> [String] {
            [counts.name]
                + ErrorRate.allCases.map { rate in
                    let (successes, trials) = counts.rate(rate)
                    guard let interval = Intervals.wilson(successes: successes, trials: trials) else {
                        return "insufficient data"
                    }
                    return "\(Words.percent(Double(successes) / Double(trials))) [\(Words.percent(interval.low)), "
                        + "\(Words.percent(interval.high))], n = \(trials)"
                }
        }
        return EvidenceTable(
            title: "Error rates by \(groups.column) (favourable counts as positive, Wilson 95 %)",
            columns: ["group", "TPR", "FPR", "FNR", "PPV"],
            rows: [cells(fairness.reference)] + fairness.rows.map { cells($0.group) })
    }

    private func plot(_ fairness: GroupFairness) -> Plot {
        let points = fairness.rows.enumerated().compactMap { index, row in
            row.selection.ratio.map {
                Plot.Point(
                    x: Double(index), y: $0, low: row.selection.ratioInterval?.low,
                    high: row.selection.ratioInterval?.high, label: row.group.name)
            }
        }
        let said = fairness.rows.map {
            "\($0.group.name) \(Words.number($0.selection.ratio, $0.selection.ratioInterval))"
        }
        return Plot(
            id: "fairness.air.\(groups.column)", title: "Adverse impact ratio by \(groups.column)",
            x: Plot.Axis("group"), y: Plot.Axis("ratio to \(fairness.reference.name)", low: 0),
            series: [Plot.Series(name: "adverse impact ratio", style: .bars, points: points)],
            references: [
                Plot.Reference(.horizontal, at: probe.adverseImpact, label: "\(probe.adverseImpact) threshold"),
                Plot.Reference(.horizontal, at: 1, label: "parity"),
            ],
            summary: "Ratio of favourable decisions to those of \(fairness.reference.name): "
                + said.joined(separator: "; ") + ".")
    }

    // MARK: Sentences and findings

    private func sentences(_ fairness: GroupFairness) -> [String] {
        var lines = fairness.rows.map { row -> String in
            let against = "\(Words.percent(row.selection.rate)) against \(Words.percent(row.selection.referenceRate))"
            return "\(groups.column) = \(row.group.name) is decided favourably \(against) for "
                + "\(fairness.reference.name): adverse impact ratio "
                + "\(Words.number(row.selection.ratio, row.selection.ratioInterval)) (\(verdict(row, fairness)))."
        }
        if groups.missing > 0 {
            lines.append("Left out for lack of a value of \(groups.column): \(Words.count(groups.missing, "row")).")
        }
        return lines
    }

    private func findings(_ fairness: GroupFairness, _ adjusted: [String: [ErrorRate: Double]]) -> [Finding] {
        var found: [Finding] = []
        for row in fairness.rows where !isTooSmall(row, fairness) {
            if let finding = adverseImpact(row, fairness) { found.append(finding) }
            if let finding = unequalErrors(row, fairness, adjusted[row.group.name] ?? [:]) { found.append(finding) }
        }
        return found
    }

    private func adverseImpact(_ row: GroupFairness.Row, _ fairness: GroupFairness) -> Finding? {
        guard let ratio = row.selection.ratio, let p = row.adjustedPValue, p < probe.alpha else { return nil }
        guard ratio < borderline || ratio > 1 / probe.adverseImpact else { return nil }
        let interval = row.selection.ratioInterval
        let (worse, better) =
            ratio < 1
            ? (row.group.name, fairness.reference.name) : (fairness.reference.name, row.group.name)
        let metric = Metric(
            "fairness.air", ratio, low: interval?.low, high: interval?.high, n: row.group.count,
            group: "\(groups.column)=\(row.group.name)", note: row.selection.intervalMethod)
        return probe.finding(
            "adverse_impact", isPractical(ratio) ? .high : .medium,
            "People with \(groups.column) = \(worse) get the favourable decision markedly less often than "
                + "\(better) (ratio \(Words.number(ratio, interval)))",
            evidence: [
                .metric(metric),
                .text("p \(p < 0.001 ? "" : "= ")\(Words.pValue(p)) after Holm's adjustment over the groups."),
            ],
            remedy: "Find the features that carry the gap (drop or repair them, or train with a fairness constraint), "
                + "and move the threshold only together with the error rates shown here.", about: subject,
            feature: "\(groups.column)=\(row.group.name)")
    }

    private func unequalErrors(
        _ row: GroupFairness.Row, _ fairness: GroupFairness, _ adjusted: [ErrorRate: Double]
    ) -> Finding? {
        let pairs = [
            (ErrorRate.truePositive, "true positive rate"), (.falsePositive, "false positive rate"),
            (.positivePredictiveValue, "positive predictive value"),
        ]
        let broken = pairs.indices.filter { index in
            abs(row.errorRates[pairs[index].0]?.difference ?? 0) > probe.oddsDifference
                && (adjusted[pairs[index].0] ?? 1) < probe.alpha
        }
        guard !broken.isEmpty else { return nil }
        let evidence = broken.map { index -> Evidence in
            let comparison = row.errorRates[pairs[index].0]
            let span = comparison?.differenceInterval
            return .metric(
                Metric(
                    "fairness.\(pairs[index].0.rawValue)_difference", comparison?.difference, low: span?.low,
                    high: span?.high, n: comparison?.trials ?? 0, group: "\(groups.column)=\(row.group.name)",
                    note: "Newcombe 95 %; p (Holm) \(Words.pValue(adjusted[pairs[index].0]))"))
        }
        let named = broken.map { pairs[$0].1 }.joined(separator: " and ")
        return probe.finding(
            "unequal_errors", .medium,
            "The \(named) of \(groups.column) = \(row.group.name) differs from \(fairness.reference.name) by more than "
                + "\(Words.number(probe.oddsDifference, digits: 2))",
            evidence: evidence,
            remedy: "Equalise the errors: more or better data for the group, or thresholds chosen under equalised odds "
                + "(Hardt et al. 2016).", about: subject, feature: "\(groups.column)=\(row.group.name)")
    }
}
