import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation

/// Figures, sentences and findings from one attack.
struct EvasionAnalysis {
    let result: EvasionResult
    let rows: EvasionRows
    let subject: AuditSubject
    /// Wall seconds of the attack, the re-check included.
    let seconds: Double

    private var total: Int { result.samples.count }
    /// Rows that were attacked: those whose goal was not reached before.
    private var attacked: [EvasionResult.Sample] { result.samples.filter { $0.outcome != .alreadyReached } }
    private var found: [EvasionResult.Sample] {
        result.samples.filter { $0.outcome == .found }.sorted {
            (size($0), $0.identifier) < (size($1), $1.identifier)
        }
    }
    /// What was made small.
    private func size(_ sample: EvasionResult.Sample) -> Double {
        result.objective == .cost ? sample.cost : sample.distance
    }
    /// The norm as metrics carry it.
    var group: String { "norm=\(result.norm.rawValue)" }

    /// The small distance of the finding where it is measured, else the smallest one measured.
    var headlineDistance: Double {
        rows.settings.epsilons.contains(small) ? small : rows.settings.epsilons.min() ?? 0
    }
    private var small: Double { result.norm == .linf ? 0.05 : 0.1 }

    // MARK: Figures

    /// Names of the figures that a rule may hold, at the distances asked.
    static func names(_ settings: EvasionSettings) -> [String] {
        settings.epsilons.flatMap { epsilon in
            ["evasion.robust_accuracy@", "evasion.attack_success_rate@"].map { $0 + text(epsilon) }
        } + ["evasion.median_distance", "evasion.mean_queries", "evasion.queries_per_success"]
    }

    /// Figures without a value for a norm whose search did not end, so that no rule is decided by half a search.
    static func unfinished(_ settings: EvasionSettings, norm: FeatureSpace.Norm, rows: Int, of total: Int) -> [Metric] {
        let note = "stopped by the time budget: \(rows) of \(total) rows unfinished"
        return names(settings).map { Metric($0, nil, n: total, group: "norm=\(norm.rawValue)", note: note) }
    }

    func appendFigures(to outcome: inout ProbeOutcome) throws {
        let open = result.count(.unfinished)
        guard open == 0 else {
            outcome.metrics += Self.unfinished(rows.settings, norm: result.norm, rows: open, of: total)
            outcome.tables.append(outcomes())
            return
        }
        for (key, value) in result.settings { outcome.settings["\(result.norm.rawValue): \(key)"] = value }
        let clean = total - result.count(.alreadyReached)
        let span = Intervals.wilson(successes: clean, trials: total)
        let isGoalAny = rows.settings.goal == .any
        if isGoalAny {
            outcome.metrics.append(
                Metric(
                    "evasion.clean_accuracy", Double(clean) / Double(total), low: span?.low, high: span?.high, n: total,
                    group: group, note: "Wilson 95 %, of the rows drawn"))
        }
        for point in try RobustnessCurve(result, epsilons: rows.settings.epsilons).points {
            let name = Self.text(point.epsilon)
            outcome.metrics.append(
                Metric(
                    "evasion.robust_accuracy@\(name)", point.accuracy, low: point.interval?.low,
                    high: point.interval?.high, n: point.total, group: group,
                    note: "Wilson 95 %; an upper bound: no attack found proves nothing"))
            let hits = found.count { $0.distance <= point.epsilon }
            let interval = Intervals.wilson(successes: hits, trials: attacked.count)
            outcome.metrics.append(
                Metric(
                    "evasion.attack_success_rate@\(name)",
                    attacked.isEmpty ? nil : Double(hits) / Double(attacked.count), low: interval?.low,
                    high: interval?.high, n: attacked.count, group: group, note: "Wilson 95 %, of the rows attacked"))
        }
        outcome.metrics += costs()
        outcome.tables.append(outcomes())
    }

