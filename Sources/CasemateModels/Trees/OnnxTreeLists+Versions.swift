import CasemateCore

extension OnnxTreeLists {
    private typealias Mode = TreeEnsemble.Mode

    private static let modes: [String: TreeEnsemble.Mode] = [
        "BRANCH_LEQ": .lessOrEqual, "BRANCH_LT": .less, "BRANCH_GTE": .greaterOrEqual, "BRANCH_GT": .greater,
        "BRANCH_EQ": .equal, "BRANCH_NEQ": .notEqual, "LEAF": .leaf,
    ]
    private static let transforms: [String: TreeEnsemble.Transform] = [
        "NONE": .none, "SOFTMAX": .softmax, "LOGISTIC": .logistic, "SOFTMAX_ZERO": .softmaxZero, "PROBIT": .probit,
    ]
    private static let aggregates: [String: TreeEnsemble.Aggregate] = [
        "SUM": .sum, "AVERAGE": .average, "MIN": .minimum, "MAX": .maximum,
    ]

    // MARK: TreeEnsembleClassifier and TreeEnsembleRegressor

    /// Reads versions 1 and 3.
    init(_ attributes: OnnxTreeAttributes, isClassifier: Bool, _ isDouble: Bool) throws(CasemateError) {
        try readForm(attributes, isClassifier: isClassifier, isDouble)
        let trees = try attributes.ints("nodes_treeids")
        let ids = try attributes.ints("nodes_nodeids", count: trees.count)
        guard !trees.isEmpty else { throw attributes.malformed("holds no tree") }
        let positions = try positions(trees, ids, attributes)
        try readNodes(attributes, trees: trees, positions)
        try readWeights(attributes, prefix: isClassifier ? "class" : "target", positions)
    }

    private struct Key: Hashable { let tree: Int64, node: Int64 }

    private mutating func positions(
        _ trees: [Int64], _ ids: [Int64], _ attributes: OnnxTreeAttributes
    ) throws(CasemateError) -> [Key: Int] {
        var result: [Key: Int] = [:]
        result.reserveCapacity(ids.count)
        var seen: Set<Int64> = []
        for (index, id) in ids.enumerated() {
            if index == 0 || trees[index] != trees[index - 1] {
                // why: engines take the first node of each run as a root, so a tree in two parts would be two trees.
                guard seen.insert(trees[index]).inserted else {
                    throw attributes.malformed("the nodes of tree \(trees[index]) do not stand together")
                }
                roots.append(index)
            }
            guard result.updateValue(index, forKey: Key(tree: trees[index], node: id)) == nil else {
                throw attributes.malformed("node \(id) of tree \(trees[index]) is there twice")
            }
        }
        return result
    }

    private mutating func readNodes(
        _ attributes: OnnxTreeAttributes, trees: [Int64], _ positions: [Key: Int]
    ) throws(CasemateError) {
        let count = trees.count
        let modes = try attributes.texts("nodes_modes", count: count)
        let columns = try attributes.ints("nodes_featureids", count: count)
        let values = try attributes.numbers("nodes_values", count: count)
        let whenTrue = try attributes.ints("nodes_truenodeids", count: count)
        let whenFalse = try attributes.ints("nodes_falsenodeids", count: count)
        let missing = try attributes.ints("nodes_missing_value_tracks_true")
        guard missing.isEmpty || missing.count == count else {
            throw attributes.malformed("'nodes_missing_value_tracks_true' has \(missing.count) values, not \(count)")
        }
        nodes.reserveCapacity(count)
        for index in 0..<count {
            guard let mode = Self.modes[modes[index]] else {
                throw attributes.malformed("'\(OnnxLook.printable(modes[index]))' is no mode of a node")
            }
            if mode == .leaf {
                nodes.append(.leaf)
                continue
            }
            guard let yes = positions[Key(tree: trees[index], node: whenTrue[index])],
                let no = positions[Key(tree: trees[index], node: whenFalse[index])],
                let column = Int32(exactly: columns[index]), !values[index].isNaN
            else { throw attributes.malformed("node \(index) leads nowhere, or compares with what is no number") }
            nodes.append(
                TreeEnsemble.Node(
                    column: column, mode: mode, threshold: Self.threshold(values[index], mode), whenTrue: Int32(yes),
                    whenFalse: Int32(no), isMissingTrue: missing.isEmpty ? false : missing[index] == 1))
        }
    }

