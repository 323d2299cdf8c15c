/// A column as codes for counting: each frequent value, or each of a number of neighbouring ranges, has one.
struct ColumnView: Sendable {
    /// What a code stands for.
    enum Meaning: Hashable, Sendable {
        /// No value.
        case missing
        /// Values from one to another, both included; a single value where they are the same.
        case range(Float, Float)
    }
    /// The column.
    let column: Int
    /// Code of each row; 0 where the value is too rare to be counted.
    let codes: [UInt16]
    /// What codes from 1 on stand for.
    let meanings: [Meaning]
    /// Number of codes with 0.
    var size: Int { meanings.count + 1 }
    /// Most codes of a view.
    static let codeLimit = 512

    /// Views of a column: its frequent values, and ranges too where it has many values.
    /// - Parameters:
    ///   - values: One a row, NaN for missing.
    ///   - fewest: Rows that a value needs.
    ///   - ranges: Number of ranges.
    static func views(of values: [Float], column: Int, fewest: Int, ranges: Int, isCategory: Bool) -> [ColumnView] {
        let order = values.indices.filter { !values[$0].isNaN }.sorted { values[$0] < values[$1] }
        var runs: [(value: Float, first: Int, count: Int)] = []
        for (place, row) in order.enumerated() {
            if let last = runs.last, last.value == values[row] {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((values[row], place, 1))
            }
        }
        var result: [ColumnView] = []
        let missing = values.count - order.count
        var frequent = runs.filter { $0.count >= fewest }
        if frequent.count > codeLimit { frequent = Array(frequent.sorted { $0.count > $1.count }.prefix(codeLimit)) }
        // why: a column with one value for all rows says nothing.
        if frequent.count + (missing >= fewest ? 1 : 0) > 0, runs.count + (missing > 0 ? 1 : 0) > 1 {
            var codes = [UInt16](repeating: 0, count: values.count)
            var meanings: [Meaning] = []
            for run in frequent {
                meanings.append(.range(run.value, run.value))
                for place in run.first..<run.first + run.count { codes[order[place]] = UInt16(meanings.count) }
            }
            if missing >= fewest {
                meanings.append(.missing)
                for row in values.indices where values[row].isNaN { codes[row] = UInt16(meanings.count) }
            }
            result.append(ColumnView(column: column, codes: codes, meanings: meanings))
        }
        if !isCategory, runs.count > ranges, runs.count > 2 * frequent.count {
            result.append(split(values, column, order, runs, ranges))
        }
        return result
    }

    private static func split(
        _ values: [Float], _ column: Int, _ order: [Int], _ runs: [(value: Float, first: Int, count: Int)],
        _ ranges: Int
    ) -> ColumnView {
        var codes = [UInt16](repeating: 0, count: values.count)
        var meanings: [Meaning] = []
        let size = max(1, order.count / ranges)
        var start = 0
        while start < runs.count {
            var end = start
            var rows = runs[start].count
            while rows < size, end + 1 < runs.count {
                end += 1
                rows += runs[end].count
            }
            meanings.append(.range(runs[start].value, runs[end].value))
            for place in runs[start].first..<runs[end].first + runs[end].count {
                codes[order[place]] = UInt16(meanings.count)
            }
            start = end + 1
        }
        return ColumnView(column: column, codes: codes, meanings: meanings)
    }
}
