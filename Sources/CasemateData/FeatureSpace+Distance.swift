extension FeatureSpace {
    /// The measures of how far a row moved. Every numeric change is divided by the rule's scale first; a changed
    /// category counts 1, and so does a changed one-hot group as a whole.
    public enum Norm: String, Hashable, Sendable, Codable, CaseIterable {
        /// Number of changed features (a group is one).
        case l0
        /// Sum of the changes.
        case l1
        /// Square root of the sum of the squares.
        case l2
        /// Largest change.
        case linf
    }

    /// One feature, or one one-hot group, that differs between two rows.
    public struct Change: Hashable, Sendable {
        /// Indices of the features: one, or all members of a group.
        public let features: [Int]
        /// Size in the units of the distance, positive; infinite when a missing value appeared or vanished.
        public let amount: Double
        /// What it costs the attacker.
        public let cost: Double
    }

    /// What differs between two rows, the largest change first, equal ones in model order. Derived features are left
    /// out: nobody chooses them.
    public func changes(from original: some Collection<Float>, to row: some Collection<Float>) -> [Change] {
        let (original, row) = (Array(original), Array(row))
        precondition(
            row.count == features.count && original.count == features.count,
            "rows of \(row.count) and \(original.count) values in a space of \(features.count)")
        var found: [Change] = []
        original.withUnsafeBufferPointer { original in
            row.withUnsafeBufferPointer { row in
                for group in oneHotGroups where Self.differ(group, original, row) {
                    found.append(Change(features: group, amount: 1, cost: groupCost(of: group, original, row)))
                }
                for index in program.singles {
                    let (before, after) = (original[index], row[index])
                    if before == after || before.isNaN && after.isNaN { continue }
                    found.append(
                        Change(
                            features: [index], amount: amount(of: index, before, after),
                            cost: singleCost(of: index, before, after)))
                }
            }
        }
        return found.sorted { ($1.amount, $0.features[0]) < ($0.amount, $1.features[0]) }
    }

    /// How far `row` is from `original`.
    public func distance(
        _ norm: Norm, from original: some Collection<Float>, to row: some Collection<Float>
    ) -> Double {
        let amounts = changes(from: original, to: row).map(\.amount)
        switch norm {
        case .l0: return Double(amounts.count)
        case .l1: return amounts.reduce(0, +)
        case .l2: return amounts.reduce(0) { $0 + $1 * $1 }.squareRoot()
        case .linf: return amounts.max() ?? 0
        }
    }

    func amount(of index: Int, _ before: Float, _ after: Float) -> Double {
        if program.plain[index].kind == .category { return 1 }
        if before.isNaN || after.isNaN { return .infinity }
        return abs(Double(after) - Double(before)) / Double(program.plain[index].scale)
    }
}
