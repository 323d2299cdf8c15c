package import CasemateCore

extension RowChange {
    /// Which row it is, in words.
    package var rowName: String { isRedacted || row <= 0 ? "A row (number masked)" : "Row \(Numerals.count(row))" }
    /// What the model answered before and after, in words.
    package var decisionInWords: String { "\(decisionBefore) → \(decisionAfter)" }
    /// The whole change in one sentence.
    package var inWords: String {
        let moves = steps.map { $0.inWords(isMasked: isRedacted) }.joined(separator: "; ")
        return "\(rowName): \(moves) — the decision turns from \(decisionBefore) to \(decisionAfter)"
            + " (distance \(Numerals.distance(distance))\(costInWords))"
    }
    /// What the change costs the attacker, behind a comma; empty where no costs are declared.
    package var costInWords: String { cost.map { ", cost \(RowChange.text(ofCost: $0))" } ?? "" }
}

extension RowChange.Step {
    /// What is done to the feature; `change` where its values are masked.
    package func verb(isMasked: Bool) -> String { isMasked ? "change" : verbInWords }
    /// The move in words: ``raise `duration` from 12 to 13``.
    package func inWords(isMasked: Bool) -> String {
        isMasked ? "\(verb(isMasked: true)) `\(feature)` (values masked)" : action
    }
}

extension Metric {
    /// The value, or that there is none.
    package var valueInWords: String { value.map(Numerals.number) ?? "no value" }
    /// The interval in brackets, where there is one.
    package var intervalInWords: String? {
        guard let low, let high else { return nil }
        return "[\(Numerals.number(low)), \(Numerals.number(high))]"
    }
    /// Value, interval and count: `0.871 [0.842, 0.896], n = 663`.
    package var inWords: String {
        [valueInWords, intervalInWords].compactMap { $0 }.joined(separator: " ") + ", n = \(Numerals.count(n))"
    }
    /// The name and the group that it is about.
    package var fullName: String { group.map { "\(name) (\($0))" } ?? name }
}

extension Evidence {
    /// The evidence in one sentence.
    package var inWords: String {
        switch self {
        case .text(let text): text
        case .metric(let metric): "\(metric.fullName) = \(metric.inWords)"
        case .table(let table): "\(table.title) (\(Numerals.count(table.rows.count, "row")))"
        case .change(let change): change.inWords
        case .location(let place): place.inWords
        case .pattern(let pattern): pattern.sentence
        }
    }
}

extension DataPattern {
    /// What the pattern is, how many rows share it, and what is odd about them.
    fileprivate var sentence: String {
        var text = "\(inWords): \(Numerals.count(rows, "row"))"
        if let targetLabel { text += ", label \(targetLabel)" }
        if let share { text += ", share \(Numerals.number(share))" }
        if let expected { text += " where \(Numerals.number(expected)) is expected" }
        if let pValue { text += ", p = \(Numerals.number(pValue))" }
        return text
    }
}

extension FileLocation {
    /// The place in words: `model.onnx, line 3, byte 120 (24 bytes)`.
    package var inWords: String {
        var text = path
        if let line { text += ", line \(line)" }
        if let byteOffset { text += ", byte \(byteOffset)" }
        if let byteLength { text += " (\(Numerals.count(byteLength, "byte")))" }
        return text
    }
}

extension Report {
    /// The numbers that stand on top, in the order of the probes; those for all rows that a rule of the policy names
    /// behind them. Where there are too many, the first of each probe and those of rules stay.
    package func keyMetrics(limit: Int = 12) -> [Metric] {
        let done = probes.filter { $0.status == .tested || $0.status == .partial }
        let headlines = done.map { $0.headlines.filter { $0.value != nil } }
        let whole = done.flatMap(\.metrics).filter { $0.group == nil && $0.value != nil }
        // why: a rule may name a measure that only groups have; the one on top of its probe stands for them.
        let known = whole + headlines.flatMap { $0 } + done.flatMap(\.metrics).filter { $0.value != nil }
        var seen: Set<String> = []
        let ruled = known.filter { metric in
            policy.contains { $0.names(metric.name) } && seen.insert(metric.name).inserted
        }
        var order: [Metric] = []
        for metric in headlines.flatMap({ $0 }) + ruled where !order.contains(metric) { order.append(metric) }
        var chosen: Set<Metric> = []
        for metric in ruled + headlines.compactMap(\.first) + order where chosen.count < limit { chosen.insert(metric) }
        return order.filter { chosen.contains($0) }
    }

    /// What an attacker can do today, probe by probe; one group without a title while that is a short list.
    package var attackerGroups: [(probe: String, title: String, sentences: [String])] {
        guard !attacker.isEmpty else { return [] }
        let groups = probes.filter { !$0.attacker.isEmpty }.map { ($0.probe, $0.title, $0.attacker) }
        let isComplete = groups.flatMap { $0.2 } == attacker
        return attacker.count > 6 && groups.count > 1 && isComplete ? groups : [("", "", attacker)]
    }

    /// Findings that no policy accepts.
    package var openFindings: [Finding] { findings.filter { $0.accepted == nil } }

    /// How many lines of the coverage matrix have each status, in words: `3 tested, 2 not tested`.
    package var coverageInWords: String {
        let order: [ProbeOutcome.Status] = [.tested, .partial, .notTested, .failed]
        return order.compactMap { status in
            let lines = coverage.filter { $0.status == status }
            guard !lines.isEmpty || status == .tested || status == .notTested else { return nil }
            let cached = lines.filter(\.isCached).count
            let note = cached == 0 ? "" : " (\(Numerals.count(cached)) from the cache)"
            return "\(Numerals.count(lines.count)) \(status.inWords)" + note
        }.joined(separator: ", ")
    }

    /// How many findings there are of each severity, the worst first: `1 critical, 2 high`.
    package var severitiesInWords: String {
        let open = openFindings
        var parts = Severity.allCases.reversed().compactMap { severity in
            let count = open.filter { $0.severity == severity }.count
            return count == 0 ? nil : "\(Numerals.count(count)) \(severity.rawValue)"
        }
        if open.count < findings.count { parts.append("\(Numerals.count(findings.count - open.count)) accepted") }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }
}

extension Report.Rule {
    /// Whether the rule is about the metric of that name: the name stands in it and ends there.
    func names(_ metric: String) -> Bool {
        rule.split { !($0.isLetter || $0.isNumber || "._@-".contains($0)) }.contains { $0 == metric }
    }
}

extension ProbeOutcome.Status {
    /// The status as people say it.
    package var inWords: String { self == .partial ? "not finished" : rawValue }
}

extension Report {
    /// The verdict in one capital word; a verb that judges nothing is merely done.
    package var verdictWord: String { judgesNothing ? "DONE" : verdict.word }
    /// The verdict in a short sentence.
    package var verdictSentence: String { judgesNothing ? "Nothing was judged" : verdict.sentence }
    private var judgesNothing: Bool {
        (verb.hasPrefix("attack") || verb == "certify") && policy.isEmpty && verdict == .pass
    }
}

extension Report.Verdict {
    /// The verdict in one capital word.
    package var word: String { rawValue.uppercased() }
    /// The verdict in a short sentence.
    package var sentence: String {
        switch self {
        case .pass: "No rule is broken"
        case .fail: "Not fit to ship as it is"
        case .undecided: "No verdict could be reached"
        }
    }
}
