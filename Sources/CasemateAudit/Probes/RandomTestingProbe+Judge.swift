import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// The figures of random testing; the findings are in `RandomTestingProbe+Findings.swift`.
struct RandomTestingJudge {
    let probe: RandomTestingProbe
    let subject: AuditSubject
    let test: RandomTest
    let result: RandomTestResult
    let context: RunContext

    func append(to outcome: inout ProbeOutcome) throws {
        outcome.metrics += metrics
        outcome.tables.append(table)
        if let plot { outcome.plots.append(plot) }
        outcome.summary += summary
        outcome.headlines = outcome.metrics.filter { $0.name == "random_testing.non_finite_answers" && $0.group == nil }
        appendViolations(to: &outcome)
        outcome.findings = try findings()
        outcome.attacker += attacker(outcome.findings)
    }

    // MARK: Counts

    /// Kinds of rows that were made.
    var kinds: [GeneratedRow.Kind] {
        GeneratedRow.Kind.allCases.filter { kind in result.rows.contains { $0.kind == kind } }
    }
    private struct Counts {
        var refused = 0, notANumber = 0, malformed = 0, answered = 0
        let rows: Int
    }
    private func counts(_ indices: [Int]) -> Counts {
        var counts = Counts(rows: indices.count)
        for index in indices {
            switch result.answers[index] {
            case .answered: counts.answered += 1
            case .notANumber: counts.notANumber += 1
            case .malformed: counts.malformed += 1
            case .refused: counts.refused += 1
            }
        }
        return counts
    }
    /// Share of the answered rows of a kind decided favourably; `nil` without a favourable decision.
    func favourable(_ kind: GeneratedRow.Kind?) -> (answered: Int, decided: Int)? {
        guard let favourable = subject.favourable, subject.decision != nil else { return nil }
        return result.decided(Int32(favourable), among: result.indices(of: kind))
    }
    /// Share of the test rows decided favourably.
    var base: (answered: Int, decided: Int)? {
        guard let favourable = subject.favourable, !subject.decisions.isEmpty else { return nil }
        return (subject.decisions.count, subject.decisions.count { Int($0) == favourable })
    }

    // MARK: Metrics

    private var metrics: [Metric] {
        var metrics: [Metric] = []
        for kind in [nil] + kinds.map({ Optional($0) }) {
            let counts = counts(result.indices(of: kind))
            let group = kind.map { "kind=\($0.rawValue)" }
            metrics.append(
                Metric("random_testing.rows", Double(counts.rows), n: counts.rows, group: group))
            metrics += [
                Self.share("refused", counts.refused, of: counts.rows, group),
                Self.share("non_finite_answers", counts.notANumber, of: counts.rows, group),
                Self.share("malformed_answers", counts.malformed, of: counts.rows, group),
            ]
            if let favourable = favourable(kind) {
                metrics.append(Self.share("favourable_share", favourable.decided, of: favourable.answered, group))
            }
        }
        let answered = result.answers.count { $0.isAnswered }
        metrics += [
            Self.share("out_of_range", result.outOfRange.count, of: result.hasProbabilities ? answered : 0, nil),
            Self.share("label_disagreements", result.labelDisagreements.count, of: answered, nil),
            Self.share("inconsistent", result.inconsistencies.count, of: result.compared, nil),
        ]
        return metrics
    }

    static func share(_ name: String, _ count: Int, of trials: Int, _ group: String?) -> Metric {
        let interval = Intervals.wilson(successes: count, trials: trials)
        return Metric(
            "random_testing.\(name)", interval.map { _ in Double(count) / Double(trials) }, low: interval?.low,
            high: interval?.high, n: trials, group: group,
            note: interval == nil ? "insufficient data: no such answer" : "Wilson 95 %")
    }

    // MARK: Table, plot and sentences

    private var table: EvidenceTable {
        EvidenceTable(
            title: "What became of made-up rows, by kind",
            columns: ["rows", "asked", "answered", "refused", "NaN or infinite", "malformed", "decided favourably"],
            rows: kinds.map { kind in
                let counts = counts(result.indices(of: kind))
                return [
                    kind.rawValue, "\(counts.rows)", "\(counts.answered)", "\(counts.refused)", "\(counts.notANumber)",
                    "\(counts.malformed)", Self.words(favourable(kind)),
                ]
            })
    }

    /// `40.0 % [36.1 %, 44.0 %]`, or a dash.
    static func words(_ share: (answered: Int, decided: Int)?) -> String {
        guard let share, let interval = Intervals.wilson(successes: share.decided, trials: share.answered) else {
            return "–"
        }
        return "\(Words.percent(Double(share.decided) / Double(share.answered))) [\(Words.percent(interval.low)), "
            + "\(Words.percent(interval.high))]"
    }

