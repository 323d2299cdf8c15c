package import CasemateCore
package import CasemateData
import Foundation

/// Trees that cut the space at random: a row that few cuts set apart from the others is odd.
///
/// Source: Liu, Ting, Zhou, "Isolation forest", ICDM 2008. Numbers are cut between their smallest and largest value in
/// the node. Ours, since the paper has numbers only: a category is cut into a random part of its levels and the rest; a
/// missing value goes to a side drawn for the cut, and where a column has both kinds of cells every other cut asks only
/// whether the value is there.
package struct IsolationForest: Hashable, Sendable {
    /// A cut or a leaf.
    struct Node: Hashable, Sendable, BitwiseCopyable {
        /// What a cut asks.
        enum Kind: UInt8, Sendable { case leaf, number, levels, missing }
        var kind = Kind.leaf
        /// Whether a missing value goes left.
        var missingGoesLeft = false
        /// Column; 0 for a leaf.
        var feature: Int32 = 0
        /// Nodes below; the right one follows the left one's subtree. 0 for a leaf.
        var left: Int32 = 0, right: Int32 = 0
        /// Training rows here.
        var count: Int32
        /// A leaf's depth plus `c(count)`.
        var path: Float = 0
        /// The largest number that goes left.
        var threshold: Float = 0
        /// Levels that go left, a bit each; levels from 64 on share bits.
        var levels: UInt64 = 0

        init(count: Int) { self.count = Int32(clamping: count) }
    }
    let nodes: [Node]
    /// Root of each tree.
    let roots: [Int32]
    /// Rows that each tree saw.
    let sampleSize: Int
    /// Number of columns.
    let width: Int

    /// Grows a forest.
    /// - Parameters:
    ///   - rows: At least 2 rows over at least 1 column; NaN for missing values.
    ///   - trees: Number of trees.
    ///   - sampleSize: Rows of a tree, drawn without replacement.
    /// - Throws: `Cancelled`.
    package init(_ rows: FeatureMatrix, trees: Int = 100, sampleSize: Int = 256, context: RunContext) throws {
        let size = min(sampleSize, rows.count)
        let grown = try ParallelTasks.map(trees, threads: context.threads) { tree in
            try context.cancellation.check()
            var growth = IsolationGrowth(rows, seed: context.seed, tree: tree)
            return growth.grow(size)
        }
        var nodes: [Node] = []
        var roots: [Int32] = []
        for tree in grown {
            let offset = Int32(nodes.count)
            roots.append(offset)
            nodes += tree.map { node in
                var moved = node
                if node.kind != .leaf { (moved.left, moved.right) = (node.left + offset, node.right + offset) }
                return moved
            }
        }
        self.init(nodes: nodes, roots: roots, sampleSize: size, width: rows.features.count)
    }

    init(nodes: [Node], roots: [Int32], sampleSize: Int, width: Int) {
        (self.nodes, self.roots, self.sampleSize, self.width) = (nodes, roots, sampleSize, width)
    }

    /// The mean depth of an unsuccessful search in a binary search tree of `count` rows: 0 for 1, 1 for 2.
    ///
    /// Source: Liu et al., equation 1, with the harmonic number approximated as `ln(n - 1) + γ`.
    package static func averagePath(_ count: Int) -> Double {
        guard count > 2 else { return count == 2 ? 1 : 0 }
        let n = Double(count)
        return 2 * (log(n - 1) + 0.577_215_664_901_532_9) - 2 * (n - 1) / n
    }

    /// The score `2^(-mean path / c(sample size))` in 0…1 of each row: about 0.5 for ordinary ones, towards 1 for odd
    /// ones.
    package func scores(_ rows: FeatureMatrix) -> [Double] {
        rows.values.withUnsafeBufferPointer { values in
            (0..<rows.count).map { exp2(oddness(values, at: $0 * width)) }
        }
    }

    /// The logarithm to base 2 of the score of the row that begins at `start`.
    func oddness(_ values: UnsafeBufferPointer<Float>, at start: Int) -> Double {
        let sum = nodes.withUnsafeBufferPointer { nodes in
            var sum = 0.0
            for root in roots {
                var place = Int(root)
                while nodes[place].kind != .leaf { place = next(nodes[place], values, start) }
                sum += Double(nodes[place].path)
            }
            return sum
        }
        return -sum / (Double(max(1, roots.count)) * max(1, Self.averagePath(sampleSize)))
    }

    /// Adds to `shares`, one a column, what its cuts did to set the row apart: the bits by which it went to the smaller
    /// side, beyond the one bit of a cut in the middle.
    func addShares(
        _ values: UnsafeBufferPointer<Float>, at start: Int, to shares: UnsafeMutableBufferPointer<Double>
    ) {
        nodes.withUnsafeBufferPointer { nodes in
            for root in roots {
                var place = Int(root)
                while nodes[place].kind != .leaf {
                    let below = next(nodes[place], values, start)
                    let bits = log2(Double(nodes[place].count) / Double(max(1, nodes[below].count)))
                    shares[Int(nodes[place].feature)] += max(0, bits - 1)
                    place = below
                }
            }
        }
    }

    @inline(__always)
    private func next(_ node: Node, _ values: UnsafeBufferPointer<Float>, _ start: Int) -> Int {
        let value = values[start + Int(node.feature)]
        return Int(node.goesLeft(value) ? node.left : node.right)
    }
}

extension IsolationForest.Node {
    /// Where a value goes.
    @inline(__always)
    func goesLeft(_ value: Float) -> Bool {
        if value.isNaN { return missingGoesLeft }
        switch kind {
        case .number: return value <= threshold
        case .levels: return levels >> Self.bit(value) & 1 == 1
        case .leaf, .missing: return !missingGoesLeft
        }
    }

    /// The bit of a level.
    @inline(__always)
    static func bit(_ value: Float) -> UInt64 { UInt64(max(0, min(value, 1e6))) & 63 }
}
