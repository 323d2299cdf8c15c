import CasemateCore
import CasemateData

/// Finds the segment of a table that an attacker with some rows to flip gets most of: one or two conditions whose rows
/// with another label are about as many as he can flip, and the larger part of the segment.
struct SegmentChoice {
    private struct Candidate {
        let condition: PoisoningCondition
        let rows: [UInt64], flippable: [UInt64]
    }
    let matrix: FeatureMatrix
    /// Whether the label of each row is to be flipped.
    let isFlippable: [Bool]
    /// Rows that can be flipped.
    let budget: Int
    let cancellation: Cancellation
    /// Rows looked at, and cuts of a number, at most.
    private static let most = 50_000, cuts = 8

    /// The best segment; `nil` where none has at least ten rows to flip.
    func best() throws -> [PoisoningCondition]? {
        let stride = max(1, (matrix.count + Self.most - 1) / Self.most)
        let rows = Swift.stride(from: 0, to: matrix.count, by: stride).map { $0 }
        let candidates = matrix.features.indices.flatMap { feature in conditions(on: feature, rows) }
        let wanted = max(10, budget / stride)
        var best: (score: Double, conditions: [PoisoningCondition])?
        func consider(_ count: Int, _ flippable: Int, _ conditions: [PoisoningCondition]) {
            guard flippable >= 10, count < rows.count else { return }
            // why: rows beyond the budget stay honest and outvote the lie; far fewer waste it.
            let ratio = Double(flippable) / Double(wanted)
            let fit = min(ratio, 1 / ratio)
            let score = fit * Double(flippable) / Double(count) - 0.001 * Double(conditions.count)
            if score > (best?.score ?? -1) { best = (score, conditions) }
        }
        for (index, one) in candidates.enumerated() {
            try cancellation.check()
            consider(Self.count(one.rows), Self.count(one.flippable), [one.condition])
            for other in candidates[(index + 1)...] where other.condition.feature != one.condition.feature {
                let flippable = Self.count(one.flippable, other.flippable)
                // why first: most pairs hold too few or too many rows to flip, whatever else they hold.
                guard flippable >= 10, flippable * 4 >= wanted, flippable <= wanted * 4 else { continue }
                consider(Self.count(one.rows, other.rows), flippable, [one.condition, other.condition])
            }
        }
        return best?.conditions
    }

    private func conditions(on feature: Int, _ rows: [Int]) -> [Candidate] {
        let width = matrix.features.count
        let values = rows.map { matrix.values[$0 * width + feature] }
        var conditions: [PoisoningCondition] = []
        if let levels = matrix.features[feature].levels {
            conditions = levels.indices.prefix(64).map {
                PoisoningCondition(feature: feature, low: Float($0), high: Float($0))
            }
        } else {
            let sorted = values.filter { !$0.isNaN }.sorted()
            let cuts = Set(
                (1..<Self.cuts).compactMap { part in
                    sorted.isEmpty ? nil : sorted[part * (sorted.count - 1) / Self.cuts]
                }
            ).sorted()
            for cut in cuts {
                conditions.append(PoisoningCondition(feature: feature, low: cut))
                conditions.append(PoisoningCondition(feature: feature, high: cut))
            }
        }
        return conditions.compactMap { condition in
            let held = values.map { condition.contains($0) }
            let flippable = zip(rows, held).map { $1 && isFlippable[$0] }
            guard held.contains(true), held.contains(false) else { return nil }
            return Candidate(condition: condition, rows: Self.bits(held), flippable: Self.bits(flippable))
        }
    }

    private static func bits(_ flags: [Bool]) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: (flags.count + 63) / 64)
        for (index, flag) in flags.enumerated() where flag { words[index / 64] |= 1 << UInt64(index % 64) }
        return words
    }

    private static func count(_ words: [UInt64]) -> Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    private static func count(_ one: [UInt64], _ other: [UInt64]) -> Int {
        one.withUnsafeBufferPointer { one in
            other.withUnsafeBufferPointer { other in
                var total = 0
                for index in one.indices { total += (one[index] & other[index]).nonzeroBitCount }
                return total
            }
        }
    }
}
