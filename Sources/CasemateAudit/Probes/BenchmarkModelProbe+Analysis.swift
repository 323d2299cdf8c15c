import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// The figures, tables, plot and findings of the comparison with the benchmark.
struct BenchmarkAnalysis {
    let probe: BenchmarkModelProbe
    let subject: AuditSubject
    let comparison: BenchmarkComparison
    let context: RunContext

    private let z = Distributions.normalQuantile(0.975)
    private var focusName: String { comparison.names[comparison.focus] }

    func append(to outcome: inout ProbeOutcome) throws {
        if let model = comparison.model {
            let divergence = ScoreDivergence(model, comparison.benchmark, classes: comparison.names.count)
            appendQuantiles(divergence, to: &outcome)
            try appendWhere(divergence, to: &outcome)
            appendBeyond(divergence, model, to: &outcome)
        } else {
            outcome.metrics += ["q50", "q90", "q99"].map {
                Metric(
                    "benchmark_model.divergence_\($0)", nil, n: comparison.count,
                    note: "the model gives no probabilities")
            }
            outcome.summary.append(
                "The model gives \(subject.predictions.kind.rawValue) and no probabilities: only decisions"
                    + (comparison.ranking == nil ? " are" : " and the ranking are")
                    + " compared with the logistic regression.")
        }
        appendAreas(to: &outcome)
        appendDecisions(to: &outcome)
    }

    // MARK: Divergence

    private func appendQuantiles(_ divergence: ScoreDivergence, to outcome: inout ProbeOutcome) {
        let quantiles = divergence.quantiles([0.5, 0.9, 0.99], seed: context.seed)
        let metrics = zip(["q50", "q90", "q99"], quantiles).map { name, quantile in
            Metric(
                "benchmark_model.divergence_\(name)", quantile.value, low: quantile.interval?.low,
                high: quantile.interval?.high, n: comparison.count, note: "bootstrap over rows 95 %")
        }
        outcome.metrics += metrics
        outcome.headlines = [metrics[2]]
        outcome.summary.append(
            "The scores of the model and of a logistic regression on the same data are "
                + "\(Words.number(quantiles[0].value)) apart at the median, \(Words.number(quantiles[2].value)) for "
                + "one row in a hundred: that is a threshold to review live decisions by at that rate.")
        let sorted = divergence.values.sorted()
        let points = (0...100).map { step -> Plot.Point in
            let share = Double(step) / 100
            return Plot.Point(x: Bootstrap.quantile(sorted, share), y: 1 - share)
        }
        outcome.plots.append(
            Plot(
                id: "benchmark_model.divergence", title: "How far the model departs from a logistic regression",
                x: Plot.Axis("difference of the scores", low: 0, high: 1),
                y: Plot.Axis("rows further apart", low: 0, high: 1, isPercent: true),
                series: [Plot.Series(name: "test rows", style: .line, points: points)],
                references: [Plot.Reference(.vertical, at: probe.threshold, label: "threshold")],
                summary:
                    "Half of \(comparison.count) test rows are more than \(Words.number(quantiles[0].value)) apart, a "
                    + "tenth more than \(Words.number(quantiles[1].value)), a hundredth more than "
                    + "\(Words.number(quantiles[2].value))."
            ))
    }

    private func appendWhere(_ divergence: ScoreDivergence, to outcome: inout ProbeOutcome) throws {
        let found = try SegmentSearch(
            minimumRows: probe.minimumGroup, most: 3, alpha: probe.alpha, direction: .higher
        ).segments(
            of: subject.test, values: divergence.values, seed: context.seed, cancellation: context.cancellation)
        guard !found.isEmpty else { return }
        outcome.tables.append(
            EvidenceTable(
                title:
                    "Segments in which the scores are further apart than elsewhere (tested on rows that the search "
                    + "did not see)",
                columns: ["segment", "rows", "mean difference", "elsewhere", "p (Holm)"],
                rows: found.map {
                    [
                        $0.segment.described(over: subject.test.features), "\($0.count)", Words.number($0.inside),
                        Words.number($0.outside), Words.pValue($0.pValue),
                    ]
                }))
    }

