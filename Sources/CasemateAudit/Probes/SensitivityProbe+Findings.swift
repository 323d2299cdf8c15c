import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation

/// Findings.
extension SensitivityAccount {
    func findings() -> [Finding] { flipFindings() + cliffFindings() + impossibleFindings() + directionFindings() }

    /// Features that flip a large share of decisions cheaply, all by themselves.
    private func flipFindings() -> [Finding] {
        let rows = Set(contested)
        guard !rows.isEmpty, !result.labels.isEmpty else { return [] }
        let found = result.responses.indices.compactMap { index -> (index: Int, cheap: [SingleFlip], low: Double)? in
            let cheap = result.flips.filter {
                $0.response == index && rows.contains($0.sample) && $0.distance <= probe.cheap
            }
            let interval = Intervals.wilson(successes: cheap.count, trials: rows.count, confidence: jointConfidence)
            guard let low = interval?.low, low > 0.05 else { return nil }
            return (index, cheap, low)
        }
        return found.sorted { ($1.low, $0.index) < ($0.low, $1.index) }.prefix(3).map { index, cheap, low in
            let interval = Intervals.wilson(successes: cheap.count, trials: rows.count, confidence: jointConfidence)
            let share = Double(cheap.count) / Double(rows.count)
            let whose = subject.favourable == nil ? "decisions" : "unfavourable decisions"
            let examples = cheap.sorted { ($0.distance, $0.sample) < ($1.distance, $1.sample) }.prefix(2)
            return probe.finding(
                "single_feature_flips", low > 0.25 && !isHeavyTailed(index) ? .high : .medium,
                "'\(name(index))' alone flips \(Words.percent(share)) of the \(whose), moved by at most "
                    + "\(room(index))",
                evidence: [
                    .metric(
                        Metric(
                            "sensitivity.cheap_flip_rate", share, low: interval?.low, high: interval?.high,
                            n: rows.count, group: "feature=\(name(index))",
                            note: "Wilson 95 % after Bonferroni over \(result.responses.count) features, \(whose)"))
                ] + examples.map { .change(change($0)) },
                remedy: "Verify '\(name(index))' at its source before it decides, or declare it immutable under "
                    + "`feature_space` if nobody can write it down differently. Train with more trees, a smaller step "
                    + "or a monotone constraint, so that no decision hangs on so little.",
                about: subject, feature: name(index))
        }
    }

    /// The change that counts as small, in the units of the feature where it is one number.
    private func room(_ index: Int) -> String {
        let unit = result.responses[index].unit
        guard unit.features.count == 1, subject.space.features[unit.features[0]].levels == nil else {
            return "\(probe.cheap) of its range"
        }
        let scale = Double(subject.space.rules[unit.features[0]].scale)
        return "\(Words.number(probe.cheap * scale)) (\(probe.cheap) of its range)"
    }

    /// Whether a few rows stretch the range so far that a small share of it is no small change: it is more than half
    /// of the distance between the first and the last percentile of real rows.
    private func isHeavyTailed(_ index: Int) -> Bool {
        let unit = result.responses[index].unit
        guard unit.features.count == 1, subject.space.features[unit.features[0]].levels == nil else { return false }
        let feature = unit.features[0]
        let rows = subject.train ?? subject.test
        let values = (0..<rows.count).map { rows.values[$0 * rows.features.count + feature] }.filter { !$0.isNaN }
            .sorted()
        guard values.count >= 100 else { return false }
        let width = Double(values[values.count * 99 / 100]) - Double(values[values.count / 100])
        return probe.cheap * Double(subject.space.rules[feature].scale) > 0.5 * width
    }

    private func cliffFindings() -> [Finding] {
        let worst = Dictionary(grouping: cliffs, by: \.response).compactMap { $0.value.max { $0.jumped < $1.jumped } }
        return worst.sorted { (-$0.jumped, $0.response) < (-$1.jumped, $1.response) }.prefix(5).map { cliff in
            let feature = name(cliff.response)
            let flips = Intervals.wilson(successes: cliff.flipped, trials: cliff.rows)?.low ?? 0
            return probe.finding(
                "cliff_edge", flips > 0.25 ? .high : .medium,
                "Cliff edge: between \(text(cliff.low, cliff.response)) and \(text(cliff.high, cliff.response)) of "
                    + "'\(feature)' the score \(cliff.medianJump < 0 ? "falls" : "rises") by "
                    + "\(Words.number(abs(cliff.medianJump), digits: 2)) for "
                    + "\(cliff.jumped) of \(Words.count(cliff.rows, "row"))",
                evidence: [
                    .metric(
                        Metric(
                            "sensitivity.cliff_share", Double(cliff.jumped) / Double(cliff.rows),
                            low: cliff.share.low, high: cliff.share.high, n: cliff.rows, group: "feature=\(feature)",
                            note: "Wilson 95 % after Bonferroni over all places looked at")),
                    .text(jumpInWords(cliff)),
                ],
                remedy:
                    "Find out what sits at that value: a rule or code in the data, a leak, a trigger, a model of few "
                    + "large steps. Verify values near it at their source; retrain with smaller steps.",
                about: subject, feature: feature)
        }
    }

