import CasemateCore

/// How plausible the combination of values in a row is: randomised trees that were grown to tell reference rows from
/// rows whose columns were shuffled, so that each value is usual and their combination is not.
///
/// Sources: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 14.2.4 (density by contrast with
/// shuffled rows); Geurts, Ernst, Wehenkel, "Extremely randomized trees", Machine Learning, 2006.
struct ContrastForest: Sendable {
    private static let trees = 64, deepest = 10, smallestLeaf = 2, mostRows = 1_500
    /// A split, or a leaf with the share of reference rows.
    private struct Node {
        var column: Int32
        var value: Float
        var left: Int32, right: Int32
    }
    private var nodes: [Node] = []
    private var roots: [Int32] = []

    /// Grows the trees.
    /// - Parameter points: Reference points, `[count, stride]`, of which `width` numbers count.
    init(_ points: [Float], stride: Int, width: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 74)
        let all = stride == 0 ? 0 : points.count / stride
        let count = min(all, Self.mostRows)
        let first = all > count ? (0..<count).map { $0 * all / count } : Array(0..<count)
        // why columns: a split reads one column of many rows.
        var values = [Float](repeating: 0, count: width * count * 3)
        for column in 0..<width {
            let base = column * count * 3
            for (row, from) in first.enumerated() { values[base + row] = points[from * stride + column] }
            for copy in 1...2 {
                var order = Array(0..<count)
                order.shuffle(using: &generator)
                for row in 0..<count { values[base + copy * count + row] = points[first[order[row]] * stride + column] }
            }
        }
        var growth = Growth(values: values, rows: count * 3, real: count, width: width, generator: generator)
        for _ in 0..<Self.trees {
            growth.order = (0..<count * 3).map { Int32($0) }
            roots.append(growth.grow(0..<count * 3, depth: 0, into: &nodes))
        }
    }

    /// From 0 for what only shuffled rows look like to 1.
    func plausibility(_ point: UnsafePointer<Float>) -> Double {
        var sum: Float = 0
        nodes.withUnsafeBufferPointer { nodes in
            for root in roots {
                var node = nodes[Int(root)]
                while node.column >= 0 {
                    node = nodes[Int(point[Int(node.column)] < node.value ? node.left : node.right)]
                }
                sum += node.value
            }
        }
        return Double(sum) / Double(max(1, roots.count))
    }

    /// Grows one tree after another.
    private struct Growth {
        let values: [Float], rows: Int, real: Int, width: Int
        var generator: SeededGenerator
        var order: [Int32] = []

        mutating func grow(_ range: Range<Int>, depth: Int, into nodes: inout [Node]) -> Int32 {
            let place = Int32(nodes.count)
            let isReal = order[range].reduce(0) { $0 + ($1 < real ? 1 : 0) }
            // why twice: there are two shuffled rows for each reference row.
            let share = 2 * Float(isReal) / max(1, 2 * Float(isReal) + Float(range.count - isReal))
            nodes.append(Node(column: -1, value: share, left: 0, right: 0))
            guard depth < deepest, range.count >= 2 * smallestLeaf, isReal > 0, isReal < range.count,
                let split = split(range, isReal)
            else { return place }
            let middle = partition(range, split)
            let left = grow(range.lowerBound..<middle, depth: depth + 1, into: &nodes)
            let right = grow(middle..<range.upperBound, depth: depth + 1, into: &nodes)
            nodes[Int(place)] = Node(column: Int32(split.column), value: split.value, left: left, right: right)
            return place
        }

        /// The best of some random splits, by Gini impurity.
        private mutating func split(_ range: Range<Int>, _ isReal: Int) -> (column: Int, value: Float)? {
            var best: (gain: Float, column: Int, value: Float)?
            let tries = max(1, Int(Double(width).squareRoot().rounded()))
            for _ in 0..<tries {
                let column = Int.random(in: 0..<width, using: &generator)
                let part = generator.uniform()
                let found = values.withUnsafeBufferPointer { values in
                    order.withUnsafeBufferPointer { order in Self.look(values, order, range, column * rows, real, part)
                    }
                }
                guard let found, found.below >= smallestLeaf, range.count - found.below >= smallestLeaf else {
                    continue
                }
                let gain =
                    Self.purity(found.below, found.realBelow)
                    + Self.purity(range.count - found.below, isReal - found.realBelow)
                if best.map({ gain > $0.gain }) ?? true { best = (gain, column, found.value) }
            }
            return best.map { ($0.column, $0.value) }
        }

        private static func look(
            _ values: UnsafeBufferPointer<Float>, _ order: UnsafeBufferPointer<Int32>, _ range: Range<Int>,
            _ base: Int, _ real: Int, _ part: Float
        ) -> (value: Float, below: Int, realBelow: Int)? {
            var (low, high) = (Float.infinity, -Float.infinity)
            for place in range {
                let value = values[base + Int(order[place])]
                low = min(low, value)
                high = max(high, value)
            }
            guard low < high else { return nil }
            let value = low + (high - low) * max(part, 1e-6)
            var (below, realBelow) = (0, 0)
            for place in range where values[base + Int(order[place])] < value {
                below += 1
                if order[place] < real { realBelow += 1 }
            }
            return (value, below, realBelow)
        }

        /// Weight times the sum of squared shares; larger is purer.
        private static func purity(_ count: Int, _ isReal: Int) -> Float {
            let (real, other) = (2 * Float(isReal), Float(count - isReal))
            return (real * real + other * other) / max(1, real + other)
        }

        private mutating func partition(_ range: Range<Int>, _ split: (column: Int, value: Float)) -> Int {
            var middle = range.lowerBound
            let base = split.column * rows
            for place in range where values[base + Int(order[place])] < split.value {
                order.swapAt(place, middle)
                middle += 1
            }
            return middle
        }
    }
}
