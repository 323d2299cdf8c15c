import CasemateData

/// Conditions on columns, all of which a row must meet.
struct TriggerPattern: Hashable, Sendable {
    /// One condition.
    struct Part: Hashable, Sendable {
        let column: Int
        let meaning: ColumnView.Meaning
        /// Whether one value meets it.
        var isExact: Bool {
            if case .range(let low, let high) = meaning { low == high } else { true }
        }
        func holds(_ value: Float) -> Bool {
            switch meaning {
            case .missing: value.isNaN
            case .range(let low, let high): value >= low && value <= high
            }
        }
    }
    var parts: [Part]

    /// The rows among `rows` that meet all conditions.
    func rows(in columns: TriggerColumns, among rows: some Sequence<Int>) -> [Int] {
        rows.filter { row in parts.allSatisfy { $0.holds(columns.values[$0.column][row]) } }
    }

    /// The pattern without one of its conditions.
    func dropping(_ index: Int) -> TriggerPattern {
        var copy = self
        copy.parts.remove(at: index)
        return copy
    }

    /// The conditions in the order of the columns.
    var sorted: TriggerPattern { TriggerPattern(parts: parts.sorted { $0.column < $1.column }) }
}

/// The columns of the data one by one, with what a search may choose from.
struct TriggerColumns: Sendable {
    /// `[columns][rows]`, NaN for missing.
    let values: [[Float]]
    /// Columns of categories, whose order means nothing.
    let categorical: Set<Int>
    /// Frequent values and different values of each column.
    let frequent: [Int], distinct: [Int]
    /// Number of columns.
    var count: Int { values.count }

    init(_ matrix: FeatureMatrix, rows: [Int], fewest: Int) {
        let width = matrix.features.count
        categorical = Set(matrix.features.indices.filter { matrix.features[$0].levels != nil })
        var columns: [[Float]] = []
        matrix.values.withUnsafeBufferPointer { all in
            for column in 0..<width { columns.append(rows.map { all[$0 * width + column] }) }
        }
        values = columns
        var counts: [(frequent: Int, distinct: Int)] = []
        for column in columns {
            let sorted = column.filter { !$0.isNaN }.sorted()
            var (frequent, distinct, run) = (0, 0, 0)
            for index in sorted.indices {
                run += 1
                if index + 1 == sorted.count || sorted[index + 1] != sorted[index] {
                    distinct += 1
                    frequent += run >= fewest ? 1 : 0
                    run = 0
                }
            }
            if column.count - sorted.count >= fewest { frequent += 1 }
            counts.append((frequent, distinct))
        }
        (frequent, distinct) = (counts.map(\.frequent), counts.map(\.distinct))
    }
}
