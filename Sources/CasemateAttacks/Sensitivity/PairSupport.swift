import CasemateCore
import CasemateData

/// Which pairs of ordinary values the reference rows show together, and which never.
///
/// Numbers fall into at most six bins of about equal counts, categories and groups into their levels. A cell of a pair is
/// *never seen* when no reference row lies in it although chance alone (the product of both shares) would put at least
/// `minimum` there.
struct PairSupport {
    /// A combination that no reference row shows.
    struct Cell: Hashable {
        /// Indices of the units among those given, and bins.
        let first: Int, second: Int
        let firstBin: Int, secondBin: Int
        /// Rows that chance would put there.
        let expected: Double
    }
    let units: [SweepUnit]
    let space: FeatureSpace
    /// Upper ends of all bins of a number but the last.
    private let edges: [[Float]]
    /// Values of reference rows in each bin of each unit, at most 32.
    private let values: [[[Float]]]
    /// Cells that were never seen, the most surprising first.
    let empty: [Cell]
    private let lookup: Set<[Int]>

    init(_ units: [SweepUnit], _ space: FeatureSpace, reference: FeatureMatrix, minimum: Double) {
        (self.units, self.space) = (units, space)
        let positions = Self.positions(units, space, reference)
        let edges = zip(units, positions).map { Self.edges($0, $1) }
        let bins = units.indices.map { unit in positions[unit].map { Self.bin($0, edges[unit], units[unit]) } }
        let widths = bins.map { ($0.max() ?? -1) + 1 }
        values = units.indices.map { unit in
            var lists = [[Float]](repeating: [], count: widths[unit])
            for (bin, value) in zip(bins[unit], positions[unit]) where bin >= 0 && lists[bin].count < 32 {
                lists[bin].append(value)
            }
            return lists
        }
        var found: [Cell] = []
        for first in units.indices {
            for second in units.indices where second > first {
                found += Self.cells(
                    (first, second), bins[first], bins[second], widths[first], widths[second], minimum)
            }
        }
        self.edges = edges
        empty = found.sorted {
            ($1.expected, $0.first, $0.second, $0.firstBin, $0.secondBin)
                < ($0.expected, $1.first, $1.second, $1.firstBin, $1.secondBin)
        }
        lookup = Set(found.map { [$0.first, $0.second, $0.firstBin, $0.secondBin] })
    }

    /// The most surprising combination of a row that was never seen; `nil` when all its pairs were.
    func unseen(in row: UnsafeBufferPointer<Float>) -> Cell? {
        if empty.isEmpty { return nil }
        let bins = units.indices.map { Self.bin(units[$0].position(in: row, space), edges[$0], units[$0]) }
        var isHit = false
        for first in bins.indices where !isHit && bins[first] >= 0 {
            for second in bins.indices.dropFirst(first + 1) where bins[second] >= 0 {
                if lookup.contains([first, second, bins[first], bins[second]]) {
                    isHit = true
                    break
                }
            }
        }
        guard isHit else { return nil }
        return empty.first { $0.firstBin == bins[$0.first] && $0.secondBin == bins[$0.second] }
    }

    /// Values of reference rows that make up a cell.
    func values(of cell: Cell) -> (first: [Float], second: [Float]) {
        (values[cell.first][cell.firstBin], values[cell.second][cell.secondBin])
    }

    private static func positions(_ units: [SweepUnit], _ space: FeatureSpace, _ reference: FeatureMatrix) -> [[Float]]
    {
        let width = space.features.count
        return reference.values.withUnsafeBufferPointer { values in
            units.map { unit in
                (0..<reference.count).map {
                    unit.position(in: UnsafeBufferPointer(rebasing: values[$0 * width..<($0 + 1) * width]), space)
                }
            }
        }
    }

    private static func edges(_ unit: SweepUnit, _ positions: [Float]) -> [Float] {
        guard unit.isNumber else { return [] }
        let known = positions.filter(\.isFinite).sorted()
        guard let last = known.last else { return [] }
        return Set((1..<6).map { SweepGrid.quantile(known, Double($0) / 6) }).filter { $0 < last }.sorted()
    }

    private static func bin(_ value: Float, _ edges: [Float], _ unit: SweepUnit) -> Int {
        guard value.isFinite else { return -1 }
        guard unit.isNumber else { return Int(exactly: value).flatMap { $0 >= 0 ? $0 : nil } ?? -1 }
        return edges.firstIndex { value <= $0 } ?? edges.count
    }

    private static func cells(
        _ pair: (Int, Int), _ one: [Int], _ two: [Int], _ across: Int, _ down: Int, _ minimum: Double
    ) -> [Cell] {
        // why: an identifier-like category would make a table larger than the data.
        guard across > 1, down > 1, across * down <= 4_096 else { return [] }
        var counts = [Int](repeating: 0, count: across * down)
        var (rows, columns, total) = ([Int](repeating: 0, count: across), [Int](repeating: 0, count: down), 0)
        for (a, b) in zip(one, two) where a >= 0 && b >= 0 {
            counts[a * down + b] += 1
            rows[a] += 1
            columns[b] += 1
            total += 1
        }
        guard total > 0 else { return [] }
        return counts.indices.compactMap { index in
            let (a, b) = index.quotientAndRemainder(dividingBy: down)
            let expected = Double(rows[a]) * Double(columns[b]) / Double(total)
            guard counts[index] == 0, expected >= minimum else { return nil }
            return Cell(first: pair.0, second: pair.1, firstBin: a, secondBin: b, expected: expected)
        }
    }
}
