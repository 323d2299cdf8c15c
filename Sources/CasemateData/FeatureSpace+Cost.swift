extension FeatureSpace {
    /// What a change of one feature costs the attacker.
    ///
    /// A number costs `fixed` and `increase` or `decrease` for each scale unit. A category costs `fixed` and what `moves`
    /// says of the two levels, or `increase` where it says nothing. A one-hot group costs `increase` of the member that
    /// becomes 1 and `decrease` of the one that ceases to be it.
    public struct Cost: Hashable, Sendable {
        /// Cost of each scale unit upwards, and downwards.
        public var increase: Double, decrease: Double
        /// Cost of any change, whatever its size.
        public var fixed: Double
        /// Costs from level to level, as indices.
        public var moves: [Int: [Int: Double]]
        /// Makes a cost; the defaults are those of a feature of which nothing is said.
        public init(
            increase: Double = 1, decrease: Double = 1, fixed: Double = 0, moves: [Int: [Int: Double]] = [:]
        ) {
            precondition(increase >= 0 && decrease >= 0 && fixed >= 0, "a cost is negative")
            (self.increase, self.decrease, self.fixed, self.moves) = (increase, decrease, fixed, moves)
        }
    }

    /// What an attacker pays to turn `original` into `row`: the sum over its changes; infinite where a missing value
    /// appeared or vanished. Derived features cost nothing, as he does not choose them.
    public func cost(from original: some Collection<Float>, to row: some Collection<Float>) -> Double {
        let (original, row) = (Array(original), Array(row))
        precondition(
            row.count == features.count && original.count == features.count,
            "rows of \(row.count) and \(original.count) values in a space of \(features.count)")
        return original.withUnsafeBufferPointer { original in
            row.withUnsafeBufferPointer { cost(from: original, to: $0) }
        }
    }

    /// The same on memory that the caller owns; allocates nothing.
    public func cost(from original: UnsafeBufferPointer<Float>, to row: UnsafeBufferPointer<Float>) -> Double {
        var sum = 0.0
        for group in oneHotGroups where Self.differ(group, original, row) {
            sum += groupCost(of: group, original, row)
        }
        for feature in program.singles {
            let (before, after) = (original[feature], row[feature])
            if before == after || before.isNaN && after.isNaN { continue }
            sum += singleCost(of: feature, before, after)
        }
        return sum
    }

    /// Number of changed features, a group counted once and derived ones not at all; allocates nothing.
    public func changeCount(from original: UnsafeBufferPointer<Float>, to row: UnsafeBufferPointer<Float>) -> Int {
        var count = 0
        for group in oneHotGroups where Self.differ(group, original, row) { count += 1 }
        for feature in program.singles {
            let (before, after) = (original[feature], row[feature])
            if before != after, !(before.isNaN && after.isNaN) { count += 1 }
        }
        return count
    }

    /// Whether any member of a group differs.
    static func differ(
        _ group: [Int], _ original: UnsafeBufferPointer<Float>, _ row: UnsafeBufferPointer<Float>
    ) -> Bool {
        for member in group {
            let (before, after) = (original[member], row[member])
            if before != after, !(before.isNaN && after.isNaN) { return true }
        }
        return false
    }

    /// Cost of a changed feature that belongs to no group.
    func singleCost(of feature: Int, _ before: Float, _ after: Float) -> Double {
        let rule = program.plain[feature]
        if rule.kind == .category {
            guard rule.hasMoveCosts else { return rule.fixed + rule.increase }
            let (from, to) = (Int(exactly: before) ?? -1, Int(exactly: after) ?? -1)
            return rule.fixed + (rules[feature].cost?.moves[from]?[to] ?? rule.increase)
        }
        if before.isNaN || after.isNaN { return .infinity }
        let amount = (Double(after) - Double(before)) / Double(rule.scale)
        return rule.fixed + (amount > 0 ? rule.increase : rule.decrease) * amount.magnitude
    }

    /// Cost of a changed group.
    func groupCost(
        of group: [Int], _ original: UnsafeBufferPointer<Float>, _ row: UnsafeBufferPointer<Float>
    ) -> Double {
        var sum = 0.0
        for member in group {
            let (before, after) = (original[member], row[member])
            if before.isNaN != after.isNaN { return .infinity }
            let cost = rules[member].cost
            if after == 1, before != 1 { sum += cost.map { $0.fixed + $0.increase } ?? 1 }
            if before == 1, after != 1 { sum += cost?.decrease ?? 0 }
        }
        return sum
    }
}
