import CasemateCore
import CasemateData

extension DataProfileStory {
    /// What differs from the reference.
    mutating func add(_ comparison: ProfileComparison) throws {
        addSchema(comparison)
        addShifts(comparison)
        try addRanges(comparison)
        try addNewValues(comparison)
        addMissing(comparison)
        addCorrelations(comparison)
        addLabel(comparison)
    }

    private static func names(_ columns: [String]) -> String {
        let shown = columns.prefix(8).map { "'\($0.clipped(to: 40))'" }.joined(separator: ", ")
        return shown + (columns.count > 8 ? " and \(columns.count - 8) more" : "")
    }

    private mutating func addSchema(_ comparison: ProfileComparison) {
        if !comparison.lost.isEmpty {
            report(
                "missing_columns", .medium,
                "\(Figure.count(comparison.lost.count, "column")) of the reference "
                    + "\(comparison.lost.count == 1 ? "is" : "are") missing: \(Self.names(comparison.lost.map(\.name)))",
                [], remedy: "Find out who removed them, or train and serve without them.")
        }
        if !comparison.added.isEmpty {
            report(
                "new_columns", .low,
                "\(Figure.count(comparison.added.count, "column")) "
                    + "\(comparison.added.count == 1 ? "is" : "are") not in the reference: "
                    + Self.names(comparison.added.map(\.name)), [],
                remedy: "Make sure that the model does not learn from columns that nobody examined.")
        }
        for pair in comparison.retyped.prefix(check.mostFindings) {
            report(
                "type_changed", .medium,
                "Column '\(pair.train.name.clipped())' holds \(pair.train.type.rawValue), in the reference "
                    + pair.reference.type.rawValue, [],
                remedy: "Look for cells that do not belong there, or declare the type of the column.",
                feature: pair.train.name)
        }
    }

    /// `nil` where a shift may be chance or is too small.
    func severity(_ shift: ColumnShift) -> Severity? {
        guard shift.adjusted < check.alpha else { return nil }
        if shift.effect >= check.effect.medium || shift.excess >= check.stability.medium { return .medium }
        return shift.effect >= check.effect.low || shift.excess >= check.stability.low ? .low : nil
    }

    /// Shifts that count, the largest first.
    func counted(_ comparison: ProfileComparison) -> [ColumnShift] {
        comparison.shifts.filter { severity($0) != nil }
            .sorted { (max($1.effect, $1.excess), $0.title) < (max($0.effect, $0.excess), $1.title) }
    }

    private mutating func addShifts(_ comparison: ProfileComparison) {
        let found = counted(comparison)
        for shift in found.prefix(check.mostFindings) {
            let words =
                shift.test == .gap
                ? "gap \(Figure.fixed(shift.statistic))"
                    + (shift.error > 0.0005 ? " (+ \(Figure.fixed(shift.error)) at most)" : "")
                : "Cramér's V \(Figure.fixed(shift.effect))"
            var evidence: [Evidence] = [
                .text(
                    "\(shift.test.rawValue): \(words), p \(Figure.probability(shift.adjusted)) after adjustment over "
                        + "\(Figure.count(comparison.shifts.count, "column")).")
            ]
            evidence += measures(shift).map { .metric($0) }
            report(
                "shift", severity(shift) ?? .low, "Column '\(shift.title.clipped())' shifted against the reference",
                evidence,
                remedy: "Find out whether the world changed, the collection changed, or rows were added on purpose.",
                feature: shift.title)
        }
    }

    private mutating func addRanges(_ comparison: ProfileComparison) throws {
        let found = comparison.ranges.filter { $0.adjusted < check.alpha && $0.share >= check.unseen.low }
        for range in found.prefix(check.mostFindings) {
            let number = range.below + range.above
            let interval = Intervals.wilson(successes: number, trials: range.rows)
            report(
                "out_of_range", range.share >= check.unseen.medium ? .medium : .low,
                "\(Figure.count(number, "row")) (\(Figure.percent(range.share))) of '\(range.column.clipped())' "
                    + "lie\(number == 1 ? "s" : "") outside the reference, which goes from \(Figure.text(range.low)) "
                    + "to \(Figure.text(range.high))",
                [
                    .metric(
                        Metric(
                            "data_profile.out_of_range", range.share, low: interval?.low, high: interval?.high,
                            n: range.rows, group: "column=\(range.column)", note: "Wilson 95 %"))
                ],
                remedy: "Check unit and source of these values; declare a rule for the range.", feature: range.column)
            guard range.share <= check.unseen.medium, let table = subject.train else { continue }
            let value = try table.numberExpression(try table.column(range.column))
            for row in try rows(where: "(\(value)) < \(range.low) OR (\(value)) > \(range.high)") {
                suspect(row, 0.5, "'\(range.column.clipped())' lies outside the range of the reference")
            }
        }
    }

