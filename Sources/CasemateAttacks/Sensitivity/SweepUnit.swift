public import CasemateData

/// What is moved as one: a number, a category, or the columns of a one-hot group.
///
/// A position of a number is its value; of a category the index of the level; of a group the position of the member
/// that is 1.
public struct SweepUnit: Hashable, Sendable {
    /// Kinds of units.
    public enum Kind: Hashable, Sendable {
        /// A number.
        case number
        /// A category with so many levels.
        case category(levels: Int)
        /// Numeric 0/1 features of which exactly one is 1.
        case group
    }
    /// What it is.
    public let kind: Kind
    /// Indices of the features: one, or all members of a group.
    public let features: [Int]
    /// Name of the feature; of a group the names between slashes.
    public let name: String

    /// The units of a space: groups stand where their first member stands.
    public static func units(of space: FeatureSpace) -> [SweepUnit] {
        var group: [Int: [Int]] = [:]
        for members in space.oneHotGroups { for member in members { group[member] = members } }
        return space.features.indices.compactMap { index in
            if let members = group[index] {
                guard members.min() == index else { return nil }
                let name = members.map { space.features[$0].name }.joined(separator: "/")
                return SweepUnit(kind: .group, features: members, name: name)
            }
            var kind = Kind.number
            if case .categorical(let levels, _) = space.rules[index].domain { kind = .category(levels: levels) }
            return SweepUnit(kind: kind, features: [index], name: space.features[index].name)
        }
    }

    /// Whether positions have an order.
    public var isNumber: Bool { kind == .number }

    /// A position in words: the level, the member of a group, the number.
    public func text(of position: Float, in space: FeatureSpace) -> String {
        guard kind == .group else { return space.features[features[0]].text(of: position) }
        let index = Int(exactly: position) ?? -1
        return features.indices.contains(index) ? space.features[features[index]].name : "none"
    }

    /// Puts the unit of a row at a position.
    func put(_ position: Float, into row: UnsafeMutableBufferPointer<Float>) {
        guard kind == .group else {
            row[features[0]] = position
            return
        }
        for (index, member) in features.enumerated() { row[member] = Float(index) == position ? 1 : 0 }
    }

    /// The position of the unit in a row; NaN when it is missing or a group does not hold exactly one 1.
    func position(in row: UnsafeBufferPointer<Float>, _ space: FeatureSpace) -> Float {
        guard kind == .group else { return row[features[0]] }
        return space.hotPosition(of: features, in: row).map { Float($0) } ?? .nan
    }

    /// Whether an attacker can take a row to a position.
    func allows(_ position: Float, from row: UnsafeBufferPointer<Float>, _ space: FeatureSpace) -> Bool {
        if kind == .group {
            return space.hotOptions(of: features, from: row).contains { Float($0) == position }
        }
        let rule = space.rules[features[0]]
        return row[features[0]] != position && rule.allows(position, from: row[features[0]])
    }

    /// How far a move is in the distance of the space.
    func distance(from before: Float, to after: Float, _ space: FeatureSpace) -> Double {
        guard isNumber else { return before == after ? 0 : 1 }
        return abs(Double(after) - Double(before)) / Double(space.rules[features[0]].scale)
    }
}
