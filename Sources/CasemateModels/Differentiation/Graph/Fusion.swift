import CasemateCore

/// Rewrites that leave the answers as they are up to rounding and save work in both directions: for graphs whose
/// constants are not differentiated.
package enum Fusion {
    /// Drops nodes that do nothing, folds scales and shifts into the layers before them, and takes maxima before
    /// `Relu`.
    /// - Parameter values: The trace, which learns of values that are new.
    package static func fuse(_ graph: inout WorkGraph, values: inout [String: TracedValue]) {
        guard graph.parameters.isEmpty else { return }
        removeIdentities(&graph)
        FusionFolding.fold(&graph, values: values)
        swapMaxima(&graph, &values)
        graph.prune()
    }

    /// Lets readers of a copy read the original.
    private static func removeIdentities(_ graph: inout WorkGraph) {
        let outputs = Set(graph.outputs)
        var originals: [String: String] = [:]
        graph.nodes = graph.nodes.compactMap { node in
            var node = node
            node.input = node.input.map { originals[$0] ?? $0 }
            guard node.qualifiedOperator == "Identity", let from = node.given(0), let to = node.output.first,
                !outputs.contains(to)
            else { return node }
            originals[to] = from
            return nil
        }
    }

    /// `MaxPool(Relu(x))` is `Relu(MaxPool(x))`, which is cheaper by the size of the window in both directions; of equal
    /// positive values the same one is the first, and where none is positive no gradient passes.
    private static func swapMaxima(_ graph: inout WorkGraph, _ values: inout [String: TracedValue]) {
        let makers = graph.makers
        let readers = graph.readerCounts
        for index in graph.nodes.indices {
            let pool = graph.nodes[index]
            guard pool.qualifiedOperator == "MaxPool", pool.output.dropFirst().allSatisfy(\.isEmpty),
                let middle = pool.given(0), readers[middle] == 1, let place = makers[middle], place < index,
                graph.nodes[place].qualifiedOperator == "Relu", let source = graph.nodes[place].given(0),
                let end = pool.output.first, let traced = values[end]
            else { continue }
            let fresh = graph.freshName("MaxPool")
            values[fresh] = traced
            // why: the pool takes the place of the first node, so that the order stays one in which they can run.
            var first = pool
            (first.name, first.input[0], first.output[0]) = (fresh, source, fresh)
            graph.nodes[place] = first
            graph.nodes[index] = OnnxNodeProto("Relu", [fresh], [end])
        }
    }
}

extension WorkGraph {
    /// How often each value is read; being an output counts as often as no other.
    var readerCounts: [String: Int] {
        var result: [String: Int] = [:]
        for node in nodes { for name in node.input where !name.isEmpty { result[name, default: 0] += 1 } }
        for name in outputs { result[name, default: 0] += 2 }
        return result
    }
}
