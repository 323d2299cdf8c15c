import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Turns what an analysis found into figures, pictures, sentences and findings.
struct SensitivityAccount {
    let probe: SensitivityProbe
    let inquiry: SensitivityInquiry
    let result: SensitivityResult
    let subject: AuditSubject

    var space: FeatureSpace { subject.space }
    /// Level of a figure that must hold for every swept feature at once (Bonferroni).
    var jointConfidence: Double { 1 - 0.05 / Double(max(1, result.responses.count)) }
    func name(_ response: Int) -> String { result.responses[response].unit.name }
    func text(_ position: Float, _ response: Int) -> String {
        result.responses[response].unit.text(of: position, in: space)
    }

    /// Rows on which flips are counted: the unfavourable decisions where a favourable outcome is declared, else the rows
    /// drawn for averages.
    var contested: [Int] {
        guard subject.favourable != nil, !result.labels.isEmpty else { return Array(0..<result.profiled) }
        return result.labels.indices.filter { Int(result.labels[$0]) != subject.favourable }
    }

    func outcome() -> ProbeOutcome {
        let status: ProbeOutcome.Status = result.unfinished.isEmpty ? .tested : .partial
        var outcome = probe.outcome(status: status, reason: reason)
        outcome.settings = settings
        guard !result.responses.isEmpty else {
            outcome.metrics += unfinishedFigures()
            return outcome
        }
        appendFigures(to: &outcome)
        outcome.plots = plots()
        outcome.tables = tables()
        outcome.summary = summary()
        outcome.attacker = attackerSentences()
        outcome.changes = changes()
        outcome.findings = findings()
        return outcome
    }

    private var reason: String? {
        guard !result.unfinished.isEmpty else { return nil }
        let words = result.unfinished.map { part in
            switch part {
            case .sweeps: "sweeps of single features"
            case .flips: "smallest single changes"
            case .pairs: "pairs of features"
            case .combinations: "impossible combinations"
            }
        }
        return "stopped by the time budget before: \(words.joined(separator: ", "))"
    }

    private var settings: [String: String] {
        var all = [
            "rows drawn": "\(result.profiled)", "unfavourable rows added": "\(inquiry.rows.count - result.profiled)",
            "grid": "\(probe.grid)", "pairs": "\(probe.pairs)", "features": "\(probe.features)",
            "cheap distance": "\(probe.cheap)", "cliff jump": "\(probe.cliffJump)",
            "cliff width": "\(probe.cliffWidth)", "unit of the score": "\(inquiry.problem.scoreUnit)",
            "queries": "\(result.queries)",
        ]
        for (name, direction) in probe.monotone { all["monotone \(name)"] = direction.rawValue }
        return all
    }

    // MARK: Figures

    /// Figures without a value for what was not finished, so that no rule is decided by half an analysis.
    private func unfinishedFigures() -> [Metric] {
        let note = "stopped by the time budget"
        let names: [String] = result.unfinished.flatMap { part in
            switch part {
            case .sweeps: ["sensitivity.cliffs"]
            case .flips:
                [
                    "sensitivity.single_flip_rate", "sensitivity.single_cheap_flip_rate",
                    "sensitivity.median_single_change", "sensitivity.favourable_flip_rate",
                ]
            case .pairs: ["sensitivity.joint_flip_rate"]
            case .combinations: [String]()
            }
        }
        return names.map { Metric($0, nil, n: 0, note: note) }
    }

    private func share(_ name: String, _ hits: Int, _ rows: Int, group: String? = nil, _ note: String) -> Metric {
        let interval = Intervals.wilson(successes: hits, trials: rows)
        return Metric(
            name, rows > 0 ? Double(hits) / Double(rows) : nil, low: interval?.low, high: interval?.high, n: rows,
            group: group, note: rows > 0 ? "Wilson 95 %, \(note)" : "no such rows")
    }

