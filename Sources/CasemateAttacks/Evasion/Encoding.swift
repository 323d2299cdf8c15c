import CasemateData

/// The relaxed space that attacks move in: offsets from the original row, all in the units of the distance.
///
/// A numeric feature is one coordinate, its change divided by the rule's scale. A categorical feature or a one-hot group
/// is one coordinate a level, `amplitude` where the level holds and 0 elsewhere, so that two levels lie at distance 1 in
/// the norm of the attack. Decoding takes the largest coordinate among the levels that can be reached, rounds and
/// clips numbers as `FeatureSpace.project` does, and so always gives a row inside the space. What cannot move for any
/// row has no coordinate; what cannot move for one row (a missing value, an edge of a one-way feature) has no room.
struct Encoding {
    /// A categorical feature (`members` is its index) or a one-hot group (its members in order).
    struct Discrete {
        let members: [Int]
        let isGroup: Bool
        let levels: Int
        /// First of its `levels` coordinates.
        let offset: Int
    }
    let space: FeatureSpace
    /// Feature of each numeric coordinate; they come first.
    let numeric: [Int]
    let discrete: [Discrete]
    let dimension: Int
    /// Size of the coordinate of the level that holds.
    let amplitude: Float

    init(_ space: FeatureSpace, norm: FeatureSpace.Norm) {
        let isMember = Set(space.oneHotGroups.joined())
        var numeric: [Int] = []
        var units: [(members: [Int], isGroup: Bool, levels: Int)] = []
        for (index, rule) in space.rules.enumerated() where !rule.isImmutable && !isMember.contains(index) {
            if case .categorical(let levels, _) = rule.domain {
                if levels > 1 { units.append(([index], false, levels)) }
            } else {
                numeric.append(index)
            }
        }
        for group in space.oneHotGroups where !group.contains(where: { space.rules[$0].isImmutable }) {
            units.append((group, true, group.count))
        }
        var discrete: [Discrete] = []
        var offset = numeric.count
        for unit in units {
            discrete.append(
                Discrete(members: unit.members, isGroup: unit.isGroup, levels: unit.levels, offset: offset))
            offset += unit.levels
        }
        (self.space, self.numeric, self.discrete, dimension) = (space, numeric, discrete, offset)
        amplitude = norm == .linf ? 1 : Float(0.5).squareRoot()
    }

    /// Mean width of the numeric coordinates that have two finite bounds; 1, a whole scale, when there are none.
    var meanWidth: Double {
        let widths = numeric.map { space.rules[$0] }.map { Double($0.high - $0.low) / Double($0.scale) }
            .filter(\.isFinite)
        return widths.isEmpty ? 1 : widths.reduce(0, +) / Double(widths.count)
    }
}

/// The room that one row has in an `Encoding`.
struct Room {
    /// Value that the level in force has in a discrete unit of this row, or -1 when the row holds no valid level.
    var held: [Int]
    /// Whether a numeric coordinate may be clipped between its limits; the others ask the rule for the nearest value.
    var isPlain: [Bool]
}

extension Encoding {
    /// Fills the limits of one row's coordinates, `low` and `high` as offsets, and says what its levels are.
    func room(
        of original: UnsafeBufferPointer<Float>, low: UnsafeMutableBufferPointer<Float>,
        high: UnsafeMutableBufferPointer<Float>
    ) -> Room {
        var room = Room(held: [], isPlain: [])
        for (coordinate, feature) in numeric.enumerated() {
            let (bottom, top) = limits(of: feature, original[feature])
            let rule = space.rules[feature]
            low[coordinate] = min(0, (bottom - original[feature]) / rule.scale)
            high[coordinate] = max(0, (top - original[feature]) / rule.scale)
            if original[feature].isNaN { (low[coordinate], high[coordinate]) = (0, 0) }
            let isInside = original[feature] >= rule.low && original[feature] <= rule.high
            room.isPlain.append(rule.domain == .continuous && isInside)
        }
        for unit in discrete {
            for level in 0..<unit.levels { (low[unit.offset + level], high[unit.offset + level]) = (0, 0) }
            let held = heldLevel(unit, original)
            room.held.append(held ?? -1)
            let options = options(unit, original)
            for level in options { high[unit.offset + level] = amplitude }
            if let held, !options.isEmpty { low[unit.offset + held] = -amplitude }
        }
        return room
    }

    /// Smallest and largest value that a numeric feature can take from `original`.
    private func limits(of feature: Int, _ original: Float) -> (Float, Float) {
        let rule = space.rules[feature]
        let bottom = rule.direction == .increase ? max(rule.low, original) : rule.low
        let top = rule.direction == .decrease ? min(rule.high, original) : rule.high
        return bottom <= top ? (bottom, top) : (original, original)
    }

    /// The level that a row holds in a unit; `nil` when it is missing, unknown or no valid one-hot code.
    func heldLevel(_ unit: Discrete, _ row: UnsafeBufferPointer<Float>) -> Int? {
        if unit.isGroup { return space.hotPosition(of: unit.members, in: row) }
        guard let level = Int(exactly: row[unit.members[0]]), level >= 0, level < unit.levels else { return nil }
        return level
    }

    /// Levels that can replace the one that `original` holds.
    func options(_ unit: Discrete, _ original: UnsafeBufferPointer<Float>) -> [Int] {
        if unit.isGroup { return space.hotOptions(of: unit.members, from: original) }
        return space.rules[unit.members[0]].moves(from: original[unit.members[0]])
    }
}
