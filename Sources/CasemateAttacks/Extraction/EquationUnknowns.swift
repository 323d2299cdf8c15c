import CasemateCore
import CasemateData

/// The unknowns of a linear model over the rows of a feature space, and the row around which it is asked.
///
/// A number has one; a category has one a level but the usual one, and a one-hot group one a member but the usual one,
/// because lawful rows cannot tell more; a feature that can be missing has one more.
struct EquationUnknowns: Hashable, Sendable {
    /// What one unknown weighs.
    enum Unknown: Hashable, Sendable {
        /// The difference of a number to its usual value.
        case number(feature: Int)
        /// That a feature is missing.
        case missing(feature: Int)
        /// That a category has this level.
        case level(feature: Int, level: Int)
        /// That this member of a one-hot group is the one.
        case member(group: Int, position: Int)
    }
    let space: FeatureSpace
    /// Medians, most frequent levels and members.
    let base: [Float]
    let unknowns: [Unknown]
    /// Size of a step of each feature, in its unit: a share of its spread.
    let steps: [Double]
    /// Values that a number can take.
    let ranges: [ClosedRange<Double>]
    private let index: [Unknown: Int]

    /// Reads off real rows what is usual.
    init(space: FeatureSpace, rows: FeatureMatrix, stepShare: Double) {
        let width = space.features.count
        var (base, unknowns) = ([Float](repeating: 0, count: width), [Unknown]())
        var steps = [Double](repeating: 0, count: width)
        let ranges = space.rules.indices.map { QuerySampler.range(space.rules[$0], rows, feature: $0) }
        let grouped = Set(space.oneHotGroups.joined())
        for feature in 0..<width where !grouped.contains(feature) {
            let values = (0..<rows.count).map { rows.values[$0 * width + feature] }
            let known = values.filter(\.isFinite)
            if case .categorical(let levels, _) = space.rules[feature].domain {
                let usual = Self.mode(known.compactMap { Int(exactly: $0) }, below: levels)
                base[feature] = Float(usual)
                unknowns += (0..<levels).filter { $0 != usual }.map { .level(feature: feature, level: $0) }
            } else {
                base[feature] = Self.median(known)
                let spread = Self.deviation(known)
                let room = ranges[feature].upperBound - ranges[feature].lowerBound
                steps[feature] = spread > 0 ? spread * stepShare : room / 4
                if steps[feature] > 0 { unknowns.append(.number(feature: feature)) }
            }
            if known.count < values.count { unknowns.append(.missing(feature: feature)) }
        }
        for (group, members) in space.oneHotGroups.enumerated() {
            let hot = (0..<rows.count).compactMap { row in
                members.firstIndex { rows.values[row * width + $0] == 1 }
            }
            let usual = Self.mode(hot, below: members.count)
            base[members[usual]] = 1
            unknowns += members.indices.filter { $0 != usual }.map { .member(group: group, position: $0) }
        }
        (self.space, self.base, self.unknowns, self.steps, self.ranges) = (space, base, unknowns, steps, ranges)
        index = Dictionary(uniqueKeysWithValues: unknowns.enumerated().map { ($1, $0) })
    }

    private init(_ other: EquationUnknowns, base: [Float]) {
        (space, unknowns, steps, ranges) = (other.space, other.unknowns, other.steps, other.ranges)
        (index, self.base) = (other.index, base)
    }

    /// The same unknowns around a row whose numbers are taken from `row`; what is missing there stays usual.
    func around(_ row: some Collection<Float>) -> EquationUnknowns {
        var moved = base
        for (feature, value) in row.enumerated() where value.isFinite {
            if index[.number(feature: feature)] != nil { moved[feature] = value }
        }
        return EquationUnknowns(self, base: moved)
    }

