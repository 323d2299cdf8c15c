import CasemateAttacks
import CasemateCore
import Foundation

/// Figures, sentences, findings and pictures of an evaluation with gradients.
struct WhiteBoxOutcome {
    let evaluation: EvaluationResult
    let classes: [String]
    /// The samples before the attack, `[count, size]`.
    let rows: [Float]
    /// Axes of a sample as an image; `nil` where it is none.
    let format: PictureSheet.Format?
    /// What a reader must know of data and scale.
    let notes: [String]
    /// How the figures' distance is said, such as `0.03 (8/255)`.
    let distance: String
    /// Name of the subject, for fingerprints.
    let subject: String
    let bounds: ClosedRange<Float>

    private var result: RobustnessResult { evaluation.result }
    private var norm: PerturbationSet.Norm { result.set.norm }
    private var group: String { "norm=\(norm.rawValue)" }
    private static let names: [PerturbationSet.Norm: String] = [.l0: "L0", .l1: "L1", .l2: "L2", .linf: "L∞"]
    private var normName: String { Self.names[norm] ?? norm.rawValue }

    /// Fills an outcome.
    func fill(_ outcome: inout ProbeOutcome) throws {
        addMetrics(&outcome)
        outcome.settings.merge(result.settings) { _, new in new }
        outcome.settings["norm"] = norm.rawValue
        outcome.settings["eps"] = distance
        outcome.settings["box"] = "\(bounds.lowerBound)…\(bounds.upperBound)"
        outcome.summary += story + notes
        if let sentence = attacker { outcome.attacker.append(sentence) }
        outcome.tables.append(attacks)
        if !evaluation.checks.isEmpty { outcome.tables.append(checks) }
        if let plot { outcome.plots.append(plot) }
        outcome.findings += findings()
        if let sheet = try sheet() { outcome.pictures.append(sheet) }
    }

    // MARK: Figures

    private func addMetrics(_ outcome: inout ProbeOutcome) {
        func share(_ name: String, _ share: RobustnessResult.Share, _ note: String) -> Metric {
            Metric(
                name, share.value, low: share.interval?.low, high: share.interval?.high, n: share.total, group: group,
                note: note)
        }
        outcome.metrics.append(share("white_box.clean_accuracy", result.cleanAccuracy, "Wilson 95 %"))
        var main: Metric?
        if let epsilon = result.set.epsilon {
            let metric = share(
                "white_box.robust_accuracy@" + EvasionAnalysis.text(epsilon), result.robustAccuracy,
                "Wilson 95 %; an upper bound: no attack found proves nothing")
            outcome.metrics.append(metric)
            outcome.metrics.append(
                share(
                    "white_box.attack_success_rate", result.attackSuccessRate,
                    "Wilson 95 %, of the rows that were right"))
            main = metric
        }
        for point in evaluation.curve where point.epsilon > 0 && point.epsilon != result.set.epsilon {
            outcome.metrics.append(
                share(
                    "white_box.robust_accuracy@" + EvasionAnalysis.text(point.epsilon), point.share,
                    "Wilson 95 %; an upper bound: no attack found proves nothing"))
        }
        outcome.metrics.append(
            Metric(
                "white_box.median_distance", result.medianDistance, n: result.count(.broken), group: group,
                note: result.count(.broken) == 0 ? "nothing was turned" : "of the rows that turned"))
        outcome.metrics.append(
            Metric("white_box.gradient_passes", Double(result.backwardPasses), n: result.samples.count, group: group))
        if !evaluation.checks.isEmpty {
            outcome.metrics.append(
                Metric("white_box.failed_checks", Double(failed.count), n: evaluation.checks.count, group: group))
        }
        if let main { outcome.headlines = [main] }
    }

    private var failed: [EvaluationCheck] { evaluation.checks.filter { $0.status == .failed } }

    private var attacks: EvidenceTable {
        EvidenceTable(
            title: "What each attack turned",
            columns: ["attack", "why", "eps", "samples", "turned", "forward", "backward", "seconds"],
            rows: evaluation.attacks.map {
                [
                    $0.identifier + ($0.variant.map { " (\($0))" } ?? ""), $0.role.rawValue,
                    Words.distance($0.epsilon), "\($0.samples)", "\($0.broken)", "\($0.forwardPasses)",
                    "\($0.backwardPasses)",
                    String(format: "%.2f", $0.seconds),
                ]
            })
    }

    private var checks: EvidenceTable {
        EvidenceTable(
            title: "Can this evaluation be trusted?", columns: ["no.", "check", "kind", "result", "what was seen"],
            rows: evaluation.checks.map {
                ["\($0.number)", $0.title, $0.level.rawValue, $0.status.rawValue, $0.detail]
            })
    }

