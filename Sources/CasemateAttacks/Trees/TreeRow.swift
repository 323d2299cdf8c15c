import CasemateData

/// One row in a grid: the cell that each variable is in, and what it costs to move it to another.
struct TreeRow {
    /// Values of the table.
    let values: [Float]
    /// Cell of each variable; the one behind the last for a row that is in no cell (a missing value, an unknown level).
    let own: [Int32]
    /// Whether a variable stays as it is, missing or infinite.
    let isHeld: [Bool]
    /// Cost of each cell: 0 for its own, infinite where the row cannot go; squares for L2. By `TreeGrid.cellStart`.
    let costs: [Double]
    /// Whether some cells of a variable between others are closed.
    let isGappy: [Bool]

    /// Measures the way to every cell.
    init(_ row: [Float], _ grid: TreeGrid, norm: FeatureSpace.Norm, space: FeatureSpace?) {
        values = row
        var costs = [Double](repeating: .infinity, count: grid.cellStart[grid.cellStart.count - 1])
        var own = [Int32](repeating: 0, count: grid.variables.count)
        var isHeld = [Bool](repeating: false, count: grid.variables.count)
        var isGappy = [Bool](repeating: false, count: grid.variables.count)
        for (index, variable) in grid.variables.enumerated() {
            let start = grid.cellStart[index]
            if variable.isNumber {
                let value = row[variable.features[0]]
                isHeld[index] = !value.isFinite
                own[index] = Int32(value.isFinite ? variable.cell(of: value) : variable.cells)
                let reach = TreeReach(space, variable.features[0], from: value)
                if value.isFinite, !reach.isHeld {
                    for cell in 0..<variable.cells where cell != Int(own[index]) {
                        guard let move = reach.move(to: cell, of: variable, own: Int(own[index])) else {
                            isGappy[index] = true
                            continue
                        }
                        costs[start + cell] = norm == .l2 ? move.cost * move.cost : move.cost
                    }
                }
            } else {
                own[index] = Int32(Self.option(variable, row) ?? variable.cells)
                for cell in Self.options(variable, row, space) where cell != Int(own[index]) {
                    costs[start + cell] = 1
                }
            }
            costs[start + Int(own[index])] = 0
        }
        largestCost = costs.reduce(0) { $1 < .infinity ? max($0, $1) : $0 }
        (self.costs, self.own, self.isHeld, self.isGappy) = (costs, own, isHeld, isGappy)
    }

    /// Largest finite cost.
    let largestCost: Double

    /// A radius with little in it: half of the variables have another cell within it.
    func firstRadius(_ grid: TreeGrid) -> Double {
        var nearest: [Double] = []
        for variable in grid.variables.indices {
            var least = Double.infinity
            for index in grid.cellStart[variable]..<grid.cellStart[variable + 1] where costs[index] > 0 {
                least = min(least, costs[index])
            }
            if least < .infinity { nearest.append(least) }
        }
        nearest.sort()
        return nearest.isEmpty ? .infinity : nearest[nearest.count / 2]
    }

    /// Moves a variable of a row into a cell, as near as it may go.
    func set(_ values: inout [Float], _ grid: TreeGrid, _ index: Int, _ cell: Int, _ space: FeatureSpace?) {
        let variable = grid.variables[index]
        guard variable.isNumber else {
            for (position, feature) in variable.features.enumerated() {
                values[feature] = variable.options[cell][position]
            }
            return
        }
        let feature = variable.features[0]
        let reach = TreeReach(space, feature, from: self.values[feature])
        if let move = reach.move(to: cell, of: variable, own: Int(own[index])) { values[feature] = move.value }
    }

    private static func option(_ variable: TreeGrid.Variable, _ row: [Float]) -> Int? {
        if variable.features.count > 1 {
            var hot: Int?
            for (position, feature) in variable.features.enumerated() where row[feature] != 0 {
                guard row[feature] == 1, hot == nil else { return nil }
                hot = position
            }
            return hot
        }
        return Int(exactly: row[variable.features[0]]).flatMap { variable.options.indices.contains($0) ? $0 : nil }
    }

    /// Options that a row may change to.
    private static func options(_ variable: TreeGrid.Variable, _ row: [Float], _ space: FeatureSpace?) -> [Int] {
        guard let space else { return [] }
        if variable.features.count > 1 {
            return row.withUnsafeBufferPointer { space.hotOptions(of: variable.features, from: $0) }
        }
        return space.rules[variable.features[0]].moves(from: row[variable.features[0]])
    }
}

/// Where a number may go.
struct TreeReach {
    private let value: Float
    private let low: Float, high: Float
    private let domain: FeatureSpace.Rule.Domain
    private let scale: Double
    /// Whether it stays.
    let isHeld: Bool

    /// Where the rule of a feature lets it go; anywhere without a space.
    ///
    /// A derived feature follows others, in ways that a search over cells does not see: it is taken to go anywhere at no
    /// cost, which keeps lower bounds true.
    init(_ space: FeatureSpace?, _ feature: Int, from value: Float) {
        self.value = value
        guard let space, !space.derived.contains(where: { $0.feature == feature }) else {
            (low, high, domain) = (-.infinity, .infinity, .continuous)
            (scale, isHeld) = (space == nil ? 1 : .infinity, false)
            return
        }
        let rule = space.rules[feature]
        low = rule.direction == .increase ? max(rule.low, value) : rule.low
        high = rule.direction == .decrease ? min(rule.high, value) : rule.high
        (domain, scale, isHeld) = (rule.domain, Double(rule.scale), rule.isImmutable)
    }

    /// The nearest allowed value of another cell, and the infimum of the distances; `nil` where the cell holds none.
    func move(to cell: Int, of variable: TreeGrid.Variable, own: Int) -> (value: Float, cost: Double)? {
        let bottom = max(variable.bottom(cell), low)
        let top = min(variable.top(cell), high)
        guard bottom <= top else { return nil }
        let isUp = cell > own
        switch domain {
        case .continuous, .categorical:
            if isUp {
                let edge = variable.cuts[cell - 1].edge
                return (bottom, (max(edge, Double(low)) - Double(value)) / scale)
            }
            let edge = variable.cuts[cell].edge
            return (top, (Double(value) - min(edge, Double(high))) / scale)
        case .integer:
            let whole = isUp ? bottom.rounded(.up) : top.rounded(.down)
            guard whole >= bottom, whole <= top else { return nil }
            return (whole, abs(Double(whole) - Double(value)) / scale)
        case .ordinal(let steps):
            let inside = steps.filter { $0 >= bottom && $0 <= top }
            guard let nearest = isUp ? inside.min() : inside.max() else { return nil }
            return (nearest, abs(Double(nearest) - Double(value)) / scale)
        }
    }
}