    /// The same unknowns around a lawful row between two: `share` of the way to `other` in every number.
    func mixed(with other: EquationUnknowns, share: Double) -> EquationUnknowns {
        var moved = base
        for (feature, rule) in space.rules.enumerated() where index[.number(feature: feature)] != nil {
            let wanted = Double(base[feature]) + share * (Double(other.base[feature]) - Double(base[feature]))
            moved[feature] =
                switch rule.domain {
                case .integer: Float(wanted.rounded())
                case .ordinal(let steps):
                    steps.min { abs(Double($0) - wanted) < abs(Double($1) - wanted) } ?? base[feature]
                case .continuous, .categorical: Float(wanted)
                }
        }
        return EquationUnknowns(self, base: moved)
    }

    /// The base row with one unknown switched on; numbers are left to `move`.
    func row(with unknown: Unknown) -> [Float] {
        var row = base
        switch unknown {
        case .number: break
        case .missing(let feature): row[feature] = .nan
        case .level(let feature, let level): row[feature] = Float(level)
        case .member(let group, let position):
            for (place, member) in space.oneHotGroups[group].enumerated() { row[member] = place == position ? 1 : 0 }
        }
        return row
    }

    /// The lawful value nearest to `base + step`, never the base itself where there is another; downwards where there
    /// is no room above.
    func moved(_ feature: Int, by step: Double) -> Float {
        let (rule, start) = (space.rules[feature], Double(base[feature]))
        let range = min(ranges[feature].lowerBound, start)...max(ranges[feature].upperBound, start)
        let room = (above: range.upperBound - start, below: start - range.lowerBound)
        var wanted = start + step
        if !range.contains(wanted) {
            let (same, other) = step > 0 ? (room.above, room.below) : (room.below, room.above)
            let isSame = same * 4 >= abs(step) || same >= other
            let size = min(abs(step), isSame ? same : other)
            wanted = start + ((step > 0) == isSame ? size : -size)
        }
        switch rule.domain {
        case .integer:
            let whole = wanted.rounded()
            guard whole == start else { return Float(whole) }
            return Float(start + (wanted >= start ? (room.above >= 1 ? 1 : -1) : (room.below >= 1 ? -1 : 1)))
        case .ordinal(let steps):
            let others = steps.filter { Double($0) != start }
            return others.min { abs(Double($0) - wanted) < abs(Double($1) - wanted) } ?? base[feature]
        case .continuous, .categorical: return Float(wanted)
        }
    }

    /// What each unknown weighs in a row, as pairs of index and factor; levels and members that are unknown weigh 0.
    func factors(_ row: ArraySlice<Float>) -> [(index: Int, factor: Double)] {
        var found: [(Int, Double)] = []
        func add(_ unknown: Unknown, _ factor: Double) {
            if factor != 0, let place = index[unknown] { found.append((place, factor)) }
        }
        for (feature, value) in row.enumerated() {
            if value.isNaN {
                add(.missing(feature: feature), 1)
            } else if case .categorical = space.rules[feature].domain {
                if let level = Int(exactly: value) { add(.level(feature: feature, level: level), 1) }
            } else {
                add(.number(feature: feature), Double(value) - Double(base[feature]))
            }
        }
        for (group, members) in space.oneHotGroups.enumerated() {
            for (position, member) in members.enumerated() where row[row.startIndex + member] == 1 {
                add(.member(group: group, position: position), 1)
            }
        }
        return found
    }

    private static func mode(_ values: [Int], below count: Int) -> Int {
        var counts = [Int](repeating: 0, count: max(count, 1))
        for value in values where counts.indices.contains(value) { counts[value] += 1 }
        return counts.indices.max { (counts[$0], $1) < (counts[$1], $0) } ?? 0
    }
    /// A value that occurs, so that it is lawful.
    private static func median(_ values: [Float]) -> Float {
        values.isEmpty ? 0 : values.sorted()[(values.count - 1) / 2]
    }
    private static func deviation(_ values: [Float]) -> Double {
        let count = Double(max(values.count, 1))
        let mean = values.reduce(0) { $0 + Double($1) } / count
        return (values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count).squareRoot()
    }
}
