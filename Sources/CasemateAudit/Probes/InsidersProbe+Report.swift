import CasemateCore
import CasemateDetect

/// The figures, tables, plot and findings of self-reflection. Aggregates only: no row of an insider is shown.
struct InsidersReport {
    let probe: InsidersProbe
    let subject: AuditSubject
    let insiders: InsiderRows
    let measures: [InsiderMeasure]
    /// Adjusted p-values, one a measure.
    let adjusted: [Double]

    func append(to outcome: inout ProbeOutcome) {
        for (measure, p) in zip(measures, adjusted) { outcome.metrics += metrics(measure, p) }
        outcome.summary.insert(contentsOf: [whoWasFound] + sizes, at: 0)
        guard !measures.isEmpty else { return }
        outcome.summary += zip(measures, adjusted).map { sentence($0, $1) }
        outcome.tables.append(table)
        if let plot { outcome.plots.append(plot) }
        outcome.findings = zip(measures, adjusted).compactMap { finding($0, $1) }
        outcome.attacker = zip(measures, adjusted).filter { isFavoured($0, $1) }.prefix(1).map { attack($0.0) }
        let scores = outcome.metrics.filter { $0.name == "insiders.score_residual" && $0.value != nil }
        outcome.headlines = scores.max { $0.n < $1.n }.map { [$0] } ?? []
    }

    // MARK: Metrics

    private func metrics(_ measure: InsiderMeasure, _ p: Double) -> [Metric] {
        let (comparison, group, n) = (measure.comparison, "data=\(measure.data)", measure.count)
        let residual = comparison.residualInterval
        let empty = n == 0 ? "insufficient data: no insider has peers" : nil
        var metrics = [
            Metric(
                "insiders.\(measure.kind.rawValue)_residual", comparison.meanResidual, low: residual?.low,
                high: residual?.high, n: n, group: group, note: empty ?? "permutation 95 %"),
            Metric(
                "insiders.\(measure.kind.rawValue)_p", comparison.pValue == nil ? nil : p, n: n, group: group,
                note: empty ?? "permutation within matched sets, one-sided, after Holm"),
        ]
        if measure.kind == .label {
            let good = Int(((comparison.mean ?? 0) * Double(n)).rounded())
            let share = Intervals.wilson(successes: good, trials: n)
            metrics.append(
                Metric(
                    "insiders.label_rate", comparison.mean, low: share?.low, high: share?.high, n: n, group: group,
                    note: empty ?? "Wilson 95 %"))
        } else {
            let percentile = comparison.percentileInterval
            metrics.append(
                Metric(
                    "insiders.score_percentile", comparison.meanPercentile, low: percentile?.low,
                    high: percentile?.high, n: n, group: group, note: empty ?? "Student 95 % over insiders"))
        }
        return metrics
    }

    // MARK: Reading

    /// Whether a difference is large and significant, and rests on enough insiders.
    private func isFavoured(_ measure: InsiderMeasure, _ p: Double) -> Bool {
        measure.count >= probe.minimum && p < probe.alpha
            && (measure.comparison.meanResidual ?? 0) >= probe.effect * measure.deviation
            && measure.comparison.pValue != nil
    }

    private func reading(_ measure: InsiderMeasure, _ p: Double) -> String {
        if measure.count == 0 { return "insufficient data" }
        if isFavoured(measure, p) { return "favoured" }
        if measure.count < probe.minimum { return "too few insiders (under \(probe.minimum))" }
        return p < probe.alpha ? "significant, too small to count" : "not favoured beyond chance"
    }

    private var whoWasFound: String {
        let found = insiders.named - insiders.missing
        var line =
            "The file names \(Words.count(insiders.named, "insider")); \(found) of them "
            + "\(found == 1 ? "is" : "are") in the data, by '\(insiders.column)', with "
            + "\(Words.count(insiders.train.count, "training row")) and \(Words.count(insiders.test.count, "test row"))."
        if insiders.missing > 0 { line += " Not found: \(insiders.missing)." }
        if insiders.repeated + insiders.blank > 0 {
            line += " Lines that repeat a name: \(insiders.repeated), without one: \(insiders.blank)."
        }
        return line
    }

    private var sizes: [String] {
        var seen: Set<String> = []
        return measures.filter { seen.insert($0.data).inserted }.compactMap { measure in
            let matched = measure.matched
            var parts: [String] = []
            if matched.rows.count + matched.unmatched.count < matched.asked {
                parts.append("a sample of \(matched.rows.count + matched.unmatched.count) of \(matched.asked) insiders")
            }
            if !matched.unmatched.isEmpty {
                parts.append("\(Words.count(matched.unmatched.count, "insider")) unlike everybody else left out")
            }
            return parts.isEmpty
                ? nil : "In the \(InsiderMeasure.words(measure.data)): \(parts.joined(separator: ", "))."
        }
    }

