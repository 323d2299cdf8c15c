import CasemateCore

/// One tree as LightGBM saves it: parallel lists over comparisons and over leaves.
struct LightGBMTree {
    private let place: String
    private let columns: [Int32], kinds: [Int32]
    private let thresholds: [Double], leaves: [Double]
    /// Children of comparisons and, behind them, of leaves, which have none.
    private let left: [Int32], right: [Int32]
    private let sets: [[UInt32]]

    init(_ text: LightGBMText, _ tree: LightGBMText.Section, width: Int) throws(CasemateError) {
        place = tree.place
        guard text.text(tree, "is_linear") ?? "0" == "0" else {
            throw CasemateError(
                .unsupported, at: tree.place, "its leaves are linear models",
                help: "train without 'linear_tree'")
        }
        let count = try text.count(tree, "num_leaves")
        guard count > 0, count <= TreeEnsemble.mostNodes / 2 else { throw text.malformed(tree, "has \(count) leaves") }
        leaves = try text.numbers(tree, "leaf_value", count: count)
        let inner = count - 1
        columns = try text.integers(tree, "split_feature", count: inner)
        thresholds = try text.numbers(tree, "threshold", count: inner)
        kinds =
            tree.values["decision_type"] == nil
            ? [Int32](repeating: 0, count: inner) : try text.integers(tree, "decision_type", count: inner)
        left = try Self.children(text, tree, "left_child", inner: inner, leaves: count)
        right = try Self.children(text, tree, "right_child", inner: inner, leaves: count)
        let categories = try text.count(tree, "num_cat", fallback: 0)
        sets = categories > 0 ? try Self.sets(text, tree, count: categories) : []
        guard columns.allSatisfy({ $0 >= 0 && $0 < width }), leaves.allSatisfy(\.isFinite) else {
            throw text.malformed(tree, "tests a column that is not there, or adds what is no number")
        }
    }

    private static func children(
        _ text: LightGBMText, _ tree: LightGBMText.Section, _ key: String, inner: Int, leaves: Int
    ) throws(CasemateError) -> [Int32] {
        var result: [Int32] = []
        for child in try text.integers(tree, key, count: inner) {
            // why: leaf n is written as -n - 1.
            let isThere = child >= 0 ? child < inner : ~child < leaves
            guard isThere else { throw text.malformed(tree, "'\(key)' leads to \(child), which is not there") }
            result.append(child >= 0 ? child : Int32(inner) + ~child)
        }
        return result + [Int32](repeating: -1, count: leaves)
    }

    private static func sets(
        _ text: LightGBMText, _ tree: LightGBMText.Section, count: Int
    ) throws(CasemateError) -> [[UInt32]] {
        let bounds = try text.integers(tree, "cat_boundaries", count: count + 1)
        let isRising = zip(bounds, bounds.dropFirst()).allSatisfy { $0 <= $1 }
        guard bounds.first == 0, isRising, let end = bounds.last else {
            throw text.malformed(tree, "'cat_boundaries' does not rise from 0")
        }
        var words: [UInt32] = []
        for number in try text.numbers(tree, "cat_threshold", count: Int(end)) {
            guard let word = UInt32(exactly: number) else {
                throw text.malformed(tree, "'cat_threshold' holds what are no 32 bits")
            }
            words.append(word)
        }
        return zip(bounds, bounds.dropFirst()).map { Array(words[Int($0)..<Int($1)]) }
    }

    /// What LightGBM takes for zero.
    private static let zero: Float = 1e-35

    /// How a comparison treats what is missing.
    private enum Missing { case none, zero, nan }

    private func missing(_ index: Int) -> Missing {
        switch kinds[index] >> 2 & 3 {
        case 1: .zero
        case 2: .nan
        default: .none
        }
    }
    private func isCategorical(_ index: Int) -> Bool { kinds[index] & 1 == 1 }
    private func goesLeft(_ index: Int) -> Bool { kinds[index] & 2 == 2 }