    private func jumpInWords(_ cliff: Cliff) -> String {
        let feature = name(cliff.response)
        let more = cliffs.count { $0.response == cliff.response } - 1
        return
            "The jump is \(Words.percent(cliff.medianPart)) (median) of all that '\(feature)' can do to such a row; the "
            + "decision changes for \(cliff.flipped) of \(cliff.rows)."
            + (more > 0 ? " \(Words.count(more, "more place")) along '\(feature)'." : "")
    }

    /// Impossible combinations that are decided favourably, score among the best for significantly many rows, and, where
    /// no rule was declared, score better than any real row.
    var alarming: [ImpossibleResult] {
        // why: the best of a few rows says nothing of what is common among real ones.
        guard subject.test.count >= 100 else { return [] }
        return result.impossible.filter { made in
            guard let label = made.goal.label, let best = made.best, best.label == label,
                let real = made.goal.bestReal,
                (Intervals.wilson(successes: made.reached, trials: made.starts)?.low ?? 0) > 0.05
            else { return false }
            if case .rule = made.kind { return true }
            let margin = made.goal.isHighGood ? Double(best.score) - real : real - Double(best.score)
            return margin > 0.02 * inquiry.problem.scoreUnit
        }
    }

    private func impossibleFindings() -> [Finding] {
        alarming.compactMap { made in
            guard let best = made.best else { return nil }
            let interval = Intervals.wilson(successes: made.reached, trials: made.starts)
            let example = change(sample: best.sample, to: best.row, label: best.label, score: best.score)
            var evidence: [Evidence] = [
                .metric(
                    Metric(
                        "sensitivity.impossible_rate", Double(made.reached) / Double(made.starts), low: interval?.low,
                        high: interval?.high, n: made.starts, group: "combination=\(kindName(made.kind))",
                        note: "Wilson 95 %, of the rows started from")),
                .text(
                    "Best score \(Words.number(Double(best.score))), best score of a real row "
                        + "\(Words.number(made.goal.bestReal))."),
            ]
            let (rule, severity, title): (String, Severity, String)
            switch made.kind {
            case .rule(let name):
                (rule, severity) = ("impossible_combination", .medium)
                title = "Rows that break the rule '\(name)' are decided favourably, with scores like the best real ones"
            case .brokenGroup(let name):
                (rule, severity) = ("impossible_combination", .low)
                title = "Rows with none or several of '\(name)' set score better than any real row"
            case .neverSeen:
                (rule, severity) = ("unseen_combination", .low)
                title = "Combinations that no training row shows score better than any real row"
                evidence.append(
                    .text(
                        "Chance alone would put \(Words.number(best.expected, digits: 0)) training rows where "
                            + "\(best.pair.map { "'\($0)'" }.joined(separator: " and ")) of the best row stand; there is none."
                    ))
            }
            return probe.finding(
                rule, severity, title, evidence: evidence + [.change(example)],
                remedy:
                    "Refuse such rows before the model sees them: declare the rule under `constraints:` and check it "
                    + "at run time.", about: subject, feature: kindName(made.kind))
        }
    }

    private func directionFindings() -> [Finding] {
        result.monotone.filter { $0.brokenRows > 0 }.map { check in
            let feature = name(check.response)
            let interval = Intervals.wilson(successes: check.brokenRows, trials: check.rows)
            let share = check.steps > 0 ? Double(check.brokenSteps) / Double(check.steps) : nil
            var evidence: [Evidence] = [
                .metric(
                    Metric(
                        "sensitivity.broken_rows", Double(check.brokenRows) / Double(check.rows), low: interval?.low,
                        high: interval?.high, n: check.rows, group: "feature=\(feature)", note: "Wilson 95 %")),
                .text(
                    "\(check.brokenSteps) of \(check.steps) steps (\(Words.percent(share))) go against "
                        + "'\(check.direction.rawValue)'."),
            ]
            if let worst = check.worst { evidence.append(.change(worstStep(worst, check))) }
            return probe.finding(
                "not_monotone", (interval?.low ?? 0) > 0.05 ? .medium : .low,
                "'\(feature)' is declared \(check.direction.rawValue), and the score goes the other way for "
                    + "\(check.brokenRows) of \(Words.count(check.rows, "row"))",
                evidence: evidence,
                remedy:
                    "Train with a monotone constraint on '\(feature)', or take the declaration back if experts find "
                    + "the exception right.", about: subject, feature: feature)
        }
    }

    private func worstStep(_ worst: MonotonicityResult.Worst, _ check: MonotonicityResult) -> RowChange {
        let unit = result.responses[check.response].unit
        return RowChange(
            row: inquiry.rows[worst.sample] + 1,
            steps: [
                RowChange.Step(
                    feature: unit.name, before: text(worst.low, check.response),
                    after: text(worst.high, check.response))
            ], decisionBefore: "score \(Words.number(Double(worst.before)))",
            decisionAfter: "score \(Words.number(Double(worst.after)))",
            distance: (Double(worst.high) - Double(worst.low)) / Double(space.rules[unit.features[0]].scale))
    }
}
