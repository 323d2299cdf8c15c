import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// Where surprising outcomes gather: in segments, sources, times.
extension ResidualsAnalysis {
    /// Mean deviations from the odds below these raise no finding; a group is larger and not searched for.
    private var practicalSegment: Double { 0.1 }
    private var practicalGroup: Double { 0.05 }
    /// A cluster has at least this many times the rows that its odds explain.
    private var practicalRatio: Double { 1.5 }

    /// A small rule for where the most surprising rows lie; a description, since they lie where the odds are poor.
    func appendWhere(to outcome: inout ProbeOutcome) throws {
        let top = Set(residuals.top(topShare, .granted))
        let search = SegmentSearch(
            minimumRows: max(probe.minimumGroup, rows.count / 200), most: 2, alpha: probe.alpha, direction: .higher)
        let found = try search.segments(
            of: matrix, values: rows.indices.map { top.contains($0) ? 1 : 0 }, seed: context.seed,
            cancellation: context.cancellation)
        guard let first = found.first else { return }
        let inside = top.count { first.segment.contains(matrix[row: $0]) }
        outcome.summary.append(
            "\(Words.percent(Double(inside) / Double(max(1, top.count)))) of them lie where "
                + "\(first.segment.described(over: matrix.features)), which holds "
                + "\(Words.percent(Double(first.count) / Double(rows.count))) of all rows: the odds are poor there, "
                + "which by itself is no sign of tampering.")
    }

    /// Segments in which outcomes are better, or worse, than a model over the same features expects.
    func appendSegments(to outcome: inout ProbeOutcome) throws {
        for direction in OddsResiduals.Direction.allCases {
            let sign: Double = direction == .granted ? 1 : -1
            let search = SegmentSearch(
                minimumRows: max(probe.minimumGroup, 50), most: 3, alpha: probe.alpha, direction: .higher)
            let found = try search.segments(
                of: matrix, values: residuals.excess.map { sign * $0 }, seed: context.seed,
                cancellation: context.cancellation
            ).filter { $0.inside >= practicalSegment && $0.pValue < min(0.01, probe.alpha) }
            guard !found.isEmpty else { continue }
            let isShare = residuals.probabilities != nil
            let table = EvidenceTable(
                title: "Segments with more rows that \(Self.words(direction).got) than their odds say",
                columns: [
                    "segment", "rows", isShare ? "above the odds (points)" : "above the odds (deviations)", "p (Holm)",
                ],
                rows: found.map {
                    [
                        $0.segment.described(over: matrix.features), "\($0.count)",
                        Words.number(isShare ? 100 * $0.inside : $0.inside, digits: 1), Words.pValue($0.pValue),
                    ]
                })
            outcome.findings.append(
                probe.finding(
                    "\(direction.rawValue)_segment", direction == .granted ? .medium : .low,
                    "More rows \(Self.words(direction).got) than their odds explain in "
                        + Words.count(found.count, "segment"), evidence: [.table(table)],
                    remedy:
                        "Check the outcomes of these rows against their source; if they are right, the model misses "
                        + "something about them.", about: subject, feature: direction.rawValue))
        }
    }

    // MARK: Sources and times

    /// The declared source and time of the examined rows.
    func groupings(_ outcome: inout ProbeOutcome) throws -> [Grouping] {
        guard let table = subject.tables.train else { return [] }
        var result: [Grouping] = []
        if let column = subject.roles.source, table.columns.contains(where: { $0.name == column }) {
            let values = try table.texts(column)
            result.append(sources(rows.map { values[$0] }, column, &outcome))
        }
        if let column = subject.roles.time, let type = table.columns.first(where: { $0.name == column })?.type {
            let texts = try table.texts(column)
            let own = rows.map { texts[$0] }
            let numbers = type == .text ? nil : try table.numbers(column)
            result.append(times(own, numbers.map { numbers in rows.map { numbers[$0] } }, column))
        }
        return result
    }

    private func sources(_ values: [String?], _ column: String, _ outcome: inout ProbeOutcome) -> Grouping {
        var counts: [String: Int] = [:]
        for case let value? in values { counts[value, default: 0] += 1 }
        let names = counts.keys.filter { (counts[$0] ?? 0) >= probe.minimumGroup }.sorted()
        let index = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let groups = values.map { $0.flatMap { index[$0] } }
        let left = groups.count { $0 == nil }
        if left > 0 {
            outcome.summary.append(
                "\(Words.count(left, "training row")) without a \(column), or of one with fewer than "
                    + "\(probe.minimumGroup) rows, are in no comparison of sources.")
        }
        return Grouping(kind: "source", column: column, groups: groups, names: names)
    }

