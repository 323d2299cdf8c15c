import CasemateCore

/// What the check says: metrics, suspects, findings.
struct RoniStory {
    /// A tested row of the data.
    struct Row {
        let row: Int, label: Int
        let tested: RoniTested
        init(_ tested: RoniTested, row: Int, label: Int) { (self.tested, self.row, self.label) = (tested, row, label) }
    }
    let check: RoniCheck
    let subject: DataSubject
    let words: String
    /// Rows with a label.
    let total: Int
    var calibration = 0
    var pairs: [RoniPair] = []
    private var outcome: ProbeOutcome
    private var suspects: [Suspect] = []

    init(check: RoniCheck, subject: DataSubject, words: String, total: Int) {
        (self.check, self.subject, self.words, self.total) = (check, subject, words, total)
        outcome = check.outcome()
    }

    var result: DataCheckResult { DataCheckResult(outcome: outcome, suspects: suspects) }

    private func name(_ label: Int) -> String { (subject.labels?.classes[label] ?? "\(label)").clipped(to: 40) }

    /// What harm to trusted rows of a class is called.
    private func harm(_ direction: Int) -> String {
        guard let favourable = subject.labels?.favourable else { return "trusted rows of '\(name(direction))'" }
        return direction == favourable
            ? "availability: trusted rows of '\(name(direction))' are turned away"
            : "integrity: trusted rows of '\(name(direction))' are let through"
    }

    /// Known-good rows that did not set the thresholds.
    mutating func take(held: Int, alarms: Int) {
        let interval = Intervals.wilson(successes: alarms, trials: held)
        outcome.metrics.append(
            Metric(
                "data_roni.false_alarms", Double(alarms) / Double(max(1, held)), low: interval?.low,
                high: interval?.high, n: held, note: "Wilson 95 %, trusted rows that set no threshold"))
    }

    /// Single rows.
    mutating func take(_ rows: [Row]) {
        let order = rows.indices.sorted { (rows[$0].tested.share, $0) < (rows[$1].tested.share, $1) }
        var discovery = [Double](repeating: 1, count: rows.count)
        var least = 1.0
        for (position, index) in order.enumerated().reversed() {
            least = min(least, rows[index].tested.share * Double(rows.count) / Double(position + 1))
            discovery[index] = least
        }
        let flagged = order.filter { rows[$0].tested.isBelow && discovery[$0] <= check.falseDiscoveryRate }
        suspects += flagged.map { index in
            let row = rows[index]
            let points = -row.tested.effects[row.tested.direction] * 100
            return Suspect(
                row: row.row, strength: 1 - discovery[index],
                reason:
                    "label \(name(row.label)) costs \(Self.text(points)) points of trusted '\(name(row.tested.direction))'"
            )
        }
        let interval = Intervals.wilson(successes: flagged.count, trials: rows.count)
        outcome.metrics += [
            Metric("data_roni.tested", Double(rows.count), n: total, note: "rows whose effect was measured"),
            Metric(
                "data_roni.flagged", Double(flagged.count) / Double(max(1, rows.count)), low: interval?.low,
                high: interval?.high, n: rows.count, note: "Wilson 95 %"),
        ]
        outcome.headlines = Array(outcome.metrics.suffix(1))
        outcome.settings = [
            "victim": words, "pairs": "\(pairs.count)", "training": "\(pairs.first?.training.count ?? 0)",
            "validation": "\(pairs.first?.validation.count ?? 0)", "calibration": "\(calibration)",
        ]
        let part = rows.count < total ? " of \(total), half of them those that trusted rows contradict most" : ""
        outcome.summary.append(
            "\(rows.count) rows\(part) were each added to \(pairs.count) small trusted training sets of \(words); "
                + "\(flagged.count) do more harm than any of \(calibration) known-good rows, beyond chance.")
        if !flagged.isEmpty { outcome.findings.append(finding(flagged.map { rows[$0] }, tested: rows.count)) }
    }

    private func finding(_ rows: [Row], tested: Int) -> Finding {
        let byDirection = (0...1).map { direction in rows.filter { $0.tested.direction == direction } }
        let main = byDirection[1].count > byDirection[0].count ? 1 : 0
        let table = EvidenceTable(
            title: "Rows that do most harm", columns: ["row (from 0)", "label", "points lost", "on"],
            rows: rows.prefix(10).map { row in
                [
                    "\(row.row)", name(row.label), Self.text(-row.tested.effects[row.tested.direction] * 100),
                    name(row.tested.direction),
                ]
            }, personal: ["row (from 0)", "label"])
        // why: a few rows beyond all known-good ones are odd rows; many are an attack.
        let isMany = rows.count >= 10 && Double(rows.count) >= 0.003 * Double(tested)
        return check.finding(
            "harmful_rows", isMany ? .high : .medium,
            "\(rows.count) rows make a model worse on trusted rows than known-good rows do",
            evidence: [
                .text("Harm shows on \(harm(main)) (\(byDirection[main].count) of \(rows.count))."), .table(table),
            ],
            remedy: "review these rows before training, and ask where they came from", about: subject)
    }

    /// Sources as batches.
    mutating func take(sources: [RoniSource], column: String) {
        guard !sources.isEmpty else { return }
        let pValues = sources.flatMap { source in source.deviations.map { Distributions.normalCDF($0) } }
        let adjusted = HypothesisTests.holm(pValues)
        for (index, source) in sources.enumerated() {
            for direction in 0...1 {
                outcome.metrics.append(
                    Metric(
                        "data_roni.source_effect", source.effect[direction] - source.expected[direction],
                        n: source.rows, group: "source=\(source.name.clipped(to: 40))",
                        note: "on trusted '\(name(direction))', p = \(Self.text(adjusted[index * 2 + direction]))"))
            }
            let direction = adjusted[index * 2 + 1] < adjusted[index * 2] ? 1 : 0
            let pValue = adjusted[index * 2 + direction]
            let loss = source.expected[direction] - source.effect[direction]
            guard pValue < 0.001, loss >= 0.05 else { continue }
            let pattern = DataPattern(
                .source, column: column, source: source.name, rows: source.rows, share: source.effect[direction],
                expected: source.expected[direction], pValue: pValue)
            outcome.findings.append(
                check.finding(
                    "harmful_source", .medium,
                    "Rows from \(column.clipped(to: 40)) '\(source.name.clipped(to: 40))' make a model worse on trusted rows",
                    evidence: [
                        .pattern(pattern),
                        .text(
                            "A batch costs \(Self.text(loss * 100)) points more than known-good rows do, on \(harm(direction))."
                        ),
                    ],
                    remedy: "hold the rows of this source back until somebody has looked at them", about: subject,
                    feature: source.name))
        }
    }

    static func text(_ number: Double) -> String {
        abs(number) < 1e-3 && number != 0 ? String(format(number, digits: 6)) : String(format(number, digits: 2))
    }
    private static func format(_ number: Double, digits: Int) -> Double {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return (number * scale).rounded() / scale
    }
}