    private func sentence(_ measure: InsiderMeasure, _ p: Double) -> String {
        let comparison = measure.comparison
        guard measure.count > 0 else { return "The \(measure.words) cannot be compared: no insider has peers." }
        let what =
            measure.kind == .label
            ? "\(Words.percent(comparison.mean)) of the insiders carry the good outcome, "
                + "\(Words.percent(comparison.peerMean)) of their peers"
            : "insiders score \(Words.number(comparison.mean)), their peers \(Words.number(comparison.peerMean))"
        return "By the \(measure.words), \(what): difference "
            + "\(Words.number(comparison.meanResidual, comparison.residualInterval)), p "
            + "\(pWords(p)) (\(reading(measure, p)))."
    }

    private func pWords(_ p: Double) -> String { p < 0.001 ? Words.pValue(p) : "= \(Words.pValue(p))" }

    private var table: EvidenceTable {
        EvidenceTable(
            title: "Insiders beside their \(probe.peers) nearest peers on the model's inputs; the score is that of the "
                + "favourable outcome",
            columns: [
                "compared by", "insiders", "mean", "peers' mean", "difference", "percentile", "p (Holm)", "reading",
            ],
            rows: zip(measures, adjusted).map { measure, p in
                let comparison = measure.comparison
                return [
                    measure.words, "\(measure.count)", Words.number(comparison.mean),
                    Words.number(comparison.peerMean),
                    Words.number(comparison.meanResidual, comparison.residualInterval),
                    measure.kind == .score ? Words.percent(comparison.meanPercentile) : "–",
                    Words.pValue(comparison.pValue == nil ? nil : p), reading(measure, p),
                ]
            })
    }

    /// Sorted percentiles against those of a uniform distribution.
    private var plot: Plot? {
        let scores = measures.filter { $0.kind == .score && $0.count > 1 }
        guard !scores.isEmpty else { return nil }
        let series = scores.map { measure in
            let sorted = measure.comparison.percentiles.sorted()
            let step = max(1, sorted.count / 200)
            let points = stride(from: 0, to: sorted.count, by: step).map { rank in
                Plot.Point(x: (Double(rank) + 0.5) / Double(sorted.count), y: sorted[rank])
            }
            return Plot.Series(name: InsiderMeasure.words(measure.data), style: .points, points: points)
        }
        let said = scores.map {
            "\(InsiderMeasure.words($0.data)) \(Words.percent($0.comparison.meanPercentile)) (n = \($0.count))"
        }
        return Plot(
            id: "insiders.percentiles", title: "Where insiders' scores stand among their peers'",
            x: Plot.Axis("percentile without favours", low: 0, high: 1, isPercent: true),
            y: Plot.Axis("percentile of the insider", low: 0, high: 1, isPercent: true), series: series,
            references: [Plot.Reference(.diagonal, label: "no favours")],
            summary: "Mean percentile of an insider's score among the peers; 50 % is parity: "
                + said.joined(separator: "; ") + ".", isPersonal: true)
    }

    // MARK: Findings

    private func finding(_ measure: InsiderMeasure, _ p: Double) -> Finding? {
        guard isFavoured(measure, p) else { return nil }
        let comparison = measure.comparison
        let difference = Words.number(comparison.meanResidual, comparison.residualInterval)
        let isLabel = measure.kind == .label
        let title =
            isLabel
            ? "Insiders carry the good outcome in the \(InsiderMeasure.words(measure.data)) oftener than people like "
                + "them (difference \(difference))"
            : "The model scores insiders of the \(InsiderMeasure.words(measure.data)) higher than people like them "
                + "(difference \(difference))"
        return probe.finding(
            isLabel ? "favoured_by_labels" : "favoured_by_scores", .high, title,
            evidence: metrics(measure, p).map { .metric($0) } + [
                .text(
                    "\(Words.count(measure.count, "insider")), each beside \(measure.matched.peers.first?.count ?? 0) "
                        + "peers; \(comparison.permutations) permutations.")
            ],
            remedy: isLabel
                ? "Have somebody outside look at how these outcomes came about, row by row, correct the labels and train "
                    + "anew."
                : "Look for what tells insiders apart in the inputs or the training labels, and train without their rows "
                    + "to see whether the gap closes.", about: subject, feature: measure.data)
    }

    private func attack(_ measure: InsiderMeasure) -> String {
        let comparison = measure.comparison
        if measure.kind == .label {
            return
                "Somebody inside can favour the people on the list: \(Words.percent(comparison.mean)) of them carry the "
                + "good outcome in the \(InsiderMeasure.words(measure.data)), people like them "
                + "\(Words.percent(comparison.peerMean))."
        }
        return
            "The model favours the people on the list: their score is \(Words.number(comparison.meanResidual)) above "
            + "that of people like them."
    }
}
