import CasemateCore

/// What was found in all columns.
struct FoundPayloads {
    /// Rows and text columns looked at.
    let rows: Int, columns: Int
    var hits: [PayloadScan.Hit] = []
    var names: [(name: String, kinds: [PayloadKind])] = []
    var oversized: [(row: Int, column: String, length: Int)] = []
    /// Columns with more cells to look into than were.
    var cut: [String] = []

    init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

    mutating func add(_ found: [PayloadScan.Hit]) { hits += found }

    private var hitRows: Set<Int> { Set(hits.map(\.row) + oversized.map(\.row)) }

    /// Sentences for everybody.
    var summary: [String] {
        let looked = "\(RowWords.count(columns, "text column")) of \(RowWords.count(rows, "row"))"
        var lines: [String] = []
        if hits.isEmpty, oversized.isEmpty, names.isEmpty {
            lines.append(
                "No cell of \(looked) and no column name holds a formula, a script, an object or unseen signs.")
        } else {
            let kinds = PayloadKind.allCases.compactMap { kind -> String? in
                let count = kind == .oversized ? oversized.count : hits.count { $0.kinds.contains(kind) }
                return count > 0 ? "\(kind.rawValue): \(RowWords.count(count, "cell"))" : nil
            }
            lines.append("In \(looked): \(kinds.isEmpty ? "no cell" : kinds.joined(separator: ", ")).")
        }
        if !names.isEmpty { lines.append("\(RowWords.count(names.count, "column name")) hold what can act.") }
        if !cut.isEmpty {
            lines.append(
                "Only the first \(RowWords.count(PayloadScan.cellLimit)) doubtful cells were looked into in "
                    + "\(cut.prefix(5).map { $0.clipped(to: 40) }.joined(separator: ", ")).")
        }
        return lines
    }

    /// Counts by kind.
    var metrics: [Metric] {
        let interval = Intervals.wilson(successes: hitRows.count, trials: rows)
        var metrics = [
            Metric(
                "data_payloads.rows", Double(hitRows.count) / Double(max(1, rows)), low: interval?.low,
                high: interval?.high, n: rows, note: "Wilson 95 %"),
            Metric("data_payloads.names", Double(names.count), n: names.count),
        ]
        for kind in PayloadKind.allCases {
            let count = kind == .oversized ? oversized.count : hits.count { $0.kinds.contains(kind) }
            if count > 0 {
                metrics.append(Metric("data_payloads.cells", Double(count), n: rows, group: "kind=\(kind.rawValue)"))
            }
        }
        return metrics
    }

    /// The rows, each with the kinds in it; the contents are not repeated.
    var suspects: [Suspect] {
        var byRow: [Int: [String: Double]] = [:]
        for hit in hits {
            for kind in hit.kinds {
                let place = "\(kind.rawValue) in \(hit.column.clipped(to: 40))"
                byRow[hit.row, default: [:]][place] = kind.strength
            }
        }
        for cell in oversized {
            byRow[cell.row, default: [:]]["oversized field in \(cell.column.clipped(to: 40))"] =
                PayloadKind.oversized.strength
        }
        return byRow.map { row, found in
            let sorted = found.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let more = sorted.count > 3 ? " and \(sorted.count - 3) more" : ""
            return Suspect(
                row: row, strength: 1 - sorted.reduce(1) { $0 * (1 - $1.value) },
                reason: sorted.prefix(3).map(\.key).joined(separator: ", ") + more)
        }.sorted { $0.row < $1.row }
    }
}
