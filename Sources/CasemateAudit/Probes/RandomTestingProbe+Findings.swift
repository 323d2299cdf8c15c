import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

extension RandomTestingJudge {
    /// What is wrong whatever anybody expects, and what breaks a declared expectation.
    func findings() throws -> [Finding] {
        try [notANumber(), malformed(), outOfRange(), inconsistent()].compactMap { $0 } + expectations() + shares()
    }

    // MARK: Always wrong

    /// Rows that hold only possible values: ordinary in size, and nothing missing that a real row does not lack.
    private func isFair(_ index: Int) -> Bool {
        result.rows[index].isOrdinary && result.rows[index].isComplete
    }

    private func notANumber() throws -> Finding? {
        let rows = result.rows.indices.filter { result.answers[$0] == .notANumber && isFair($0) }
        guard !rows.isEmpty else { return nil }
        let isInRange = rows.contains { [.shuffled, .uniform].contains(result.rows[$0].kind) }
        return probe.finding(
            "not_a_number", isInRange ? .high : .medium,
            "The model answers possible values with NaN or infinity (\(Words.count(rows.count, "made-up row")))",
            evidence: try evidence("non_finite_answers", rows) { $0 == .notANumber },
            remedy:
                "Find the operator that cannot take the value, often a logarithm, a root or a division, and clip or "
                + "impute in front of it; let whatever calls the model turn such an answer into an error.",
            about: subject)
    }

    private func malformed() throws -> Finding? {
        let rows = result.rows.indices.filter { isMalformed(result.answers[$0]) && isFair($0) }
        guard !rows.isEmpty else { return nil }
        return probe.finding(
            "malformed_answer", .high,
            "The model answers with what is no answer to a row (\(Words.count(rows.count, "made-up row")))",
            evidence: try evidence("malformed_answers", rows, isMalformed),
            remedy: "Export the model with all its classes and a batch axis that stays open.", about: subject)
    }

    private func isMalformed(_ answer: RowAnswer) -> Bool { if case .malformed = answer { true } else { false } }

    private func outOfRange() throws -> Finding? {
        let rows = result.outOfRange.filter { ![.infinite, .missing].contains(result.rows[$0].kind) }
        guard !rows.isEmpty else { return nil }
        return probe.finding(
            "out_of_range", .medium,
            "Probabilities leave 0…1 or do not sum to 1 (\(Words.count(rows.count, "made-up row")))",
            evidence: try evidence("out_of_range", rows) { answer in
                guard case .answered(let scores, _, _) = answer else { return false }
                return scores.contains { $0 < -1e-4 || $0 > 1.0001 } || abs(scores.reduce(0, +) - 1) > 1e-3
            },
            remedy: "Put a sigmoid or a softmax at the end of the graph, or declare what the scores are with "
                + "`model: {output: {kind: …}}`.", about: subject)
    }

    private func inconsistent() -> Finding? {
        guard let worst = result.inconsistencies.max(by: { $0.difference < $1.difference }) else { return nil }
        let difference =
            worst.difference.isFinite
            ? "a score differs by \(Words.distance(worst.difference))"
            : "one way gives an answer and the other does not"
        let share = Self.share("inconsistent", result.inconsistencies.count, of: result.compared, nil)
        let kind = result.rows[worst.row].kind.rawValue
        return probe.finding(
            "inconsistent", worst.difference > 0.01 ? .high : worst.difference > 1e-3 ? .medium : .low,
            "The same row gets different answers (\(result.inconsistencies.count) of \(result.compared) rows)",
            evidence: [
                .metric(share),
                .text(
                    "The worst: a row of kind '\(kind)' \(worst.view), where \(difference) (rounding reaches "
                        + "\(Words.distance(result.tolerance))). \(reproduction(worst.row))"),
            ],
            remedy:
                "Look for an operator that works across the batch (a mean, a normalisation in training mode), one that is "
                + "random (dropout), or one that keeps a state, and export the model for inference.", about: subject)
    }

    // MARK: Declared expectations

