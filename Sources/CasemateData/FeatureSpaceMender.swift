/// Mends one row of a space; owned by one thread.
struct FeatureSpaceMender {
    let space: FeatureSpace
    let row: UnsafeMutableBufferPointer<Float>
    let original: UnsafeBufferPointer<Float>

    /// How far a row is from being lawful.
    struct Penalty {
        /// Rules that are broken; each change too many counts.
        var broken = 0
        /// By how much, in scale units, as far as that can be said.
        var excess = 0.0
        var isNone: Bool { broken == 0 }
        /// Whether it is a clear improvement.
        func isLess(than other: Penalty) -> Bool {
            broken < other.broken || broken == other.broken && excess < other.excess * (1 - 1e-9)
        }
    }

    var program: FeatureSpaceProgram { space.program }
    var width: Int { row.count }
    var view: ConstraintRow { Self.view(UnsafeBufferPointer(row)) }
    static func view(_ row: UnsafeBufferPointer<Float>) -> ConstraintRow {
        ConstraintRow(features: row, values: UnsafeBufferPointer(start: nil, count: 0))
    }

    /// Recomputes derived features of which something changed; the others get the original's value.
    /// - Returns: Whether each has a value that float32 holds, or is missing as it was.
    func derive() -> Bool {
        var isWhole = true
        for step in program.steps {
            let feature = step.feature
            var isTouched = false
            for input in step.inputs {
                let (before, after) = (original[input], row[input])
                if before != after, !(before.isNaN && after.isNaN) { isTouched = true }
            }
            let before = original[feature]
            row[feature] = before
            guard isTouched else { continue }
            let value = Float(step.value(view))
            if value.isInfinite || value.isNaN && !before.isNaN {
                isWhole = false
            } else if value != before {
                row[feature] = value
            }
        }
        return isWhole
    }

    /// Whether the original keeps a relation, or it does not apply: then a change must not break it.
    func isDemanded(_ relation: Int) -> Bool {
        program.checks[relation].verdict(Self.view(original)) != .violated
    }

    /// What is broken; recomputes derived features first.
    func penalty() -> Penalty {
        var penalty = Penalty()
        if !derive() { (penalty.broken, penalty.excess) = (1, 1) }
        let view = view
        for (index, check) in program.checks.enumerated() where check.verdict(view) == .violated {
            guard isDemanded(index) else { continue }
            penalty.broken += 1
            penalty.excess += check.isConjunction ? excess(of: check, view) : 1
        }
        let row = UnsafeBufferPointer(row)
        if let most = space.maxChanges {
            let count = space.changeCount(from: original, to: row)
            if count > most {
                penalty.broken += count - most
                penalty.excess += Double(count - most)
            }
        }
        if let most = space.maxCost {
            let cost = space.cost(from: original, to: row)
            if !(cost <= most * (1 + FeatureSpace.costTolerance)) {
                penalty.broken += 1
                penalty.excess += cost - most
            }
        }
        return penalty
    }

    private func excess(of check: FeatureSpaceProgram.Check, _ view: ConstraintRow) -> Double {
        var sum = 0.0
        for atom in check.atoms {
            let difference = atom.difference(view).value
            let isBroken =
                switch atom.relation {
                case .less, .lessOrEqual: difference > 0
                case .greater, .greaterOrEqual: difference < 0
                case .equal: difference != 0
                case .notEqual: difference == 0
                }
            guard isBroken else { continue }
            var unit = 0.0
            if let form = atom.linear {
                for (feature, coefficient) in zip(form.features, form.coefficients) {
                    unit = max(unit, coefficient.magnitude * Double(program.plain[feature].scale))
                }
            }
            sum += difference.magnitude / (unit > 0 ? unit : 1)
        }
        return sum
    }

    /// Whether nothing differs from the original.
    var isOriginal: Bool { space.changeCount(from: original, to: UnsafeBufferPointer(row)) == 0 }