    private func appendBeyond(_ divergence: ScoreDivergence, _ model: [Double], to outcome: inout ProbeOutcome) {
        let beyond = divergence.rows(beyond: probe.threshold)
        let share = Intervals.wilson(successes: beyond.count, trials: comparison.count)
        outcome.metrics.append(
            Metric(
                "benchmark_model.share_beyond", Double(beyond.count) / Double(comparison.count), low: share?.low,
                high: share?.high, n: comparison.count, note: "Wilson 95 %, more than \(probe.threshold) apart"))
        outcome.summary.append(
            "\(Words.count(beyond.count, "test row")) of \(comparison.count) are more than \(probe.threshold) apart.")
        if !beyond.isEmpty, probe.shown > 0 {
            outcome.tables.append(
                EvidenceTable(
                    title: "Test rows furthest apart (probability of '\(focusName)')",
                    columns: ["row", "model", "logistic regression", "difference", "outcome"],
                    rows: beyond.prefix(probe.shown).map { row in
                        let place = row * comparison.names.count + comparison.focus
                        return [
                            "\(row + 1)", Words.number(model[place]), Words.number(comparison.benchmark[place]),
                            Words.number(divergence.values[row]), comparison.names[comparison.labels[row]],
                        ]
                    }, personal: ["row", "model", "logistic regression", "difference", "outcome"]))
        }
        appendLenient(model, to: &outcome)
    }

    /// Rows that the model puts far above the benchmark: whether its promise holds there.
    private func appendLenient(_ model: [Double], to outcome: inout ProbeOutcome) {
        guard subject.favourable == comparison.focus else { return }
        let width = comparison.names.count
        let promised = (0..<comparison.count).map { model[$0 * width + comparison.focus] }
        let plain = comparison.focusScores
        let rows = promised.indices.filter { promised[$0] - plain[$0] > probe.threshold }
        guard rows.count >= 10 else { return }
        // why the others: that at least as many bad outcomes come as did is a sum over the chances of bad ones.
        let bad = rows.count { comparison.labels[$0] != comparison.focus }
        let expected = rows.reduce(0) { $0 + 1 - promised[$1] }
        let pValue = ExactTests.poissonBinomial(atLeast: bad, chances: rows.map { 1 - promised[$0] })
        let (share, promise) = (Double(bad) / Double(rows.count), expected / Double(rows.count))
        guard pValue < probe.alpha, share - promise >= 0.1,
            let interval = Intervals.wilson(
                successes: bad, trials: rows.count)
        else { return }
        outcome.findings.append(
            probe.finding(
                "lenient_without_ground", .medium,
                "Where the model is far more favourable than a logistic regression, \(Words.percent(share)) turned "
                    + "out badly; the model's own scores say \(Words.percent(promise))",
                evidence: [
                    .text(
                        "\(bad) of \(rows.count) test rows (95 % interval \(Words.percent(interval.low)) to "
                            + "\(Words.percent(interval.high))), exact p \(Words.pValue(pValue)).")
                ],
                remedy:
                    "Look at the segments in which the scores are apart; retrain without the rows that teach the "
                    + "model this, or let a person decide where the two are far apart.", about: subject))
        outcome.attacker.append(
            "An applicant whom a plain model would refuse and this one favours is often let through wrongly: of "
                + "\(rows.count) such test rows \(Words.percent(share)) turned out badly, where the model promised "
                + "\(Words.percent(promise)).")
    }

    // MARK: Who is right

