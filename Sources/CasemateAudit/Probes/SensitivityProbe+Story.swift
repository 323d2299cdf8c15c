import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Sentences and changed rows.
extension SensitivityAccount {
    func summary() -> [String] {
        var lines: [String] = []
        let top = result.ranking.prefix(3).filter { result.swings[$0].value > 0 }
        if !top.isEmpty {
            let said = top.map { "`\(name($0))` (\(Words.number(result.swings[$0].value, digits: 2)))" }
            lines.append(
                "Moved alone over \(subject.train == nil ? "the test data's" : "the training data's") range, these move "
                    + "the mean score most: \(said.joined(separator: ", ")).")
        }
        lines += flipLines() + pairLines()
        if !result.swings.isEmpty, cliffs.isEmpty {
            lines.append(
                "No cliff edge: nowhere does the score jump by \(Words.number(probe.cliffJump, digits: 2)) for "
                    + "significantly more than 5 % of the rows within \(Words.percent(probe.cliffWidth)) of a feature's range."
            )
        }
        for check in result.monotone where check.brokenRows == 0 {
            lines.append("`\(name(check.response))` keeps its direction on all \(check.steps) steps looked at.")
        }
        if subject.predictions.kind == .labels {
            lines.append("The model tells labels only: swings, pairs, cliffs and combinations need scores.")
        }
        return lines + limits()
    }

    private func flipLines() -> [String] {
        guard !result.labels.isEmpty, !result.unfinished.contains(.flips) else { return [] }
        let distances = result.smallestFlips.filter { $0.sample < result.profiled }.map(\.distance).sorted()
        guard !distances.isEmpty else {
            return ["No single feature flips any of \(Words.count(result.profiled, "decision"))."]
        }
        return [
            "A single feature flips \(distances.count) of \(Words.count(result.profiled, "decision")), "
                + "\(distances.count { $0 <= probe.cheap }) of them within distance \(probe.cheap); the median smallest "
                + "change is \(Words.distance(Bootstrap.quantile(distances, 0.5)))."
        ]
    }

    private func pairLines() -> [String] {
        guard let strongest = result.pairs.max(by: { $0.strength < $1.strength }), let share = strongest.interaction
        else { return [] }
        return [
            "The strongest interaction among the most influential features is \(pairName(strongest)): "
                + "\(Words.percent(share)) of what both do together is more than the sum of each."
        ]
    }

    private func limits() -> [String] {
        var lines: [String] = []
        if !result.leftOut.isEmpty {
            lines.append(
                "\(Words.count(result.leftOut.count, "feature")) that move the score least were left out; "
                    + "`probes.sensitivity.features` sweeps more.")
        }
        let cut = result.responses.filter(\.isCut).map { "`\($0.unit.name)`" }
        if !cut.isEmpty {
            lines.append(
                "The score has more steps than were followed along \(cut.prefix(6).joined(separator: ", "))"
                    + "\(cut.count > 6 ? " and \(cut.count - 6) more" : ""): smallest changes there are upper bounds.")
        }
        if inquiry.unboundRules > 0 {
            lines.append(
                "\(Words.count(inquiry.unboundRules, "declared rule")) read columns that are no features; no impossible "
                    + "combination was sought for them.")
        }
        return lines
    }

    /// What somebody can do who moves one feature at will.
    func attackerSentences() -> [String] {
        (contested.isEmpty ? [] : [singleFeature(), anyFeature()].compactMap { $0 }) + impossibleSentences()
    }

    private var isOriented: Bool { subject.favourable != nil }
    private var contestedWords: String { isOriented ? "unfavourable decisions" : "decisions" }
    private var turned: String { isOriented ? "turned favourable" : "changed" }

    private func isMany(_ hits: Int, of rows: Int) -> Bool {
        (Intervals.wilson(successes: hits, trials: rows)?.low ?? 0) > 0.05
    }