    private func expectations() throws -> [Finding] {
        let declared: [(String, RandomTestingProbe.Expectation, GeneratedRow.Kind)] = [
            ("missing", probe.missing, .missing), ("unseen", probe.unseen, .unseen),
            ("non_finite", probe.nonFinite, .infinite), ("extreme", probe.extreme, .extreme),
        ]
        return try declared.compactMap { key, expectation, kind -> Finding? in
            guard expectation != .any else { return nil }
            let all = result.indices(of: kind)
            let broken = all.filter { isBroken(expectation, result.answers[$0]) }
            guard !broken.isEmpty else { return nil }
            let wanted = expectation == .answer ? "answered with a number" : "refused"
            return probe.finding(
                "expectation_broken", .medium,
                "Rows of kind '\(kind.rawValue)' are not \(wanted), as `\(key): \(expectation.rawValue)` says "
                    + "(\(broken.count) of \(all.count))",
                evidence: try expectation == .answer
                    ? evidence(nil, broken) { isBroken(expectation, $0) }
                    : [.text(examples(broken.prefix(3).map { ($0, result.rows[$0].invented) }))],
                remedy: expectation == .answer
                    ? "Impute, clip or encode the value inside the model, or refuse it in front of the model and say so here."
                    : "Check rows in front of the model: it answers whatever it is sent.", about: subject, feature: key)
        } + label()
    }

    private func isBroken(_ expectation: RandomTestingProbe.Expectation, _ answer: RowAnswer) -> Bool {
        switch (expectation, answer) {
        case (.any, _), (.answer, .answered), (.refuse, .refused): false
        default: true
        }
    }

    private func label() -> [Finding] {
        let rows = result.labelDisagreements
        guard probe.label == .highest, !rows.isEmpty else { return [] }
        let answered = result.answers.count { $0.isAnswered }
        return [
            probe.finding(
                "expectation_broken", .medium,
                "The model's own label is not the class with the highest score, as `label: highest` says (\(rows.count) of "
                    + "\(answered))",
                evidence: [
                    .metric(Self.share("label_disagreements", rows.count, of: answered, nil)),
                    .text(reproduction(rows[0])),
                ],
                remedy:
                    "Use one rule: decide by a threshold on the score, or by the label, and state it under `decision:`.",
                about: subject, feature: "label")
        ]
    }

    private func shares() -> [Finding] {
        guard let limit = probe.favourableShare, let uniform = favourable(.uniform),
            let interval = Intervals.wilson(successes: uniform.decided, trials: uniform.answered), interval.low > limit
        else { return [] }
        return [
            probe.finding(
                "random_rows_approved", .medium,
                "Random rows get the favourable decision in \(Self.words(uniform)) of cases, above "
                    + "\(Words.percent(limit))",
                evidence: [
                    .metric(
                        Self.share("favourable_share", uniform.decided, of: uniform.answered, "kind=uniform"))
                ],
                remedy:
                    "Check rows for plausibility in front of the model, and train with rows of no sense that are labelled "
                    + "unfavourable.", about: subject)
        ]
    }

    // MARK: Evidence

    private func evidence(
        _ metric: String?, _ rows: [Int], _ fails: (RowAnswer) -> Bool
    ) throws -> [Evidence] {
        // why few invented values first: they are the nearest to the smallest case.
        let order = rows.sorted { (result.rows[$0].invented.count, $0) < (result.rows[$1].invented.count, $1) }
        let chosen = (order.filter { !result.rows[$0].invented.isEmpty } + order).prefix(3)
        let cases = try Array(Set(chosen)).sorted().map { index in
            (
                index,
                try test.reduced(
                    result.rows[index], subject.model.model, real: subject.test, context: context, fails: fails)
            )
        }
        let all = metric.map { Self.share($0, rows.count, of: result.rows.count, nil) }
        return [all.map { .metric($0) }, .text(examples(cases))].compactMap { $0 }
    }

    /// Cases in words; of values that come from real rows only the feature is named.
    private func examples(_ cases: [(row: Int, features: [Int])]) -> String {
        var seen: Set<String> = []
        let words = cases.compactMap { index, features -> String? in
            let row = result.rows[index]
            let made = Set(row.invented)
            let parts = features.prefix(4).map { feature in
                let name = "'\(subject.model.features[feature].name)'"
                return made.contains(feature) ? "\(name) = \(row.cells[feature].words)" : "\(name) as in a real row"
            }
            let more = features.count > 4 ? " and \(features.count - 4) more" : ""
            let what = features.isEmpty ? "the typical row itself" : parts.joined(separator: ", ") + more
            // why only then: a message about a value of a real row could repeat it.
            let why = made.isSuperset(of: features) ? reason(index) : ""
            return seen.insert(what).inserted ? what + why : nil
        }
        return "Smallest cases, everything else at its median or most frequent value: " + words.joined(separator: "; ")
            + ". " + reproduction(cases.first?.row ?? 0)
    }

    private func reason(_ index: Int) -> String {
        switch result.answers[index] {
        case .refused(let what): " (\(what.prefix(160)))"
        case .malformed(let what): " (\(what.prefix(160)))"
        default: ""
        }
    }

    private func reproduction(_ row: Int) -> String {
        "Reproduce with seed \(context.seed): made-up row \(row + 1) of \(result.rows.count)."
    }
}
