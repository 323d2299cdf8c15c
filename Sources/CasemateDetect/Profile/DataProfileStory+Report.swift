import CasemateCore
import CasemateData

extension DataProfileStory {
    /// The few measures of a shift, as metrics of its column.
    func measures(_ shift: ColumnShift) -> [Metric] {
        let group = "column=\(shift.title)", n = shift.rows
        let note = shift.error > 0 ? "at most \(Figure.fixed(shift.error, digits: 4)) more" : nil
        var metrics = [
            shift.test == .gap
                ? Metric("data_profile.ks", shift.statistic, n: n, group: group, note: note)
                : Metric("data_profile.cramers_v", shift.effect, n: n, group: group),
            Metric("data_profile.psi", shift.stability, n: n, group: group),
            Metric("data_profile.jensen_shannon", shift.divergence, n: n, group: group),
        ]
        if let transport = shift.transport {
            metrics.append(Metric("data_profile.wasserstein", transport, n: n, group: group))
        }
        return metrics
    }

    /// Numbers of the whole, and of every column while there are not too many.
    var metrics: [Metric] {
        var metrics: [Metric] = []
        if let profile = train?.profile {
            let cells = profile.rows.multipliedReportingOverflow(by: profile.columns.count).partialValue
            let missing = profile.columns.reduce(0) { $0 + $1.missing }
            let interval = Intervals.wilson(successes: missing, trials: max(1, cells))
            metrics.append(
                Metric(
                    "data_profile.missing_share", Double(missing) / Double(max(1, cells)), low: interval?.low,
                    high: interval?.high, n: cells, note: "Wilson 95 %"))
        }
        if let rules {
            let interval = Intervals.wilson(successes: rules.count, trials: rules.total)
            metrics.append(
                Metric(
                    "data_profile.broken_rows", Double(rules.count) / Double(max(1, rules.total)), low: interval?.low,
                    high: interval?.high, n: rules.total, note: "Wilson 95 %"))
        }
        guard let comparison else { return metrics }
        metrics.append(
            Metric(
                "data_profile.shifted_columns", Double(counted(comparison).count), n: comparison.shifts.count,
                note: "false-discovery rate \(check.alpha), and large enough"))
        metrics.append(
            Metric(
                "data_profile.largest_psi", comparison.shifts.map(\.stability).max(), n: comparison.train.profile.rows))
        if let label = comparison.label {
            metrics.append(
                Metric(
                    "data_profile.label_shift", label.variation, n: label.counts.reduce(0, +), note: "total variation"))
        }
        if comparison.shifts.count <= 200 { metrics += comparison.shifts.flatMap(measures) }
        return metrics
    }

    /// Columns at a glance.
    var tables: [EvidenceTable] {
        var tables: [EvidenceTable] = []
        if let comparison, !comparison.shifts.isEmpty { tables.append(shiftTable(comparison)) }
        if let profile = train?.profile { tables.append(columnTable(profile)) }
        for comparison in [sources, windows].compactMap(\.self) { tables.append(groupTable(comparison.groups)) }
        return tables
    }

    private func shiftTable(_ comparison: ProfileComparison) -> EvidenceTable {
        let shown = comparison.shifts.sorted {
            (max($1.effect, $1.excess), $0.title) < (max($0.effect, $0.excess), $1.title)
        }.prefix(30)
        return EvidenceTable(
            title:
                "Columns against the reference: \(shown.count) of \(comparison.shifts.count), the most different first",
            columns: ["column", "test", "D or V", "p adjusted", "PSI", "Jensen-Shannon", "Wasserstein (sd)"],
            rows: shown.map {
                [
                    $0.title.clipped(to: 40), $0.test.rawValue, Figure.fixed($0.effect),
                    Figure.probability($0.adjusted).replacing("= ", with: ""), Figure.fixed($0.stability),
                    Figure.fixed($0.divergence), $0.transport.map { Figure.fixed($0) } ?? "–",
                ]
            })
    }

    private func columnTable(_ profile: DataProfile) -> EvidenceTable {
        let shown = profile.columns.prefix(60)
        return EvidenceTable(
            title: shown.count < profile.columns.count
                ? "Columns: the first \(shown.count) of \(profile.columns.count)" : "Columns",
            columns: ["column", "type", "missing", "different", "smallest", "median", "largest", "mean"],
            rows: shown.map { column in
                let numbers = column.numbers
                func text(_ value: Double?) -> String { value.map { Figure.text($0) } ?? "–" }
                return [
                    column.name.clipped(to: 40), column.type.rawValue,
                    Figure.percent(Double(column.missing) / Double(max(1, profile.rows))),
                    (column.isDistinctExact ? "" : "about ") + "\(column.distinct)", text(numbers?.low),
                    text(numbers.flatMap { $0.quantiles.count > 3 ? $0.quantiles[3] : nil }), text(numbers?.high),
                    text(numbers?.mean),
                ]
            })
    }

    private func groupTable(_ groups: GroupProfile) -> EvidenceTable {
        let classes = train?.profile.label?.classes.prefix(4) ?? []
        return EvidenceTable(
            title: "Rows by \(groups.column.clipped())",
            columns: ["group", "rows"] + classes.map { "label \($0.clipped(to: 20))" },
            rows: groups.groups.prefix(30).map { group in
                let total = Double(max(1, group.labels.reduce(0, +)))
                return [group.name.clipped(to: 40), "\(group.rows)"]
                    + classes.indices.map { Figure.percent(Double(group.labels[$0]) / total) }
            })
    }

    /// Sentences for everybody.
    var summary: [String] {
        var sentences: [String] = []
        if let profile = train?.profile {
            let sample =
                profile.sampledRows < profile.rows
                ? " Every row is counted; edges of bins, correlations, sources and windows rest on "
                    + "\(profile.sampledRows) rows drawn evenly over the file." : ""
            sentences.append(
                "\(Figure.count(profile.rows, "row")) with \(Figure.count(profile.columns.count, "column")).\(sample)")
        }
        if let comparison {
            let found = counted(comparison).count
            let name = comparison.reference.profile.name
            sentences.append(
                found == 0
                    ? "No column shifted against \(name) by more than chance and by enough to matter."
                    : "\(found) of \(Figure.count(comparison.shifts.count, "column")) shifted against \(name).")
        } else if train != nil {
            sentences.append(
                "There is no reference, so that a shift, a new value, a lost column and a moved label cannot be seen: name "
                    + "earlier data that are known to be good, or a profile saved with `casemate data profile`.")
        }
        if let rules {
            sentences.append(
                rules.count == 0
                    ? "No row breaks any of \(Figure.count(rules.rules.count, "declared rule"))."
                    : "\(Figure.count(rules.count, "row")) break\(rules.count == 1 ? "s" : "") a declared rule.")
        }
        return sentences
    }
}