    private var plot: Plot? {
        guard let base, base.answered > 0 else { return nil }
        let points = kinds.compactMap { kind -> Plot.Point? in
            guard let share = favourable(kind),
                let interval = Intervals.wilson(successes: share.decided, trials: share.answered)
            else { return nil }
            return Plot.Point(
                x: 0, y: Double(share.decided) / Double(share.answered), low: interval.low, high: interval.high,
                label: kind.rawValue)
        }.enumerated().map { Plot.Point(x: Double($0), y: $1.y, low: $1.low, high: $1.high, label: $1.label) }
        guard !points.isEmpty else { return nil }
        let rate = Double(base.decided) / Double(base.answered)
        return Plot(
            id: "random_testing.favourable", title: "Favourable decisions on rows that nobody should send",
            x: Plot.Axis("kind of row"), y: Plot.Axis("decided favourably", low: 0, high: 1, isPercent: true),
            series: [Plot.Series(name: "made-up rows", style: .bars, points: points)],
            references: [Plot.Reference(.horizontal, at: rate, label: "test data")],
            summary: "Share decided favourably, beside \(Words.percent(rate)) of the test data: "
                + kinds.map { "\($0.rawValue) \(Self.words(favourable($0)))" }.joined(separator: "; ") + ".")
    }

    private var summary: [String] {
        let counts = counts(Array(result.rows.indices))
        var lines = [
            "Of \(Words.count(counts.rows, "made-up row")), \(counts.answered) were answered, \(counts.refused) cleanly "
                + "refused, \(counts.notANumber) answered with NaN or infinity and \(counts.malformed) with something that is "
                + "no answer."
        ]
        let numberless = kinds.compactMap { kind -> String? in
            let own = self.counts(result.indices(of: kind))
            return own.notANumber > 0 ? "\(kind.rawValue) \(own.notANumber) of \(own.rows)" : nil
        }
        if !numberless.isEmpty {
            lines.append("Rows answered with NaN or infinity, by kind: \(numberless.joined(separator: ", ")).")
        }
        lines.append(
            result.inconsistencies.isEmpty
                ? "\(Words.count(result.compared, "row")) asked again, in another order, beside extreme rows, seven times at "
                    + "once or alone: the same answers, within \(result.tolerance)."
                : "\(result.inconsistencies.count) of \(Words.count(result.compared, "row")) get another answer when they are "
                    + "asked in another way.")
        if let uniform = favourable(.uniform), uniform.answered > 0 {
            lines.append(
                "Random rows get the favourable decision in \(Self.words(uniform)) of cases, the test data in "
                    + "\(Self.words(base)).")
        }
        let disagreeing = result.labelDisagreements.count
        if disagreeing > 0 {
            lines.append(
                "The model's own label is not the class with the highest score in \(Words.count(disagreeing, "row")): it "
                    + "has a rule of its own.")
        }
        if !result.slow.isEmpty {
            lines.append("\(Words.count(result.slow.count, "row")) took longer than a second each.")
        }
        return lines
    }

    /// Rows that break declared rules and are decided favourably all the same.
    private func appendViolations(to outcome: inout ProbeOutcome) {
        guard let favourable = subject.favourable else { return }
        let shares = subject.soundConstraints().compactMap {
            rule, bound -> (name: String, answered: Int, decided: Int)? in
            let broken = result.rows.indices.filter { index in
                guard let values = result.rows[index].values(over: subject.model.features) else { return false }
                return bound.verdict(values[...]) == .violated
            }
            let share = result.decided(Int32(favourable), among: broken)
            return share.answered > 0 ? (rule.name, share.answered, share.decided) : nil
        }
        guard !shares.isEmpty else { return }
        outcome.metrics += shares.map {
            Self.share("violating_favourable_share", $0.decided, of: $0.answered, "rule=\($0.name)")
        }
        outcome.tables.append(
            EvidenceTable(
                title: "Made-up rows that break a declared rule", columns: ["rule", "rows", "decided favourably"],
                rows: shares.map { [$0.name, "\($0.answered)", Self.words(($0.answered, $0.decided))] }))
        // why the rule with most rows: the highest share of many rules is high by chance.
        guard let most = shares.max(by: { $0.answered < $1.answered }), most.answered >= 30,
            let low = Intervals.wilson(successes: most.decided, trials: most.answered)?.low, low > Self.notable
        else { return }
        let real = base.map { Double($0.decided) / Double(max(1, $0.answered)) }
        outcome.attacker.append(
            "Impossible rows pass: of \(Words.grouped(most.answered)) made-up ones that break '\(most.name)', "
                + "\(Words.percent(Double(most.decided) / Double(most.answered))) are decided favourably"
                + (real.map { "; of real ones, \(Words.percent($0))." } ?? "."))
    }

    /// Shares whose interval lies above this are said to be there.
    private static let notable = 0.01

    private func attacker(_ findings: [Finding]) -> [String] {
        var lines: [String] = []
        if let uniform = favourable(.uniform), let base, base.answered > 0,
            let low = Intervals.wilson(successes: uniform.decided, trials: uniform.answered)?.low, low > Self.notable
        {
            lines.append(
                "Somebody who sends random values gets the favourable decision in "
                    + "\(Words.percent(Double(uniform.decided) / Double(uniform.answered))) of cases; the people in the test "
                    + "data get it in \(Words.percent(Double(base.decided) / Double(base.answered))).")
        }
        if findings.contains(where: { $0.id == "random_testing.not_a_number" }) {
            lines.append("Somebody who sends an unusual but possible value gets an answer that is no number.")
        }
        if findings.contains(where: { $0.id == "random_testing.inconsistent" && $0.severity >= .medium }) {
            lines.append(
                "The same application gets different answers depending on what is asked at the same time, so that somebody "
                    + "can try until the answer suits.")
        }
        return lines
    }
}
