import CasemateModels

/// Leaves of each tree joined into cells that hold enough rows to be counted.
///
/// A leaf with enough rows is a cell. Small ones wait at the node above them; where those that wait under a node are
/// enough together, they become one cell, and what is left at the root is the last. Which leaves are joined depends on
/// the pooled rows alone, never on which sample a row is from, so that a permutation of the samples leaves it as it is.
struct LeafCells {
    /// Number of cells of all trees.
    let count: Int
    /// Tree of each cell.
    let trees: [Int32]
    /// Cell of each row in each tree, `[rows, trees]`.
    let codes: [Int32]
    /// Pooled rows of each cell.
    let sizes: [Int]
    /// Pooled rows below each node of the ensemble.
    let nodeSizes: [Int]

    init(_ ensemble: TreeEnsemble, leaves: [Int32], minimum: Int) {
        let nodes = ensemble.nodes
        var below = [Int](repeating: 0, count: nodes.count)
        for leaf in leaves { below[Int(leaf)] += 1 }
        let parents = TreePaths(ensemble).parents
        var waiting = below.map { $0 < minimum ? $0 : 0 }
        var closes = nodes.indices.map { nodes[$0].mode == .leaf && below[$0] >= minimum }
        // why: children lie behind their parents, so that a walk from the end sees them first.
        for node in nodes.indices.reversed() {
            let isRoot = parents[node] < 0
            if nodes[node].mode != .leaf || isRoot, waiting[node] > 0, waiting[node] >= minimum || isRoot {
                closes[node] = true
                waiting[node] = 0
            }
            guard !isRoot else { continue }
            below[Int(parents[node])] += below[node]
            waiting[Int(parents[node])] += waiting[node]
        }
        var cells = [Int32](repeating: -1, count: nodes.count)
        var trees: [Int32] = []
        for tree in 0..<ensemble.trees {
            for node in ensemble.range(ofTree: tree) where closes[node] {
                cells[node] = Int32(trees.count)
                trees.append(Int32(tree))
            }
        }
        // The cell of a leaf is that of the nearest node on the way up that closes one.
        for node in nodes.indices where cells[node] < 0 && parents[node] >= 0 {
            cells[node] = cells[Int(parents[node])]
        }
        codes = leaves.map { cells[Int($0)] }
        var sizes = [Int](repeating: 0, count: trees.count)
        for code in codes { sizes[Int(code)] += 1 }
        (count, self.trees, self.sizes, nodeSizes) = (trees.count, trees, sizes, below)
    }
}
