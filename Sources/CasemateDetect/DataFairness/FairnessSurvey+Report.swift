import CasemateCore
import CasemateData
import CasemateModels

extension FairnessSurvey {
    /// How a group stands.
    private enum Reading {
        case insufficient, tooSmall, newGap, unexplained, explained, undecided, alike, hidden
    }

    /// Whether a ratio is far from parity: the comparison group is the best one, so that only low ratios occur.
    private func reading(_ verdict: GroupVerdict) -> Reading {
        let (counts, base) = (verdict.counts, verdict.baseCounts)
        guard counts.rows > 0, base.rows > 0, let ratio = verdict.row.selection.ratio else { return .insufficient }
        if min(counts.rows, base.rows) < check.minimumGroup { return .tooSmall }
        let isSignificant = (verdict.row.adjustedPValue ?? 1) < check.alpha
        let isLarge = ratio < check.adverseImpact
        if isNew(verdict, isSignificant: isSignificant, ratio: ratio) { return .newGap }
        guard isLarge else { return isHidden(verdict) ? .hidden : .alike }
        guard isSignificant else { return .undecided }
        return isExplained(verdict) ? .explained : .unexplained
    }

    /// A gap that is there now and was not in the reference: large enough, significant, and significantly wider.
    private func isNew(_ verdict: GroupVerdict, isSignificant: Bool, ratio: Double) -> Bool {
        guard isSignificant, let change = verdict.gapChange, let p = verdict.gapChangeP, p < check.alpha,
            let before = verdict.referenceRatio, let reference = verdict.reference,
            min(reference.group.rows, reference.base.rows) >= check.minimumGroup
        else { return false }
        // why both: a gap that merely widened a little, and one that was as large before, are not new.
        return change.value <= -check.change && ratio < check.adverseImpact && before >= check.adverseImpact
    }

    /// Whether comparable rows fare alike.
    private func isExplained(_ verdict: GroupVerdict) -> Bool {
        guard let adjusted = verdict.adjusted, let ratio = adjusted.ratio else { return false }
        return ratio >= check.comparable || (verdict.adjustedP ?? 0) >= check.alpha && ratio >= check.adverseImpact
    }

    /// Whether a large gap shows among comparable rows only.
    private func isHidden(_ verdict: GroupVerdict) -> Bool {
        guard let adjusted = verdict.adjusted, let ratio = adjusted.ratio, let p = verdict.adjustedP else {
            return false
        }
        return ratio < check.adverseImpact && p < check.alpha
    }

    /// One sentence on a group.
    func sentence(_ verdict: GroupVerdict) -> String {
        let name = "\(verdict.attribute.clipped(to: 40)) = \(verdict.group.clipped(to: 40))"
        let reading = reading(verdict)
        guard reading != .insufficient else { return "\(name): insufficient data." }
        let (counts, base) = (verdict.counts, verdict.baseCounts)
        var text =
            "\(name) is labelled favourably in \(RowWords.percent(GroupVerdict.rate(counts))) of "
            + "\(RowWords.count(counts.rows, "row")), \(verdict.base.clipped(to: 40)) in "
            + "\(RowWords.percent(GroupVerdict.rate(base))): ratio "
            + RowWords.number(verdict.row.selection.ratio, verdict.row.selection.ratioInterval)
        if let adjusted = verdict.adjusted {
            text += "; among comparable rows \(RowWords.number(adjusted.ratio, adjusted.ratioInterval))"
        }
        if let change = verdict.gapChange {
            text +=
                "; the gap moved by \(RowWords.fixed(100 * change.value, 1)) points since the reference"
                + " (\(RowWords.p(verdict.gapChangeP ?? 1)))"
        }
        return "\(text) (\(words(reading)))."
    }

    private func words(_ reading: Reading) -> String {
        switch reading {
        case .insufficient: "insufficient data"
        case .tooSmall: "too few rows, under \(check.minimumGroup)"
        case .newGap: "a new gap"
        case .unexplained: "a gap that comparable rows do not explain"
        case .explained: "a gap that comparable rows explain for the most part"
        case .undecided: "large, but not to be told from chance"
        case .alike: "no large gap"
        case .hidden: "a gap among comparable rows only"
        }
    }