    private func times(_ texts: [String?], _ numbers: [Double]?, _ column: String) -> Grouping {
        let places = Dictionary(
            uniqueKeysWithValues: Set(texts.compactMap { $0 }).sorted().enumerated().map { ($1, Double($0)) })
        let values = numbers ?? texts.map { $0.flatMap { places[$0] } ?? .nan }
        let groups = ResidualGroups.windows(values, count: probe.windows)
        let names = (0..<probe.windows).map { window -> String in
            let members = groups.indices.filter { groups[$0] == window }
            guard let first = members.min(by: { values[$0] < values[$1] }),
                let last = members.max(by: { values[$0] < values[$1] })
            else { return "" }
            return texts[first] == texts[last]
                ? texts[first] ?? "" : "\(texts[first] ?? "") to \(texts[last] ?? "")"
        }
        return Grouping(kind: "time", column: column, groups: groups, names: names)
    }

    func appendGroups(_ grouping: Grouping, to outcome: inout ProbeOutcome) {
        for direction in OddsResiduals.Direction.allCases {
            let top = residuals.top(topShare, direction)
            let found = ResidualGroups(residuals, top: top, groups: grouping.groups, direction).rows
            guard found.count > 1 else {
                if direction == .granted {
                    outcome.summary.append("\(grouping.column) has one value only: there is nothing to compare.")
                }
                continue
            }
            if direction == .granted {
                for row in found {
                    outcome.metrics.append(
                        Metric(
                            "residuals.cluster_ratio", row.ratio, low: row.interval?.low, high: row.interval?.high,
                            n: row.count, group: "\(grouping.kind)=\(grouping.names[row.group])",
                            note: row.ratio == nil
                                ? "no such row is expected"
                                : "Clopper-Pearson 95 %, p (Holm) \(Words.pValue(row.pValue))"))
                }
            }
            let table = table(found, grouping, direction)
            if direction == .granted { outcome.tables.append(table) }
            appendFinding(found, grouping, direction, table, top.count, to: &outcome)
        }
    }

    private func table(
        _ found: [ResidualGroups.Row], _ grouping: Grouping, _ direction: OddsResiduals.Direction
    ) -> EvidenceTable {
        let shown = found.sorted { ($0.pValue, $1.ratio ?? 0, $0.group) < ($1.pValue, $0.ratio ?? 0, $1.group) }.prefix(
            20)
        return EvidenceTable(
            title: "Rows that \(Self.words(direction).got) most against the odds, by \(grouping.column)",
            columns: [
                grouping.kind, "rows", "found", "expected", "ratio", "p (Holm)", "mean above the odds", "p (Holm) ",
            ],
            rows: shown.map { row in
                let expected = row.ratio.map { $0 > 0 ? Double(row.observed) / $0 : nil } ?? nil
                return [
                    grouping.names[row.group], "\(row.count)", "\(row.observed)", Words.number(expected, digits: 1),
                    Words.number(row.ratio, row.interval, digits: 2), Words.pValue(row.pValue),
                    Words.number(row.excess), Words.pValue(row.excessPValue),
                ]
            })
    }

    private func appendFinding(
        _ found: [ResidualGroups.Row], _ grouping: Grouping, _ direction: OddsResiduals.Direction,
        _ table: EvidenceTable, _ top: Int, to outcome: inout ProbeOutcome
    ) {
        // why: both the first rows and the whole ranking are tested, in both directions, by source and by time.
        let families = [subject.roles.source, subject.roles.time].count { $0 != nil }
        let level = probe.alpha / Double(2 * OddsResiduals.Direction.allCases.count * max(1, families))
        let clusters = found.filter {
            $0.pValue < level && $0.observed >= 5 && ($0.ratio ?? .infinity) >= practicalRatio
        }
        let shifts = found.filter { $0.excessPValue < level && $0.excess >= practicalGroup }
        let worst =
            clusters.isEmpty
            ? shifts.min { ($0.excessPValue, -$0.excess, $0.group) < ($1.excessPValue, -$1.excess, $1.group) }
            : clusters.min { ($0.pValue, $0.group) < ($1.pValue, $1.group) }
        guard let worst else { return }
        let isStrong = worst.pValue < 0.001 && (worst.ratio ?? .infinity) >= 5 && direction == .granted
        let severity: Severity = clusters.isEmpty ? .low : isStrong ? .high : direction == .granted ? .medium : .low
        let name = grouping.names[worst.group]
        let words = Self.words(direction)
        let title =
            clusters.isEmpty
            ? "Rows of \(grouping.column) '\(name)' \(words.got) more often than their odds explain"
            : "\(worst.observed) of the \(top) rows that \(words.got) most against the odds are of \(grouping.column) "
                + "'\(name)'"
        outcome.findings.append(
            probe.finding(
                "\(direction.rawValue)_\(grouping.kind)", severity, title, evidence: [.table(table)],
                remedy:
                    "Check how outcomes were entered there before these rows are trained on again; leave them out of "
                    + "training until then.", about: subject, feature: grouping.column))
        if direction == .granted, !clusters.isEmpty, let ratio = worst.ratio {
            outcome.attacker.append(
                "Whoever writes outcomes for \(grouping.column) '\(name)' can teach the model to be lenient: its rows "
                    + "got the good outcome against the odds \(Words.number(ratio, digits: 1)) times as often as they "
                    + "should have."
            )
        }
    }
}
