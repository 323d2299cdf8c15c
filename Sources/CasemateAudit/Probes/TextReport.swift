import CasemateAttacks
import CasemateCore
import CasemateReport

/// Figures, tables and plots of attacks on texts.
struct TextReport {
    typealias Attack = TextAttackResult.Attack
    typealias Sample = TextAttackResult.Sample

    let probe: TextProbe
    let subject: AuditSubject
    let run: TextProbe.Run

    var result: TextAttackResult { run.result }
    /// The attack that stands for all.
    var shown: Attack? { result.combined ?? result.attacks.first }

    /// Fills the outcome.
    func append(to outcome: inout ProbeOutcome) {
        outcome.metrics = accuracy + result.attacks.flatMap(metrics) + result.lists.compactMap(universal)
        outcome.tables = [operators] + result.lists.compactMap(words)
        outcome.plots = [plot(byWords: false), plot(byWords: true)].compactMap { $0 }
        outcome.settings = settings
        outcome.changes = examples.map(change)
        if let shown {
            let names = ["text.attack_success_rate", "text.success_after_normalisation"]
            outcome.headlines = names.compactMap { name in
                outcome.metrics.first { $0.name == name && $0.group == Self.group(shown) }
            }
        }
        tell(&outcome)
    }

    static func group(_ attack: Attack) -> String { "operator=\(attack.name)" }
    static func title(_ attack: Attack) -> String { attack.by?.title ?? "all together" }
    func name(_ label: Int32) -> String { subject.decision?.classes[Int(label)] ?? "\(label)" }

    /// Texts that were attacked under an attack; of one right decision only, where that is asked.
    func attacked(_ attack: Attack, _ isWanted: (Int32) -> Bool = { _ in true }) -> [Sample] {
        zip(attack.samples, run.rows.labels).filter { $0.0.isAttacked && isWanted($0.1) }.map(\.0)
    }
    /// A share of texts attacked with its interval; no value while texts are unfinished.
    func share(_ samples: [Sample], _ isHit: (Sample) -> Bool) -> (hits: Int, of: Int, interval: Interval?) {
        let hits = samples.count(where: isHit)
        return (hits, samples.count, Intervals.wilson(successes: hits, trials: samples.count))
    }

    // MARK: Metrics

    private func metric(
        _ name: String, _ share: (hits: Int, of: Int, interval: Interval?), group: String? = nil, isWhole: Bool = true,
        note: String = "Wilson 95 %, of the texts attacked"
    ) -> Metric {
        guard share.of > 0, isWhole else {
            return Metric(
                name, nil, n: share.of, group: group,
                note: isWhole ? "no text was attacked" : "stopped by the time budget")
        }
        return Metric(
            name, Double(share.hits) / Double(share.of), low: share.interval?.low, high: share.interval?.high,
            n: share.of, group: group, note: note)
    }

    private var accuracy: [Metric] {
        let count = run.rows.judged.count
        return [
            ("text.clean_accuracy", run.accuracy.clean), ("text.normalised_accuracy", run.accuracy.normalised),
        ].map { name, right in
            metric(
                name, (right, count, Intervals.wilson(successes: right, trials: count)),
                note: "Wilson 95 %, of the test texts")
        }
    }

    private func metrics(_ attack: Attack) -> [Metric] {
        let group = Self.group(attack)
        let isWhole = attack.count(.unfinished) == 0
        let all = attacked(attack)
        var metrics = [
            metric("text.attack_success_rate", share(all) { $0.outcome == .found }, group: group, isWhole: isWhole)
        ]
        if let favourable = subject.favourable.map(Int32.init) {
            let (bad, good) = (attacked(attack) { $0 != favourable }, attacked(attack) { $0 == favourable })
            metrics.append(
                metric(
                    "text.let_through_rate", share(bad) { $0.label == favourable }, group: group, isWhole: isWhole,
                    note: "Wilson 95 %, of the texts attacked that are decided unfavourably"))
            metrics.append(
                metric(
                    "text.blocked_rate", share(good) { $0.outcome == .found }, group: group, isWhole: isWhole,
                    note: "Wilson 95 %, of the texts attacked that are decided favourably"))
        }
        metrics.append(
            metric(
                "text.success_after_normalisation", share(all) { $0.hasSurvivor }, group: group,
                isWhole: isWhole))
        let found = attack.found
        let none = found.isEmpty ? "no text was changed" : nil
        metrics += [
            Metric("text.median_edits", median(found.map(\.edits)), n: found.count, group: group, note: none),
            Metric("text.median_words", median(found.map(\.words)), n: found.count, group: group, note: none),
            Metric("text.median_queries", median(all.map(\.queries)), n: all.count, group: group),
            Metric(
                "text.discarded", Double(attack.count(.discarded)), n: all.count, group: group,
                note: "found by the search, refused by the re-check"),
        ]
        return metrics
    }

