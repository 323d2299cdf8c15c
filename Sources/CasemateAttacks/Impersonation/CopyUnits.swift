import CasemateData

/// The attributes of a space that one row can copy from another: a number, a category, or a one-hot group as a whole.
/// Derived and immutable features are none.
struct CopyUnits: Sendable {
    /// One attribute.
    struct Unit: Hashable, Sendable {
        let features: [Int]
        /// Index of the group, -1 for a feature by itself.
        let group: Int
    }
    let space: FeatureSpace
    /// In model order.
    let units: [Unit]

    init(_ space: FeatureSpace) {
        self.space = space
        let derived = Set(space.derived.map(\.feature))
        let grouped = Set(space.oneHotGroups.joined())
        var units: [Unit] = []
        for index in space.features.indices where !grouped.contains(index) && !derived.contains(index) {
            if !space.rules[index].isImmutable { units.append(Unit(features: [index], group: -1)) }
        }
        for (group, members) in space.oneHotGroups.enumerated()
        where !members.contains(where: { space.rules[$0].isImmutable }) {
            units.append(Unit(features: members, group: group))
        }
        self.units = units.sorted { $0.features[0] < $1.features[0] }
    }

    /// Whether a row can take the attribute of an identity, and has another one now.
    func canCopy(_ unit: Unit, from identity: UnsafeBufferPointer<Float>, to row: UnsafeBufferPointer<Float>) -> Bool {
        guard unit.group >= 0 else {
            let (before, after) = (row[unit.features[0]], identity[unit.features[0]])
            if before.isNaN || !after.isFinite || before == after { return false }
            return space.rules[unit.features[0]].allows(after, from: before)
        }
        guard let hot = space.hotPosition(of: unit.features, in: identity) else { return false }
        return space.hotOptions(of: unit.features, from: row).contains(hot)
    }

    /// What a copy of the attribute costs.
    func cost(of unit: Unit, from identity: UnsafeBufferPointer<Float>, to row: UnsafeBufferPointer<Float>) -> Double {
        var changed = Array(row)
        for feature in unit.features { changed[feature] = identity[feature] }
        return changed.withUnsafeBufferPointer { space.cost(from: row, to: $0) }
    }
}
