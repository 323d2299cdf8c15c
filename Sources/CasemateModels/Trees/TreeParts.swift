import CasemateCore

/// The parts of an ensemble while a file is read, tree by tree.
struct TreeParts {
    private(set) var nodes: [TreeEnsemble.Node] = []
    private(set) var roots: [Int32] = []
    private(set) var weights: [TreeEnsemble.Weight] = []
    private(set) var weightStart: [Int32] = [0]
    private(set) var sets: [[UInt32]] = []
    private var setWords = 0
    let place: String

    /// Most 32-bit words that all sets take.
    private static let mostWords = 1 << 24

    init(place: String) { self.place = place }

    /// Begins a tree of at most `count` nodes.
    mutating func beginTree(_ count: Int) throws(CasemateError) {
        guard nodes.count + count <= TreeEnsemble.mostNodes, weights.count <= TreeEnsemble.mostNodes else {
            throw CasemateError(
                .limitExceeded, at: place, "more than \(TreeEnsemble.mostNodes) nodes",
                help: "no usual model needs this: check where the file is from")
        }
        roots.append(Int32(nodes.count))
    }

    /// Adds the next node of the tree; children are indices into all nodes.
    mutating func add(_ node: TreeEnsemble.Node) {
        nodes.append(node)
        weightStart.append(Int32(weights.count))
    }

    /// Adds the next node of the tree, a leaf.
    mutating func addLeaf(_ values: some Sequence<TreeEnsemble.Weight>) {
        nodes.append(.leaf)
        weights += values
        weightStart.append(Int32(clamping: weights.count))
    }

    /// Keeps a set for `member` nodes and gives its index.
    mutating func add(set: [UInt32]) throws(CasemateError) -> Int32 {
        setWords += set.count + 8
        guard setWords <= Self.mostWords else {
            throw CasemateError(
                .limitExceeded, at: place, "its sets of categories take more than \(Self.mostWords) words",
                help: "no usual model needs this: check where the file is from")
        }
        sets.append(set)
        return Int32(sets.count - 1)
    }

    /// The ensemble.
    func ensemble(_ form: TreeEnsemble.Form) throws(CasemateError) -> TreeEnsemble {
        guard !roots.isEmpty else {
            throw CasemateError(.malformed, at: place, "holds no tree", help: "save the model again")
        }
        return try TreeEnsemble(
            nodes: nodes, roots: roots, weights: weights, weightStart: weightStart, sets: sets, form: form, at: place)
    }

    /// The nodes of a tree that are reached from node 0, level by level, so that parents come before children.
    /// - Parameters:
    ///   - yes: Child of each node where its comparison holds, negative for a leaf.
    ///   - no: The other child.
    /// - Throws: `malformed` for children that are not there, and for nodes with two parents, so for cycles too.
    static func order(_ yes: [Int32], _ no: [Int32], at place: String) throws(CasemateError) -> [Int32] {
        var order: [Int32] = [0]
        order.reserveCapacity(yes.count)
        var isReached = [Bool](repeating: false, count: yes.count)
        isReached[0] = true
        var next = 0
        while next < order.count {
            let node = Int(order[next])
            next += 1
            if yes[node] < 0 { continue }
            for child in [yes[node], no[node]] {
                guard child >= 0, child < yes.count else {
                    throw CasemateError(
                        .malformed, at: place, "node \(node) leads to node \(child), which is not there",
                        help: "save the model again")
                }
                guard !isReached[Int(child)] else {
                    throw CasemateError(
                        .malformed, at: place, "node \(child) has two parents, so the tree is none",
                        help: "save the model again")
                }
                isReached[Int(child)] = true
                order.append(child)
            }
        }
        return order
    }
}