    /// What the rows found cost: distance, price, queries; and what was refused.
    private func costs() -> [Metric] {
        let queries = attacked.map { Double($0.queries) }
        let spent = queries.reduce(0, +)
        let none = found.isEmpty ? "no row was found" : nil
        return [
            Metric(
                "evasion.median_distance", result.medianDistance, n: found.count, group: group,
                note: none ?? "of the rows found"),
            Metric(
                "evasion.mean_queries", queries.isEmpty ? nil : spent / Double(queries.count), n: queries.count,
                group: group),
            Metric(
                "evasion.queries_per_success", found.isEmpty ? nil : spent / Double(found.count), n: found.count,
                group: group, note: none),
            Metric(
                "evasion.discarded", Double(result.discarded), n: total, group: group,
                note: "found by the search, refused by the re-check"),
            Metric(
                "evasion.median_cost", result.medianCost, n: found.count, group: group,
                note: none ?? "of the rows found, by the costs of the feature space"),
            Metric(
                "evasion.unrepairable", Double(result.unrepairable), n: total, group: group,
                note: "proposals of the search that no repair made lawful; the model was not asked about them"),
        ]
    }

    private func outcomes() -> EvidenceTable {
        let words: [(EvasionResult.Outcome, String)] = [
            (.found, "decision changed"), (.alreadyReached, "as the attacker wants before any change"),
            (.notFound, "no way found (proves nothing)"), (.unfinished, "stopped before a way was found"),
            (.discarded, "found, and refused by the re-check"),
        ]
        return EvidenceTable(
            title: "What became of \(Words.count(total, "row")) under \(Self.name(result.norm))",
            columns: ["outcome", "rows"],
            rows: words.filter { result.count($0.0) > 0 }.map { [$0.1, "\(result.count($0.0))"] }
                + (result.unrepairable > 0
                    ? [["proposals that no repair made lawful, not asked", "\(result.unrepairable)"]] : [])
                + [["queries in all", "\(result.queries)"]])
    }

    /// Robust accuracy against distance, all norms in one picture.
    static func plot(_ analyses: [EvasionAnalysis]) throws -> Plot? {
        var series: [Plot.Series] = []
        var said: [String] = []
        for analysis in analyses {
            let distances = analysis.found.map(\.distance)
            let top = max(analysis.rows.settings.epsilons.max() ?? 0, distances.last.map { min($0, 1) } ?? 0)
            let grid = (0...60).map { top * Double($0) / 60 }
            let points = try RobustnessCurve(analysis.result, epsilons: grid).points.compactMap { point in
                point.accuracy.map {
                    Plot.Point(x: point.epsilon, y: $0, low: point.interval?.low, high: point.interval?.high)
                }
            }
            series.append(Plot.Series(name: name(analysis.result.norm), style: .step, points: points))
            let picks = try RobustnessCurve(analysis.result, epsilons: analysis.rows.settings.epsilons).points
            said.append(
                "\(name(analysis.result.norm)): "
                    + picks.map { "\(Words.percent($0.accuracy)) at \(text($0.epsilon))" }.joined(separator: ", "))
        }
        guard !series.isEmpty else { return nil }
        return Plot(
            id: "evasion.robustness_curve", title: "Decisions that withstand the attack, by distance",
            x: Plot.Axis("distance (1: a feature's whole scale)", low: 0),
            y: Plot.Axis("share of rows decided rightly", low: 0, high: 1, isPercent: true), series: series,
            summary: said.joined(separator: "; ") + ".")
    }

    // MARK: Story

    /// Changed rows, sentences and findings; of the first norm only, so that nothing is told twice.
    func appendStory(to outcome: inout ProbeOutcome, probe: EvasionProbe) {
        let changes = found.prefix(5).map(change)
        outcome.changes += changes
        outcome.summary.append(
            "Of \(Words.count(attacked.count, rows.settings.goal == .any ? "rightly decided row" : "row")) attacked, \(found.count) changed decision; the median "
                + "distance is \(Words.distance(result.medianDistance)) (\(Self.name(result.norm))).")
        if result.discarded > 0 {
            outcome.summary.append(
                "\(result.discarded) results of the search did not survive the re-check and do not count.")
        }
        if result.unrepairable > 0 {
            outcome.summary.append(
                "\(Words.count(result.unrepairable, "proposal")) of the search broke a rule between features and could not "
                    + "be repaired; the model was not asked about them.")
        }
        let failed = result.count(.notFound) + result.count(.unfinished)
        if failed > 0 {
            outcome.summary.append(
                "For \(Words.count(failed, "row")) no way was found. That is no proof of robustness.")
        }
        outcome.attacker += sentences()
        if let finding = smallChanges(changes: Array(changes.prefix(3)), probe: probe) {
            outcome.findings.append(finding)
        }
    }

    private var seeing: String {
        switch result.access {
        case .labels: "Seeing nothing but decisions"
        case .scores: "Seeing decisions and scores"
        case .gradients: "Knowing the model file"
        }
    }

