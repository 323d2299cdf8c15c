import CasemateCore

/// One tree as XGBoost saves it: parallel lists over its nodes.
struct XGBoostTree {
    private let place: String
    private let left: [Int32], right: [Int32], columns: [Int32]
    private let conditions: [Double], goesLeft: [Double]
    private let kinds: [Double]
    private let sets: [Int32: [UInt32]]
    /// Weights of leaves one after the other, where a leaf has several; `isPacked` where only leaves have some.
    private let vectors: [Double], isPacked: Bool
    private let output: Int32, outputs: Int

    init(_ tree: TreeField, output: Int32, outputs: Int, width: Int) throws(CasemateError) {
        (place, self.output) = (tree.place, output)
        left = try tree.member("left_children").integers()
        let count = left.count
        guard count > 0 else { throw tree.malformed("has no nodes") }
        right = try tree.member("right_children").integers(count: count)
        columns = try tree.member("split_indices").integers(count: count)
        conditions = try tree.member("split_conditions").numbers(count: count)
        goesLeft = try tree.member("default_left").numbers(count: count)
        kinds = try tree.optional("split_type")?.numbers(count: count) ?? []
        sets = try Self.sets(tree)
        let size = try tree.optional("tree_param")?.optional("size_leaf_vector")?.count() ?? 0
        guard size < 2 || size == outputs else {
            throw tree.malformed("has \(size) weights a leaf for \(outputs) outputs")
        }
        self.outputs = max(1, size)
        if size > 1 {
            // why: releases before 3.1 keep the weights of leaves among those of all nodes.
            let packed = tree.optional("leaf_weights")
            isPacked = packed != nil
            if let packed {
                vectors = try packed.numbers()
            } else {
                vectors = try tree.member("base_weights").numbers(count: count * size)
            }
        } else {
            (vectors, isPacked) = ([], false)
        }
        for index in 0..<count where left[index] >= 0 {
            guard columns[index] >= 0, columns[index] < width else {
                throw tree.malformed("node \(index) tests column \(columns[index]) of \(width)")
            }
            // why: releases before 2.0 write NaN where categories decide.
            guard !conditions[index].isNaN || (!kinds.isEmpty && kinds[index] == 1) else {
                throw tree.malformed("node \(index) compares with what is no number")
            }
        }
    }

    /// The categories of each categorical node as bits.
    private static func sets(_ tree: TreeField) throws(CasemateError) -> [Int32: [UInt32]] {
        guard let nodes = try tree.optional("categories_nodes")?.integers(), !nodes.isEmpty else { return [:] }
        let starts = try tree.member("categories_segments").integers(count: nodes.count)
        let sizes = try tree.member("categories_sizes").integers(count: nodes.count)
        let all = try tree.member("categories").integers()
        var result: [Int32: [UInt32]] = [:]
        for (index, node) in nodes.enumerated() {
            let (start, size) = (Int(starts[index]), Int(sizes[index]))
            guard start >= 0, size >= 0, start + size <= all.count else {
                throw tree.malformed("node \(node) has categories that are not there")
            }
            let categories = all[start..<start + size]
            guard categories.allSatisfy({ (0..<1 << 24).contains($0) }) else {
                throw tree.malformed("node \(node) has an impossible category")
            }
            var bits = [UInt32](repeating: 0, count: categories.max().map { Int($0) / 32 + 1 } ?? 0)
            for category in categories { bits[Int(category) / 32] |= 1 << UInt32(category % 32) }
            guard result.updateValue(bits, forKey: node) == nil else {
                throw tree.malformed("node \(node) has its categories twice")
            }
        }
        return result
    }

    /// Adds the tree to an ensemble.
    /// - Parameter factor: What its leaves are multiplied by, in float32.
    func add(to parts: inout TreeParts, factor: Float) throws(CasemateError) {
        let order = try TreeParts.order(left, right.enumerated().map { left[$0] < 0 ? -1 : $1 }, at: place)
        let first = Int32(parts.nodes.count)
        try parts.beginTree(order.count)
        var next = first + 1
        for position in order {
            let index = Int(position)
            if left[index] < 0 {
                parts.addLeaf(try leaf(index, factor))
                continue
            }
            // why: children stand in the order in which their parents come, two by two.
            let (yes, no) = (next, next + 1)
            next += 2
            let isLeft = goesLeft[index] != 0
            if !kinds.isEmpty, kinds[index] == 1 {
                // why: the library goes right where the category is in the set.
                let set = try parts.add(set: sets[position] ?? [])
                parts.add(
                    TreeEnsemble.Node(
                        column: columns[index], mode: .member, threshold: 0, whenTrue: no, whenFalse: yes,
                        isMissingTrue: !isLeft, set: set))
            } else {
                parts.add(
                    TreeEnsemble.Node(
                        column: columns[index], mode: .less, threshold: Float(conditions[index]), whenTrue: yes,
                        whenFalse: no, isMissingTrue: isLeft))
            }
        }
    }

    private func leaf(_ index: Int, _ factor: Float) throws(CasemateError) -> [TreeEnsemble.Weight] {
        if outputs == 1 { return [TreeEnsemble.Weight(output: output, value: try finite(conditions[index], factor))] }
        let start = (isPacked ? Int(right[index]) : index).multipliedReportingOverflow(by: outputs)
        guard start.partialValue >= 0, !start.overflow, start.partialValue + outputs <= vectors.count else {
            throw broken("leaf \(index) has no weights")
        }
        var weights: [TreeEnsemble.Weight] = []
        for offset in 0..<outputs {
            let value = try finite(vectors[start.partialValue + offset], factor)
            weights.append(TreeEnsemble.Weight(output: Int32(offset), value: value))
        }
        return weights
    }

    private func finite(_ value: Double, _ factor: Float) throws(CasemateError) -> Double {
        let weight = Float(value) * factor
        guard weight.isFinite else { throw broken("a leaf adds what is no number") }
        return Double(weight)
    }
    private func broken(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "save the model again")
    }
}
