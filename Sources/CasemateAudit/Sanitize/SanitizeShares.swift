import CasemateCore

/// What is taken away from each value of some columns.
struct SanitizeShares {
    /// Most values of a column that are counted; a column with more is no class and no source.
    static let limit = 1_000
    private var counts: [[String: (rows: Int, removed: Int)]]
    private let columns: [String]
    private var isOver: [Bool]

    /// Counts these columns.
    init(_ columns: [String]) {
        self.columns = columns
        counts = columns.map { _ in [:] }
        isOver = columns.map { _ in false }
    }

    /// Adds a row.
    mutating func add(_ values: [String?], isRemoved: Bool) {
        for (column, value) in values.enumerated() where !isOver[column] {
            counts[column][value ?? "", default: (0, 0)].rows += 1
            if isRemoved { counts[column][value ?? "", default: (0, 0)].removed += 1 }
            if counts[column].count > Self.limit { isOver[column] = true }
        }
    }

    /// Adds all rows of a value.
    mutating func add(column: Int, value: String, rows: Int, removed: Int) {
        counts[column][value] = (rows, removed)
        if counts[column].count > Self.limit { isOver[column] = true }
    }

    /// The shares by column and value, and what is to be said of them.
    func summary() -> (shares: [SanitizeResult.Share], warnings: [String], notes: [String]) {
        var shares: [SanitizeResult.Share] = []
        var (warnings, notes): ([String], [String]) = ([], [])
        for (index, column) in columns.enumerated() {
            guard !isOver[index] else {
                notes.append("Column '\(column)' has more than \(Self.limit) values: what each loses is not counted.")
                continue
            }
            let all = counts[index]
            let rows = all.values.reduce(0) { $0 + $1.rows }
            let removed = all.values.reduce(0) { $0 + $1.removed }
            for (value, count) in all.sorted(by: { $0.key < $1.key }) {
                let share = SanitizeResult.Share(
                    column: column, value: value, rows: count.rows, removed: count.removed,
                    interval: Intervals.wilson(successes: count.removed, trials: count.rows) ?? Interval(0, 1))
                shares.append(share)
                if let warning = Self.warning(share, rows: rows, removed: removed) { warnings.append(warning) }
            }
        }
        return (shares, warnings, notes)
    }

    /// A value that is gone, or that loses much more than the others: twice their share and by more than a point, with
    /// 95 % confidence (Newcombe).
    private static func warning(_ share: SanitizeResult.Share, rows: Int, removed: Int) -> String? {
        let name = "\(share.column) = \(share.value.isEmpty ? "(missing)" : "'\(share.value)'")"
        if share.removed == share.rows, share.rows > 0 {
            return "Nothing is left of \(name): all of its \(Words.count(share.rows, "row")) are taken away."
        }
        let (otherRows, otherRemoved) = (rows - share.rows, removed - share.removed)
        guard share.removed >= 5, otherRows > 0,
            let difference = Intervals.newcombeDifference(
                successes: share.removed, trials: share.rows, referenceSuccesses: otherRemoved,
                referenceTrials: otherRows), difference.low > 0.01
        else { return nil }
        let (own, others) = (Double(share.removed) / Double(share.rows), Double(otherRemoved) / Double(otherRows))
        guard own >= 2 * others else { return nil }
        return "\(name) loses \(Words.percent(own)) of its rows "
            + "[\(Words.percent(share.interval.low)), \(Words.percent(share.interval.high))], the others "
            + "\(Words.percent(others)): look at these rows before a model is trained on what is left."
    }
}
