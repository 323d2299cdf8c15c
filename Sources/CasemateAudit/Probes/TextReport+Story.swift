import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import CasemateReport

extension TextReport {
    /// Sentences and findings.
    func tell(_ outcome: inout ProbeOutcome) {
        outcome.summary = summary
        guard let shown, shown.count(.unfinished) == 0 else { return }
        outcome.attacker = directions(shown).compactMap(threat)
        let changes = outcome.changes
        outcome.findings = [
            cheap(shown, changes: changes), goodWords(), hidden(),
        ].compactMap { $0 }
    }

    // MARK: Sentences

    private var summary: [String] {
        var lines: [String] = []
        if let shown {
            let all = attacked(shown)
            let hits = share(all) { $0.outcome == .found }
            lines.append(
                "Of \(Words.count(hits.of, "rightly decided text")), \(hits.hits) were turned "
                    + "(\(Self.title(shown))), with \(Self.text(median(shown.found.map(\.edits)))) edits in "
                    + "\(Self.text(median(shown.found.map(\.words)))) words (medians).")
            let left = all.count { $0.hasSurvivor }
            lines.append(
                "After normalisation (NFKC, look-alikes, invisible characters, digits for letters) \(left) of them "
                    + "can still be turned; the share of test texts decided rightly goes from "
                    + "\(Words.percent(cleanShare)) to \(Words.percent(normalisedShare)).")
            if all.count - hits.hits > 0 {
                let open = Words.count(all.count - hits.hits, "text")
                lines.append("For \(open) no way was found. That is no proof of robustness.")
            }
            let long = shown.count(.tooLong)
            if long > 0 {
                lines.append(
                    "\(Words.count(long, "text")) of more than \(run.settings.longest) characters were left out.")
            }
        }
        if run.rows.leaked > 0 {
            lines.append("\(Words.count(run.rows.leaked, "test text")) that stand in the training data were left out.")
        }
        let discarded = result.attacks.filter { $0.by != nil }.reduce(0) { $0 + $1.count(.discarded) }
        if discarded > 0 { lines.append("\(discarded) results did not survive the re-check and do not count.") }
        return lines
    }

    private var cleanShare: Double { Double(run.accuracy.clean) / Double(max(1, run.rows.judged.count)) }
    private var normalisedShare: Double { Double(run.accuracy.normalised) / Double(max(1, run.rows.judged.count)) }

    /// Texts with one right decision, and what became of them.
    private struct Direction {
        let label: Int32
        let samples: [Sample]
        var found: [Sample] { samples.filter { $0.outcome == .found } }
    }

    private func directions(_ attack: Attack) -> [Direction] {
        Set(run.rows.labels).sorted().map { label in
            Direction(label: label, samples: attacked(attack) { $0 == label })
        }.filter { !$0.found.isEmpty }.sorted { one, other in
            // why: what is let through harms more than what is blocked.
            (one.label == favourable ? 1 : 0, one.label) < (other.label == favourable ? 1 : 0, other.label)
        }.prefix(3).map { $0 }
    }
    private var favourable: Int32? { subject.favourable.map(Int32.init) }

    private func threat(_ direction: Direction) -> String? {
        let hits = share(direction.samples) { $0.outcome == .found }
        let seen = run.settings.access == .scores ? "scores" : "nothing but decisions"
        let harm =
            favourable == nil
            ? "decided otherwise" : direction.label == favourable ? "turned away" : "let through"
        return "Somebody who sees \(seen) got \(hits.hits) of \(hits.of) texts that are '\(name(direction.label))' "
            + "\(harm) (\(Self.range(hits.interval))), changing \(Self.text(median(direction.found.map(\.edits)))) "
            + "characters and asking \(Self.text(median(direction.samples.map(\.queries)))) questions (medians)."
    }

    // MARK: Findings