    private mutating func readWeights(
        _ attributes: OnnxTreeAttributes, prefix: String, _ positions: [Key: Int]
    ) throws(CasemateError) {
        let outputs = try attributes.ints(prefix + "_ids")
        let trees = try attributes.ints(prefix + "_treeids", count: outputs.count)
        let ids = try attributes.ints(prefix + "_nodeids", count: outputs.count)
        let values = try attributes.numbers(prefix + "_weights", count: outputs.count)
        weights = [[TreeEnsemble.Weight]](repeating: [], count: nodes.count)
        for index in outputs.indices {
            guard let position = positions[Key(tree: trees[index], node: ids[index])],
                let output = Int32(exactly: outputs[index])
            else { throw attributes.malformed("weight \(index) belongs to a node or output that is not there") }
            guard !weights[position].contains(where: { $0.output == output }) else {
                throw attributes.malformed("a leaf has two weights for output \(output)")
            }
            weights[position].append(TreeEnsemble.Weight(output: output, value: values[index]))
        }
    }

    private mutating func readForm(
        _ attributes: OnnxTreeAttributes, isClassifier: Bool, _ isDouble: Bool
    ) throws(CasemateError) {
        if isClassifier {
            let numbers = try attributes.ints("classlabels_int64s")
            let names = numbers.isEmpty ? try attributes.texts("classlabels_strings") : numbers.map { String($0) }
            guard names.count > 1 else {
                throw CasemateError(
                    .unsupported, at: attributes.place, "a classifier of \(names.count) classes",
                    help: "export a model with two classes or more")
            }
            form = TreeEnsemble.Form(outputs: names.count)
            form.classes = names
        } else {
            form = TreeEnsemble.Form(outputs: Int(clamping: attributes.int("n_targets") ?? 1))
            let name = attributes.text("aggregate_function") ?? "SUM"
            guard let aggregate = Self.aggregates[name] else { throw unknown(name, attributes) }
            form.aggregate = aggregate
        }
        let name = attributes.text("post_transform") ?? "NONE"
        guard let transform = Self.transforms[name] else { throw unknown(name, attributes) }
        form.transform = transform
        form.base = try attributes.numbers("base_values", isOptional: true)
        form.isDouble = isDouble
    }

    private func unknown(_ name: String, _ attributes: OnnxTreeAttributes) -> CasemateError {
        attributes.malformed("'\(OnnxLook.printable(name))' is no aggregate or transform")
    }

    // MARK: TreeEnsemble

    /// Reads version 5, in which leaves have a list of their own.
    ///
    /// A test for membership becomes a chain of tests for equality that share the node behind them.
    init(five attributes: OnnxTreeAttributes, _ isDouble: Bool) throws(CasemateError) {
        form = TreeEnsemble.Form(outputs: Int(clamping: attributes.int("n_targets") ?? 1))
        let aggregates: [TreeEnsemble.Aggregate] = [.average, .sum, .minimum, .maximum]
        let transforms: [TreeEnsemble.Transform] = [.none, .softmax, .logistic, .softmaxZero, .probit]
        let (aggregate, transform) = (attributes.int("aggregate_function") ?? 1, attributes.int("post_transform") ?? 0)
        guard let aggregate = Int(exactly: aggregate), aggregates.indices.contains(aggregate),
            let transform = Int(exactly: transform), transforms.indices.contains(transform)
        else { throw attributes.malformed("an aggregate or transform that does not exist") }
        (form.aggregate, form.transform, form.isDouble) = (aggregates[aggregate], transforms[transform], isDouble)
        let columns = try attributes.ints("nodes_featureids")
        try readComparisons(attributes, columns)
        try readLeaves(attributes)
        for root in try attributes.ints("tree_roots") {
            guard let index = Int(exactly: root), columns.indices.contains(index) else {
                throw attributes.malformed("root \(root) is no node")
            }
            roots.append(index)
        }
        guard !roots.isEmpty else { throw attributes.malformed("holds no tree") }
        guard Set(roots).count == roots.count else { throw attributes.malformed("names a root twice") }
    }

