import CasemateCore
import CasemateData

extension DataProfileStory {
    /// Sources or windows that differ from all other rows.
    mutating func add(_ comparison: GroupComparison, isWindow: Bool) throws {
        let found = comparison.differences.filter { severity($0, comparison) != nil }
            .sorted { ($1.effect / floor($1), $0.group) < ($0.effect / floor($0), $1.group) }
        var told: Set<Int> = []
        for difference in found where told.insert(difference.group).inserted && told.count <= check.mostFindings {
            let others = found.filter { $0.group == difference.group }
            try add(difference, others, comparison, isWindow: isWindow)
        }
    }

    private func floor(_ difference: GroupComparison.Difference) -> Double {
        difference.column == nil ? check.sourceLabels.low : check.sourceColumns.low
    }

    /// `nil` where the group does not stand out.
    private func severity(
        _ difference: GroupComparison.Difference, _ comparison: GroupComparison
    ) -> Severity? {
        guard difference.adjusted < check.alpha, difference.effect >= floor(difference) else { return nil }
        // why: with few groups nobody can say how much groups differ anyhow.
        let isMany = comparison.groups.groups.count >= 4
        if isMany, difference.effect < check.outlying * difference.typical { return nil }
        let medium = difference.column == nil ? check.sourceLabels.medium : check.sourceColumns.medium
        return isMany && difference.effect >= medium ? .medium : .low
    }

    private mutating func add(
        _ difference: GroupComparison.Difference, _ all: [GroupComparison.Difference], _ comparison: GroupComparison,
        isWindow: Bool
    ) throws {
        let (column, groups) = (comparison.groups.column, comparison.groups.groups)
        let group = groups[difference.group]
        let what =
            isWindow ? "The window '\(group.name)' of \(column)" : "The rows of \(column) '\(group.name.clipped())'"
        let worst = all.compactMap { severity($0, comparison) }.max() ?? .low
        let pattern = DataPattern(
            isWindow ? .segment : .source,
            conditions: isWindow
                ? [
                    .init(
                        column: column, low: group.low, high: group.high,
                        value: group.low == nil && group.high == nil ? group.name : nil)
                ]
                : [],
            column: isWindow ? nil : column, source: isWindow ? nil : group.name,
            targetLabel: difference.label.flatMap { className($0) }, rows: group.rows, share: difference.share,
            expected: difference.expected, pValue: difference.adjusted)
        let title: String
        if let label = difference.label, let share = difference.share, let expected = difference.expected {
            title =
                "\(what) hold\(isWindow ? "s" : "") label \(className(label) ?? "") in \(Figure.percent(share)) of rows, all "
                + "others in \(Figure.percent(expected))"
        } else {
            title =
                "\(what) differ\(isWindow ? "s" : "") from all others in \(Figure.count(all.count, "column")), most in "
                + "'\((difference.column ?? "").clipped())'"
        }
        report(
            isWindow ? "window_differs" : "source_differs", worst, title,
            [.pattern(pattern), .table(table(all, comparison))],
            remedy: isWindow
                ? "Find out what changed in that time; leave it out of training until it is explained."
                : "Ask this source how its rows and labels come about; leave it out of training until it is explained.",
            feature: "\(column)\u{1F}\(group.name)")
        try suspects(difference, comparison, isWindow: isWindow)
    }

    private func className(_ index: Int) -> String? {
        train?.profile.label.flatMap { $0.classes.indices.contains(index) ? $0.classes[index].clipped() : nil }
    }

    private func table(_ all: [GroupComparison.Difference], _ comparison: GroupComparison) -> EvidenceTable {
        EvidenceTable(
            title: "Compared with all other rows",
            columns: ["what", "effect", "median of the other groups", "p adjusted"],
            rows: all.prefix(10).map {
                [
                    $0.column?.clipped() ?? "labels", Figure.fixed($0.effect), Figure.fixed($0.typical),
                    Figure.probability($0.adjusted).replacing("= ", with: ""),
                ]
            })
    }

    /// Rows of the group with the label that stands out: as many of them are bad as stand out.
    private mutating func suspects(
        _ difference: GroupComparison.Difference, _ comparison: GroupComparison, isWindow: Bool
    ) throws {
        guard let index = difference.label, let share = difference.share, let expected = difference.expected,
            share > expected, let target = subject.roles.target, let label = className(index), let table = subject.train
        else { return }
        let group = comparison.groups.groups[difference.group]
        let isHere: String
        if isWindow, group.low != nil || group.high != nil {
            let value = try table.numberExpression(try table.column(comparison.groups.column))
            let bounds = [group.low.map { "\(value) >= \($0)" }, group.high.map { "\(value) <= \($0)" }]
            isHere = bounds.compactMap(\.self).joined(separator: " AND ")
        } else {
            isHere = Self.equals(comparison.groups.column, group.name)
        }
        let found = try rows(where: "\(isHere) AND \(Self.equals(target, label))", limit: 5000)
        let strength = (share - expected) / share
        for row in found {
            suspect(
                row, strength,
                "label \(label), in \(Figure.percent(share)) of rows of \(comparison.groups.column) "
                    + "\(group.name.clipped(to: 40)), elsewhere in \(Figure.percent(expected))")
        }
    }

    /// SQL that compares a column's text with a value.
    static func equals(_ column: String, _ value: String) -> String {
        let text = value.replacing("'", with: "''")
        let number = Double(value).map { " OR TRY_CAST(\(quoted(column)) AS DOUBLE) = \($0)" } ?? ""
        return "(CAST(\(quoted(column)) AS VARCHAR) = '\(text)'\(number))"
    }
}
