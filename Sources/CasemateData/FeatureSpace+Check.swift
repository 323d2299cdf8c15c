extension FeatureSpace {
    /// One way in which a row leaves the space. Holds no values: rows are personal data.
    public struct Violation: Hashable, Sendable, CustomStringConvertible {
        /// What is broken.
        public enum Reason: String, Hashable, Sendable, CaseIterable {
            case immutable = "cannot be changed"
            case missing = "a missing value was filled in, or a value removed"
            case notFinite = "is not finite"
            case outOfBounds = "is out of bounds"
            case wrongDirection = "moved in a direction it cannot take"
            case notInDomain = "is no value of its domain"
            case forbiddenMove = "moved to a level that cannot be reached from the one before"
            case notOneHot = "belongs to a group that does not hold exactly one 1 beside zeros"
            case wrongDerivedValue = "is not what its expression gives for the row"
            case brokenRelation = "is a relation that the change breaks"
            case tooManyChanges = "is less than the number of changed features"
            case tooCostly = "is less than what the changes cost"
        }
        /// Index of the feature in model order; the first member for a group, the first feature that it reads for a
        /// relation, -1 for the row as a whole.
        public let feature: Int
        /// Name of the feature or relation; `max_changes` or `max_cost` for the row as a whole.
        public let name: String
        /// What is broken.
        public let reason: Reason
        /// Name and reason.
        public var description: String { "'\(name)' \(reason.rawValue)" }
    }

    /// Everything in which `row` is no possible change of `original`; empty when an attacker could have made it.
    ///
    /// Written apart from `project(_:around:)` and `repair(_:around:)`, on which it does not call. Only what the change
    /// did is tested: a row that broke its bounds before the attack and was left alone breaks nothing, a relation that
    /// `original` itself breaks is not demanded of its changes, and a derived value has to be right once something that
    /// it follows from changed.
    public func violations(of row: some Collection<Float>, from original: some Collection<Float>) -> [Violation] {
        let (row, original) = (Array(row), Array(original))
        precondition(
            row.count == features.count && original.count == features.count,
            "rows of \(row.count) and \(original.count) values in a space of \(features.count)")
        var found: [Violation] = []
        let isDerived = Set(derived.map(\.feature))
        for index in features.indices where !isDerived.contains(index) {
            if let reason = reason(rules[index], before: original[index], after: row[index]) {
                found.append(Violation(feature: index, name: features[index].name, reason: reason))
            }
        }
        for group in oneHotGroups {
            guard let (member, reason) = groupFault(group, before: original, after: row) else { continue }
            found.append(Violation(feature: member, name: features[member].name, reason: reason))
        }
        if hasRules { found += ruleViolations(of: row, from: original) }
        return found
    }

    private func reason(_ rule: Rule, before: Float, after: Float) -> Violation.Reason? {
        switch (before.isNaN, after.isNaN) {
        case (true, true): return nil
        case (true, false), (false, true): return .missing
        case (false, false): break
        }
        if before == after { return nil }
        if rule.isImmutable { return .immutable }
        if !after.isFinite { return .notFinite }
        switch rule.domain {
        case .categorical(let levels, let moves): return levelFault(levels, moves, before: before, after: after)
        case .integer where after.truncatingRemainder(dividingBy: 1) != 0: return .notInDomain
        case .ordinal(let steps) where !steps.contains(after): return .notInDomain
        case .continuous, .integer, .ordinal: break
        }
        if after < rule.low || after > rule.high { return .outOfBounds }
        switch rule.direction {
        case .any: return nil
        case .increase: return after < before ? .wrongDirection : nil
        case .decrease: return after > before ? .wrongDirection : nil
        }
    }

    private func levelFault(_ levels: Int, _ moves: [[Int]]?, before: Float, after: Float) -> Violation.Reason? {
        let known = (0..<levels).map { Float($0) }
        guard known.contains(after) else { return .notInDomain }
        guard let moves else { return nil }
        for (from, targets) in moves.enumerated() where Float(from) == before {
            return targets.contains { Float($0) == after } ? nil : .forbiddenMove
        }
        return .forbiddenMove
    }

    private func groupFault(_ group: [Int], before: [Float], after: [Float]) -> (Int, Violation.Reason)? {
        let changed = group.filter { before[$0] != after[$0] && !(before[$0].isNaN && after[$0].isNaN) }
        guard let first = group.first, !changed.isEmpty else { return nil }
        if let frozen = group.first(where: { rules[$0].isImmutable }) { return (frozen, .immutable) }
        if let missing = group.first(where: { after[$0].isNaN }) { return (missing, .missing) }
        let ones = group.count { after[$0] == 1 }
        let zeros = group.count { after[$0] == 0 }
        return ones == 1 && zeros == group.count - 1 ? nil : (first, .notOneHot)
    }
}
