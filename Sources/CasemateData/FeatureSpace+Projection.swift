extension FeatureSpace {
    /// Forces a row into the space: every change that an attacker could not make becomes the nearest one he could.
    ///
    /// Numbers go to the nearest value that bounds, domain and direction allow; the original value always counts as
    /// allowed, so a row that broke its bounds before the attack may keep them. A category that cannot be reached goes
    /// back. In a changed one-hot group the largest member that may become 1 becomes 1, the others 0; a group with an
    /// immutable or missing member stays. A missing value stays missing, and a number never becomes missing.
    /// Idempotent, and `violations(of:from:)` of the result is empty.
    public func project(_ candidate: inout [Float], around original: some Collection<Float>) {
        let original = Array(original)
        precondition(
            candidate.count == features.count && original.count == features.count,
            "rows of \(candidate.count) and \(original.count) values in a space of \(features.count)")
        candidate.withUnsafeMutableBufferPointer { candidate in
            original.withUnsafeBufferPointer { project(candidate, around: $0) }
        }
    }

    /// The same on memory that the caller owns.
    package func project(
        _ candidate: UnsafeMutableBufferPointer<Float>, around original: UnsafeBufferPointer<Float>
    ) {
        // why: groups are decided on the values as they came; the members' own rules would round them first.
        for group in oneHotGroups {
            let hot = hotMember(of: group, in: UnsafeBufferPointer(candidate), around: original)
            for (position, member) in group.enumerated() {
                candidate[member] = hot.map { $0 == position ? 1 : 0 } ?? original[member]
                if candidate[member] == original[member] { candidate[member] = original[member] }
            }
        }
        let plain = program.plain
        for feature in 0..<plain.count {
            // why: a member that its group placed is allowed already, so this leaves it alone.
            switch plain[feature].kind {
            case .continuous, .integer:
                candidate[feature] = plain[feature].nearestNumber(to: candidate[feature], from: original[feature])
            case .ordinal, .category:
                candidate[feature] = rules[feature].nearest(to: candidate[feature], from: original[feature])
            }
        }
    }

    /// Which member of a one-hot group is to be 1, as a position in the group; `nil` leaves the group as it was.
    private func hotMember(
        of group: [Int], in candidate: UnsafeBufferPointer<Float>, around original: UnsafeBufferPointer<Float>
    ) -> Int? {
        guard group.contains(where: { candidate[$0] != original[$0] }) else { return nil }
        let options = hotOptions(of: group, from: original)
        guard !options.isEmpty else { return nil }
        let now = hotPosition(of: group, in: original)
        // why: a tie leaves the row alone, so the present member is the one to beat.
        var best = now.map { (position: $0, value: candidate[group[$0]]) }
        for option in options {
            let value = candidate[group[option]]
            if let held = best, !(value > held.value), !held.value.isNaN { continue }
            if !value.isNaN { best = (option, value) }
        }
        return best.flatMap { $0.position == now ? nil : $0.position }
    }

    /// The position of the single 1 in a group, `nil` when the group does not hold exactly one 1 beside zeros.
    package func hotPosition(of group: [Int], in row: UnsafeBufferPointer<Float>) -> Int? {
        var hot: Int?
        for (position, member) in group.enumerated() where row[member] != 0 {
            guard row[member] == 1, hot == nil else { return nil }
            hot = position
        }
        return hot
    }

    /// Positions in a group that may become the single 1, apart from the present one; none when the group is frozen.
    package func hotOptions(of group: [Int], from original: UnsafeBufferPointer<Float>) -> [Int] {
        if group.contains(where: { rules[$0].isImmutable || original[$0].isNaN }) { return [] }
        let now = hotPosition(of: group, in: original)
        return group.indices.filter { option in
            option != now
                && group.enumerated().allSatisfy { position, member in
                    rules[member].allows(position == option ? 1 : 0, from: original[member])
                }
        }
    }
}

extension FeatureSpace.Rule {
    /// The allowed value nearest to `value` for a feature that was `original`; `original` itself is always allowed and
    /// wins ties. Bounds and direction do not apply to a categorical feature, whose moves say all.
    package func nearest(to value: Float, from original: Float) -> Float {
        switch domain {
        case .continuous, .integer:
            return FeatureSpacePlainRule(self).nearestNumber(to: value, from: original)
        case .ordinal(let steps):
            if isImmutable || original.isNaN || value.isNaN || value == original { return original }
            let (bottom, top) = FeatureSpacePlainRule(self).limits(from: original)
            let found = Self.nearest(to: min(max(value, bottom), top), among: steps, bottom, top)
            guard let found else { return original }
            if value.isInfinite { return (value > 0 ? high : low).isFinite ? found : original }
            return abs(found - value) < abs(original - value) ? found : original
        case .categorical(let levels, let moves):
            if isImmutable || original.isNaN || !value.isFinite || value == original { return original }
            let level = value.rounded()
            return Self.canMove(from: original, to: level, levels: levels, moves: moves) ? level : original
        }
    }

    /// Whether a feature that was `original` may become `value`.
    package func allows(_ value: Float, from original: Float) -> Bool {
        value == original || nearest(to: value, from: original) == value
    }

    /// Levels that may replace level `original` of a categorical feature, itself left out.
    package func moves(from original: Float) -> [Int] {
        guard case .categorical(let levels, let moves) = domain, !isImmutable, !original.isNaN else { return [] }
        return (0..<levels).filter {
            Float($0) != original && Self.canMove(from: original, to: Float($0), levels: levels, moves: moves)
        }
    }

    private static func canMove(from: Float, to: Float, levels: Int, moves: [[Int]]?) -> Bool {
        if from == to { return true }
        guard let to = Int(exactly: to), (0..<levels).contains(to) else { return false }
        guard let moves else { return true }
        guard let from = Int(exactly: from), moves.indices.contains(from) else { return false }
        return moves[from].contains(to)
    }

    private static func nearest(to value: Float, among steps: [Float], _ bottom: Float, _ top: Float) -> Float? {
        var best: Float?
        for step in steps where step >= bottom && step <= top {
            if let held = best, abs(step - value) >= abs(held - value) { continue }
            best = step
        }
        return best
    }
}
