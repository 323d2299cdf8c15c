import CasemateCore

/// Who makes and who reads each value of one graph: every value once, no reading of what nobody makes, no loops.
struct OnnxNodeOrder {
    let path: String
    let owner: String
    /// The index of the node that makes a value, -1 for inputs and constants.
    private var makers: [String: Int] = [:]
    /// Nodes that each node waits for.
    private var waits: [[Int]] = []
    /// Names read from graphs around this one.
    private(set) var free: Set<String> = []
    /// Names that this graph has.
    var names: Dictionary<String, Int>.Keys { makers.keys }

    /// Prepares for the graph `owner` of the file at `path`.
    init(path: String, owner: String) { (self.path, self.owner) = (path, owner) }

    /// Notes inputs and constants.
    mutating func define(_ names: [String]) throws(CasemateError) {
        for name in names where makers.updateValue(-1, forKey: name) != nil {
            throw malformed(owner, "'\(OnnxLook.printable(name))' is there twice")
        }
    }

    /// Notes what a node makes.
    mutating func define(_ outputs: [String], by index: Int, _ node: OnnxNodeProto) throws(CasemateError) {
        for name in outputs where !name.isEmpty && makers.updateValue(index, forKey: name) != nil {
            throw malformed(
                "node \(OnnxGraphCheck.label(node))", "makes '\(OnnxLook.printable(name))', which is there already")
        }
    }

    /// Notes what a node and the graphs in it read.
    mutating func read(
        _ names: Set<String>, by index: Int, _ node: OnnxNodeProto, outer: Set<String>
    ) throws(CasemateError) {
        var needs: [Int] = []
        for name in names where !name.isEmpty {
            if let maker = makers[name] {
                if maker >= 0 { needs.append(maker) }
            } else if outer.contains(name) {
                free.insert(name)
            } else {
                throw malformed(
                    "node \(OnnxGraphCheck.label(node))", "reads '\(OnnxLook.printable(name))', which nobody makes")
            }
        }
        waits.append(needs)
    }

    /// Whether the nodes stand in another order than they can run in.
    /// - Throws: `malformed` when some wait for one another.
    func check(_ nodes: [OnnxNodeProto]) throws(CasemateError) -> Bool {
        let isSorted = waits.indices.allSatisfy { index in waits[index].allSatisfy { $0 < index } }
        if isSorted { return false }
        var open = waits.map(\.count)
        var readers = [[Int]](repeating: [], count: waits.count)
        for (index, needs) in waits.enumerated() { for need in needs { readers[need].append(index) } }
        var ready = open.indices.filter { open[$0] == 0 }
        var done = 0
        while let node = ready.popLast() {
            done += 1
            for reader in readers[node] {
                open[reader] -= 1
                if open[reader] == 0 { ready.append(reader) }
            }
        }
        guard done == waits.count else {
            let stuck = open.indices.filter { open[$0] > 0 }.prefix(4).map { OnnxGraphCheck.label(nodes[$0]) }
            throw malformed(owner, "a cycle: nodes \(stuck.joined(separator: ", ")) wait for one another")
        }
        return true
    }

    private func malformed(_ place: String, _ what: String) -> CasemateError {
        CasemateError(.malformed, at: "\(path): \(place)", what, help: "export the model again")
    }
}
