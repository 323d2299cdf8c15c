import CasemateCore
import CasemateData
import Foundation

/// Learns what the columns of rows usually hold, and how often rows that nothing was learnt from are beyond it.
struct ColumnStudy: Sendable {
    let matrix: FeatureMatrix
    let types: [ColumnType]
    /// Share of usual rows that may lie beyond, all columns together.
    let rate: Double
    /// Whether all columns share one scale, as pixels do.
    let sharesScale: Bool
    let context: RunContext

    /// Parts that rows are held out in.
    static let folds = 5
    /// Most rows that are held out.
    static let mostHeldOut = 20_000

    /// What the columns hold, in order.
    func columns() throws -> [GuardProfile.Column] {
        let width = matrix.features.count
        let share = endShare
        let shared = sharesScale ? UsualRange(ascending: sorted(nil, Array(0..<matrix.count)), share: rate / 2) : nil
        return try ParallelTasks.map(width, threads: context.threads) { index in
            try context.cancellation.check()
            let feature = matrix.features[index]
            let rows = Array(0..<matrix.count)
            let known = sorted(index, rows)
            let missing = Double(matrix.count - known.count) / Double(max(1, matrix.count))
            guard feature.levels == nil else {
                return GuardProfile.Column(
                    name: feature.name, type: types[index], levels: feature.levels, low: nil, high: nil, usualLow: nil,
                    usualHigh: nil, quantiles: [], missing: missing, isWhole: false)
            }
            let range = shared ?? UsualRange(ascending: known, share: share)
            let numbers = known.map { $0.decimal }
            return GuardProfile.Column(
                name: feature.name, type: types[index], levels: nil, low: range?.seenLow.decimal,
                high: range?.seenHigh.decimal, usualLow: range?.low.decimal, usualHigh: range?.high.decimal,
                quantiles: numbers.isEmpty
                    ? [] : GuardProfile.quantileLevels.map { Bootstrap.quantile(numbers, $0) }, missing: missing,
                isWhole: range?.isWhole ?? false)
        }
    }

    /// Rows that columns learnt from the other folds find beyond what is usual: how many of how many, and the columns
    /// that find most.
    func heldOut() throws -> (rows: Int, beyond: Int, worst: [(name: String, rows: Int)]) {
        var generator = SeededGenerator(seed: context.seed, stream: 0xF01D)
        let order = Array((0..<matrix.count).shuffled(using: &generator).prefix(Self.mostHeldOut))
        let share = endShare
        let scales =
            sharesScale ? folded(order).map { UsualRange(ascending: sorted(nil, $0.rest), share: rate / 2) } : []
        let found = try ParallelTasks.map(matrix.features.count, threads: context.threads) { index in
            try context.cancellation.check()
            var beyond: [Int] = []
            for (fold, part) in folded(order).enumerated() {
                let fit = ColumnFit(self, index, part.rest, share: share, range: scales.isEmpty ? nil : scales[fold])
                beyond += part.held.filter { !fit.admits(matrix.values[$0 * matrix.features.count + index]) }
            }
            return beyond
        }
        let worst = zip(matrix.features, found).map { (name: $0.name, rows: $1.count) }.filter { $0.rows > 0 }
            .sorted { ($1.rows, $0.name) < ($0.rows, $1.name) }
        return (order.count, Set(found.flatMap { $0 }).count, Array(worst.prefix(5)))
    }

    /// Share of rows that may lie beyond one end of one column.
    private var endShare: Double {
        rate / Double(2 * max(1, matrix.features.lazy.filter { $0.levels == nil }.count))
    }

    private func folded(_ order: [Int]) -> [(held: ArraySlice<Int>, rest: [Int])] {
        (0..<Self.folds).map { fold in
            let range = order.count * fold / Self.folds..<order.count * (fold + 1) / Self.folds
            return (order[range], Array(order[..<range.lowerBound] + order[range.upperBound...]))
        }
    }

    /// Finite values of a column, or of all, in ascending order.
    fileprivate func sorted(_ column: Int?, _ rows: [Int]) -> [Float] {
        let width = matrix.features.count
        guard let column else {
            // why: all pixels of some rows say as much about one shared scale as those of all.
            let some = rows.prefix(max(50, 2_000_000 / max(1, width)))
            return some.flatMap { Array(matrix[row: $0]) }.filter(\.isFinite).sorted()
        }
        return rows.compactMap { row in
            let value = matrix.values[row * width + column]
            return value.isFinite ? value : nil
        }.sorted()
    }
}

/// What one column usually holds, to be asked about values.
private struct ColumnFit {
    let range: UsualRange?
    let levels: Set<Float>?
    let mayBeMissing: Bool

    init(_ study: ColumnStudy, _ column: Int, _ rows: [Int], share: Double, range: UsualRange?) {
        let known = study.sorted(column, rows)
        mayBeMissing = known.count < rows.count
        if study.matrix.features[column].levels != nil {
            (self.range, levels) = (nil, Set(known))
        } else {
            (self.range, levels) = (range ?? UsualRange(ascending: known, share: share), nil)
        }
    }

    func admits(_ value: Float) -> Bool {
        if value.isNaN { return mayBeMissing }
        if let levels { return levels.contains(value) }
        guard let range else { return true }
        return value >= range.low && value <= range.high && (!range.isWhole || value == value.rounded())
    }
}

extension Float {
    /// The shortest decimal that reads back the same, so that files show 0.1 and not 0.10000000149.
    var decimal: Double { Double(description) ?? Double(self) }
}
