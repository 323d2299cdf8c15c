import CasemateCore
import CasemateData
import Foundation

/// Grows one tree of an isolation forest.
struct IsolationGrowth {
    private let rows: FeatureMatrix
    private let width: Int
    private let isCategory: [Bool]
    private var generator: SeededGenerator
    private var members: [Int] = []
    private var nodes: [IsolationForest.Node] = []

    init(_ rows: FeatureMatrix, seed: UInt64, tree: Int) {
        self.rows = rows
        width = rows.features.count
        isCategory = rows.features.map { $0.levels != nil }
        generator = SeededGenerator(seed: seed, stream: 0x1F0_0000 + UInt64(tree))
    }

    /// The nodes of a tree over `size` rows, the root first.
    mutating func grow(_ size: Int) -> [IsolationForest.Node] {
        members = draw(size)
        let limit = Int(log2(Double(max(2, size))).rounded(.up))
        var open = [(range: 0..<size, depth: 0, parent: -1)]
        while let next = open.popLast() {
            let place = nodes.count
            nodes.append(IsolationForest.Node(count: next.range.count))
            // why: the left side is taken off the pile first, so that it stands right behind its parent.
            if next.parent >= 0 {
                if next.parent == place - 1 {
                    nodes[next.parent].left = Int32(place)
                } else {
                    nodes[next.parent].right = Int32(place)
                }
            }
            guard next.depth < limit, next.range.count > 1, let cut = cut(next.range) else {
                nodes[place].path = Float(Double(next.depth) + IsolationForest.averagePath(next.range.count))
                continue
            }
            let count = nodes[place].count
            nodes[place] = cut
            nodes[place].count = count
            let middle = divide(next.range, by: cut)
            open.append((middle..<next.range.upperBound, next.depth + 1, place))
            open.append((next.range.lowerBound..<middle, next.depth + 1, place))
        }
        return nodes
    }

    /// Different rows, each set as likely (Floyd's algorithm).
    private mutating func draw(_ size: Int) -> [Int] {
        var taken: Set<Int> = []
        var drawn: [Int] = []
        for top in (rows.count - size)..<rows.count {
            let row = Int.random(in: 0...top, using: &generator)
            let fresh = taken.insert(row).inserted ? row : top
            taken.insert(fresh)
            drawn.append(fresh)
        }
        return drawn
    }

    /// A cut that leaves rows on both sides; `nil` where all rows are alike.
    private mutating func cut(_ range: Range<Int>) -> IsolationForest.Node? {
        // why: a few draws nearly always do; only where most columns do not vary are the others looked for.
        for _ in 0..<min(8, width) {
            if let cut = cut(range, Int.random(in: 0..<width, using: &generator)) { return cut }
        }
        var left = Array(0..<width)
        while !left.isEmpty {
            let drawn = Int.random(in: 0..<left.count, using: &generator)
            if let cut = cut(range, left[drawn]) { return cut }
            left.swapAt(drawn, left.count - 1)
            left.removeLast()
        }
        return nil
    }

    private mutating func cut(_ range: Range<Int>, _ feature: Int) -> IsolationForest.Node? {
        var (low, high, missing, seen) = (Float.infinity, -Float.infinity, 0, UInt64(0))
        for place in range {
            let value = rows.values[members[place] * width + feature]
            if value.isNaN {
                missing += 1
            } else {
                (low, high) = (min(low, value), max(high, value))
                if isCategory[feature] { seen |= 1 << IsolationForest.Node.bit(value) }
            }
        }
        let varies = isCategory[feature] ? seen.nonzeroBitCount > 1 : low < high
        let hasBoth = missing > 0 && missing < range.count
        guard varies || hasBoth else { return nil }
        var node = IsolationForest.Node(count: range.count)
        node.feature = Int32(feature)
        node.missingGoesLeft = generator.next() & 1 == 0
        if hasBoth, !varies || generator.next() & 1 == 0 {
            node.kind = .missing
        } else if isCategory[feature] {
            node.kind = .levels
            repeat { node.levels = seen & generator.next() } while node.levels == 0 || node.levels == seen
        } else {
            node.kind = .number
            let at = Double(low) + generator.uniformDouble() * (Double(high) - Double(low))
            node.threshold = min(Float(at), high.nextDown)
        }
        return node
    }

    /// Brings the rows that go left to the front; where the others begin.
    private mutating func divide(_ range: Range<Int>, by cut: IsolationForest.Node) -> Int {
        var middle = range.lowerBound
        let feature = Int(cut.feature)
        for place in range where cut.goesLeft(rows.values[members[place] * width + feature]) {
            members.swapAt(place, middle)
            middle += 1
        }
        return middle
    }
}
