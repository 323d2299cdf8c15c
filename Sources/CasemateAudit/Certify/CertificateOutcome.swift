import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// Certificates of rows, turned into figures, sentences and findings: what `certify` and the probe `exact_trees` share.
struct CertificateOutcome {
    /// One row with what was proved about it.
    struct Row {
        /// Number in the report.
        let number: Int
        /// The row before any change.
        let values: [Float]
        /// Whether the model decides it rightly; `nil` without a label.
        let isRight: Bool?
        /// What was proved.
        let certificate: TreeCertificate
    }
    let rows: [Row]
    let norm: FeatureSpace.Norm
    /// Distances at which shares are reported.
    let epsilons: [Double]
    /// Where rows may lie, and how changes are measured.
    let space: FeatureSpace
    /// Names of the decisions.
    let classes: [String]
    /// Index of the favourable decision, where one is declared.
    let favourable: Int?
    /// Name of the subject, for fingerprints.
    let subject: String
    /// Whether a feature's whole range is the unit of distance.
    let isScaled: Bool

    private var group: String { "norm=\(norm.rawValue)" }
    private var total: Int { rows.count }
    private var normName: String { EvasionAnalysis.name(norm) }

    /// Fills an outcome.
    func fill(_ outcome: inout ProbeOutcome, probe: String) {
        addMetrics(&outcome)
        outcome.summary += story
        outcome.attacker += attacker.map { [$0] } ?? []
        outcome.tables.append(certificates)
        if let plot { outcome.plots.append(plot) }
        outcome.changes += nearest.prefix(5).map(change)
        if let finding = smallChanges(probe) { outcome.findings.append(finding) }
    }

    // MARK: Figures

    /// Rows that count as robust at a distance: decided rightly, and no change up to it turns them. Between the two
    /// numbers lies what the search left open.
    private func robust(at epsilon: Double) -> (proved: Int, possible: Int) {
        let right = rows.filter { $0.isRight ?? true }
        return (
            right.count { $0.certificate.lower >= epsilon }, right.count { $0.certificate.upper >= epsilon }
        )
    }

    private func addMetrics(_ outcome: inout ProbeOutcome) {
        for epsilon in epsilons {
            let counts = robust(at: epsilon)
            let low = Intervals.wilson(successes: counts.proved, trials: total)
            let high = Intervals.wilson(successes: counts.possible, trials: total)
            let isOpen = counts.proved != counts.possible
            outcome.metrics.append(
                Metric(
                    "exact_trees.robust_accuracy@" + EvasionAnalysis.text(epsilon),
                    total == 0 ? nil : Double(counts.proved) / Double(total), low: low?.low, high: high?.high,
                    n: total, group: group,
                    note: isOpen
                        ? "Wilson 95 %; proved, \(Words.count(counts.possible - counts.proved, "more row")) open"
                        : "Wilson 95 %; exact for these rows"))
        }
        let distances = rows.map(\.certificate.upper).sorted()
        outcome.metrics.append(
            Metric(
                "exact_trees.median_distance", median(distances), n: total, group: group,
                note: "of the smallest changes that were found, rows that cannot be turned as infinite"))
        outcome.metrics.append(
            Metric("exact_trees.unproved", Double(open), n: total, group: group, note: "bounds that do not meet"))
        outcome.headlines = outcome.metrics.first.map { [$0] } ?? []
    }

    private var open: Int { rows.count { !$0.certificate.isExact } }
    private var nearest: [Row] {
        rows.filter { $0.certificate.witness != nil }
            .sorted { ($0.certificate.upper, $0.number) < ($1.certificate.upper, $1.number) }
    }

