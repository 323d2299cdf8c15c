import CasemateCore
import CasemateData
import CasemateModels

/// The search for a fall of a margin over one cut of a number.
struct TreeSteps {
    let extremes: TreeExtremes
    let variable: Int
    /// What counts as a fall: minus the margin that should rise.
    let coefficients: [Double]
    let box: TreeBox
    private var grid: TreeGrid { extremes.grid }

    init(_ extremes: TreeExtremes, variable: Int, coefficients: [Double], box: TreeBox) {
        (self.extremes, self.variable, self.coefficients, self.box) = (extremes, variable, coefficients, box)
    }

    /// Searches cut after cut.
    func search(mostNodes: Int, _ context: RunContext) throws -> TreeFact {
        let open = try box.open(grid, extremes.space)
        let cells = open[variable].indices.filter { open[variable][$0] }
        let tests = trees()
        let tolerance = 2 * zip(coefficients, extremes.rounding.errors).reduce(0) { $0 + abs($1.0) * $1.1 }
        var (nodes, isOpen) = (0, false)
        for (low, high) in zip(cells, cells.dropFirst()) {
            try context.cancellation.check()
            let changing = Set((low + 1...high).flatMap { tests[$0] ?? [] }).sorted()
            if changing.isEmpty { continue }
            if context.deadline.map({ ContinuousClock.now >= $0 }) ?? false {
                isOpen = true
                break
            }
            let region = try extremes.region(box)
            let (trees, constant) = try differences(region, changing, low, high)
            let summit = TreeSummit(region, groups: TreeGroups(region, trees: trees).groups, constant: constant)
            var pair: Pair?
            let result = try summit.climb(above: tolerance, mostNodes: mostNodes - nodes, context) { meeting in
                let found = self.pair(meeting, low, high)
                guard found.falls else { return false }
                pair = found
                return true
            }
            nodes += result.nodes
            if let pair {
                return TreeFact(verdict: .broken, counterexample: pair.rows, values: pair.margins, nodes: nodes)
            }
            if !result.isFinished { isOpen = true }
        }
        return TreeFact(verdict: isOpen ? .open : .holds, counterexample: [], values: [], nodes: nodes)
    }

    /// Trees that test a cut, by the first cell behind it. Sets are tested at every cut.
    private func trees() -> [Int: Set<Int>] {
        var result: [Int: Set<Int>] = [:]
        for tree in 0..<grid.ensemble.trees {
            for index in grid.ensemble.range(ofTree: tree) where Int(grid.nodes[index].variable) == variable {
                if grid.nodes[index].set < 0 {
                    result[Int(grid.nodes[index].cut), default: []].insert(tree)
                } else {
                    for cell in 1..<max(grid.variables[variable].cells, 2) { result[cell, default: []].insert(tree) }
                }
            }
        }
        return result
    }

    /// For each tree, pairs of leaves that differ by the step, with the fall from one to the other.
    private func differences(
        _ region: TreeRegion, _ changing: [Int], _ low: Int, _ high: Int
    ) throws(CasemateError) -> ([[TreeRegion.Leaf]], Double) {
        var (trees, constant): ([[TreeRegion.Leaf]], Double) = ([], 0)
        for tree in changing {
            region.pin(variable, to: low)
            let before = try region.collect(tree: tree, coefficients)
            region.pin(variable, to: high)
            let after = try region.collect(tree: tree, coefficients)
            var pairs: [TreeRegion.Leaf] = []
            for one in before {
                for other in after {
                    guard var leaf = region.meet(one, other) else { continue }
                    leaf.value = other.value - one.value
                    pairs.append(leaf)
                }
            }
            let first = pairs.first?.value ?? 0
            if pairs.allSatisfy({ $0.value == first }) { constant += first } else { trees.append(pairs) }
        }
        return (trees, constant)
    }

    private struct Pair {
        let rows: [[Float]], margins: [Double]
        let falls: Bool
    }

    /// Two rows on either side of a cut where leaves meet, with their margins as the model has them.
    private func pair(_ meeting: TreeSearch.Meeting, _ low: Int, _ high: Int) -> Pair {
        let margins = TreeMargins(grid)
        let base = extremes.row(meeting, box)
        let feature = grid.variables[variable].features[0]
        let rows = [low, high].map { cell in
            var row = base
            let value = box.value(grid.variables[variable], cell: cell, extremes.space)
            row[feature] = value?[0] ?? row[feature]
            return row
        }
        let output = coefficients.firstIndex { $0 != 0 } ?? 0
        let values = rows.map { margins.margins($0)[output] }
        return Pair(rows: rows, margins: values, falls: coefficients[output] * (values[1] - values[0]) > 0)
    }
}
