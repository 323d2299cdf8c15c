extension FeatureSpaceMender {
    // MARK: Projection

    /// Projects on broken sums in turn, moving continuous features only.
    /// - Returns: Whether the row is lawful now.
    func projectOnSums() -> Bool {
        var hasMoved = false
        for _ in 0..<8 {
            var isMoving = false
            for (index, check) in program.checks.enumerated() where check.isConjunction {
                guard check.verdict(view) == .violated, isDemanded(index) else { continue }
                for atom in check.atoms {
                    guard let form = atom.linear, project(on: form, atom) else { continue }
                    isMoving = true
                    _ = derive()
                }
            }
            guard isMoving else { break }
            hasMoved = true
            if penalty().isNone { return !isOriginal }
        }
        return hasMoved && isLawful
    }

    /// Moves the features of a broken sum the least way, by their scales, to where it holds.
    private func project(on form: LinearForm, _ atom: FeatureSpaceProgram.Atom) -> Bool {
        var hasMoved = false
        for _ in 0..<4 {
            var (difference, size, weight) = (form.constant, form.constant.magnitude, 0.0)
            for (feature, coefficient) in zip(form.features, form.coefficients) {
                let term = coefficient * Double(row[feature])
                (difference, size) = (difference + term, size + term.magnitude)
            }
            let margin = size * 0x1p-21 + 1e-30
            guard let step = step(atom.relation, difference, size * 0x1p-24, margin) else { break }
            for (feature, coefficient) in zip(form.features, form.coefficients)
            where hasRoom(feature, moving: -step * coefficient) {
                weight += square(coefficient, feature)
            }
            guard weight > 0 else { break }
            var isStuck = true
            for (feature, coefficient) in zip(form.features, form.coefficients)
            where hasRoom(feature, moving: -step * coefficient) {
                let rule = program.plain[feature]
                let scale = Double(rule.scale)
                let value = Float(Double(row[feature]) - coefficient * scale * scale * step / weight)
                let allowed = rule.nearestNumber(to: value, from: original[feature])
                if allowed != row[feature] {
                    row[feature] = allowed
                    (hasMoved, isStuck) = (true, false)
                }
            }
            if isStuck { break }
        }
        return hasMoved
    }

    private func square(_ coefficient: Double, _ feature: Int) -> Double {
        let reach = coefficient * Double(program.plain[feature].scale)
        return reach * reach
    }

    /// By how much the difference of a comparison has to shrink; `nil` where the comparison holds.
    private func step(
        _ relation: ConstraintRelation, _ difference: Double, _ band: Double, _ margin: Double
    ) -> Double? {
        switch relation {
        case .lessOrEqual: difference > band ? difference : nil
        case .greaterOrEqual: difference < -band ? difference : nil
        case .equal: difference.magnitude > band ? difference : nil
        case .less: difference > -band ? difference + margin : nil
        case .greater: difference < band ? difference - margin : nil
        case .notEqual: nil
        }
    }

    /// Whether a feature is continuous and can move in the direction of `sign`.
    private func hasRoom(_ feature: Int, moving sign: Double) -> Bool {
        let rule = program.plain[feature]
        guard !rule.isImmutable, rule.kind == .continuous, !original[feature].isNaN else { return false }
        if program.groupOf[feature] >= 0 { return false }
        let (bottom, top) = rule.limits(from: original[feature])
        return sign > 0 ? row[feature] < top : row[feature] > bottom
    }

    // MARK: One feature at a time

    /// Moves single features to where a broken relation holds: the nearest such move that leaves nothing broken, or
    /// else the one that leaves least, again and again.
    /// - Returns: Whether the row is lawful now.
    func moveCoordinates(
        from start: UnsafeMutableBufferPointer<Float>, _ held: UnsafeMutableBufferPointer<Float>
    ) -> Bool {
        var now = penalty()
        for _ in 0..<min(64, 8 + 4 * program.checks.count) {
            if now.isNone { return !isOriginal }
            if program.checks.isEmpty { return false }
            _ = held.update(from: row)
            var best: (penalty: Penalty, distance: Double, move: Move)?
            func consider(_ move: Move) {
                apply(move)
                let penalty = penalty()
                defer { _ = row.update(from: held) }
                if isOriginal { return }
                let distance = displacement(from: start)
                if let best, !isBetter(penalty, distance, than: (best.penalty, best.distance)) { return }
                best = (penalty, distance, move)
            }
            for feature in brokenSources() { forEachMove(of: feature, consider) }
            guard let best, best.penalty.isLess(than: now) else { break }
            apply(best.move)
            now = penalty()
        }
        return now.isNone && !isOriginal
    }

    private func isBetter(_ penalty: Penalty, _ distance: Double, than best: (penalty: Penalty, distance: Double))
        -> Bool
    {
        if penalty.isNone != best.penalty.isNone { return penalty.isNone }
        if penalty.isNone { return distance < best.distance }
        if penalty.broken != best.penalty.broken || penalty.excess != best.penalty.excess {
            return penalty.isLess(than: best.penalty)
        }
        return distance < best.distance
    }

    /// A number that gets a value, or a group whose member at `position` becomes 1 (-1: goes back).
    enum Move { case value(feature: Int, Float), hot(group: Int, position: Int) }

    private func apply(_ move: Move) {
        switch move {
        case .value(let feature, let value): row[feature] = value
        case .hot(let group, let position):
            if position < 0 { return restore(group: group) }
            for (index, member) in space.oneHotGroups[group].enumerated() { row[member] = index == position ? 1 : 0 }
        }
    }

    /// How far the row is from the candidate as it came, in scale units.
    private func displacement(from start: UnsafeMutableBufferPointer<Float>) -> Double {
        var sum = 0.0
        for group in space.oneHotGroups
        where FeatureSpace.differ(group, UnsafeBufferPointer(start), UnsafeBufferPointer(row)) { sum += 1 }
        for feature in program.singles where row[feature] != start[feature] && !row[feature].isNaN {
            sum += space.amount(of: feature, start[feature], row[feature])
        }
        return sum
    }

    /// Features that broken relations depend on, ascending.
    private func brokenSources() -> [Int] {
        var sources: Set<Int> = []
        for (index, check) in program.checks.enumerated()
        where check.verdict(view) == .violated && isDemanded(index) { sources.formUnion(check.sources) }
        return sources.sorted()
    }

    /// Values of one feature at which a relation may begin to hold.
    ///
    /// why all relations and not the broken ones: where a value breaks another relation, the next one to try lies at
    /// the end of that one.
    private func forEachMove(of feature: Int, _ body: (Move) -> Void) {
        let (rule, before) = (space.rules[feature], original[feature])
        guard !rule.isImmutable, !before.isNaN else { return }
        let group = program.groupOf[feature]
        if group >= 0 {
            for option in space.hotOptions(of: space.oneHotGroups[group], from: original) {
                body(.hot(group: group, position: option))
            }
            return body(.hot(group: group, position: -1))
        }
        if row[feature] != before { body(.value(feature: feature, before)) }
        if case .categorical = rule.domain {
            for level in rule.moves(from: before).prefix(Self.levelLimit) {
                body(.value(feature: feature, Float(level)))
            }
            return
        }
        func tryNear(_ value: Double) {
            forEachStep(near: value, of: feature) { value in
                let allowed = rule.nearest(to: value, from: before)
                if allowed != row[feature] { body(.value(feature: feature, allowed)) }
            }
        }
        for check in program.checks where check.sources.contains(feature) {
            for atom in check.atoms { zero(of: atom, at: feature).map(tryNear) }
        }
        // why: where the original value alone would do, and the row with it is the original, the next one may.
        tryNear(Double(before))
    }

    /// The most levels of a category that are tried.
    private static let levelLimit = 64

    /// Values around a number in the domain of a feature: both neighbours, and one more to each side.
    private func forEachStep(near value: Double, of feature: Int, _ body: (Float) -> Void) {
        let rule = space.rules[feature]
        switch rule.domain {
        case .integer:
            let floor = value.rounded(.down)
            for step in -1...2 { body(Float(floor + Double(step))) }
        case .ordinal(let steps):
            let above = steps.firstIndex { Double($0) >= value } ?? steps.count
            for index in above - 2...above + 1 where steps.indices.contains(index) { body(steps[index]) }
        case .continuous:
            let margin = Float(value.magnitude * 0x1p-20 + Double(rule.scale) * 0x1p-24)
            body(Float(value))
            body(Float(value) - margin)
            body(Float(value) + margin)
        case .categorical: break
        }
    }

    /// Where the difference of a comparison becomes 0 when one feature moves: secant steps, exact for a sum.
    private func zero(of atom: FeatureSpaceProgram.Atom, at feature: Int) -> Double? {
        let rule = space.rules[feature]
        let held = row[feature]
        defer {
            row[feature] = held
            _ = derive()
        }
        func difference(_ value: Float) -> Double? {
            row[feature] = value
            guard value.isFinite, derive() else { return nil }
            let difference = atom.difference(view).value
            return difference.isFinite ? difference : nil
        }
        var (first, second) = (held, held + max(rule.domain == .integer ? 1 : rule.scale / 64, held.ulp * 1024))
        guard var low = difference(first), var high = difference(second) else { return nil }
        var guess: Double?
        for _ in 0..<4 {
            let slope = (high - low) / (Double(second) - Double(first))
            guard slope != 0, slope.isFinite else { return guess }
            let next = Double(second) - high / slope
            guard next.isFinite, Float(next).isFinite else { return guess }
            guess = next
            if high == 0 || Float(next) == second { return guess }
            (first, low) = (second, high)
            second = Float(next)
            guard let value = difference(second) else { return guess }
            high = value
        }
        return guess
    }

    // MARK: Back toward the original

    /// Takes numbers back toward the original as far as they must, first with the changed levels kept, then without, then
    /// each changed level alone.
    func retreat(from start: UnsafeMutableBufferPointer<Float>) -> Bool {
        let groups = space.oneHotGroups.indices.filter {
            FeatureSpace.differ(space.oneHotGroups[$0], original, UnsafeBufferPointer(start))
        }
        let levels = program.singles.filter { isLevel($0) && start[$0] != original[$0] && !start[$0].isNaN }
        if !groups.isEmpty || !levels.isEmpty {
            blend(start, 0, keepsLevels: true)
            if isLawful { return bisect(start, keepsLevels: true) }
        }
        if bisect(start, keepsLevels: false) { return true }
        for feature in levels {
            _ = row.update(from: original)
            row[feature] = start[feature]
            if isLawful { return true }
        }
        for group in groups {
            _ = row.update(from: original)
            for member in space.oneHotGroups[group] { row[member] = start[member] }
            if isLawful { return true }
        }
        return false
    }

    private func isLevel(_ feature: Int) -> Bool {
        program.plain[feature].kind == .category
    }

    private func bisect(_ start: UnsafeMutableBufferPointer<Float>, keepsLevels: Bool) -> Bool {
        var (low, high) = (Float(0), Float(1))
        for _ in 0..<12 {
            let middle = (low + high) / 2
            blend(start, middle, keepsLevels: keepsLevels)
            if penalty().isNone { low = middle } else { high = middle }
        }
        blend(start, low, keepsLevels: keepsLevels)
        return isLawful
    }

    /// The row at a share of the way from the original to `start`.
    private func blend(_ start: UnsafeMutableBufferPointer<Float>, _ share: Float, keepsLevels: Bool) {
        for feature in program.singles {
            let (before, after) = (original[feature], start[feature])
            if isLevel(feature) {
                row[feature] = keepsLevels ? after : before
            } else if before != after, !before.isNaN {
                let value = before + (after - before) * share
                row[feature] = share == 0 ? before : space.rules[feature].nearest(to: value, from: before)
            } else {
                row[feature] = before
            }
        }
        for group in space.oneHotGroups {
            for member in group { row[member] = keepsLevels ? start[member] : original[member] }
        }
    }
}