    private func appendFigures(to outcome: inout ProbeOutcome) {
        let rows = result.profiled
        for swing in result.swings {
            let group = "feature=\(name(swing.response))"
            outcome.metrics.append(
                Metric(
                    "sensitivity.swing", swing.value, low: swing.interval?.low, high: swing.interval?.high, n: rows,
                    group: group, note: "bootstrap 95 % over rows"))
            outcome.metrics.append(
                Metric(
                    "sensitivity.score_range", swing.meanRange, low: swing.rangeInterval?.low,
                    high: swing.rangeInterval?.high, n: rows, group: group, note: "bootstrap 95 % over rows"))
        }
        if !result.labels.isEmpty, !result.unfinished.contains(.flips) { appendFlips(to: &outcome) }
        for pair in result.pairs {
            outcome.metrics.append(
                Metric(
                    "sensitivity.interaction", pair.interaction, low: pair.interval?.low, high: pair.interval?.high,
                    n: rows, group: "pair=\(pairName(pair))",
                    note: pair.interaction == nil ? "the pair moves nothing" : "bootstrap 95 % over rows"))
        }
        if !result.swings.isEmpty {
            outcome.metrics.append(
                Metric(
                    "sensitivity.cliffs", Double(cliffs.count), n: rows,
                    note: "jumps of \(probe.cliffJump) for more than 5 % of the rows, Bonferroni over all places"))
        }
        for (response, worst) in Dictionary(grouping: cliffs, by: \.response).sorted(by: { $0.key < $1.key }) {
            guard let cliff = worst.max(by: { $0.jumped < $1.jumped }) else { continue }
            outcome.metrics.append(
                share(
                    "sensitivity.cliff_share", cliff.jumped, cliff.rows, group: "feature=\(name(response))",
                    "at its worst cliff"))
        }
        appendDirections(to: &outcome)
        for made in result.impossible where made.goal.label != nil {
            outcome.metrics.append(
                share(
                    "sensitivity.impossible_rate", made.reached, made.starts,
                    group: "combination=\(kindName(made.kind))", "of the rows started from"))
        }
        outcome.metrics += unfinishedFigures()
    }

    private func appendDirections(to outcome: inout ProbeOutcome) {
        for check in result.monotone {
            let group = "feature=\(name(check.response))"
            outcome.metrics.append(
                Metric(
                    "sensitivity.broken_steps",
                    check.steps > 0 ? Double(check.brokenSteps) / Double(check.steps) : nil,
                    low: check.interval?.low, high: check.interval?.high, n: check.steps, group: group,
                    note: check.brokenSteps > 0
                        ? "bootstrap 95 % over \(check.rows) rows" : "Wilson 95 % of \(check.rows) rows"))
            outcome.metrics.append(
                share("sensitivity.broken_rows", check.brokenRows, check.rows, group: group, "rows drawn"))
        }
    }

    private func appendFlips(to outcome: inout ProbeOutcome) {
        let rows = result.profiled
        let smallest = result.smallestFlips.filter { $0.sample < rows }
        let cheap = smallest.count { $0.distance <= probe.cheap }
        let headline = share(
            "sensitivity.single_cheap_flip_rate", cheap, rows, "within distance \(probe.cheap)")
        outcome.metrics.append(share("sensitivity.single_flip_rate", smallest.count, rows, "rows drawn"))
        outcome.metrics.append(headline)
        outcome.headlines = [headline]
        let distances = smallest.map(\.distance).sorted()
        outcome.metrics.append(
            Metric(
                "sensitivity.median_single_change", distances.isEmpty ? nil : Bootstrap.quantile(distances, 0.5),
                n: distances.count, note: distances.isEmpty ? "no row was flipped" : "of the rows flipped"))
        if subject.favourable != nil {
            let flipped = Set(result.flips.map(\.sample))
            outcome.metrics.append(
                share(
                    "sensitivity.favourable_flip_rate", contested.count { flipped.contains($0) }, contested.count,
                    "unfavourable decisions"))
        }
        for index in result.responses.indices {
            let own = result.flips.filter { $0.response == index && $0.sample < rows }
            let group = "feature=\(name(index))"
            outcome.metrics.append(share("sensitivity.flip_rate", own.count, rows, group: group, "rows drawn"))
            outcome.metrics.append(
                share(
                    "sensitivity.cheap_flip_rate", own.count { $0.distance <= probe.cheap }, rows, group: group,
                    "within distance \(probe.cheap)"))
        }
        if !result.pairs.isEmpty {
            let open = Set(0..<rows).subtracting(smallest.map(\.sample))
            outcome.metrics.append(
                share(
                    "sensitivity.joint_flip_rate", result.jointFlips.count { open.contains($0.sample) }, open.count,
                    "rows that no single feature flips"))
        }
    }

    // MARK: Names

    /// Cliffs for significantly more than one row in twenty.
    var cliffs: [Cliff] { result.cliffs.filter { $0.share.low > 0.05 } }
    func pairName(_ pair: PairResponse) -> String { "\(name(pair.first)) × \(name(pair.second))" }
    func kindName(_ kind: ImpossibleResult.Kind) -> String {
        switch kind {
        case .rule(let name): name
        case .neverSeen: "never seen together"
        case .brokenGroup(let name): "one-hot group \(name)"
        }
    }
    /// A decision in words, with the score where there is one.
    func decision(_ label: Int32?, score: Float? = nil) -> String {
        var words = "score"
        if let label, let classes = subject.decision?.classes {
            words = classes.indices.contains(Int(label)) ? classes[Int(label)] : "\(label)"
            if let favourable = subject.favourable {
                words += Int(label) == favourable ? " (favourable)" : " (unfavourable)"
            }
        }
        guard let score, subject.predictions.kind != .labels else { return words }
        return "\(words)\(label == nil ? "" : ", score") \(Words.number(Double(score)))"
    }
}
