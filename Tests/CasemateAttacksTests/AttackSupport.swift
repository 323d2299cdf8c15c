import CasemateAttacks
import CasemateCore
import CasemateData
import Synchronization

/// A linear model: label 1 where `weights · row + bias` is at least 0.
struct LinearOracle: DecisionOracle {
    let weights: [Double], bias: Double
    var featureCount: Int { weights.count }
    func score(_ row: some Sequence<Float>) -> Double {
        zip(weights, row).reduce(bias) { $0 + $1.0 * Double($1.1) }
    }
    func decide(_ rows: [Float], count: Int) throws -> [Int32] {
        precondition(rows.count == count * featureCount)
        return rows.withUnsafeBufferPointer { rows in
            (0..<count).map { row in
                var sum = bias
                for index in weights.indices { sum += weights[index] * Double(rows[row * weights.count + index]) }
                return sum >= 0 ? 1 : 0
            }
        }
    }
}

/// Any function of a row; counts what it is asked, and can answer differently from some call on.
final class FunctionOracle: DecisionOracle {
    let featureCount: Int
    private let answer: @Sendable (ArraySlice<Float>, _ call: Int) throws -> Int32
    private let counts = Mutex((rows: 0, calls: 0, largest: 0))
    var asked: Int { counts.withLock { $0.rows } }
    var largestCall: Int { counts.withLock { $0.largest } }

    init(_ featureCount: Int, _ answer: @escaping @Sendable (ArraySlice<Float>, Int) throws -> Int32) {
        (self.featureCount, self.answer) = (featureCount, answer)
    }
    func decide(_ rows: [Float], count: Int) throws -> [Int32] {
        precondition(rows.count == count * featureCount)
        let call = counts.withLock { counts in
            counts.rows += count
            counts.calls += 1
            counts.largest = max(counts.largest, count)
            return counts.calls
        }
        return try (0..<count).map { try answer(rows[$0 * featureCount..<($0 + 1) * featureCount], call) }
    }
}

/// Normal numbers as a matrix of numeric features.
func normalMatrix(_ count: Int, _ width: Int, seed: UInt64) -> FeatureMatrix {
    var generator = SeededGenerator(seed: seed)
    let sampler = NormalSampler()
    return FeatureMatrix(
        features: (0..<width).map { Feature("x\($0)") },
        values: (0..<count * width).map { _ in Float(sampler.next(using: &generator)) })
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// A table with a number, a whole number that may only grow, an immutable number, a category with allowed moves and a
/// one-hot group, some values missing; and a model that uses all of them.
struct MixedTable {
    let space: FeatureSpace
    let rows: FeatureMatrix
    let oracle: FunctionOracle
    let labels: [Int32]

    init(count: Int, seed: UInt64) throws {
        let features =
            [
                Feature("amount"), Feature("years"), Feature("age"),
                Feature("job", .categorical(levels: ["a", "b", "c"])),
            ]
            + (0..<3).map { Feature("zone\($0)") }
        let member = FeatureSpace.Rule(domain: .integer, low: 0, high: 1)
        space = FeatureSpace(
            features: features,
            rules: [
                .init(low: 0, high: 10, scale: 10),
                .init(domain: .integer, low: 0, high: 40, direction: .increase, scale: 40),
                .init(low: 18, high: 90, isImmutable: true, scale: 72),
                .init(domain: .categorical(levels: 3, moves: [[1], [0, 2], []])), member, member, member,
            ], oneHotGroups: [[4, 5, 6]])
        var generator = SeededGenerator(seed: seed)
        var values: [Float] = []
        for _ in 0..<count {
            let zone = Int(generator.next() % 3)
            values += [
                10 * generator.uniform(), Float(generator.next() % 41), 18 + 72 * generator.uniform(),
                Float(generator.next() % 3),
            ]
            if generator.next() % 10 == 0 { values[values.count - 4] = .nan }
            values += (0..<3).map { $0 == zone ? 1 : 0 }
        }
        rows = FeatureMatrix(features: features, values: values)
        oracle = FunctionOracle(7) { row, _ in
            let row = Array(row)
            let amount = row[0].isNaN ? 4 : row[0]
            let score = amount / 10 + row[1] / 40 + row[2] / 180 + (row[3] == 2 ? 0.4 : 0) + 0.3 * row[5] - 0.2 * row[6]
            return score > 1.4 ? 1 : 0
        }
        labels = try oracle.decide(values, count: count)
    }
}