    private func sentences() -> [String] {
        guard !found.isEmpty else { return [] }
        var lines: [String] = []
        let queries = median(attacked.map { Double($0.queries) }) ?? 0
        if let favourable = subject.favourable {
            let bad = found.filter { $0.label == Int32(favourable) }
            let tried = attacked.filter { !isFavourable(before: $0) }
            if let cheapest = bad.first, !tried.isEmpty {
                lines.append(
                    "\(seeing), an attacker turned \(bad.count) of \(tried.count) unfavourable decisions "
                        + "into the favourable one, changing \(Words.count(Int(median(bad.map { Double($0.changed) }) ?? 1), "feature")) "
                        + "and asking \(Int(queries)) questions (medians). "
                        + "The cheapest: \(action(cheapest)).")
            }
            let good = found.filter { isFavourable(before: $0) && $0.label != Int32(favourable) }
            let held = attacked.filter { isFavourable(before: $0) }
            if let cheapest = good.first, !held.isEmpty {
                lines.append(
                    "Likewise \(good.count) of \(held.count) favourable decisions can be taken away from their owners. "
                        + "The cheapest: \(action(cheapest)).")
            }
        } else if let cheapest = found.first {
            lines.append(
                "\(seeing), an attacker changed \(found.count) of \(attacked.count) right decisions, asking "
                    + "\(Int(queries)) questions each (median). The cheapest: \(action(cheapest)).")
        }
        return lines
    }

    private func isFavourable(before sample: EvasionResult.Sample) -> Bool {
        subject.isFavourableDecision(sample.identifier)
    }

    /// Names of the features that moved, without values: sentences hold no personal data.
    private func action(_ sample: EvasionResult.Sample) -> String {
        let names = change(sample).steps.map { "`\($0.feature)`" }
        let shown = names.prefix(3).joined(separator: ", ")
        let more = names.count > 3 ? " and \(names.count - 3) more" : ""
        let size =
            result.objective == .cost
            ? "cost \(Words.distance(sample.cost))" : "distance \(Words.distance(sample.distance))"
        return "move \(shown)\(more), \(size)"
    }

    /// What was done to a row.
    func change(_ sample: EvasionResult.Sample) -> RowChange {
        let original = Array(subject.test[row: sample.identifier])
        let row = sample.row ?? original
        return subject.space.rowChange(
            row: sample.identifier + 1, from: original, to: row,
            decisionBefore: decision(subject.decisions[sample.identifier]),
            decisionAfter: decision(sample.label ?? -1), distance: sample.distance)
    }

    private func decision(_ label: Int32) -> String {
        DecisionRule.name(label, of: subject.decision?.classes ?? [], favourable: subject.favourable)
    }

    private func smallChanges(changes: [RowChange], probe: EvasionProbe) -> Finding? {
        let hits = found.count { $0.distance <= small }
        guard hits > 0, let span = Intervals.wilson(successes: hits, trials: attacked.count) else { return nil }
        let severity: Severity = span.low > 0.25 ? .high : span.low > 0.05 ? .medium : .low
        return probe.finding(
            "small_change_flips", severity,
            "Small changes flip \(Words.percent(Double(hits) / Double(attacked.count))) of the decisions attacked "
                + "(distance at most \(Self.text(small)), \(Self.name(result.norm)))",
            evidence: [
                .metric(
                    Metric(
                        "evasion.attack_success_rate@\(Self.text(small))", Double(hits) / Double(attacked.count),
                        low: span.low, high: span.high, n: attacked.count, group: group, note: "Wilson 95 %"))
            ] + changes.map { .change($0) },
            remedy: "Verify the features that moved at their source, declare what applicants cannot change under "
                + "`feature_space`, limit queries per client, and train against these rows.", about: subject)
    }

    private func median(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : Bootstrap.quantile(values.sorted(), 0.5)
    }

    /// A distance as metric names carry it: `0.05`, `1`.
    static func text(_ epsilon: Double) -> String {
        epsilon == epsilon.rounded() && abs(epsilon) < 1e9 ? String(Int(epsilon)) : String(epsilon)
    }

    static func name(_ norm: FeatureSpace.Norm) -> String {
        switch norm {
        case .l0: "number of features"
        case .l1: "L1 distance"
        case .l2: "L2 distance"
        case .linf: "L∞ distance"
        }
    }
}