    /// The finding on a group; `nil` where nothing is large and significant.
    func finding(_ verdict: GroupVerdict) -> Finding? {
        let name = "\(verdict.attribute) = \(verdict.group)".clipped(to: 80)
        let base = verdict.base.clipped(to: 40)
        let (rule, severity, title): (String, Severity, String)
        switch reading(verdict) {
        case .newGap:
            let isExplained = isExplained(verdict)
            (rule, severity) = ("new_gap", isExplained ? .medium : .high)
            title =
                "\(name) is labelled favourably far less often than \(base), and was not in the reference"
                + (isExplained ? "; comparable rows fare alike" : "")
        case .unexplained:
            (rule, severity) = ("unexplained_gap", .medium)
            title =
                "\(name) is labelled favourably far less often than \(base)"
                + (verdict.adjusted == nil ? "" : ", also among comparable rows")
        case .explained:
            (rule, severity) = ("explained_gap", .low)
            let rest = RowWords.number(verdict.adjusted?.ratio, verdict.adjusted?.ratioInterval)
            title =
                "\(name) is labelled favourably less often than \(base); comparable rows fare nearly alike (ratio \(rest))"
        case .hidden:
            (rule, severity) = ("hidden_gap", .medium)
            title = "Among comparable rows \(name) is labelled favourably far less often than \(base)"
        case .insufficient, .tooSmall, .undecided, .alike: return nil
        }
        return check.finding(
            rule, severity, title, evidence: evidence(verdict),
            remedy: rule == "new_gap"
                ? "Find out what changed since the reference for this group: who labelled, which source, which rule. Do not "
                    + "train on these labels before."
                : "A model learns this gap. Ask whether the labels are what they should be, and which features carry it; "
                    + "measure the model's own gap with the probe `fairness`.",
            about: subject, feature: "\(verdict.attribute)=\(verdict.group)")
    }

    private func evidence(_ verdict: GroupVerdict) -> [Evidence] {
        let selection = verdict.row.selection
        let group = "\(verdict.attribute)=\(verdict.group)"
        var evidence: [Evidence] = [
            .metric(
                Metric(
                    "data_fairness.air", selection.ratio, low: selection.ratioInterval?.low,
                    high: selection.ratioInterval?.high, n: verdict.counts.rows, group: group,
                    note: selection.intervalMethod))
        ]
        if let adjusted = verdict.adjusted {
            evidence.append(
                .metric(
                    Metric(
                        "data_fairness.adjusted_air", adjusted.ratio, low: adjusted.ratioInterval?.low,
                        high: adjusted.ratioInterval?.high, n: adjusted.rows, group: group,
                        note: "Mantel-Haenszel, \(RowWords.p(verdict.adjustedP ?? 1)) (Holm)")))
        }
        if let change = verdict.gapChange {
            evidence.append(
                .metric(
                    Metric(
                        "data_fairness.gap_change", change.value, low: change.interval.low, high: change.interval.high,
                        n: verdict.counts.rows, group: group, note: RowWords.p(verdict.gapChangeP ?? 1) + " (Holm)")))
        }
        let labels = subject.labels
        let unfavourable = labels.flatMap { labels in
            labels.classes.count == 2 ? labels.favourable.map { labels.classes[1 - $0] } : nil
        }
        evidence.append(
            .pattern(
                DataPattern(
                    .segment, conditions: [verdict.condition],
                    targetLabel: unfavourable, rows: verdict.counts.rows, share: GroupVerdict.rate(verdict.counts),
                    expected: verdict.reference.map { GroupVerdict.rate($0.group) }
                        ?? GroupVerdict.rate(verdict.baseCounts),
                    pValue: verdict.row.adjustedPValue)))
        return evidence
    }

    /// The groups of an attribute.
    func table(_ column: ProtectedColumn, _ compared: Int?) -> EvidenceTable {
        let own = verdicts.filter { $0.attribute == column.column.name }
        let rows = column.names.indices.map { index -> [String] in
            let counts = column.train[index]
            let verdict = own.first { $0.group == column.names[index] }
            let change = verdict?.rateChangeP.map { p in
                let before = column.reference.map { GroupVerdict.rate($0[index]) } ?? 0
                return "\(RowWords.fixed(100 * (GroupVerdict.rate(counts) - before), 1)) (\(RowWords.p(p)))"
            }
            return [
                column.names[index].clipped(to: 60), RowWords.count(counts.rows),
                counts.rows > 0 ? RowWords.share(counts.favourable, of: counts.rows) : "insufficient data",
                verdict.map { RowWords.number($0.row.selection.ratio, $0.row.selection.ratioInterval) }
                    ?? "compared with",
                verdict?.adjusted.map { RowWords.number($0.ratio, $0.ratioInterval) } ?? "–",
                change ?? "–", verdict.map { words(reading($0)) } ?? "–",
            ]
        }
        let note = compared.map { ", comparable among \(RowWords.count($0)) rows" } ?? ""
        return EvidenceTable(
            title: "Favourable labels by \(column.column.name.clipped(to: 60))\(note)",
            columns: [
                "group", "rows", "favourable", "ratio", "ratio, comparable rows", "change of the rate (points)",
                "reading",
            ], rows: rows)
    }
}