    /// Few edits that turn decisions.
    private func cheap(_ attack: Attack, changes: [RowChange]) -> Finding? {
        let hits = share(attacked(attack)) { $0.outcome == .found && $0.edits <= Self.few }
        guard hits.hits > 0, let interval = hits.interval else { return nil }
        let severity: Severity = interval.low > 0.25 ? .high : interval.low > 0.05 ? .medium : .low
        let left = share(attacked(attack)) {
            $0.outcome == .found && $0.edits <= Self.few && $0.survivesNormalisation
        }
        let evidence: [Evidence] =
            [
                .text(
                    "\(hits.hits) of \(hits.of) texts are decided otherwise after at most \(Self.few) edits "
                        + "(\(Self.range(hits.interval))); once normalised, \(left.hits) of them still are.")
            ] + changes.prefix(3).map { .change($0) }
        return probe.finding(
            "small_change_turns", severity,
            "A few changed characters turn \(Words.percent(Double(hits.hits) / Double(hits.of))) of decisions",
            evidence: evidence,
            remedy: "Normalise texts before the model reads them, in training and in use; add changed texts to the "
                + "training data; use features of letters beside those of words, which typing errors break less.",
            about: subject)
    }
    /// Edits that a reader overlooks.
    static let few = 5

    /// A short list that opens the model to everybody.
    private func goodWords() -> Finding? {
        let open = result.lists.compactMap { list -> (list: GoodWordList, hits: Int, interval: Interval)? in
            guard let hits = together(list),
                let interval = Intervals.wilson(successes: hits, trials: list.measured), interval.low > 0.25
            else { return nil }
            return (list, hits, interval)
        }
        guard !open.isEmpty else { return nil }
        let evidence = open.map { list, hits, interval -> Evidence in
            .text(
                "The \(universalWords(list)) best words behind texts that are '\(name(list.label))' turn \(hits) of "
                    + "\(list.measured) (\(Self.range(interval))); they were chosen on \(list.carriers) other texts "
                    + "with \(Numerals.count(list.queries)) queries.")
        }
        return probe.finding(
            "universal_good_words", .medium, "The same few words behind every text turn many decisions",
            evidence: evidence,
            remedy:
                "Limit what a single word can weigh, look at the text's beginning by itself, and train on texts with "
                + "such words appended; the list is in the report.",
            about: subject)
    }

    /// What no reader sees and the model does.
    private func hidden() -> Finding? {
        let all = result.attacks.filter { [.homoglyphs, .zeroWidth].contains($0.by) && $0.count(.unfinished) == 0 }
        let worst = all.map { ($0, share(attacked($0)) { $0.outcome == .found }) }.max { $0.1.hits < $1.1.hits }
        guard let (attack, hits) = worst, let interval = hits.interval, interval.low > 0.05 else { return nil }
        let left = attacked(attack).count { $0.hasSurvivor }
        return probe.finding(
            "reads_what_is_hidden", .medium,
            "The model reads characters that no reader can tell apart",
            evidence: [
                .text(
                    "\(Self.title(attack).prefix(1).uppercased() + Self.title(attack).dropFirst()) turn "
                        + "\(hits.hits) of \(hits.of) texts (\(Self.range(interval))); once normalised, \(left) "
                        + "still are turned. Normalising every test text moves accuracy from "
                        + "\(Words.percent(cleanShare)) to \(Words.percent(normalisedShare)).")
            ],
            remedy:
                "Normalise texts before the model reads them: NFKC, look-alike letters, no characters without width.",
            about: subject)
    }

    // MARK: Examples

    /// The cheapest successes: of each right decision in turn.
    var examples: [Sample] {
        guard let shown else { return [] }
        return directions(shown).flatMap { direction in
            direction.found.sorted { ($0.edits, $0.words, $0.identifier) < ($1.edits, $1.words, $1.identifier) }.prefix(
                3)
        }
    }

    /// A text before and after; what no reader sees is written out.
    func change(_ sample: Sample) -> RowChange {
        let place = run.rows.indices.firstIndex(of: sample.identifier) ?? 0
        let before = run.rows.texts[place]
        let marked = sample.text.map { TextMarks.marked(from: before, to: $0) } ?? ""
        let feature = subject.model.features.first?.name ?? "text"
        return RowChange(
            row: sample.identifier + 1,
            steps: [
                RowChange.Step(
                    feature: feature, before: Self.short(TextMarks.escaped(before)), after: Self.short(marked))
            ],
            decisionBefore: name(run.rows.labels[place]), decisionAfter: name(sample.label ?? 0),
            distance: Double(sample.edits))
    }

    /// At most 600 characters: a report is no archive of messages.
    private static func short(_ text: String) -> String { text.count > 600 ? text.prefix(599) + "…" : text }
}
