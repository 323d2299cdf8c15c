package import CasemateCore

extension TreeEnsemble {
    /// Operators that hold trees.
    static let operators: Set<String> = ["TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble"]

    /// Reads the trees of one operator of a checked file.
    /// - Parameters:
    ///   - node: A TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble of ai.onnx.ml.
    ///   - isDouble: Whether the operator is fed float64, which makes its sums float64.
    ///   - path: The file, for messages.
    /// - Throws: `malformed` for lists that do not fit one another, nodes that are not there or lie on a cycle;
    ///   `unsupported` for forms that no exporter writes.
    package init(_ node: OnnxNodeProto, isDouble: Bool, path: String) throws(CasemateError) {
        let attributes = OnnxTreeAttributes(node, path: path)
        switch node.opType {
        case "TreeEnsemble": try self.init(listed: OnnxTreeLists(five: attributes, isDouble), attributes)
        case "TreeEnsembleClassifier", "TreeEnsembleRegressor":
            let isClassifier = node.opType == "TreeEnsembleClassifier"
            try self.init(listed: OnnxTreeLists(attributes, isClassifier: isClassifier, isDouble), attributes)
        default: throw attributes.malformed("'\(OnnxLook.printable(node.opType))' holds no trees")
        }
    }

    /// Puts the nodes of each tree in an order in which children follow their parents.
    private init(listed lists: OnnxTreeLists, _ attributes: OnnxTreeAttributes) throws(CasemateError) {
        var nodes: [Node] = []
        var roots: [Int32] = []
        var weights: [[Weight]] = []
        nodes.reserveCapacity(lists.nodes.count)
        for root in lists.roots {
            let order = try lists.order(from: root, attributes)
            let start = Int32(nodes.count)
            guard nodes.count + order.count <= Self.mostNodes else {
                throw CasemateError(
                    .limitExceeded, at: attributes.place, "more than \(Self.mostNodes) nodes",
                    help: "no usual model needs this: check where the file is from")
            }
            var place: [Int: Int32] = [:]
            for (offset, index) in order.enumerated() { place[index] = start + Int32(offset) }
            roots.append(start)
            for index in order {
                var node = lists.nodes[index]
                if node.mode == .leaf {
                    nodes.append(.leaf)
                    weights.append(lists.weights[index])
                } else {
                    node.whenTrue = place[Int(node.whenTrue)] ?? 0
                    node.whenFalse = place[Int(node.whenFalse)] ?? 0
                    nodes.append(node)
                    weights.append([])
                }
            }
        }
        try self.init(nodes: nodes, roots: roots, weights: weights, form: lists.form, at: attributes.place)
    }
}

/// The nodes of a tree operator as they stand in its lists; children are positions in the same list.
struct OnnxTreeLists {
    var nodes: [TreeEnsemble.Node] = []
    var roots: [Int] = []
    var weights: [[TreeEnsemble.Weight]] = []
    var form = TreeEnsemble.Form(outputs: 1)

    /// Positions of the nodes of one tree, parents before children.
    /// - Throws: `malformed` for a cycle.
    func order(from root: Int, _ attributes: OnnxTreeAttributes) throws(CasemateError) -> [Int] {
        // why: a dictionary, not an array, so that thousands of small trees stay cheap.
        var state: [Int: Bool] = [:]
        var stack = [(index: root, isDone: false)]
        var finished: [Int] = []
        while let (index, isDone) = stack.popLast() {
            if isDone {
                state[index] = true
                finished.append(index)
                continue
            }
            if let isFinished = state[index] {
                guard isFinished else { throw attributes.malformed("the nodes of a tree lead in a circle") }
                continue
            }
            state[index] = false
            stack.append((index, true))
            let node = nodes[index]
            if node.mode == .leaf { continue }
            // why: a node that is begun and not finished is one that this walk came through.
            for child in [Int(node.whenTrue), Int(node.whenFalse)] where state[child] != true {
                guard state[child] == nil else { throw attributes.malformed("the nodes of a tree lead in a circle") }
                stack.append((child, false))
            }
        }
        return finished.reversed()
    }

    /// A float64 threshold as the float32 that decides every float32 value alike.
    static func threshold(_ value: Double, _ mode: TreeEnsemble.Mode) -> Float {
        let near = Float(value)
        if Double(near) == value || value.isNaN { return near }
        return switch mode {
        case .lessOrEqual, .greater: Double(near) < value ? near : near.nextDown
        case .less, .greaterOrEqual: Double(near) > value ? near : near.nextUp
        // why: no float32 equals it, and nothing equals NaN.
        case .equal, .notEqual, .leaf, .member: .nan
        }
    }
}
