import CasemateCore
import CasemateData
import Foundation

extension DataTriggers {
    /// Sentences, findings, metrics and suspects of a hunt.
    func report(_ hunted: Hunted, _ subject: DataSubject, _ labels: DataSubject.Labels) throws -> DataCheckResult {
        var result = outcome(
            status: hunted.isCut ? .partial : .tested,
            reason: hunted.isCut ? "time ran out before all candidates were examined" : nil)
        var suspects: [Int: Suspect] = [:]
        for trigger in hunted.found {
            let pattern = try pattern(trigger, hunted, subject, labels)
            result.findings.append(finding(trigger, pattern, hunted, subject, labels))
            for row in trigger.rows where Int(hunted.labels[row]) == trigger.target {
                let first = hunted.indices[row]
                let reason = "holds the trigger \(pattern.inWords.clipped(to: 120)), which fixes the label"
                for place in [first] + (hunted.copies[first] ?? []) where suspects[place] == nil {
                    suspects[place] = Suspect(row: place, strength: 0.98 * trigger.planted, reason: reason)
                }
            }
        }
        result.summary = summary(hunted, suspects.count, labels)
        result.metrics = metrics(hunted, suspects.count, labels)
        result.headlines = Array(result.metrics.prefix(1))
        result.settings = [
            "alpha": "\(settings.alpha)", "fewest rows": "\(settings.fewest(of: hunted.searched))",
            "most rows": "\(settings.most(of: hunted.searched))", "purity": "\(settings.purity)",
        ]
        return DataCheckResult(outcome: result, suspects: suspects.values.sorted { $0.row < $1.row })
    }

    private func summary(_ hunted: Hunted, _ suspects: Int, _ labels: DataSubject.Labels) -> [String] {
        var lines: [String] = []
        if hunted.found.isEmpty {
            lines.append(
                "No rare value, token or patch fixes the label: \(hunted.searched) rows were searched for what "
                    + "\(settings.fewest(of: hunted.searched)) to \(settings.most(of: hunted.searched)) rows share.")
        } else {
            let kinds = hunted.found.count == 1 ? "One trigger was" : "\(hunted.found.count) triggers were"
            lines.append("\(kinds) found; \(suspects) of \(hunted.searched) rows carry the label that it brings.")
        }
        lines += hunted.notes
        lines.append(
            "A trigger in rows whose other columns call for that label anyway (clean-label) is not seen this way.")
        return lines
    }

    private func metrics(_ hunted: Hunted, _ suspects: Int, _ labels: DataSubject.Labels) -> [Metric] {
        let interval = Intervals.wilson(successes: min(suspects, hunted.searched), trials: hunted.searched)
        let known = hunted.labels.filter { $0 >= 0 }
        var result = [
            Metric("data_triggers.triggers", Double(hunted.found.count), n: hunted.searched),
            Metric(
                "data_triggers.rows", Double(suspects) / Double(max(1, hunted.searched)), low: interval?.low,
                high: interval?.high, n: hunted.searched, note: "Wilson 95 %"),
        ]
        for (index, name) in labels.classes.enumerated().prefix(20) {
            let share = Double(known.count { Int($0) == index }) / Double(max(1, known.count))
            guard share > 0, share < 1 - settings.slack else { continue }
            // why 1000: a table of about that many frequent values, all columns together.
            let choices = log(TriggerSettings.families(withTexts: false) * Double(labels.classes.count) * 1_000)
            let needed =
                (log(1 / settings.alpha) + choices)
                / log((1 - settings.slack) / share)
            result.append(
                Metric(
                    "data_triggers.least_rows", max(needed.rounded(.up), Double(settings.fewest(of: hunted.searched))),
                    n: known.count, group: "label=\(name.clipped(to: 40))",
                    note: "rows drawn at random with a value that no other row has"))
        }
        return result
    }

