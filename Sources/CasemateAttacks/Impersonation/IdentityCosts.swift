import CasemateData

/// What it costs a row to become each of many identities, as far as it can: all attributes that it may copy.
///
/// Identities stand column by column, so that one row against thousands of them is a few passes over arrays. Costs are
/// float32, to choose by; what is reported is counted anew by the space.
struct IdentityCosts: Sendable {
    private enum Column: Sendable {
        /// Values; NaN where no row may take one, as it is missing or outside the domain.
        case numbers([Float])
        /// Levels, or positions in a group; -1 where there is none.
        case levels([Int32], count: Int)
    }
    let units: CopyUnits
    let count: Int
    private let columns: [Column]
    /// The identities, row by row.
    private let values: [Float]
    private let width: Int

    init(_ units: CopyUnits, identities: FeatureMatrix) {
        let (space, width) = (units.space, identities.features.count)
        (self.units, count) = (units, identities.count)
        (values, self.width) = (identities.values, width)
        let count = identities.count
        columns = identities.values.withUnsafeBufferPointer { values in
            units.units.map { unit in
                let first = unit.features[0]
                if unit.group >= 0 {
                    return .levels(
                        (0..<count).map { row in
                            let row = UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width])
                            return Int32(space.hotPosition(of: unit.features, in: row) ?? -1)
                        }, count: unit.features.count)
                }
                let rule = space.rules[first]
                if case .categorical(let levels, _) = rule.domain {
                    return .levels(
                        (0..<count).map { row in
                            let level = Int32(exactly: values[row * width + first]) ?? -1
                            return level < levels ? level : -1
                        }, count: levels)
                }
                return .numbers(
                    (0..<count).map { row in
                        let value = values[row * width + first]
                        switch rule.domain {
                        case .integer where value != value.rounded(): return .nan
                        case .ordinal(let steps) where !steps.contains(value): return .nan
                        default: return value.isFinite ? value : .nan
                        }
                    })
            }
        }
    }

    /// The identity with an index.
    func identity(_ index: Int) -> ArraySlice<Float> { values[index * width..<(index + 1) * width] }

    /// Fills `costs` with what each identity costs a row; an attribute that cannot be copied costs nothing.
    func fill(_ costs: inout [Float], for row: UnsafeBufferPointer<Float>) {
        costs.withUnsafeMutableBufferPointer { costs in
            costs.update(repeating: 0)
            for (unit, column) in zip(units.units, columns) {
                switch column {
                case .numbers(let values): addNumbers(values, unit.features[0], row, to: costs)
                case .levels(let levels, let size):
                    let table = prices(of: unit, row, count: size)
                    if table.allSatisfy({ $0 == 0 }) { continue }
                    table.withUnsafeBufferPointer { table in
                        levels.withUnsafeBufferPointer { levels in
                            for index in 0..<levels.count { costs[index] += table[Int(levels[index]) + 1] }
                        }
                    }
                }
            }
        }
    }

    private func addNumbers(
        _ values: [Float], _ feature: Int, _ row: UnsafeBufferPointer<Float>,
        to costs: UnsafeMutableBufferPointer<Float>
    ) {
        let (rule, before) = (units.space.rules[feature], row[feature])
        if before.isNaN { return }
        let low = rule.direction == .increase ? max(rule.low, before) : rule.low
        let high = rule.direction == .decrease ? min(rule.high, before) : rule.high
        let cost = rule.cost ?? FeatureSpace.Cost()
        let (up, down) = (Float(cost.increase) / rule.scale, Float(cost.decrease) / rule.scale)
        let fixed = Float(cost.fixed)
        values.withUnsafeBufferPointer { values in
            for index in 0..<values.count {
                let value = values[index]
                let difference = value - before
                let price = (difference > 0 ? up : -down) * difference + (difference != 0 ? fixed : 0)
                // why: a NaN is neither above nor below, so it adds nothing.
                costs[index] += value >= low && value <= high ? price : 0
            }
        }
    }

    /// Price of each level for one row, behind a 0 for "none"; 0 where it cannot be taken.
    private func prices(of unit: CopyUnits.Unit, _ row: UnsafeBufferPointer<Float>, count: Int) -> [Float] {
        var table = [Float](repeating: 0, count: count + 1)
        var changed = Array(row)
        let options =
            unit.group >= 0
            ? units.space.hotOptions(of: unit.features, from: row)
            : units.space.rules[unit.features[0]].moves(from: row[unit.features[0]])
        for option in options {
            if unit.group >= 0 {
                for (position, member) in unit.features.enumerated() { changed[member] = position == option ? 1 : 0 }
            } else {
                changed[unit.features[0]] = Float(option)
            }
            table[option + 1] = changed.withUnsafeBufferPointer { Float(units.space.cost(from: row, to: $0)) }
        }
        return table
    }

    /// The identities that cost a row least, the cheapest first, equal ones in order; those that it could not be told
    /// apart from are left out.
    func cheapest(_ most: Int, for row: UnsafeBufferPointer<Float>, _ costs: inout [Float]) -> [Int] {
        fill(&costs, for: row)
        var best: [(cost: Float, index: Int)] = []
        best.reserveCapacity(most + 1)
        for index in 0..<count {
            let cost = costs[index]
            if best.count == most, !(cost < best[most - 1].cost) { continue }
            if cost == 0, !differs(index, row) { continue }
            var place = best.count
            while place > 0, cost < best[place - 1].cost { place -= 1 }
            best.insert((cost, index), at: place)
            if best.count > most { best.removeLast() }
        }
        return best.map(\.index)
    }

    private func differs(_ index: Int, _ row: UnsafeBufferPointer<Float>) -> Bool {
        identity(index).withUnsafeBufferPointer { identity in
            units.units.contains { units.canCopy($0, from: identity, to: row) }
        }
    }
}
