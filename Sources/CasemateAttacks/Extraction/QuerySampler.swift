import CasemateCore
import CasemateData

/// Where an attacker's queries come from.
public enum QueryDistribution: String, Hashable, Sendable, CaseIterable {
    /// Real rows of the population that the model serves.
    case natural
    /// Each column drawn by itself from real values: what someone knows who has seen summaries but no rows.
    case shuffled
    /// Uniform within the bounds of the feature space: what someone knows who has read the form.
    case uniform

    /// The same for people.
    public var title: String {
        switch self {
        case .natural: "real rows"
        case .shuffled: "rows of shuffled columns"
        case .uniform: "uniform rows"
        }
    }
}

/// Draws rows to ask about. The rows of a smaller budget are always the first ones of a larger one.
struct QuerySampler: Sendable {
    let space: FeatureSpace
    /// Real rows in the order in which they are asked.
    let pool: FeatureMatrix
    let seed: UInt64
    private let ranges: [ClosedRange<Double>]

    init(space: FeatureSpace, pool: FeatureMatrix, seed: UInt64) {
        (self.space, self.pool, self.seed) = (space, pool, seed)
        ranges = space.rules.indices.map { Self.range(space.rules[$0], pool, feature: $0) }
    }

    /// Rows of a distribution; natural ones end with the pool. `stream` keeps queries and evaluation apart.
    func rows(_ distribution: QueryDistribution, count: Int, stream: UInt64) -> FeatureMatrix {
        switch distribution {
        case .natural: pool.rows(0..<min(count, pool.count))
        case .shuffled: shuffled(count, stream)
        case .uniform: uniform(count, stream)
        }
    }

    /// Columns that move together: the members of a one-hot group are one column in truth.
    private var units: [[Int]] {
        let grouped = Set(space.oneHotGroups.joined())
        return space.oneHotGroups + space.features.indices.filter { !grouped.contains($0) }.map { [$0] }
    }

    private func shuffled(_ count: Int, _ stream: UInt64) -> FeatureMatrix {
        let width = space.features.count
        var values = [Float](repeating: .nan, count: pool.count == 0 ? 0 : count * width)
        guard pool.count > 0 else { return FeatureMatrix(features: space.features, values: []) }
        for (index, unit) in units.enumerated() {
            var generator = SeededGenerator(seed: seed, stream: stream &+ UInt64(index) &* 0x1_0000)
            var order: [Int] = []
            for row in 0..<count {
                // why a new permutation: one pass over the pool uses each value once, a budget may need several.
                if row.isMultiple(of: pool.count) { order = (0..<pool.count).shuffled(using: &generator) }
                let source = order[row % pool.count]
                for feature in unit { values[row * width + feature] = pool.values[source * width + feature] }
            }
        }
        return FeatureMatrix(features: space.features, values: values)
    }

    private func uniform(_ count: Int, _ stream: UInt64) -> FeatureMatrix {
        let width = space.features.count
        var values = [Float](repeating: 0, count: count * width)
        var generator = SeededGenerator(seed: seed, stream: stream)
        for row in 0..<count {
            for feature in 0..<width { values[row * width + feature] = draw(feature, &generator) }
            for group in space.oneHotGroups {
                let hot = Int(generator.uniformDouble() * Double(group.count))
                for (position, member) in group.enumerated() { values[row * width + member] = position == hot ? 1 : 0 }
            }
        }
        return FeatureMatrix(features: space.features, values: values)
    }

    private func draw(_ feature: Int, _ generator: inout SeededGenerator) -> Float {
        let (share, range) = (generator.uniformDouble(), ranges[feature])
        let rule = space.rules[feature]
        switch rule.domain {
        case .categorical(let levels, _): return Float(Int(share * Double(max(levels, 1))))
        case .ordinal(let steps) where !steps.isEmpty: return steps[Int(share * Double(steps.count))]
        case .integer:
            let (low, high) = (range.lowerBound.rounded(.up), range.upperBound.rounded(.down))
            guard low <= high else { return Float(range.lowerBound.rounded()) }
            return Float(min(high, low + (share * (high - low + 1)).rounded(.down)))
        case .continuous, .ordinal:
            return Float(range.lowerBound + share * (range.upperBound - range.lowerBound))
        }
    }

    /// Declared bounds, where there are none those of the rows; 0 where there are no values either.
    static func range(_ rule: FeatureSpace.Rule, _ rows: FeatureMatrix, feature: Int) -> ClosedRange<Double> {
        var (low, high) = (Double.infinity, -Double.infinity)
        for row in 0..<rows.count {
            let value = Double(rows.values[row * rows.features.count + feature])
            if value.isFinite { (low, high) = (min(low, value), max(high, value)) }
        }
        if low > high { (low, high) = (0, 0) }
        let bottom = rule.low.isFinite ? Double(rule.low) : low
        let top = rule.high.isFinite ? Double(rule.high) : high
        return min(bottom, top)...max(bottom, top)
    }
}
