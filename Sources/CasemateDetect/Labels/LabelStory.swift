import CasemateCore
import CasemateModels
import Foundation

/// What `data_labels` says: numbers, sentences, findings and the rows to look at.
struct LabelStory {
    let check: DataLabelsCheck
    let subject: DataSubject
    let rows: LabelRows
    let ensemble: LabelEnsemble
    let learning: ConfidentLearning
    let noise: LabelNoise
    /// Places of the rows to look at, the most doubtful first.
    let queue: [Int]

    init(check: DataLabelsCheck, subject: DataSubject, rows: LabelRows, ensemble: LabelEnsemble) throws {
        (self.check, self.subject, self.rows, self.ensemble) = (check, subject, rows, ensemble)
        let classes = rows.classes.count
        let probabilities = ensemble.probabilities.map { min(1, max(0, $0)) }
        learning = try ConfidentLearning(labels: rows.labels, probabilities: probabilities, classes: classes)
        let noise = LabelNoise(labels: rows.labels, probabilities: probabilities, classes: classes)
        self.noise = noise
        let count = Double(rows.count)
        let expected = noise.isSeparable ? 1.1 * noise.share : 0
        let most = Int((max(check.queueShare, expected) * count).rounded(.up))
        // why: a label that fits about as well as that of most rows of its class is no case for a person.
        let candidates = rows.labels.indices.filter { noise.shortfalls[$0] > 0.2 && noise.doubts[$0] >= 0.03 }
        queue = Array(
            candidates.sorted { one, two in
                (noise.doubts[two], noise.shortfalls[two], one) < (noise.doubts[one], noise.shortfalls[one], two)
            }.prefix(most))
    }

    /// Which error a label makes when the row is really of another class.
    enum Direction: String, CaseIterable {
        case integrity, availability, other
        var words: String {
            switch self {
            case .integrity: "labelled as the good outcome, probably not (integrity: bad let through)"
            case .availability: "denied the good outcome, probably wrongly (availability: good turned away)"
            case .other: "moved between classes"
            }
        }
    }

    func direction(_ place: Int) -> Direction {
        guard let favourable = subject.labels?.favourable else { return .other }
        if rows.classes[Int(rows.labels[place])] == favourable { return .integrity }
        return rows.classes[Int(noise.others[place])] == favourable ? .availability : .other
    }

    func name(_ label: Int32) -> String {
        let names = subject.labels?.classes ?? []
        let index = rows.classes[Int(label)]
        return names.indices.contains(index) ? names[index].clipped(to: 40) : "\(index)"
    }

    func result() -> DataCheckResult {
        let reason = ensemble.isPartial ? "time ran out; the estimates rest on \(learners)" : nil
        var outcome = check.outcome(status: ensemble.isPartial ? .partial : .tested, reason: reason)
        appendNoise(to: &outcome)
        appendDirections(to: &outcome)
        appendFindings(to: &outcome)
        outcome.tables.append(table())
        if noise.share > 0 || !noise.isSeparable { outcome.tables.append(anchorTable()) }
        outcome.summary.append(
            "Labels changed almost throughout a part of the data are not seen here, because every learner learns the "
                + "lie: `data_flips` with a reference sees that.")
        outcome.settings = [
            "learners": learners, "rows": "\(rows.count)", "left out in the second round": "\(ensemble.leftOut)",
        ]
        return DataCheckResult(outcome: outcome, suspects: suspects())
    }

    var learners: String { ensemble.learners.joined(separator: ", ") }

    private func suspects() -> [Suspect] {
        queue.map { place in
            let other = ensemble.probabilities[place * rows.classes.count + Int(noise.others[place])]
            return Suspect(
                row: rows.indices[place], strength: noise.doubts[place],
                reason: "label \(name(rows.labels[place])), rows like it say \(name(noise.others[place])) "
                    + "(\(Figure.fixed(other, digits: 2)))")
        }
    }