    private var plot: Plot? {
        guard evaluation.curve.count > 1 else { return nil }
        let points = evaluation.curve.compactMap { point in
            point.share.value.map {
                Plot.Point(
                    x: point.epsilon, y: $0, low: point.share.interval?.low, high: point.share.interval?.high)
            }
        }
        let said = evaluation.curve.map { "\(Words.percent($0.share.value)) at \(Words.distance($0.epsilon))" }
        return Plot(
            id: "white_box.robustness_curve", title: "Decisions that no attack turned, by distance",
            x: Plot.Axis("distance, \(normName), on the model's scale", low: 0),
            y: Plot.Axis("share of samples decided rightly", low: 0, high: 1, isPercent: true),
            series: [Plot.Series(name: normName, style: .line, points: points)],
            summary: said.joined(separator: ", ") + ". An upper bound: no attack found proves nothing.")
    }

    // MARK: Story

    private var story: [String] {
        let clean = result.cleanAccuracy
        var lines = [
            "Of \(Words.count(clean.total, "sample")) the model decides \(Words.percent(clean.value)) rightly before any "
                + "change."
        ]
        if result.set.epsilon != nil {
            let robust = result.robustAccuracy
            let span = robust.interval.map { " [\(Words.percent($0.low)), \(Words.percent($0.high))]" } ?? ""
            lines.append(
                "For \(Words.percent(robust.value))\(span) no attack was found within \(normName) distance \(distance). "
                    + "That is an upper bound, no proof.")
        }
        if let median = result.medianDistance {
            lines.append("Half of the turned samples needed \(Words.distance(median)) or less.")
        }
        let names = result.brokenBy.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        if !names.isEmpty {
            lines.append("Turned by: " + names.map { "`\($0.key)` \($0.value)" }.joined(separator: ", ") + ".")
        }
        return lines
    }

    private var attacker: String? {
        let rate = result.attackSuccessRate
        guard let value = rate.value, rate.count > 0, let epsilon = result.set.epsilon else { return nil }
        return
            "Somebody who has the model file turns \(Words.percent(value)) of right decisions by changing inputs by at "
            + "most \(Words.distance(epsilon)) (\(normName))."
    }

    private func findings() -> [Finding] {
        var found: [Finding] = []
        let rate = result.attackSuccessRate
        if let value = rate.value, let interval = rate.interval, rate.count > 0 {
            // why: the attacker needs the file, a second condition; a few samples prove little, so the lower end counts.
            let severity: Severity = interval.low > 0.1 ? .medium : .low
            found.append(
                Finding(
                    id: "white_box.gradients_flip", probe: WhiteBoxProbe.identifier, severity: severity,
                    title: "\(Words.percent(value)) of right decisions turn within \(normName) distance \(distance)",
                    evidence: [.table(attacks)],
                    remedy:
                        "train on adversarial examples, or put a check of inputs in front; keep the model file secret, "
                        + "since its gradients are what this attack uses",
                    taxonomy: WhiteBoxProbe.taxonomy, subject: subject))
        }
        for check in failed {
            found.append(
                Finding(
                    id: "white_box.check_\(check.number)", probe: WhiteBoxProbe.identifier,
                    severity: .medium,
                    title: "the evaluation cannot be trusted as it is: \(check.title)",
                    evidence: [.text(check.detail)], remedy: check.remedy, taxonomy: WhiteBoxProbe.taxonomy,
                    subject: subject))
        }
        return found
    }

    private func sheet() throws -> Picture? {
        guard let format else { return nil }
        let size = format.channels * format.height * format.width
        let shown = result.samples.enumerated().filter {
            $0.element.outcome == .broken && $0.element.adversarial != nil
        }
        .sorted { ($0.element.distance, $0.offset) < ($1.element.distance, $1.offset) }.prefix(6)
        guard !shown.isEmpty, rows.count == size * result.samples.count else { return nil }
        let pairs = shown.map { index, sample in
            (before: Array(rows[index * size..<(index + 1) * size]), after: sample.adversarial ?? [])
        }
        let said = shown.map { _, sample in
            "\(name(sample.predicted)) became \(name(sample.adversarialLabel)) at \(Words.distance(sample.distance))"
        }
        return try PictureSheet(format: format, bounds: bounds).picture(
            pairs, id: "white_box.before_and_after", title: "Before, after, and the difference",
            summary: "From above: " + said.joined(separator: "; ")
                + ". The difference is grey where nothing changed and stretched to its largest value.")
    }

    private func name(_ label: Int32?) -> String {
        guard let label else { return "an unknown class" }
        return classes.indices.contains(Int(label)) ? classes[Int(label)] : "class \(label)"
    }
}