    private func appendAreas(to outcome: inout ProbeOutcome) {
        guard comparison.names.count == 2 else { return }
        let isFocus = comparison.labels.map { $0 == comparison.focus }
        let plain = comparison.focusScores
        let ranks = RankStatistics(labels: isFocus, scores: plain)
        let own = ranks.interval(z: z)
        outcome.metrics.append(
            Metric(
                "benchmark_model.auc", ranks.area, low: own?.low, high: own?.high, n: comparison.count,
                note: ranks.area == nil ? "one class is absent" : "of the logistic regression; DeLong 95 %, logit scale"
            ))
        guard let scores = comparison.ranking, let areas = PairedAreas(labels: isFocus, one: scores, other: plain)
        else {
            outcome.metrics.append(
                Metric(
                    "benchmark_model.auc_difference", nil, n: comparison.count,
                    note: comparison.ranking == nil ? "the model gives labels only" : "one class is absent"))
            return
        }
        let span = areas.interval(z: z)
        let metric = Metric(
            "benchmark_model.auc_difference", areas.one - areas.other, low: span.low, high: span.high,
            n: comparison.count, note: "model less logistic regression, DeLong paired 95 %")
        outcome.metrics.append(metric)
        outcome.summary.append(
            "ROC AUC \(Words.number(areas.one)) for the model, \(Words.number(areas.other)) for the logistic "
                + "regression (difference \(Words.number(areas.one - areas.other, Interval(span.low, span.high))))"
                + (subject.weights == nil ? "." : "; every row counts one here, whatever its weight."))
        outcome.findings += ranking(metric, span.high, isWorse: span.high < 0 && areas.pValue < probe.alpha)
    }

    private func ranking(_ metric: Metric, _ high: Double, isWorse: Bool) -> [Finding] {
        if isWorse {
            return [
                probe.finding(
                    "ranks_worse", .medium, "A plain logistic regression ranks the test rows better than the model",
                    evidence: [.metric(metric)],
                    remedy:
                        "Check the order of features and the data that the model was trained on; else ship the plain "
                        + "model.", about: subject)
            ]
        }
        guard high < 0.01 else { return [] }
        return [
            probe.finding(
                "no_gain", .info, "The model ranks the test rows no better than a plain logistic regression",
                evidence: [.metric(metric)],
                remedy: "A plain model has fewer places to hide something in: consider to ship that one.",
                about: subject)
        ]
    }

    private func appendDecisions(to outcome: inout ProbeOutcome) {
        let (model, plain, labels) = (comparison.modelDecisions, comparison.benchmarkDecisions, comparison.labels)
        let apart = labels.indices.filter { model[$0] != plain[$0] }
        let modelRight = apart.count { model[$0] == labels[$0] }
        let plainRight = apart.count { plain[$0] == labels[$0] }
        let right = labels.indices.count { plain[$0] == labels[$0] }
        for (name, count, note) in [
            ("disagreement", apart.count, "Wilson 95 %"),
            ("accuracy", right, "of the logistic regression; Wilson 95 %"),
        ] {
            let interval = Intervals.wilson(successes: count, trials: labels.count)
            outcome.metrics.append(
                Metric(
                    "benchmark_model.\(name)", Double(count) / Double(labels.count), low: interval?.low,
                    high: interval?.high, n: labels.count, note: note))
        }
        let pValue = PairedDecisions.mcNemar(modelRight, plainRight)
        outcome.summary.append(
            "The two decide differently on \(Words.count(apart.count, "row")) "
                + "(\(Words.percent(Double(apart.count) / Double(labels.count)))): there the model is right "
                + "\(modelRight) times, the logistic regression \(plainRight) times (McNemar p "
                + "\(Words.pValue(pValue))).")
        guard plainRight > modelRight, pValue < probe.alpha else { return }
        outcome.findings.append(
            probe.finding(
                "decides_worse", .medium,
                "Where the two decide differently, a plain logistic regression is right more often",
                evidence: [
                    .text(
                        "\(apart.count) of \(labels.count) test rows: the model is right on \(modelRight), the "
                            + "logistic regression on \(plainRight) (McNemar, exact p \(Words.pValue(pValue))).")
                ],
                remedy: "Check the threshold first, then the segments in which the scores are apart.", about: subject))
    }
}
