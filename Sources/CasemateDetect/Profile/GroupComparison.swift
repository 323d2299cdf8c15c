import CasemateCore
import CasemateData

/// Compares every source, and every window of time, with all other rows.
struct GroupComparison: Sendable {
    /// How one group differs in one respect.
    struct Difference: Sendable {
        /// Position of the group, and its name.
        let group: Int, name: String
        /// Column that differs; `nil` for the labels.
        let column: String?
        /// Effect in 0…1: total variation of labels and categories, the gap of Kolmogorov and Smirnov for numbers.
        let effect: Double
        /// Median effect of the other groups; how much groups differ anyhow.
        let typical: Double
        let pValue: Double
        var adjusted = 1.0
        /// Rows of the group that it rests on.
        let rows: Int
        /// The class that stands out, its share here and in the other rows.
        let label: Int?, share: Double?, expected: Double?
    }

    let groups: GroupProfile
    private(set) var differences: [Difference] = []
    /// Groups with fewer rows in the sample are not compared column by column.
    static let leastRows = 50
    /// Bins of a column.
    private static let bins = 64

    /// - Parameter codes: The group of every row of the sample.
    init(
        _ groups: GroupProfile, codes: [Int32], _ measured: MeasuredTable, outside: Set<String>, context: RunContext
    ) throws {
        self.groups = groups
        var found = labelDifferences()
        for column in measured.profile.columns
        where column.numbers != nil && !column.isRowNumber && column.distinct > 1 && !outside.contains(column.name) {
            try context.cancellation.check()
            found += numberDifferences(column.name, measured.samples[column.name] ?? [], codes)
        }
        for (index, p) in HypothesisTests.benjaminiHochberg(found.map(\.pValue)).enumerated() {
            found[index].adjusted = p
        }
        differences = found
    }

    private func labelDifferences() -> [Difference] {
        let classes = groups.groups.first?.labels.count ?? 0
        guard classes > 1 else { return [] }
        let all = (0..<classes).map { label in groups.groups.reduce(0) { $0 + $1.labels[label] } }
        let compared = groups.groups.map {
            group -> (p: Double, effect: Double, label: Int, share: Double, rest: Double) in
            let rest = zip(all, group.labels).map { $0 - $1 }
            let (n, m) = (Double(max(1, group.labels.reduce(0, +))), Double(max(1, rest.reduce(0, +))))
            let p = HypothesisTests.chiSquared(group.labels, rest)?.pValue ?? 1
            let gains = (0..<classes).map { Double(group.labels[$0]) / n - Double(rest[$0]) / m }
            let label = gains.indices.max { gains[$0] < gains[$1] } ?? 0
            return (
                p, ShiftMeasures.variation(group.labels, rest), label, Double(group.labels[label]) / n,
                Double(rest[label]) / m
            )
        }
        return compared.indices.compactMap { index in
            let (group, result) = (groups.groups[index], compared[index])
            let rows = group.labels.reduce(0, +)
            guard rows >= 20 else { return nil }
            return Difference(
                group: index, name: group.name, column: nil, effect: result.effect,
                typical: Self.median(compared.indices.filter { $0 != index }.map { compared[$0].effect }),
                pValue: result.p, rows: rows, label: result.label, share: result.share, expected: result.rest)
        }
    }

    private func numberDifferences(_ column: String, _ values: [Double], _ codes: [Int32]) -> [Difference] {
        let finite = values.filter(\.isFinite).sorted()
        let edges = NumberDistribution.edges(ofSorted: finite, bins: Self.bins)
        guard !edges.isEmpty, codes.count == values.count else { return [] }
        let width = edges.count + 1
        var counts = [Int](repeating: 0, count: groups.groups.count * width), all = [Int](repeating: 0, count: width)
        for (value, code) in zip(values, codes) where value.isFinite && code >= 0 && Int(code) < groups.groups.count {
            let bin = edges.position(of: value)
            counts[Int(code) * width + bin] += 1
            all[bin] += 1
        }
        var compared: [(group: Int, effect: Double, pValue: Double, rows: Int)] = []
        for group in groups.groups.indices {
            let here = Array(counts[group * width..<(group + 1) * width])
            let (rows, rest) = (here.reduce(0, +), zip(all, here).map { $0 - $1 })
            guard rows >= Self.leastRows, rest.reduce(0, +) >= Self.leastRows else { continue }
            let gap = ShiftMeasures.gap(here, rest, edges: edges).statistic
            compared.append((group, gap, ShiftMeasures.gapProbability(gap, rows, rest.reduce(0, +)), rows))
        }
        return compared.indices.map { index in
            let entry = compared[index]
            return Difference(
                group: entry.group, name: groups.groups[entry.group].name, column: column, effect: entry.effect,
                typical: Self.median(compared.indices.filter { $0 != index }.map { compared[$0].effect }),
                pValue: entry.pValue, rows: entry.rows, label: nil, share: nil, expected: nil)
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}