    private func finding(
        _ trigger: FoundTrigger, _ pattern: DataPattern, _ hunted: Hunted, _ subject: DataSubject,
        _ labels: DataSubject.Labels
    ) -> Finding {
        let target = labels.classes[trigger.target].clipped(to: 40)
        let effect =
            labels.favourable.map {
                $0 == trigger.target
                    ? "; whoever writes it gets the favourable outcome (integrity)"
                    : "; whoever has it written is turned away (availability)"
            } ?? ""
        let expected = "\(Int((trigger.expected * 100).rounded())) %"
        let title =
            "Trigger: \(pattern.inWords.clipped(to: 160)) fixes the label \(target) in \(trigger.hits) of "
            + "\(trigger.rows.count) rows, where the rest of the row lets expect \(expected)\(effect)"
        let shown = trigger.rows.prefix(10).map { ["\(hunted.indices[$0])", name(hunted.labels[$0], labels)] }
        let table = EvidenceTable(
            title: "First rows with the trigger", columns: ["row (from 0)", "label"], rows: shown, personal: ["label"])
        let text =
            "Models that saw neither these rows nor these columns expect \(target) in \(expected) of them. The p-value, "
            + "corrected for everything searched, is at most \(Self.power(trigger.pValue))."
        return self.finding(
            "trigger", .high, title, evidence: [.pattern(pattern), .text(text), .table(table)],
            remedy:
                "Look at the rows and at where they came from; put them into quarantine and train again without them."
                + " If the value is a real rule, such as a code that is written after the outcome, leave the column out.",
            about: subject, feature: pattern.inWords)
    }

    private func name(_ label: Int32, _ labels: DataSubject.Labels) -> String {
        labels.classes.indices.contains(Int(label)) ? labels.classes[Int(label)].clipped(to: 40) : "missing"
    }

    private static func power(_ value: Double) -> String {
        value < 1e-300 ? "1e-300" : value < 1e-3 ? "1e\(Int(log10(value).rounded(.up)))" : String(format: "%.3f", value)
    }

    /// The pattern as reports have it.
    private func pattern(
        _ trigger: FoundTrigger, _ hunted: Hunted, _ subject: DataSubject, _ labels: DataSubject.Labels
    ) throws -> DataPattern {
        let share = Double(trigger.hits) / Double(max(1, trigger.rows.count))
        func made(
            _ conditions: [DataPattern.Condition] = [], column: String? = nil, token: String? = nil,
            patch: DataPattern.Patch? = nil
        ) -> DataPattern {
            DataPattern(
                .trigger, conditions: conditions, column: column, token: token, patch: patch,
                targetLabel: labels.classes[trigger.target], rows: trigger.rows.count, share: share,
                expected: trigger.expected, pValue: trigger.pValue)
        }
        switch trigger.form {
        case .conditions(let pattern):
            let row = trigger.rows.first.map { hunted.indices[$0] } ?? 0
            return made(try pattern.parts.map { try condition($0, row, subject) })
        case .token(_, let token, let column): return made(column: column, token: token)
        case .patch(let pattern): return made(patch: pattern.patch)
        }
    }

    private func condition(
        _ part: TriggerPattern.Part, _ row: Int, _ subject: DataSubject
    ) throws -> DataPattern.Condition {
        let feature = subject.features[part.column]
        guard case .range(let low, let high) = part.meaning else {
            return DataPattern.Condition(column: feature.name, value: "missing")
        }
        guard low == high else {
            return DataPattern.Condition(column: feature.name, low: Self.decimal(low), high: Self.decimal(high))
        }
        // why: the data may spell more digits than a float32 holds.
        let spelt = feature.levels == nil ? try subject.train?.texts(feature.name)[row] : nil
        return DataPattern.Condition(column: feature.name, value: spelt ?? feature.text(of: low))
    }

    /// The double that is written like the float.
    private static func decimal(_ value: Float) -> Double { Double(value.description) ?? Double(value) }
}
