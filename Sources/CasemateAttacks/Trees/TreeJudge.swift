import CasemateModels

/// Sums of an ensemble for single rows of the table, in the order and precision in which it adds.
final class TreeMargins {
    private let grid: TreeGrid
    private let sums: Scratch<Double>
    private let ends: Scratch<Int32>

    init(_ grid: TreeGrid) {
        self.grid = grid
        sums = Scratch(grid.ensemble.form.outputs, filledWith: 0)
        ends = Scratch(grid.ensemble.trees, filledWith: 0)
    }

    /// The leaf of each tree that a row ends in.
    func leaves(_ row: [Float]) -> [Int32] {
        walk(row)
        return Array(ends.values)
    }

    /// Sums of the outputs before the transform; without bases that come last.
    func margins(_ row: [Float]) -> [Double] {
        withSums(row) { Array($0) }
    }

    /// The same without a copy.
    @inline(__always)
    func withSums<Result>(_ row: [Float], _ body: (UnsafeMutableBufferPointer<Double>) -> Result) -> Result {
        walk(row)
        add()
        return body(sums.values)
    }

    private func walk(_ row: [Float]) {
        let ensemble = grid.ensemble
        row.withUnsafeBufferPointer { row in
            ensemble.nodes.withUnsafeBufferPointer { nodes in
                for (tree, root) in ensemble.roots.enumerated() {
                    var index = root
                    while true {
                        let node = nodes[Int(index)]
                        if node.mode == .leaf { break }
                        let value = grid.columnValue(Int(node.column), row: row)
                        index = ensemble.holds(node, value) ? node.whenTrue : node.whenFalse
                    }
                    ends[tree] = index
                }
            }
        }
    }

    private func rounded(_ value: Double) -> Double {
        grid.ensemble.form.isDouble ? value : Double(Float(value))
    }

    private func add() {
        let ensemble = grid.ensemble
        let form = ensemble.form
        let isFirst = form.convention == .boosting && form.base.count == form.outputs
        for output in 0..<form.outputs { sums[output] = isFirst ? rounded(form.base[output]) : 0 }
        ensemble.weights.withUnsafeBufferPointer { weights in
            ensemble.weightStart.withUnsafeBufferPointer { starts in
                for leaf in ends.values {
                    for index in Int(starts[Int(leaf)])..<Int(starts[Int(leaf) + 1]) {
                        let weight = weights[index]
                        sums[Int(weight.output)] = rounded(sums[Int(weight.output)] + weight.value)
                    }
                }
            }
        }
        guard form.aggregate == .average else { return }
        for output in 0..<form.outputs { sums[output] = rounded(sums[output] / Double(ensemble.trees)) }
    }
}

/// The class of single rows, faster than by `TreeEnsemble.answers` and the same.
final class TreeJudge {
    private let grid: TreeGrid
    private let rule: TreeRule
    private let margins: TreeMargins

    init(_ grid: TreeGrid, _ rule: TreeRule) {
        (self.grid, self.rule) = (grid, rule)
        margins = TreeMargins(grid)
    }

    /// The class of a row of the table.
    func label(_ row: [Float]) -> Int32 {
        switch rule.reading {
        case .margin(let output, let cut): margins.withSums(row) { $0[output] >= cut ? 1 : 0 }
        case .largest(let bases, let candidates): margins.withSums(row) { largest($0, bases, candidates) }
        case .difference(_, let score):
            (grid.ensemble.answers(margins.leaves(row)).scores.last ?? 0) >= score ? 1 : 0
        }
    }

    private func largest(
        _ sums: UnsafeMutableBufferPointer<Double>, _ bases: [Double], _ candidates: [Int]
    ) -> Int32 {
        let form = grid.ensemble.form
        let isLast = form.convention == .onnxRuntime && !form.base.isEmpty
        var (best, size) = (candidates.first ?? 0, -Double.infinity)
        for output in candidates {
            var value = sums[output]
            if isLast { value = form.isDouble ? value + bases[output] : Double(Float(value + bases[output])) }
            if value > size { (best, size) = (output, value) }
        }
        return Int32(best)
    }
}