    private func appendNoise(to outcome: inout ProbeOutcome) {
        let flags = learning.issues()
        let metrics = [
            Metric(
                "data_labels.noise", noise.share, low: noise.low, high: noise.high, n: rows.count,
                note: noise.isSeparable
                    ? "share of other labels where the learners are surest; Wilson 95 % by class"
                    : "an upper bound: overlap of the classes cannot be told from wrong labels"),
            Metric(
                "data_labels.confident_joint_noise", learning.noise, n: rows.count,
                note: "off-diagonal mass of confident learning; too high where there is little noise"),
            Metric("data_labels.flagged", Double(flags.count { $0 }), n: rows.count, note: "prune by noise rate"),
            Metric("data_labels.suspects", Double(queue.count), n: rows.count),
        ]
        outcome.metrics += metrics
        outcome.headlines = [metrics[0]]
        let range = "\(Figure.percent(noise.low)) to \(Figure.percent(noise.high))"
        outcome.summary.append(
            noise.isSeparable
                ? "About \(Figure.percent(noise.share)) of \(rows.count) labels are wrong (\(range))."
                : "At most \(Figure.percent(noise.share)) of \(rows.count) labels are wrong (\(range)): the classes "
                    + "overlap, and overlap cannot be told from wrong labels.")
        var left: [String] = []
        if rows.unlabelled > 0 { left.append("\(rows.unlabelled) without a label") }
        if rows.rare > 0 { left.append("\(rows.rare) of classes with fewer than \(LabelRows.fewest)") }
        if rows.unread > 0 { left.append("\(rows.unread) beyond the sample") }
        if !left.isEmpty { outcome.summary.append("Rows left out: \(left.joined(separator: ", ")).") }
    }

    private func appendDirections(to outcome: inout ProbeOutcome) {
        guard subject.labels?.favourable != nil else {
            outcome.summary.append(
                "No favourable outcome is named, so it is not said which error these labels make.")
            return
        }
        var parts: [String] = []
        for one in [Direction.integrity, .availability] {
            let found = queue.filter { direction($0) == one }
            outcome.metrics.append(
                Metric("data_labels.suspects", Double(found.count), n: rows.count, group: "direction=\(one.rawValue)"))
            if !found.isEmpty { parts.append("\(found.count) \(one.words)") }
        }
        if !parts.isEmpty { outcome.summary.append("Of the listed rows: \(parts.joined(separator: "; ")).") }
    }

    private func appendFindings(to outcome: inout ProbeOutcome) {
        guard noise.isSeparable, noise.low >= 0.02 else { return }
        let metric = outcome.metrics.first { $0.name == "data_labels.noise" }
        outcome.findings.append(
            check.finding(
                "noise", noise.low >= 0.04 ? .medium : .low,
                "About \(Figure.percent(noise.share)) of the labels are wrong, \(queue.count) rows are listed",
                evidence: (metric.map { [.metric($0)] } ?? []) + [.table(table())],
                remedy:
                    "Look at the listed rows, correct or leave out those that are wrong, and ask who labelled them.",
                about: subject, feature: subject.roles.target ?? ""))
    }

    private func table() -> EvidenceTable {
        let columns = [
            "row (from 0)", "label", "rows like it", "probability", "residual", "neighbours that differ", "doubt",
        ]
        let classes = rows.classes.count
        let shown = queue.prefix(check.shown).map { place -> [String] in
            let own = ensemble.probabilities[place * classes + Int(rows.labels[place])]
            let other = ensemble.probabilities[place * classes + Int(noise.others[place])]
            // why: the deviance residual, positive for a good outcome against the odds.
            let size = (-2 * log(max(own, 1e-9))).squareRoot()
            let sign: Double = direction(place) == .availability ? -1 : 1
            let differ = ensemble.disagreement.indices.contains(place) ? ensemble.disagreement[place] : .nan
            return [
                "\(rows.indices[place])", name(rows.labels[place]), name(noise.others[place]),
                Figure.fixed(other, digits: 2), Figure.fixed(sign * size, digits: 2), Figure.percent(differ),
                Figure.fixed(noise.doubts[place], digits: 2),
            ]
        }
        return EvidenceTable(title: "Labels doubted most", columns: columns, rows: shown, personal: columns)
    }

    private func anchorTable() -> EvidenceTable {
        let body = noise.anchors.enumerated().map { index, anchor in
            [
                name(Int32(index)), "\(anchor.predicted)", Figure.percent(anchor.surest), Figure.percent(anchor.next),
                anchor.isFlat ? "wrong labels" : "overlap",
            ]
        }
        return EvidenceTable(
            title: "Other labels where the learners are surest",
            columns: ["class", "rows taken for it", "surest fifth", "next three tenths", "looks like"], rows: body)
    }
}