    /// The comparisons; children that are leaves lie `count` and more behind.
    private mutating func readComparisons(
        _ attributes: OnnxTreeAttributes, _ columns: [Int64]
    ) throws(CasemateError) {
        let count = columns.count
        let values = try attributes.tensor("nodes_splits", count: count)
        let modes = try attributes.tensor("nodes_modes", count: count)
        let (yes, no) = (
            try attributes.ints("nodes_truenodeids", count: count),
            try attributes.ints("nodes_falsenodeids", count: count)
        )
        let (yesLeaf, noLeaf) = (
            try attributes.ints("nodes_trueleafs", count: count), try attributes.ints("nodes_falseleafs", count: count)
        )
        let leaves = try attributes.ints("leaf_targetids").count
        let missing = try attributes.ints("nodes_missing_value_tracks_true")
        guard missing.isEmpty || missing.count == count else {
            throw attributes.malformed("'nodes_missing_value_tracks_true' has \(missing.count) values, not \(count)")
        }
        func target(_ id: Int64, _ isLeaf: Int64) throws(CasemateError) -> Int32 {
            guard let index = Int32(exactly: id), index >= 0, index < (isLeaf == 1 ? leaves : count) else {
                throw attributes.malformed("node or leaf \(id) is not there")
            }
            return isLeaf == 1 ? Int32(count) + index : index
        }
        let kinds: [TreeEnsemble.Mode] = [.lessOrEqual, .less, .greaterOrEqual, .greater, .equal, .notEqual]
        for index in 0..<count {
            guard let code = Int(exactly: modes[index]), (0...6).contains(code),
                let column = Int32(exactly: columns[index])
            else { throw attributes.malformed("node \(index) has no known mode, or an impossible column") }
            let mode = code < 6 ? kinds[code] : .equal
            nodes.append(
                TreeEnsemble.Node(
                    column: column, mode: mode, threshold: Self.threshold(values[index], mode),
                    whenTrue: try target(yes[index], yesLeaf[index]), whenFalse: try target(no[index], noLeaf[index]),
                    isMissingTrue: missing.isEmpty ? false : missing[index] == 1))
        }
        try expandMembers(attributes, members: modes.indices.filter { modes[$0] == 6 }, leaves: leaves)
    }

    /// Replaces each test for membership by its chain; the further nodes of the chain go behind the leaves.
    private mutating func expandMembers(
        _ attributes: OnnxTreeAttributes, members: [Int], leaves: Int
    ) throws(CasemateError) {
        nodes += [TreeEnsemble.Node](repeating: .leaf, count: leaves)
        guard !members.isEmpty else { return }
        let sets = try attributes.tensor("membership_values").split(
            maxSplits: .max, omittingEmptySubsequences: false, whereSeparator: \.isNaN)
        guard sets.count >= members.count else {
            throw attributes.malformed("\(members.count) tests for membership and \(sets.count) sets")
        }
        for (position, set) in zip(members, sets) {
            let base = nodes[position]
            var current = position
            for (offset, value) in set.enumerated() {
                if offset > 0 {
                    let next = nodes.count
                    guard next < TreeEnsemble.mostNodes else { throw attributes.malformed("too large a set") }
                    nodes[current].whenFalse = Int32(next)
                    nodes.append(base)
                    current = next
                }
                nodes[current].threshold = Self.threshold(value, .equal)
            }
            // why: nothing is a member of an empty set, and nothing equals NaN.
            if set.isEmpty { nodes[position].threshold = .nan }
            nodes[current].whenFalse = base.whenFalse
        }
    }

    private mutating func readLeaves(_ attributes: OnnxTreeAttributes) throws(CasemateError) {
        let count = try attributes.ints("nodes_featureids").count
        let outputs = try attributes.ints("leaf_targetids")
        let values = try attributes.tensor("leaf_weights", count: outputs.count)
        weights = [[TreeEnsemble.Weight]](repeating: [], count: nodes.count)
        for (index, output) in outputs.enumerated() {
            guard let output = Int32(exactly: output) else {
                throw attributes.malformed("output \(output) is not there")
            }
            weights[count + index] = [TreeEnsemble.Weight(output: output, value: values[index])]
        }
    }
}
