import CasemateCore
import CasemateData
import CasemateDetect

extension LeafShiftProbe.ReleaseStory {
    private var n: Int { subject.test.count }
    private var favourable: String? { subject.favourable.flatMap { subject.decision?.classes[$0] } }

    // MARK: Metrics

    var metrics: [Metric] {
        var metrics: [Metric] = hasDecisions ? decisionMetrics : []
        if let areas = comparison.areas {
            metrics.append(
                Metric(
                    "leaf_shift.auc_difference", areas.difference, low: areas.interval.low, high: areas.interval.high,
                    n: n, note: "DeLong 95 %, same rows; p \(Words.pValue(areas.pValue))"))
        }
        guard let scores = comparison.scores else { return metrics }
        return metrics + [
            Metric(
                "leaf_shift.score_change", scores.mean, low: scores.interval?.low, high: scores.interval?.high, n: n,
                note: "normal 95 %; \(scale)"),
            Metric(
                "leaf_shift.score_distance", scores.distance, n: n,
                note: "p \(Words.pValue(scores.pValue)) by exchanging the releases row by row"),
            Metric(
                "leaf_shift.moved_segments", Double(comparison.segments.count), n: n,
                note: "found on one half of the rows, tested on the other"),
        ]
    }

    private var decisionMetrics: [Metric] {
        func share(_ name: String, _ count: Int) -> Metric {
            let interval = Intervals.wilson(successes: count, trials: n)
            return Metric(
                name, Double(count) / Double(max(1, n)), low: interval?.low, high: interval?.high, n: n,
                note: "Wilson 95 %")
        }
        let decisions = comparison.decisions
        var metrics = [
            share("leaf_shift.agreement", decisions.agreeing),
            Metric(
                "leaf_shift.kappa", decisions.kappa, low: decisions.kappaInterval?.low,
                high: decisions.kappaInterval?.high, n: n,
                note: decisions.kappa == nil ? "both releases make one decision only" : "large-sample 95 %"),
        ]
        if subject.favourable != nil {
            metrics += [
                share("leaf_shift.became_favourable", comparison.gained),
                share("leaf_shift.became_unfavourable", comparison.lost),
            ]
        }
        let (one, two) = (Double(comparison.onlyNewRight), Double(comparison.onlyOldRight))
        let difference = (one - two) / Double(max(1, n))
        let spread =
            (max(0, one + two - (one - two) * (one - two) / Double(max(1, n)))).squareRoot() / Double(max(1, n))
        let reach = Distributions.normalQuantile(0.975) * spread
        metrics.append(
            Metric(
                "leaf_shift.accuracy_difference", difference, low: max(-1, difference - reach),
                high: min(1, difference + reach), n: n,
                note: "Wald 95 % of paired shares; McNemar's exact p \(Words.pValue(comparison.performancePValue))"))
        return metrics
    }

    // MARK: Sentences

    var sentences: [String] {
        var sentences: [String] = []
        if hasDecisions {
            let directions =
                subject.favourable == nil
                ? "" : ": \(comparison.gained) to the better and \(comparison.lost) to the worse for the person"
            sentences.append(
                "The earlier release \(previous.name) decides \(n - comparison.decisions.agreeing) of \(n) test rows "
                    + "otherwise\(directions). \(performance)")
        }
        if !previous.dropped.isEmpty || !previous.added.isEmpty {
            func list(_ names: [String]) -> String {
                names.isEmpty ? "none" : names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
            }
            sentences.append(
                "Features that only the earlier release takes: \(list(previous.dropped)); only this one: "
                    + "\(list(previous.added)).")
        }
        if let reason { return sentences + ["Scores were not compared: \(reason)."] }
        if comparison.segments.isEmpty {
            sentences.append(
                "No segment of \(probe.minimumSegment) rows and more moved by \(probe.minimumChange) and far more than "
                    + "other rows did.")
        }
        for moved in comparison.segments.prefix(3) { sentences.append(sentence(moved)) }
        return sentences
    }

    private var performance: String {
        let (better, worse) = (comparison.onlyNewRight, comparison.onlyOldRight)
        let p = Words.pValue(comparison.performancePValue)
        guard comparison.performancePValue < probe.alpha else {
            return
                "Whether it decides better or worse cannot be told at the level \(probe.alpha): right alone on \(better) "
                + "rows, wrong alone on \(worse) (p \(p))."
        }
        let direction = better > worse ? "better" : "worse"
        return "This release is significantly \(direction): right alone on \(better) rows, wrong alone on \(worse) "
            + "(p \(p))."
    }

    private func sentence(_ moved: ReleaseComparison.Moved) -> String {
        "In \(words(moved)) (\(moved.found.count) rows) the mean score went from \(Words.fixed(moved.old, digits: 3)) to "
            + "\(Words.fixed(moved.new, digits: 3)) although no row changed; on unseen rows it moved by "
            + "\(Words.fixed(moved.found.inside, digits: 3)), elsewhere by \(Words.fixed(moved.found.outside, digits: 3)). "
            + support(moved)
    }

    private func words(_ moved: ReleaseComparison.Moved) -> String {
        moved.found.segment.described(over: subject.test.features)
    }
    private func support(_ moved: ReleaseComparison.Moved) -> String {
        let counts = "of its decisions, \(moved.onlyNewRight) became right and \(moved.onlyOldRight) became wrong"
        return switch moved.support {
        case .better: "The labels bear it out: \(counts)."
        case .worse: "The labels speak against it: \(counts)."
        case .undecided: "The labels neither bear it out nor speak against it: \(counts)."
        }
    }

    // MARK: Tables and plots