    private mutating func addNewValues(_ comparison: ProfileComparison) throws {
        let found = comparison.newValues.filter {
            $0.adjusted < check.alpha && Double($0.count) >= check.unseen.low * Double($0.rows)
        }
        let columns = comparison.shared.map(\.train.name).filter { name in found.contains { $0.column == name } }
        for column in columns.prefix(check.mostFindings) {
            let values = found.filter { $0.column == column }
            let rows = values.reduce(0) { $0 + $1.count }
            let share = Double(rows) / Double(max(1, values.first?.rows ?? 1))
            report(
                "new_values", share >= check.unseen.medium ? .medium : .low,
                "\(Figure.count(rows, "row")) (\(Figure.percent(share))) hold\(rows == 1 ? "s" : "") "
                    + "\(Figure.count(values.count, "value")) of '\(column.clipped())' that the reference does not know",
                [
                    .table(
                        EvidenceTable(
                            title: "New values", columns: ["value", "rows"],
                            rows: values.prefix(10).map { [$0.value.clipped(), "\($0.count)"] }))
                ],
                remedy: "Find out who introduced them; a rare value of its own is how a trigger looks.", feature: column
            )
            guard share <= check.unseen.medium else { continue }
            for value in values {
                for row in try self.rows(where: Self.equals(column, value.value)) {
                    suspect(row, 0.4, "'\(column.clipped())' holds a value that the reference does not know")
                }
            }
        }
    }

    private mutating func addMissing(_ comparison: ProfileComparison) {
        let found = comparison.missing.filter {
            $0.adjusted < check.alpha && abs($0.difference) >= check.missing.low
        }.sorted { (abs($1.difference), $0.column) < (abs($0.difference), $1.column) }
        for change in found.prefix(check.mostFindings) {
            report(
                "missing_rate", abs(change.difference) >= check.missing.medium ? .medium : .low,
                "Column '\(change.column.clipped())' is missing in "
                    + "\(Figure.percent(Double(change.missing) / Double(change.rows))) of rows, in the reference in "
                    + Figure.percent(Double(change.referenceMissing) / Double(change.referenceRows)),
                [.text("Two shares, p \(Figure.probability(change.adjusted)) after adjustment.")],
                remedy: "Find out why values went missing, or where new ones come from.", feature: change.column)
        }
    }

    private mutating func addCorrelations(_ comparison: ProfileComparison) {
        let found = comparison.correlations.filter {
            $0.adjusted < check.alpha && $0.difference >= check.correlation.low
        }.sorted { ($1.difference, $0.one, $0.other) < ($0.difference, $1.one, $1.other) }
        guard let worst = found.first else { return }
        report(
            "correlation_change", worst.difference >= check.correlation.medium ? .medium : .low,
            "\(Figure.count(found.count, "pair")) of columns \(found.count == 1 ? "is" : "are") correlated otherwise than "
                + "in the reference, most '\(worst.one.clipped(to: 40))' and '\(worst.other.clipped(to: 40))'",
            [
                .table(
                    EvidenceTable(
                        title: "Rank correlations", columns: ["columns", "here", "reference", "p adjusted"],
                        rows: found.prefix(10).map {
                            [
                                "\($0.one.clipped(to: 40)), \($0.other.clipped(to: 40))", Figure.fixed($0.value),
                                Figure.fixed($0.reference), Figure.probability($0.adjusted).replacing("= ", with: ""),
                            ]
                        })),
                .text("\(comparison.pairs) pairs were compared (Fisher's z, false-discovery control)."),
            ],
            remedy: "Columns that go together elsewhere and not here were filled otherwise: look at how.",
            feature: "correlations")
    }

    private mutating func addLabel(_ comparison: ProfileComparison) {
        guard let label = comparison.label, label.pValue < check.alpha, label.variation >= check.label.low else {
            return
        }
        let (n, m) = (Double(label.counts.reduce(0, +)), Double(label.referenceCounts.reduce(0, +)))
        report(
            "label_shift", label.variation >= check.label.medium ? .medium : .low,
            "Labels are spread otherwise than in the reference: \(Figure.percent(label.variation)) of rows would have to "
                + "change",
            [
                .table(
                    EvidenceTable(
                        title: "Labels", columns: ["label", "here", "reference"],
                        rows: label.classes.indices.prefix(20).map {
                            [
                                label.classes[$0].clipped(), Figure.percent(Double(label.counts[$0]) / n),
                                Figure.percent(Double(label.referenceCounts[$0]) / m),
                            ]
                        })),
                .text("Chi-square \(Figure.text(label.statistic)), p \(Figure.probability(label.pValue))."),
            ],
            remedy: "Find out which rows or sources moved the labels before training on them.", feature: "labels")
    }
}