    /// Whether zeros go another way than the comparison sends them.
    private func needsZeros(_ index: Int) -> Bool {
        guard missing(index) == .zero, !isCategorical(index) else { return false }
        let at = thresholds[index]
        return goesLeft(index) ? at < Double(Self.zero) : at >= -Double(Self.zero)
    }

    /// Adds the tree to an ensemble.
    /// - Parameter factor: What its leaves are multiplied by.
    func add(to parts: inout TreeParts, output: Int32, factor: Double) throws(CasemateError) {
        let order = try TreeParts.order(left, right, at: place)
        var position = [Int32](repeating: 0, count: left.count)
        var next = Int32(parts.nodes.count)
        for node in order {
            position[Int(node)] = next
            next += left[Int(node)] >= 0 && needsZeros(Int(node)) ? 3 : 1
        }
        try parts.beginTree(Int(next) - parts.nodes.count)
        for node in order {
            let index = Int(node)
            if left[index] < 0 {
                let value = leaves[index - columns.count] * factor
                parts.addLeaf(CollectionOfOne(TreeEnsemble.Weight(output: output, value: value)))
                continue
            }
            let (yes, no) = (position[Int(left[index])], position[Int(right[index])])
            if isCategorical(index) {
                parts.add(try category(index, yes, no, &parts))
            } else if needsZeros(index) {
                for part in zeros(index, at: position[index], yes, no) { parts.add(part) }
            } else {
                parts.add(comparison(index, yes, no))
            }
        }
    }

    private func comparison(_ index: Int, _ yes: Int32, _ no: Int32) -> TreeEnsemble.Node {
        // why: without a type for missing values the library takes NaN for 0.
        let isLeft = missing(index) == .none ? thresholds[index] >= 0 : goesLeft(index)
        var threshold = OnnxTreeLists.threshold(thresholds[index], .lessOrEqual)
        // why: the library takes a value that is as good as zero for 0 before any tree sees it.
        if abs(threshold) <= Self.zero { threshold = thresholds[index] >= 0 ? Self.zero : (-Self.zero).nextDown }
        return TreeEnsemble.Node(
            column: columns[index], mode: .lessOrEqual, threshold: threshold, whenTrue: yes, whenFalse: no,
            isMissingTrue: isLeft)
    }

    /// A comparison after which zeros are sent the default way: three nodes, the second and third right behind.
    private func zeros(_ index: Int, at first: Int32, _ yes: Int32, _ no: Int32) -> [TreeEnsemble.Node] {
        let isLeft = goesLeft(index)
        var head = comparison(index, yes, no)
        // What the comparison decides against the default way, and where zeros belong.
        let (decided, zeros) = isLeft ? (no, yes) : (yes, no)
        if isLeft { head.whenFalse = first + 1 } else { head.whenTrue = first + 1 }
        let below = TreeEnsemble.Node(
            column: columns[index], mode: .less, threshold: -Self.zero, whenTrue: decided, whenFalse: first + 2,
            isMissingTrue: false)
        let above = TreeEnsemble.Node(
            column: columns[index], mode: .greater, threshold: Self.zero, whenTrue: decided, whenFalse: zeros,
            isMissingTrue: false)
        return [head, below, above]
    }

    private func category(
        _ index: Int, _ yes: Int32, _ no: Int32, _ parts: inout TreeParts
    ) throws(CasemateError) -> TreeEnsemble.Node {
        guard let set = Int(exactly: thresholds[index]), sets.indices.contains(set) else {
            throw CasemateError(
                .malformed, at: place, "comparison \(index) tests a set that is not there", help: "save the model again"
            )
        }
        return TreeEnsemble.Node(
            column: columns[index], mode: .member, threshold: 0, whenTrue: yes, whenFalse: no, isMissingTrue: false,
            set: try parts.add(set: sets[set]))
    }
}