    /// Mends a row that breaks something.
    func mend() -> Bool {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width) { memory in
            let start = UnsafeMutableBufferPointer(rebasing: memory[..<width])
            let held = UnsafeMutableBufferPointer(rebasing: memory[width...])
            limitChanges()
            limitCost()
            if isLawful { return true }
            _ = start.initialize(from: row)
            _ = held.initialize(from: row)
            if space.maxChanges == nil, projectOnSums() { return true }
            if !isOriginal, moveCoordinates(from: start, held) { return true }
            _ = row.update(from: start)
            if moveCoordinates(from: start, held) { return true }
            if retreat(from: start) { return true }
            _ = row.update(from: original)
            return false
        }
    }

    /// Whether the row keeps everything and is not the original.
    var isLawful: Bool { penalty().isNone && !isOriginal }

    // MARK: Number of changes and cost

    /// Takes the smallest changes back until their number is allowed.
    private func limitChanges() {
        guard let most = space.maxChanges else { return }
        // why negative: a group, so that one number names whatever is taken back.
        var changed: [(amount: Double, unit: Int)] = []
        for (index, group) in space.oneHotGroups.enumerated()
        where FeatureSpace.differ(group, original, UnsafeBufferPointer(row)) { changed.append((1, -1 - index)) }
        for feature in program.singles where row[feature] != original[feature] && !row[feature].isNaN {
            changed.append((space.amount(of: feature, original[feature], row[feature]), feature))
        }
        guard changed.count > most else { return }
        changed.sort { ($0.amount, $0.unit) < ($1.amount, $1.unit) }
        for (_, unit) in changed.dropLast(most) {
            if unit < 0 { restore(group: -1 - unit) } else { row[unit] = original[unit] }
        }
    }

    func restore(group: Int) { for member in space.oneHotGroups[group] { row[member] = original[member] } }

    /// Brings numbers toward the original until the cost is allowed; where what does not shrink costs too much, the
    /// dearest changes are taken back first.
    private func limitCost() {
        guard let most = space.maxCost else { return }
        for _ in 0...width + space.oneHotGroups.count {
            let cost = space.cost(from: original, to: UnsafeBufferPointer(row))
            if cost <= most { return }
            var (variable, dearest) = (0.0, (cost: -1.0, group: -1, feature: -1))
            for (index, group) in space.oneHotGroups.enumerated()
            where FeatureSpace.differ(group, original, UnsafeBufferPointer(row)) {
                let cost = space.groupCost(of: group, original, UnsafeBufferPointer(row))
                if cost > dearest.cost { dearest = (cost, index, -1) }
            }
            for feature in program.singles where row[feature] != original[feature] && !row[feature].isNaN {
                let cost = space.singleCost(of: feature, original[feature], row[feature])
                let share = cost - fixedCost(of: feature, cost)
                variable += share
                if cost - share > dearest.cost { dearest = (cost - share, -1, feature) }
            }
            if cost - variable <= most, shrinkNumbers(to: (most - (cost - variable)) / variable) { continue }
            if dearest.group >= 0 {
                restore(group: dearest.group)
            } else if dearest.feature >= 0 {
                row[dearest.feature] = original[dearest.feature]
            }
        }
    }

    /// What remains of the cost of a changed feature however small the change.
    private func fixedCost(of feature: Int, _ cost: Double) -> Double {
        program.plain[feature].kind == .category ? cost : program.plain[feature].fixed
    }

    /// Scales the changes of numbers; false where nothing got smaller.
    private func shrinkNumbers(to share: Double) -> Bool {
        var hasMoved = false
        let share = Float(max(0, share * (1 - 1e-6)))
        for feature in program.singles where row[feature] != original[feature] && !row[feature].isNaN {
            if program.plain[feature].kind == .category { continue }
            let rule = space.rules[feature]
            let (before, after) = (original[feature], row[feature])
            var value = before + (after - before) * share
            // why: rounding to a step may not make the change larger again.
            if rule.domain == .integer { value = after > before ? value.rounded(.down) : value.rounded(.up) }
            if case .ordinal(let steps) = rule.domain {
                let inside = steps.filter { after > before ? $0 <= value && $0 > before : $0 >= value && $0 < before }
                value = (after > before ? inside.last : inside.first) ?? before
            }
            value = rule.nearest(to: value, from: before)
            if (value - before).magnitude < (after - before).magnitude {
                row[feature] = value
                hasMoved = true
            }
        }
        return hasMoved
    }
}
