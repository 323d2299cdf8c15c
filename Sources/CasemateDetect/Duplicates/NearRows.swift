import CasemateCore
import CasemateData
import Foundation

/// Rows that agree in nearly all columns although the columns have many values: copies with a few cells changed.
///
/// Numbers agree within a hundredth of the range from the 5 % to the 95 % quantile, other values when they are equal. The
/// agreement must be so telling that less than one pair in a hundred tables would have it by chance if columns were
/// drawn by themselves (Fellegi and Sunter, 1969). Candidates share a band: some columns, quantised on a grid with a
/// random offset.
struct NearRows {
    /// Share of the columns that may differ, and bands.
    var differing = 0.1, bands = 24
    /// Cells that are looked at at most.
    static let cells = 20_000_000

    private let count: Int, width: Int
    /// Values column by column; distance of values that agree (0 for equal ones only).
    private let values: [[Float]], steps: [Float]
    /// Minus the logarithm of the share of a cell's value.
    private let weights: [[Float]]

    /// Prepares rows; columns of one value are left out.
    init(_ matrix: FeatureMatrix, first: [Bool]) {
        count = matrix.count
        var (values, steps, weights): ([[Float]], [Float], [[Float]]) = ([], [], [])
        let (rows, width) = (matrix.count, matrix.features.count)
        let distinctRows = first.count { $0 }
        for column in 0..<width {
            let cells = (0..<rows).map { matrix.values[$0 * width + column] }
            let known = cells.filter { !$0.isNaN }.sorted()
            let range = known.isEmpty ? 0 : known[known.count * 95 / 100] - known[known.count * 5 / 100]
            let isNumber = matrix.features[column].levels == nil
            let different = Set(known.prefix(5000)).count
            let step = isNumber && different > 50 ? range / 100 : 0
            var counts: [Int32: Int] = [:]
            let codes = cells.map { Self.code($0, step, 0) }
            for (row, code) in codes.enumerated() where first[row] { counts[code, default: 0] += 1 }
            guard counts.count > 1 else { continue }
            values.append(cells)
            steps.append(step)
            weights.append(
                codes.map { Float(-Foundation.log(Double(max(1, counts[$0] ?? 1)) / Double(max(1, distinctRows)))) })
        }
        (self.values, self.steps, self.weights, self.width) = (values, steps, weights, values.count)
    }

    private static func code(_ value: Float, _ step: Float, _ offset: Float) -> Int32 {
        if value.isNaN { return Int32.min }
        guard step > 0 else { return Int32(truncatingIfNeeded: Int(value.bitPattern)) }
        return Int32(max(-1e9, min(1e9, (value / (2 * step) + offset).rounded(.down))))
    }

    /// Whether there are columns enough for near rows to mean something.
    var isPossible: Bool { width >= 4 && typicalWeight.reduce(0, +) > Foundation.log(Double(max(2, count))) * 2 }

    private var typicalWeight: [Double] {
        weights.map { $0.reduce(0) { $0 + Double($1) } / Double(max(1, $0.count)) }
    }

    /// Groups of near rows, as ascending positions; equal rows are near too.
    func groups(seed: UInt64, _ context: RunContext) throws -> [[Int]] {
        var near = NearGroups(count)
        guard isPossible else { return [] }
        let typical = typicalWeight
        let pairs = Double(count) * Double(count) / 2
        let needed = Float(Foundation.log(pairs) + 4.6)
        for band in 0..<bands {
            try context.cancellation.check()
            var generator = SeededGenerator(seed: seed, stream: 0x4e52_0000 + UInt64(band))
            var (chosen, sum): ([Int], Double) = ([], 0)
            for column in (0..<width).shuffled(using: &generator) {
                if sum >= Foundation.log(Double(count)) + 2 { break }
                chosen.append(column)
                sum += typical[column]
            }
            let offsets = chosen.map { _ in generator.uniform() }
            var keys = [UInt64](repeating: MinHash.mixed(UInt64(band)), count: count)
            for (column, offset) in zip(chosen, offsets) {
                let (cells, step) = (values[column], steps[column])
                for row in 0..<count {
                    keys[row] = MinHash.mixed(
                        keys[row] ^ UInt64(UInt32(bitPattern: Self.code(cells[row], step, offset))))
                }
            }
            NearBuckets.forEachPair(keys) { one, other in
                if near.root(one) != near.root(other), isNear(one, other, needed) { near.join(one, other) }
            }
        }
        return near.groups()
    }

    /// Whether two rows agree in nearly all columns, tellingly.
    func isNear(_ one: Int, _ other: Int, _ needed: Float) -> Bool {
        let allowed = max(1, Int(differing * Double(width)))
        var (missed, weight): (Int, Float) = (0, 0)
        for column in 0..<width {
            let (a, b) = (values[column][one], values[column][other])
            if a == b || (a.isNaN && b.isNaN) || abs(a - b) <= steps[column] {
                weight += weights[column][one]
            } else {
                missed += 1
                if missed > allowed { return false }
            }
        }
        return weight >= needed
    }
}