    /// The share of texts that the first words of a list turn together.
    private func universal(_ list: GoodWordList) -> Metric? {
        guard list.measured > 0, let hits = together(list) else { return nil }
        let interval = Intervals.wilson(successes: hits, trials: list.measured)
        return metric(
            "text.universal_success_rate", (hits, list.measured, interval), group: "from=\(name(list.label))",
            note: "Wilson 95 %; the \(universalWords(list)) best words behind every text")
    }
    /// Words of the universal list: the budget.
    func universalWords(_ list: GoodWordList) -> Int { min(run.settings.words, list.words.count) }
    func together(_ list: GoodWordList) -> Int? {
        let count = universalWords(list)
        return count > 0 ? list.words[count - 1].flipsTogether : nil
    }

    func median(_ values: [Int]) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        return Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private var settings: [String: String] {
        var all = [
            "texts": "\(run.rows.indices.count)", "edits at most": "\(run.settings.edits)",
            "words at most": "\(run.settings.words)", "queries at most": "\(run.settings.queries)",
            "access": run.settings.access.rawValue,
            "operators": run.settings.operators.map(\.rawValue).joined(separator: ", "),
            "texts known to the attacker": "\(run.rows.known.count) "
                + (run.rows.isHalved ? "of the test data" : "of the training data"),
            "queries in all": "\(result.queries)",
        ]
        if let neighbours = probe.neighbours { all["words with neighbours"] = "\(neighbours.table.count)" }
        return all
    }

    // MARK: Tables and plots

    private var operators: EvidenceTable {
        EvidenceTable(
            title: "What turned decisions, within \(Words.count(run.settings.edits, "edit")) and "
                + "\(Words.count(run.settings.words, "word")) a text",
            columns: [
                "change", "attacked", "turned", "95 %", "edits", "words", "queries", "still turned when normalised",
            ],
            rows: result.attacks.map { attack in
                let all = attacked(attack)
                let hits = share(all) { $0.outcome == .found }
                return [
                    Self.title(attack), "\(hits.of)", "\(hits.hits)", Self.range(hits.interval),
                    Self.text(median(attack.found.map(\.edits))), Self.text(median(attack.found.map(\.words))),
                    Self.text(median(all.map(\.queries))), "\(all.count { $0.hasSurvivor })",
                ]
            })
    }

    /// The words are of the data, and may be names.
    private func words(_ list: GoodWordList) -> EvidenceTable? {
        guard list.measured > 0, !list.words.isEmpty else { return nil }
        return EvidenceTable(
            title:
                "Words that turn '\(name(list.label))', chosen on \(Words.count(list.carriers, "other text")), "
                + "measured on \(list.measured)",
            columns: ["word", "alone turns", "with those above turns", "95 %"],
            rows: list.words.prefix(20).compactMap { word in
                guard let flips = word.flips, let together = word.flipsTogether else { return nil }
                let interval = Intervals.wilson(successes: together, trials: list.measured)
                return [word.word, "\(flips)", "\(together)", Self.range(interval)]
            }, personal: ["word"])
    }

    static func range(_ interval: Interval?) -> String {
        interval.map { "\(Words.percent($0.low)) – \(Words.percent($0.high))" } ?? "–"
    }
    static func text(_ value: Double?) -> String {
        guard let value else { return "–" }
        return value == value.rounded() ? Numerals.count(Int(value)) : Words.fixed(value, digits: 1)
    }

    /// Share of texts turned against what it takes.
    private func plot(byWords: Bool) -> Plot? {
        let most = byWords ? run.settings.words : run.settings.edits
        // why: what takes more is rare, and the axis of a generous budget would be empty.
        let reached = result.attacks.flatMap { $0.found.map { byWords ? $0.words : $0.edits } }.max() ?? 0
        let top = min(most, max(reached, 1))
        let step = max(1, top / 60)
        var series: [Plot.Series] = []
        for attack in result.attacks.reversed() where attack.count(.unfinished) == 0 {
            let all = attacked(attack)
            guard !all.isEmpty else { continue }
            let points = stride(from: 0, through: top, by: step).map { limit -> Plot.Point in
                let hits = share(all) { $0.outcome == .found && (byWords ? $0.words : $0.edits) <= limit }
                return Plot.Point(
                    x: Double(limit), y: Double(hits.hits) / Double(hits.of), low: hits.interval?.low,
                    high: hits.interval?.high)
            }
            series.append(Plot.Series(name: Self.title(attack), style: .step, points: points))
        }
        guard let first = series.first else { return nil }
        let noun = byWords ? "words" : "edits"
        let picks = [1, 2, 5, 10, 20].filter { $0 <= top && $0.isMultiple(of: step) }.compactMap { limit in
            first.points.first { $0.x == Double(limit) }.map { "\(Words.percent($0.y)) within \(limit)" }
        }
        return Plot(
            id: "text.success_by_\(noun)", title: "Decisions turned, by \(noun) changed",
            x: Plot.Axis(
                byWords ? "words inserted, deleted or changed" : "characters inserted, deleted or replaced", low: 0),
            y: Plot.Axis("share of the texts attacked", low: 0, high: 1, isPercent: true), series: series,
            summary: "\(first.name): " + (picks.isEmpty ? "none" : picks.joined(separator: ", ")) + " \(noun).")
    }
}
