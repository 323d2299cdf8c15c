import CasemateCore
import CasemateData
import CasemateModels

/// Verdicts on all groups, and what is said of them.
struct FairnessSurvey {
    let check: DataFairnessCheck
    let subject: DataSubject
    var notes: [String]
    private(set) var verdicts: [GroupVerdict] = []
    private var metrics: [Metric] = []
    private var columns: [ProtectedColumn] = []

    init(check: DataFairnessCheck, subject: DataSubject, notes: [String]) {
        (self.check, self.subject, self.notes) = (check, subject, notes)
    }

    /// Compares the groups of an attribute.
    mutating func add(
        _ column: ProtectedColumn, _ comparable: ComparableRows?, _ train: DataTable, seed: UInt64
    ) throws {
        let groups = ProtectedColumn.groupCounts(column.names, column.train)
        let name = column.column.name
        guard let fairness = GroupFairness(groups, minimumReference: check.minimumGroup, seed: seed),
            let base = column.names.firstIndex(of: fairness.reference.name)
        else {
            notes.append("\(name.clipped(to: 40)) cannot be compared: insufficient data.")
            return
        }
        columns.append(column)
        for (index, group) in column.names.enumerated() { measureRate(name, group, column.train[index]) }
        let places = try comparable.map { try Self.groups($0, column, train) }
        for row in fairness.rows {
            guard let index = column.names.firstIndex(of: row.group.name) else { continue }
            var verdict = GroupVerdict(
                attribute: name, group: row.group.name, base: fairness.reference.name,
                condition: column.condition(index), row: row, counts: column.train[index],
                baseCounts: column.train[base])
            if let comparable, let places { verdict.adjusted = comparable.gap(index, to: base, groups: places) }
            if let reference = column.reference { verdict.reference = (reference[index], reference[base]) }
            verdicts.append(verdict)
        }
        if column.missing > 0 {
            notes.append("\(RowWords.count(column.missing, "row")) without \(name.clipped(to: 40)) are left out of it.")
        }
    }

    /// Group of each comparable row, -1 where unknown.
    private static func groups(_ comparable: ComparableRows, _ column: ProtectedColumn, _ train: DataTable) throws
        -> [Int]
    {
        let answer = try train.query("SELECT coalesce(\(column.expression), -1) FROM {table}")
        let all = answer.wholes(0)
        return comparable.rows.map { $0 < all.count ? all[$0] : -1 }
    }

    /// Adjusts p-values over everything that was tested alike.
    mutating func settle() {
        func adjusted(_ values: [Double?]) -> [Double?] {
            let tested = values.indices.filter { values[$0] != nil }
            let holm = HypothesisTests.holm(tested.map { values[$0] ?? 1 })
            var result = [Double?](repeating: nil, count: values.count)
            for (place, index) in tested.enumerated() { result[index] = holm[place] }
            return result
        }
        let gaps = adjusted(verdicts.map { $0.adjusted?.pValue })
        let changes = adjusted(verdicts.map { $0.gapChange?.pValue })
        let rates = adjusted(
            verdicts.map { verdict in
                verdict.reference.flatMap {
                    HypothesisTests.twoProportionZ(
                        successes: verdict.counts.favourable, trials: verdict.counts.rows,
                        referenceSuccesses: $0.group.favourable, referenceTrials: $0.group.rows)
                }
            })
        for index in verdicts.indices {
            verdicts[index].adjustedP = gaps[index]
            verdicts[index].gapChangeP = changes[index]
            verdicts[index].rateChangeP = rates[index]
            measure(verdicts[index])
        }
    }

    private mutating func measureRate(_ attribute: String, _ group: String, _ counts: ProtectedColumn.Counts) {
        let interval = Intervals.wilson(successes: counts.favourable, trials: counts.rows)
        metrics.append(
            Metric(
                "data_fairness.base_rate", counts.rows > 0 ? GroupVerdict.rate(counts) : nil, low: interval?.low,
                high: interval?.high, n: counts.rows, group: "\(attribute)=\(group)",
                note: counts.rows > 0 ? "Wilson 95 %" : "insufficient data"))
    }

    private mutating func measure(_ verdict: GroupVerdict) {
        let (group, n) = ("\(verdict.attribute)=\(verdict.group)", verdict.counts.rows)
        func add(_ name: String, _ value: Double?, _ interval: Interval?, _ note: String) {
            metrics.append(
                Metric(
                    "data_fairness.\(name)", value, low: interval?.low, high: interval?.high, n: n, group: group,
                    note: value == nil ? "insufficient data" : note))
        }
        add(
            "air", verdict.row.selection.ratio, verdict.row.selection.ratioInterval,
            verdict.row.selection.intervalMethod)
        if let adjusted = verdict.adjusted {
            add(
                "adjusted_gap", adjusted.difference, adjusted.differenceInterval,
                "Mantel-Haenszel, Greenland-Robins 95 %")
            add("adjusted_air", adjusted.ratio, adjusted.ratioInterval, "Mantel-Haenszel, Greenland-Robins 95 %")
        }
        if let change = verdict.gapChange { add("gap_change", change.value, change.interval, "normal 95 %") }
        if let reference = verdict.reference, reference.group.rows > 0 {
            let counts = verdict.counts
            add(
                "rate_change", GroupVerdict.rate(counts) - GroupVerdict.rate(reference.group),
                Intervals.newcombeDifference(
                    successes: counts.favourable, trials: counts.rows, referenceSuccesses: reference.group.favourable,
                    referenceTrials: reference.group.rows), "Newcombe 95 %")
        }
    }

    /// Writes everything into an outcome.
    /// - Parameter compared: Rows that were set against comparable ones.
    func fill(_ outcome: inout ProbeOutcome, compared: Int?) {
        outcome.metrics = metrics
        outcome.headlines =
            metrics.filter { $0.name == "data_fairness.air" && $0.value != nil && $0.n >= check.minimumGroup }
            .min { ($0.value ?? 1) < ($1.value ?? 1) }.map { [$0] } ?? []
        outcome.summary = verdicts.map(sentence) + notes
        outcome.findings = verdicts.compactMap(finding)
        outcome.tables = columns.map { table($0, compared) }
    }
}