    private func singleFeature() -> String? {
        let rows = Set(contested)
        let flips = Dictionary(grouping: result.flips.filter { rows.contains($0.sample) }, by: \.response)
        guard let best = flips.max(by: { ($0.value.count, -$0.key) < ($1.value.count, -$1.key) }),
            isMany(best.value.count, of: rows.count)
        else { return nil }
        let unit = result.responses[best.key].unit
        var line =
            "Somebody who can change nothing but `\(unit.name)` gets \(best.value.count) of \(rows.count) "
            + "\(contestedWords) \(turned)"
        if unit.isNumber {
            let amounts = best.value.map { abs(Double($0.after) - Double($0.before)) }.sorted()
            let middle = Float(Bootstrap.quantile(amounts, 0.5))
            line += "; for half of them a change by \(Feature("amount").text(of: rounded(middle))) or less is enough"
        }
        return line + "."
    }

    private func anyFeature() -> String? {
        let rows = Set(contested)
        let flips = result.smallestFlips.filter { rows.contains($0.sample) && $0.distance <= probe.cheap }
        guard isMany(flips.count, of: rows.count) else { return nil }
        return "Choosing the best feature for each case, a change of one feature by at most "
            + "\(Words.percent(probe.cheap)) of its range gets \(flips.count) of \(rows.count) \(contestedWords) \(turned)."
    }

    private func impossibleSentences() -> [String] {
        alarming.prefix(2).compactMap { made in
            guard let best = made.best else { return nil }
            let what: String
            switch made.kind {
            case .rule(let name): what = "Inputs that break the rule '\(name)'"
            case .neverSeen:
                what = "Values of \(best.pair.map { "`\($0)`" }.joined(separator: " and ")) that never occur together"
            case .brokenGroup(let name): what = "Inputs with none or several of `\(name)` set"
            }
            return "\(what) are decided favourably with a score of \(Words.number(Double(best.score))); the best real "
                + "case has \(Words.number(made.goal.bestReal))."
        }
    }

    /// Four significant digits.
    private func rounded(_ value: Float) -> Float {
        guard value != 0, value.isFinite else { return value }
        var scale = 1.0
        while abs(Double(value)) * scale < 1_000, scale < 1e12 { scale *= 10 }
        return Float((Double(value) * scale).rounded() / scale)
    }

    /// The cheapest flips, each feature at most twice: unfavourable ones turned favourable first.
    func changes() -> [RowChange] {
        let rows = Set(contested)
        var used: [Int: Int] = [:]
        let ordered = result.smallestFlips.sorted {
            (rows.contains($0.sample) ? 0 : 1, $0.distance, $0.sample)
                < (rows.contains($1.sample) ? 0 : 1, $1.distance, $1.sample)
        }
        return ordered.filter { flip in
            used[flip.response, default: 0] += 1
            return used[flip.response, default: 0] <= 2
        }.prefix(5).map(change)
    }

    func change(_ flip: SingleFlip) -> RowChange {
        change(sample: flip.sample, to: flip.row, label: flip.label, score: flip.score)
    }

    /// A changed row in words.
    func change(sample: Int, to row: [Float], label: Int32?, score: Float) -> RowChange {
        let original = Array(inquiry.problem.rows[row: sample])
        let steps = space.changes(from: original, to: row).map { change -> RowChange.Step in
            let index = change.features[0]
            guard change.features.count > 1 else {
                return RowChange.Step(
                    feature: space.features[index].name, before: space.features[index].text(of: original[index]),
                    after: space.features[index].text(of: row[index]))
            }
            func chosen(_ values: [Float]) -> String {
                let hot = change.features.filter { values[$0] > 0.5 }.map { space.features[$0].name }
                return hot.isEmpty ? "none" : hot.joined(separator: "+")
            }
            return RowChange.Step(
                feature: change.features.map { space.features[$0].name }.joined(separator: "/"),
                before: chosen(original), after: chosen(row))
        }
        let before = result.labels.isEmpty ? nil : result.labels[sample]
        return RowChange(
            row: inquiry.rows[sample] + 1, steps: steps, decisionBefore: decision(before, score: result.scores[sample]),
            decisionAfter: decision(label, score: score), distance: space.distance(.l2, from: original, to: row))
    }
}
