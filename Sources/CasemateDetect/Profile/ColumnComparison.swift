import CasemateCore
import CasemateData

/// Compares the values of columns that both tables have.
struct ColumnComparison {
    let train: MeasuredTable, reference: ProfileReference, context: RunContext
    /// Whole numbers with no more values than this in the reference are compared as codes.
    static let codeLimit = 20

    typealias Pair = (train: ColumnProfile, reference: ColumnProfile)

    /// A stream of numbers that both have: a column, or lengths of texts.
    private struct Stream {
        let title: String, name: String, isLength: Bool
        let here: NumberProfile, there: NumberProfile
        let isCode: Bool
    }

    // MARK: Spread

    func shifts(_ pairs: [Pair]) throws -> [ColumnShift] {
        let streams = pairs.compactMap(stream)
        let counts = try counts(streams)
        var shifts = zip(streams, counts).compactMap { stream, counts in shift(stream, counts) }
        for pair in pairs where pair.reference.categories != nil {
            try context.cancellation.check()
            let (here, there) = try cells(pair)
            if let shift = ColumnShift(title: pair.train.name, column: pair.train.name, cells: here, there) {
                shifts.append(shift)
            }
        }
        let order = Dictionary(
            train.profile.columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        return shifts.sorted { (order[$0.column] ?? 0) < (order[$1.column] ?? 0) }
    }

    private func stream(_ pair: Pair) -> Stream? {
        let name = pair.train.name
        if let here = pair.train.numbers, let there = pair.reference.numbers {
            let isCode = Self.isCode(pair.reference) && pair.train.type != .number
            return Stream(title: name, name: name, isLength: false, here: here, there: there, isCode: isCode)
        }
        guard pair.reference.categories == nil, let here = pair.train.lengths, let there = pair.reference.lengths else {
            return nil
        }
        return Stream(
            title: "length of \(name)", name: name, isLength: true, here: here, there: there, isCode: false)
    }

    private static func isCode(_ column: ColumnProfile) -> Bool {
        guard let spread = column.numbers?.distribution, column.type == .integer || column.type == .boolean else {
            return false
        }
        return spread.isExact && spread.points.count <= codeLimit
    }

    /// Training rows between the edges of the reference.
    private func counts(_ streams: [Stream]) throws -> [[Int]] {
        var found = [[Int]](repeating: [], count: streams.count)
        var asked: [Int] = [], items: [(expression: String, edges: [Double])] = []
        for (index, stream) in streams.enumerated() {
            let edges = stream.there.distribution.edges
            if stream.here.distribution.isExact {
                found[index] = stream.here.distribution.counted(over: edges)
            } else if train.isWhole {
                found[index] = [Int](repeating: 0, count: edges.count + 1)
                sample(stream, train).withUnsafeBufferPointer { ProfileScan.tally($0, edges, &found[index]) }
            } else {
                asked.append(index)
                let column = try train.table.column(stream.name)
                items.append((try MeasuredTable.expression(column), edges))
            }
        }
        let counted = try ProfileScan(table: train.table, context: context).count(items)
        for (index, counts) in zip(asked, counted) { found[index] = counts }
        return found
    }

    private func sample(_ stream: Stream, _ table: MeasuredTable) -> [Double] {
        (stream.isLength ? table.lengths[stream.name] : table.samples[stream.name]) ?? []
    }

    private func shift(_ stream: Stream, _ counts: [Int]) -> ColumnShift? {
        let (spread, others) = (stream.there.distribution, stream.there.distribution.edgeCounts)
        if stream.isCode {
            return ColumnShift(
                title: stream.title, column: stream.name, cells: codes(counts, spread), codes(others, spread))
        }
        let (gap, transport): (ShiftMeasures.Gap, Double)
        if train.isWhole, let measured = reference.measured, measured.isWhole {
            let here = sample(stream, train).filter(\.isFinite).sorted()
            let there = sample(stream, measured).filter(\.isFinite).sorted()
            (gap, transport) = (ShiftMeasures.gap(here, there), ShiftMeasures.transport(here, there))
        } else {
            gap = ShiftMeasures.gap(counts, others, edges: spread.edges)
            transport = ShiftMeasures.transport(
                counts, others, edges: spread.edges, low: min(stream.here.low ?? 0, stream.there.low ?? 0),
                high: max(stream.here.high ?? 0, stream.there.high ?? 0))
        }
        let scale = stream.there.deviation ?? 0
        return ColumnShift(
            title: stream.title, column: stream.name, gap: gap, transport: scale > 0 ? transport / scale : nil,
            counts: counts, others)
    }

    /// Rows of each listed value, those of other values last.
    private func codes(_ counts: [Int], _ spread: NumberDistribution) -> [Int] {
        let edges = spread.edges
        let listed = spread.points.map { counts[edges.position(of: $0)] }
        return listed + [counts.reduce(0, +) - listed.reduce(0, +)]
    }

    // MARK: Categories

    /// Rows of each value of the reference, those of other values last.
    private func cells(_ pair: Pair) throws -> (here: [Int], there: [Int]) {
        guard let there = pair.reference.categories else { return ([], []) }
        let found = try listed(pair.train)
        let present = train.profile.rows - pair.train.missing
        let here = there.values.map { found[$0] ?? 0 }
        return (here + [present - here.reduce(0, +)], there.counts + [there.others])
    }

    /// Counts of the values of a text column, by value as profiles write it.
    private func listed(_ column: ColumnProfile) throws -> [String: Int] {
        if let categories = column.categories {
            return Dictionary(zip(categories.values, categories.counts), uniquingKeysWith: +)
        }
        let found = try train.table.distinct(column.name, limit: 2 * CategoryProfile.limit)
        return Dictionary(found.map { ($0.value.clipped(to: 200), $0.count) }, uniquingKeysWith: +)
    }

    /// Values that a complete list of the reference lacks, with the chance that so many rows of one value all fall into
    /// the training data.
    func newValues(_ pairs: [Pair]) throws -> [ProfileComparison.NewValue] {
        try pairs.flatMap { pair -> [ProfileComparison.NewValue] in
            let name = pair.train.name
            let (rows, others) = (
                train.profile.rows - pair.train.missing, reference.profile.rows - pair.reference.missing
            )
            var found: [(value: String, count: Int)] = []
            if let categories = pair.reference.categories, categories.others == 0 {
                let known = Set(categories.values)
                found = try listed(pair.train).filter { !known.contains($0.key) }.map { ($0.key, $0.value) }
            } else if Self.isCode(pair.reference), let here = pair.train.numbers?.distribution, here.isExact {
                let known = Set(pair.reference.numbers?.distribution.points ?? [])
                found = zip(here.points, here.counts).filter { !known.contains($0.0) }.map {
                    (Figure.text($0.0), $0.1)
                }
            }
            let sorted = found.sorted { ($1.count, $0.value) < ($0.count, $1.value) }.prefix(50)
            return sorted.map { entry in
                ProfileComparison.NewValue(
                    column: name, value: entry.value, count: entry.count, rows: rows,
                    pValue: Self.chance(entry.count, rows, others))
            }
        }
    }

    /// Probability that the `count` most extreme of all rows, or all rows of one value, lie in one of two tables.
    static func chance(_ count: Int, _ rows: Int, _ others: Int) -> Double {
        guard count > 0 else { return 1 }
        var logarithm = 0.0
        for index in 0..<min(count, 10_000) where rows > index {
            logarithm += (Double(rows - index) / Double(rows + others - index)).logarithm
            if logarithm < -700 { return 0 }
        }
        return logarithm.exponential
    }

    // MARK: Ranges

    /// Numbers below the smallest and above the largest value of the reference.
    func ranges(_ pairs: [Pair]) throws -> [ProfileComparison.RangeBreak] {
        let asked = pairs.compactMap { pair -> (pair: Pair, low: Double, high: Double)? in
            guard let here = pair.train.numbers, let there = pair.reference.numbers, !Self.isCode(pair.reference),
                let low = there.low, let high = there.high, let least = here.low, let most = here.high,
                least < low || most > high
            else { return nil }
            return (pair, low, high)
        }
        let items = try asked.map { entry in
            (
                expression: try MeasuredTable.expression(try train.table.column(entry.pair.train.name)),
                edges: NumberDistribution.distinct([entry.low, entry.high.nextUp])
            )
        }
        let counts = try ProfileScan(table: train.table, context: context).count(items)
        return zip(asked, counts).map { entry, counts in
            let (below, above) = (counts.first ?? 0, counts.last ?? 0)
            let (rows, others) = (
                entry.pair.train.numbers?.count ?? 0, entry.pair.reference.numbers?.count ?? 0
            )
            let p = min(Self.chance(below, rows, others), Self.chance(above, rows, others))
            return ProfileComparison.RangeBreak(
                column: entry.pair.train.name, low: entry.low, high: entry.high, below: below, above: above, rows: rows,
                pValue: min(1, 2 * p))
        }
    }
}
