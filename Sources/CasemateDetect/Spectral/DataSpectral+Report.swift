import CasemateCore
import CasemateData
import Foundation

extension DataSpectral {
    /// Sentences, findings, metrics, a table of the classes, and suspects.
    func report(
        _ trials: [ClusterTrial], _ hunt: SpectralHunt, _ labels: DataSubject.Labels, _ subject: DataSubject,
        _ notes: [String]
    ) -> DataCheckResult {
        var result = outcome(
            status: hunt.isCut ? .partial : .tested,
            reason: hunt.isCut ? "time ran out before all groups were examined" : nil)
        let poison = trials.filter(\.isPoison)
        var suspects: [Int: Suspect] = [:]
        for trial in poison {
            result.findings.append(finding(trial, labels, subject, hunt))
            for (row, strength) in trial.suspects {
                let place = hunt.data.indices[row]
                guard suspects[place] == nil else { continue }
                suspects[place] = Suspect(
                    row: place, strength: 0.45 * strength,
                    reason:
                        "one of a group labelled \(labels.classes[trial.target].clipped(to: 40)) that a network trained "
                        + "without the group takes for another class")
            }
        }
        let overlapping = hunt.recalls.indices.filter { hunt.recalls[$0] < settings.recall }
        result.summary = summary(poison, suspects.count, overlapping, hunt, labels) + notes
        result.metrics = metrics(trials, suspects.count, overlapping, hunt)
        result.headlines = Array(result.metrics.prefix(1))
        result.tables = [table(trials, hunt, labels)]
        result.settings = [
            "hidden layers": settings.hidden.map { "\($0)" }.joined(separator: " "), "epochs": "\(settings.epochs)",
            "rows": "\(hunt.data.count)", "components": "\(settings.components)",
        ]
        return DataCheckResult(outcome: result, suspects: suspects.values.sorted { $0.row < $1.row })
    }

    private func summary(
        _ poison: [ClusterTrial], _ suspects: Int, _ overlapping: [Int], _ hunt: SpectralHunt,
        _ labels: DataSubject.Labels
    ) -> [String] {
        var lines: [String] = []
        let mean = hunt.recalls.reduce(0, +) / Double(max(1, hunt.recalls.count))
        let looked = mean < settings.meanRecall ? 0 : hunt.data.classes - overlapping.count
        if looked == 0 {
            lines.append(
                "Nothing can be said: held-out networks recognise only \(Int((mean * 100).rounded())) % of the rows of a class in the mean, "
                    + "and where classes overlap, groups with surprising labels are natural.")
        } else if poison.isEmpty {
            lines.append(
                "No group of rows has its label for a reason of its own: \(looked) of \(hunt.data.classes) classes were "
                    + "looked at, and what networks set apart in them is recognised by networks that never saw it.")
        } else {
            lines.append(
                "\(poison.count == 1 ? "One group" : "\(poison.count) groups") of rows, \(suspects) rows to look at, "
                    + "got the label in a way that the rest of the class does not share.")
        }
        if !overlapping.isEmpty, looked > 0 {
            let names = overlapping.prefix(5).map { labels.classes[$0].clipped(to: 40) }.joined(separator: ", ")
            lines.append(
                "Left out since held-out networks recognise less than \(Int(settings.recall * 100)) % of them: \(names)"
                    + (overlapping.count > 5 ? " and \(overlapping.count - 5) more." : "."))
        }
        return lines
    }

    private func metrics(
        _ trials: [ClusterTrial], _ suspects: Int, _ overlapping: [Int], _ hunt: SpectralHunt
    ) -> [Metric] {
        let count = hunt.data.count
        let interval = Intervals.wilson(successes: suspects, trials: count)
        let right = zip(hunt.heldOut, hunt.data.labels).count { $0 == $1 }
        let accuracy = Intervals.wilson(successes: right, trials: count)
        return [
            Metric("data_spectral.poisoned_groups", Double(trials.count { $0.isPoison }), n: count),
            Metric(
                "data_spectral.rows", Double(suspects) / Double(max(1, count)), low: interval?.low,
                high: interval?.high,
                n: count, note: "Wilson 95 %"),
            Metric("data_spectral.groups", Double(trials.count), n: count),
            Metric("data_spectral.classes_left_out", Double(overlapping.count), n: hunt.data.classes),
            Metric(
                "data_spectral.held_out_accuracy", Double(right) / Double(max(1, count)), low: accuracy?.low,
                high: accuracy?.high, n: count, note: "Wilson 95 %"),
        ]
    }

    private func finding(
        _ trial: ClusterTrial, _ labels: DataSubject.Labels, _ subject: DataSubject, _ hunt: SpectralHunt
    ) -> Finding {
        func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
        let target = labels.classes[trial.target].clipped(to: 40)
        let effect =
            labels.favourable.map {
                $0 == trial.target ? " (integrity: let through)" : " (availability: turned away)"
            } ?? ""
        let title =
            "\(trial.rows.count) rows labelled \(target) stand apart in what a network makes of them; one that never saw them "
            + "takes \(percent(1 - (trial.without ?? 1))) of them for another class\(effect)"
        var text =
            "Found by \(trial.origin.rawValue): \(percent(trial.share)) of the class. Networks that saw other rows of the group "
            + "recognise \(percent(trial.recognised)) of it, a network trained without the group \(percent(trial.without ?? 1))"
        if let other = trial.other {
            text += ", and takes most of the rest for \(labels.classes[other].clipped(to: 40))"
        }
        text += ". Rows that are hard or merely mislabelled are not recognised by either."
        text +=
            trial.isMixed
            ? " The rest goes to several classes, as where a trigger was put on rows of all kinds."
            : " The rest goes to one class: this may be a kind of row that looks like that class, or poison made of it."
        let shown = trial.suspects.sorted { ($1.strength, $0.row) < ($0.strength, $1.row) }.prefix(10)
        let table = EvidenceTable(
            title: "Surest rows of the group", columns: ["row (from 0)", "probability of another class"],
            rows: shown.map { ["\(hunt.data.indices[$0.row])", String(format: "%.2f", $0.strength)] },
            personal: ["probability of another class"])
        return finding(
            trial.isMixed ? "poisoned_group" : "strange_group", .medium, title,
            evidence: [.text(text), .table(table)],
            remedy:
                "Look at the rows for something that they share, put them into quarantine, and train again without them.",
            about: subject, feature: target)
    }

    private func table(_ trials: [ClusterTrial], _ hunt: SpectralHunt, _ labels: DataSubject.Labels) -> EvidenceTable {
        func share(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "" }
        let order = trials.indices.sorted {
            (trials[$0].without ?? 2, trials[$0].neighbours, $0) < (trials[$1].without ?? 2, trials[$1].neighbours, $1)
        }
        return EvidenceTable(
            title: "Groups that activations set apart",
            columns: [
                "label", "found by", "rows", "share of class", "silhouette", "recognised by held-out networks",
                "neighbours of its class", "recognised without it",
            ],
            rows: order.prefix(12).map { index in
                let trial = trials[index]
                return [
                    labels.classes[trial.target].clipped(to: 40), trial.origin.rawValue, "\(trial.rows.count)",
                    share(trial.share), share(trial.silhouette), share(trial.recognised), share(trial.neighbours),
                    share(trial.without),
                ]
            })
    }
}
