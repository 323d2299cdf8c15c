public import CasemateCore
import CasemateModels
import Foundation

/// How well the model does what it is for, on the test data: the figures that every attack is measured against.
///
/// Definitions and sources: `docs/probes/performance.md`.
public struct PerformanceProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "performance"
    /// Heading in reports.
    public static let title = "Performance"
    /// What it examines.
    public static let purpose = "how well the model does its work"
    /// A plain quality measure; no attacker.
    public static let taxonomy = Taxonomy(stages: [.deployment], violations: [.integrity, .availability])

    /// Its settings.
    public static let settings: [Setting<PerformanceProbe>] = [
        .integer("bins", \.bins, 2...1000, "calibration bins")
    ]
    /// Number of calibration bins.
    public var bins = 10
    private let z = Distributions.normalQuantile(0.975)

    /// Creates the probe.
    public init() {}

    /// Applies to every model with labelled test data.
    public func reasonNotToRun(on subject: AuditSubject) -> String? { nil }

    /// Measures on the test data.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        var outcome = outcome()
        switch (subject.targets, subject.decision?.kind) {
        case (.values(let targets), _): regression(targets, subject, seed: context.seed, &outcome)
        case (.classes(let labels), .binary(let positive, let threshold)?):
            binary(labels.map { $0 == positive }, positive, threshold, subject, seed: context.seed, &outcome)
        case (.classes(let labels), _): multiclass(labels, subject, seed: context.seed, &outcome)
        }
        let names = ["performance.accuracy", "performance.auc", "performance.rmse", "performance.r2"]
        outcome.headlines = outcome.metrics.filter { names.contains($0.name) }
        return outcome
    }

    // MARK: Two classes

    private func binary(
        _ labels: [Bool], _ positive: Int, _ threshold: Double?, _ subject: AuditSubject, seed: UInt64,
        _ outcome: inout ProbeOutcome
    ) {
        let scores = (0..<subject.predictions.count).map { Double(subject.predictions.scores[$0 * 2 + positive]) }
        let figures = BinaryPerformance(
            labels: labels, scores: scores, weights: subject.weights,
            decisions: subject.decisions.map { $0 == Int32(positive) }, bins: bins)
        let counts = figures.confusion
        outcome.settings = [
            "threshold": threshold.map { "\($0)" } ?? "the model's own label",
            "calibration bins": "\(bins)",
        ]
        appendAccuracy(figures.accuracy, right: counts.truePositives + counts.trueNegatives, subject, &outcome)
        append("true_positive_rate", counts.truePositives, counts.truePositives + counts.falseNegatives, &outcome)
        append("false_positive_rate", counts.falsePositives, counts.falsePositives + counts.trueNegatives, &outcome)
        append("precision", counts.truePositives, counts.truePositives + counts.falsePositives, &outcome)
        for (name, count) in [
            ("true_positives", counts.truePositives), ("false_positives", counts.falsePositives),
            ("true_negatives", counts.trueNegatives), ("false_negatives", counts.falseNegatives),
        ] {
            outcome.metrics.append(Metric("performance.\(name)", Double(count), n: counts.count))
        }
        let hasScores = subject.predictions.kind != .labels
        if hasScores { binaryScores(figures, labels, scores, subject, seed: seed, &outcome) }
        let names = subject.decision?.classes ?? []
        outcome.tables.append(confusion(counts, positive: positive, threshold: threshold, names: names))
        let majority = Double(max(labels.count { $0 }, labels.count { !$0 })) / Double(labels.count)
        outcome.summary.append(
            "\(Words.percent(figures.accuracy)) of \(labels.count) test rows are decided rightly"
                + (threshold.map { " at the threshold \($0)" } ?? "")
                + "; always naming the commoner class would reach "
                + "\(Words.percent(majority)).")
        if let area = figures.ranks.area, hasScores {
            outcome.summary.append(
                "The model ranks a random positive above a random negative with probability "
                    + "\(Words.number(area)) (ROC AUC).")
        }
        outcome.findings += findings(figures, majority: majority, hasScores: hasScores, subject)
    }

    private func binaryScores(
        _ figures: BinaryPerformance, _ labels: [Bool], _ scores: [Double], _ subject: AuditSubject, seed: UInt64,
        _ outcome: inout ProbeOutcome
    ) {
        let n = labels.count
        let area = figures.ranks.interval(z: z)
        outcome.metrics.append(
            Metric(
                "performance.auc", figures.ranks.area, low: area?.low, high: area?.high, n: n,
                note: figures.ranks.area == nil
                    ? "one class is absent" : area == nil ? "no interval" : "DeLong 95 %, logit scale"))
        if subject.predictions.kind != .decisionValues {
            appendMean("log_loss", figures.logLoss, figures.logLossError, n, &outcome)
            appendMean("brier", figures.brier, figures.brierError, n, &outcome)
            let bins = bins
            appendCalibration(figures.calibration, n, seed: seed, &outcome) { rows in
                let weights = subject.weights.map { weights in rows.map { weights[$0] } }
                return Calibration(
                    outcomes: rows.map { labels[$0] }, confidences: rows.map { scores[$0] }, weights: weights,
                    bins: bins
                ).error
            }
        } else {
            outcome.summary.append(
                "The scores are decision values, no probabilities: log loss and calibration are not "
                    + "defined for them.")
        }
        if let plot = rocPlot(figures.ranks) { outcome.plots.append(plot) }
    }

    private func confusion(
        _ counts: BinaryPerformance.Confusion, positive: Int, threshold: Double?, names: [String]
    ) -> EvidenceTable {
        let yes = names.indices.contains(positive) ? names[positive] : "positive"
        let no = names.indices.contains(1 - positive) ? names[1 - positive] : "negative"
        return EvidenceTable(
            title: threshold.map { "Decisions: '\(yes)' from a score of \($0) on" }
                ?? "Decisions by the model's own label",
            columns: ["label", "decided \(yes)", "decided \(no)"],
            rows: [
                [yes, "\(counts.truePositives)", "\(counts.falseNegatives)"],
                [no, "\(counts.falsePositives)", "\(counts.trueNegatives)"],
            ])
    }

    private func findings(
        _ figures: BinaryPerformance, majority: Double, hasScores: Bool, _ subject: AuditSubject
    ) -> [Finding] {
        var found: [Finding] = []
        if subject.weights == nil, let area = figures.ranks.area, hasScores,
            case let interval = figures.ranks.interval(z: z) ?? (area, area), interval.low <= 0.5
        {
            found.append(
                finding(
                    "no_better_than_chance", interval.high < 0.5 ? .high : .medium,
                    "The ranking cannot be told from chance (ROC AUC \(Words.number(area)))",
                    evidence: [
                        .metric(
                            Metric(
                                "performance.auc", area, low: interval.low, high: interval.high,
                                n: figures.confusion.count, note: "DeLong 95 %, logit scale"))
                    ], remedy: "Check the target, the order of features and the class that counts as positive first.",
                    about: subject))
        }
        let n = figures.confusion.count
        let right = figures.confusion.truePositives + figures.confusion.trueNegatives
        if subject.weights == nil, let interval = Intervals.wilson(successes: right, trials: n),
            interval.high < majority
        {
            found.append(
                finding(
                    "worse_than_majority", .medium,
                    "At this threshold the model is right less often than one that always names the commoner class",
                    evidence: [
                        .metric(
                            Metric(
                                "performance.accuracy", figures.accuracy, low: interval.low, high: interval.high,
                                n: n, note: "Wilson 95 %")),
                        .text("The commoner class makes up \(Words.percent(majority)) of the test rows."),
                    ], remedy: "Set `decision: {threshold: …}` for the costs that the decision has, or retrain.",
                    about: subject))
        }
        return found
    }

    // MARK: Several classes, values

    private func multiclass(
        _ labels: [Int], _ subject: AuditSubject, seed: UInt64, _ outcome: inout ProbeOutcome
    ) {
        let classes = subject.predictions.classes
        let figures = MulticlassPerformance(
            labels: labels, decisions: subject.decisions.map(Int.init),
            scores: subject.predictions.scores.map(Double.init),
            classes: classes.count, weights: subject.weights, bins: bins)
        appendAccuracy(figures.accuracy, right: figures.correct, subject, &outcome)
        if [.probabilities, .logits].contains(subject.predictions.kind) {
            appendMean("log_loss", figures.logLoss, figures.logLossError, labels.count, &outcome)
            let scores = subject.predictions.scores
            let best = labels.indices.map { row in
                Double(scores[row * classes.count..<(row + 1) * classes.count].max() ?? 0)
            }
            let hits = zip(labels, subject.decisions).map { $0 == Int($1) }
            appendCalibration(figures.calibration, labels.count, seed: seed, &outcome) { rows in
                Calibration(
                    outcomes: rows.map { hits[$0] }, confidences: rows.map { best[$0] }, bins: bins
                ).error
            }
        }
        if subject.predictions.kind != .labels {
            outcome.metrics.append(
                Metric(
                    "performance.auc", figures.macroArea, n: labels.count,
                    note: figures.macroArea == nil ? "a class is absent" : "mean of one against the rest"))
        }
        if classes.count <= 20 {
            outcome.tables.append(
                EvidenceTable(
                    title: "Decisions by label", columns: ["label"] + classes.map { "decided \($0)" },
                    rows: classes.indices.map { row in [classes[row]] + figures.confusion[row].map(String.init) }))
        }
        outcome.summary.append(
            "\(Words.percent(figures.accuracy)) of \(labels.count) test rows are decided rightly, over "
                + "\(classes.count) classes.")
    }

    private func regression(
        _ targets: [Double], _ subject: AuditSubject, seed: UInt64, _ outcome: inout ProbeOutcome
    ) {
        let values = subject.predictions.scores.map(Double.init)
        let figures = RegressionPerformance(targets: targets, values: values, weights: subject.weights)
        let n = targets.count
        func measures(_ figures: RegressionPerformance) -> [Double?] {
            [
                figures.rootMeanSquaredError, figures.meanAbsoluteError, figures.medianAbsoluteError,
                figures.determination,
            ]
        }
        let intervals = Bootstrap.intervals(
            strata: [Array(0..<n)], replicates: Bootstrap.replicates(for: n), seed: seed, count: 4
        ) { rows in
            measures(
                RegressionPerformance(
                    targets: rows.map { targets[$0] }, values: rows.map { values[$0] },
                    weights: subject.weights.map { weights in rows.map { weights[$0] } }))
        }
        for (index, name) in ["rmse", "mae", "median_absolute_error"].enumerated() {
            outcome.metrics.append(
                Metric(
                    "performance.\(name)", measures(figures)[index], low: intervals[index]?.low,
                    high: intervals[index]?.high, n: n, note: "bootstrap 95 %"))
        }
        let share = intervals[3]
        outcome.metrics.append(
            Metric(
                "performance.r2", figures.determination, low: share?.low, high: share?.high, n: n,
                note: figures.determination == nil ? "the target is constant" : "bootstrap 95 %"))
        outcome.summary.append(
            "On \(n) test rows the value is off by \(Words.number(figures.meanAbsoluteError)) on average "
                + "and explains \(Words.percent(figures.determination)) of the variance.")
    }

    // MARK: Shared

    private func appendAccuracy(_ value: Double, right: Int, _ subject: AuditSubject, _ outcome: inout ProbeOutcome) {
        let n = subject.predictions.count
        let interval = subject.weights == nil ? Intervals.wilson(successes: right, trials: n) : nil
        outcome.metrics.append(
            Metric(
                "performance.accuracy", value, low: interval?.low, high: interval?.high, n: n,
                note: interval == nil ? "weighted" : "Wilson 95 %"))
    }

    private func append(_ name: String, _ successes: Int, _ trials: Int, _ outcome: inout ProbeOutcome) {
        let interval = Intervals.wilson(successes: successes, trials: trials)
        outcome.metrics.append(
            Metric(
                "performance.\(name)", trials > 0 ? Double(successes) / Double(trials) : nil, low: interval?.low,
                high: interval?.high, n: trials, note: trials > 0 ? "Wilson 95 %" : "no such rows"))
    }

    private func appendMean(_ name: String, _ mean: Double, _ error: Double, _ n: Int, _ outcome: inout ProbeOutcome) {
        outcome.metrics.append(
            Metric(
                "performance.\(name)", mean, low: mean - z * error, high: mean + z * error, n: n,
                note: "normal 95 %"))
    }

    /// The interval is the bootstrap's over rows; `error` recomputes the measure on a resample.
    private func appendCalibration(
        _ calibration: Calibration, _ n: Int, seed: UInt64, _ outcome: inout ProbeOutcome,
        error: ([Int]) -> Double
    ) {
        let interval = Bootstrap.interval(
            strata: [Array(0..<n)], replicates: Bootstrap.replicates(for: n), seed: seed, statistic: error)
        outcome.metrics.append(
            Metric(
                "performance.calibration_error", calibration.error, low: interval?.low, high: interval?.high, n: n,
                note: "bootstrap 95 %, biased upwards; \(calibration.bins.count) bins of equal width"))
        let filled = calibration.bins.filter { $0.count > 0 }
        let points = filled.map { bin in
            let interval = Intervals.wilson(successes: bin.outcomes, trials: bin.count)
            return Plot.Point(
                x: bin.meanConfidence, y: bin.share, low: interval?.low, high: interval?.high,
                label: "n = \(bin.count)")
        }
        let worst = filled.max { abs($0.share - $0.meanConfidence) < abs($1.share - $1.meanConfidence) }
        let said = worst.map {
            "The widest gap: rows said to be \(Words.percent($0.meanConfidence)) likely came true in "
                + "\(Words.percent($0.share)) of \($0.count) cases."
        }
        outcome.plots.append(
            Plot(
                id: "performance.calibration", title: "Calibration",
                x: Plot.Axis("probability said", low: 0, high: 1, isPercent: true),
                y: Plot.Axis("share that came true", low: 0, high: 1, isPercent: true),
                series: [Plot.Series(name: "test rows", style: .points, points: points)],
                references: [Plot.Reference(.diagonal, label: "perfect")],
                summary: "Expected calibration error \(Words.number(calibration.error)). \(said ?? "")"))
    }

    private func rocPlot(_ ranks: RankStatistics) -> Plot? {
        guard let area = ranks.area else { return nil }
        let points = ranks.curve.map { Plot.Point(x: $0.falsePositiveRate, y: $0.truePositiveRate) }
        return Plot(
            id: "performance.roc", title: "ROC curve",
            x: Plot.Axis("false positive rate", low: 0, high: 1, isPercent: true),
            y: Plot.Axis("true positive rate", low: 0, high: 1, isPercent: true),
            series: [Plot.Series(name: "model", style: .line, points: points)],
            references: [Plot.Reference(.diagonal, label: "chance")],
            summary: "Area under the curve \(Words.number(area)); 0.5 is chance, 1 is perfect.")
    }
}