    var tables: [EvidenceTable] {
        guard !comparison.segments.isEmpty else { return [] }
        return [
            EvidenceTable(
                title: "Segments whose scores moved since \(previous.name)",
                columns: [
                    "segment", "rows", "old score", "new score", "change on unseen rows", "elsewhere", "p (Holm)",
                    "to the better", "to the worse", "labels",
                ],
                rows: comparison.segments.map { moved in
                    [
                        words(moved), "\(moved.found.count)", Words.fixed(moved.old, digits: 3),
                        Words.fixed(moved.new, digits: 3), Words.fixed(moved.found.inside, digits: 3),
                        Words.fixed(moved.found.outside, digits: 3), Words.pValue(moved.found.pValue),
                        "\(moved.gained)", "\(moved.lost)",
                        moved.support == .better
                            ? "bear it out" : moved.support == .worse ? "speak against it" : "undecided",
                    ]
                })
        ]
    }

    var plots: [Plot] {
        guard let scores = answers.scores, let shift = comparison.scores else { return [] }
        var generator = SeededGenerator(seed: 0, stream: 0x9107)
        let shown = Array(0..<n).shuffled(using: &generator).prefix(400).sorted()
        let points = shown.map { Plot.Point(x: scores.old[$0], y: scores.new[$0]) }
        var plots = [
            Plot(
                id: "leaf_shift.releases", title: "Scores of both releases",
                x: Plot.Axis("\(scale) of \(previous.name)"), y: Plot.Axis("\(scale) of this release"),
                series: [Plot.Series(name: "\(shown.count) of \(n) test rows", style: .points, points: points)],
                references: [Plot.Reference(.diagonal, label: "unchanged")],
                summary: "Half of the rows moved by \(Words.fixed(shift.quantiles.median, digits: 3)) at most, 99 % by "
                    + "\(Words.fixed(shift.quantiles.q99, digits: 3)), the farthest by "
                    + "\(Words.fixed(shift.quantiles.largest, digits: 3)).", isPersonal: true)
        ]
        guard !comparison.segments.isEmpty else { return plots }
        let bars = comparison.segments.enumerated().map { index, moved in
            Plot.Point(
                x: Double(index), y: moved.new - moved.old, low: moved.interval?.low, high: moved.interval?.high,
                label: words(moved))
        }
        plots.append(
            Plot(
                id: "leaf_shift.moved", title: "Segments whose scores moved", x: Plot.Axis("segment"),
                y: Plot.Axis("mean change of the \(scale)"),
                series: [Plot.Series(name: "mean change", style: .bars, points: bars)],
                references: [Plot.Reference(.horizontal, at: shift.mean, label: "all rows")],
                summary: "The largest mean change is \(Words.fixed(bars.first?.y ?? 0, digits: 3)), in "
                    + "\(bars.first?.label ?? "no segment"); over all rows it is \(Words.fixed(shift.mean, digits: 3))."
            ))
        return plots
    }

    // MARK: Findings

    var findings: [Finding] {
        var findings = comparison.segments.map(finding)
        let isWorse = comparison.onlyOldRight > comparison.onlyNewRight
        if hasDecisions, isWorse, comparison.performancePValue < probe.alpha {
            findings.append(
                probe.finding(
                    "worse_release", .medium, "This release decides fewer test rows rightly than the one before",
                    evidence: metrics.filter { $0.name == "leaf_shift.accuracy_difference" }.map { .metric($0) },
                    remedy: "Find out what changed in data or training; keep the earlier release until it is known.",
                    about: subject))
        }
        return findings
    }

    /// How bad a moved segment is: what helps somebody against the labels is worst.
    private func severity(_ moved: ReleaseComparison.Moved) -> Severity {
        guard moved.decisionsPValue != nil, moved.support != .better else { return .low }
        guard subject.favourable != nil else { return moved.support == .worse ? .medium : .low }
        if isGain(moved) { return moved.support == .worse ? .high : .medium }
        return moved.support == .worse ? .medium : .low
    }
    private func isGain(_ moved: ReleaseComparison.Moved) -> Bool { moved.found.inside > moved.found.outside }

    private func finding(_ moved: ReleaseComparison.Moved) -> Finding {
        let changed = moved.gained + moved.lost
        let title =
            moved.decisionsPValue == nil
            ? "Scores of one segment moved although its rows did not"
            : "Decisions on one segment changed \(direction(moved))although its rows did not"
        let interval = Intervals.wilson(successes: changed, trials: moved.found.count)
        let share =
            "\(changed) of \(moved.found.count) decisions in it changed"
            + (interval.map { " (\(Words.percent($0.low)) to \(Words.percent($0.high)))" } ?? "")
            + (moved.decisionsPValue.map { ", p \(Words.pValue($0)) on unseen rows" } ?? "") + "."
        let names = moved.found.segment.conditions.map { subject.test.features[$0.feature].name }
        return probe.finding(
            "segment_jump", severity(moved), title,
            evidence: [.text(sentence(moved)), .text(share)],
            remedy:
                "Ask who changed data, labels or code for these rows; compare the training data of both releases in "
                + "this segment and the leaf that tells it from others. Keep the earlier release until it is explained.",
            about: subject, feature: names.joined(separator: "+"))
    }
    private func direction(_ moved: ReleaseComparison.Moved) -> String {
        subject.favourable == nil ? "" : isGain(moved) ? "to the better " : "to the worse "
    }

    var attacker: [String] {
        guard let favourable else { return [] }
        return comparison.segments.filter { severity($0) >= .medium && isGain($0) }.prefix(1).map { moved in
            let wrong = moved.support == .worse ? ", mostly against what happened later" : ""
            return
                "Whoever applies with \(words(moved)) can get '\(favourable)' from this release where the one before "
                + "refused: \(moved.gained) of \(moved.found.count) such cases changed that way\(wrong), although nothing "
                + "about them changed."
        }
    }
}
