public import CasemateData
public import CasemateModels

/// The leaf of a release that rows of a segment share and others do not: where the change sits in the model.
public struct CarryingLeaf: Hashable, Sendable {
    /// Number of the tree, from 0, and index of the leaf among the ensemble's nodes.
    public let tree: Int, node: Int
    /// Share of the segment's rows, and of all other rows, that end in it.
    public let inside: Double, outside: Double
    /// What it adds: the weight of largest size.
    public let weight: Double
    /// Its path; `nil` where that cannot be said as a segment.
    public let segment: Segment?

    /// The leaf with the largest weight times difference of shares; `nil` without a row inside or outside.
    /// - Parameters:
    ///   - model: The trees.
    ///   - leaves: What `TreeModel.leaves` gave for `matrix`.
    ///   - matrix: The rows.
    ///   - inside: Whether each row is in the segment.
    public static func find(
        in model: TreeModel, leaves: [Int32], over matrix: FeatureMatrix, inside: [Bool]
    ) -> CarryingLeaf? {
        let ensemble = model.ensemble
        let (own, all) = (inside.count { $0 }, inside.count)
        guard own > 0, own < all else { return nil }
        var counts = [(inside: Int, outside: Int)](repeating: (0, 0), count: ensemble.nodes.count)
        for row in 0..<all {
            for leaf in leaves[row * ensemble.trees..<(row + 1) * ensemble.trees] {
                if inside[row] { counts[Int(leaf)].inside += 1 } else { counts[Int(leaf)].outside += 1 }
            }
        }
        var best: (value: Double, tree: Int, node: Int)?
        for tree in 0..<ensemble.trees {
            for node in ensemble.range(ofTree: tree) where counts[node].inside > 0 {
                let weight = largest(ensemble, node)
                let gap = Double(counts[node].inside) / Double(own) - Double(counts[node].outside) / Double(all - own)
                let value = abs(weight) * gap
                if value > best?.value ?? 0 { best = (value, tree, node) }
            }
        }
        return best.map { best in
            CarryingLeaf(
                tree: best.tree, node: best.node, inside: Double(counts[best.node].inside) / Double(own),
                outside: Double(counts[best.node].outside) / Double(all - own), weight: largest(ensemble, best.node),
                segment: TreeSegments(model, rows: matrix).segment(ofNode: best.node, most: 8))
        }
    }

    private static func largest(_ ensemble: TreeEnsemble, _ node: Int) -> Double {
        ensemble.weights(ofNode: node).map(\.value).max { abs($0) < abs($1) } ?? 0
    }
}