    private func median(_ sorted: [Double]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let (low, high) = (sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2])
        return low == high ? low : (low + high) / 2
    }

    // MARK: Tables and plot

    private var certificates: EvidenceTable {
        let shown = nearest.prefix(20)
        return EvidenceTable(
            title: "Smallest changes (\(normName)), the nearest rows first",
            columns: ["row", "decided", "after", "no change below", "change at", "proved"],
            rows: shown.map { row in
                let certificate = row.certificate
                return [
                    "\(row.number)", name(certificate.predicted), name(certificate.witnessLabel),
                    Words.distance(certificate.lower), Words.distance(certificate.upper),
                    certificate.isExact ? "exact" : "bounds",
                ]
            }, personal: ["row"])
    }

    private var plot: Plot? {
        let finite = rows.map(\.certificate.upper).filter(\.isFinite)
        guard let largest = finite.max(), largest > 0 else { return nil }
        let top = max(largest, epsilons.max() ?? 0)
        func series(_ name: String, _ value: (Double) -> Int) -> Plot.Series {
            let points = (0...60).map { step -> Plot.Point in
                let at = top * Double(step) / 60
                let count = value(at)
                let span = Intervals.wilson(successes: count, trials: total)
                return Plot.Point(
                    x: at, y: Double(count) / Double(max(1, total)), low: span?.low, high: span?.high)
            }
            return Plot.Series(name: name, style: .step, points: points)
        }
        var all = [series("proved", { robust(at: $0).proved })]
        if open > 0 { all.append(series("not turned by any change found", { robust(at: $0).possible })) }
        let said = epsilons.map { epsilon in
            "\(Words.percent(Double(robust(at: epsilon).proved) / Double(max(1, total)))) at \(EvasionAnalysis.text(epsilon))"
        }
        return Plot(
            id: "exact_trees.certificate_curve", title: "Right decisions that provably withstand every change",
            x: Plot.Axis("distance (\(normName)\(isScaled ? ", 1: a feature's whole scale" : ""))", low: 0),
            y: Plot.Axis("share of rows decided rightly", low: 0, high: 1, isPercent: true), series: all,
            summary: said.joined(separator: ", ") + ".")
    }

    // MARK: Words

    private var story: [String] {
        var lines = [
            open == 0
                ? "For each of \(Words.count(total, "row")) the smallest change that turns the decision is known exactly "
                    + "(\(normName)): this is proved, not estimated."
                : "For \(total - open) of \(Words.count(total, "row")) the smallest change that turns the decision is proved "
                    + "(\(normName)); for \(open) it lies between bounds, since time or steps ran out."
        ]
        if let median = median(rows.map(\.certificate.upper).sorted()) {
            lines.append(
                median.isFinite
                    ? "Half of the rows turn at \(Words.distance(median)) or less."
                    : "Half of the rows or more cannot be turned at all within the feature space.")
        }
        let safe = rows.count { $0.certificate.lower == .infinity }
        if safe > 0 {
            lines.append("\(Words.count(safe, "row")) cannot be turned by any change that the feature space allows.")
        }
        return lines
    }

    private var attacker: String? {
        guard let best = nearest.first else { return nil }
        let steps = change(best).steps.map { "`\($0.feature)`" }
        let names = steps.prefix(3).joined(separator: ", ") + (steps.count > 3 ? " and \(steps.count - 3) more" : "")
        return
            "Somebody who has the model file knows the smallest change for every row. The cheapest here: move \(names), "
            + "distance \(Words.distance(best.certificate.upper))."
    }

    private func change(_ row: Row) -> RowChange {
        space.rowChange(
            row: row.number, from: row.values, to: row.certificate.witness ?? row.values,
            decisionBefore: name(row.certificate.predicted), decisionAfter: name(row.certificate.witnessLabel),
            distance: row.certificate.upper)
    }

    private func name(_ label: Int32?) -> String {
        guard let label else { return "–" }
        return DecisionRule.name(label, of: classes, favourable: favourable)
    }

    private func smallChanges(_ probe: String) -> Finding? {
        guard let small = epsilons.min(), isScaled else { return nil }
        let hits = rows.count { ($0.isRight ?? true) && $0.certificate.upper < small }
        guard hits > 0, let span = Intervals.wilson(successes: hits, trials: total) else { return nil }
        // why: the attacker needs the file; the same thresholds as for attacks with gradients.
        let severity: Severity = span.low > 0.1 ? .medium : .low
        return Finding(
            id: "\(probe).small_change_flips", probe: probe, severity: severity,
            title: "\(Words.percent(Double(hits) / Double(total))) of right decisions provably turn below distance "
                + "\(EvasionAnalysis.text(small)) (\(normName))",
            evidence: nearest.filter { $0.certificate.upper < small }.prefix(3).map { .change(change($0)) },
            remedy: "Verify the features that move at their source, declare what nobody can change under "
                + "`feature_space`, and train trees robustly (fewer, wider splits; monotone constraints).",
            taxonomy: ExactTreesProbe.taxonomy, subject: subject)
    }
}
