import CasemateCore
import Foundation

/// Computes what depends on no input once, with the engine itself.
enum ConstantFolding {
    /// Largest constant that is made, in values; larger ones stay nodes.
    private static let most = 1 << 24

    /// Replaces nodes that depend on constants alone by their values, and shapes that every batch has by numbers.
    static func fold(
        _ graph: inout WorkGraph, trace: ShapeTrace, runtime: OnnxRuntime, cancellation: Cancellation
    ) throws {
        var kept: [OnnxNodeProto] = []
        for node in graph.nodes {
            if node.output.count == 1, let name = node.output.first, let value = trace.wholes[name] {
                graph.constants[name] = value
            } else {
                kept.append(node)
            }
        }
        graph.nodes = kept
        var known = Set(graph.constants.keys).subtracting(graph.parameters)
        var foldable: [OnnxNodeProto] = []
        kept = []
        for node in graph.nodes {
            let isRandom = node.opType.hasPrefix("Random") || node.opType == "Bernoulli"
            let isSmall = node.output.allSatisfy { name in
                (trace.values[name]?.fixedShape).map { $0.reduce(1, *) <= most } ?? false
            }
            if !isRandom, isSmall, !node.output.contains(""),
                node.input.allSatisfy({ $0.isEmpty || known.contains($0) })
            {
                foldable.append(node)
                known.formUnion(node.output)
            } else {
                kept.append(node)
            }
        }
        guard !foldable.isEmpty else { return graph.prune() }
        let needed = Set(kept.flatMap(\.input) + graph.outputs)
        var part = graph
        part.nodes = foldable
        part.inputs = []
        part.outputs = foldable.flatMap(\.output).filter(needed.contains)
        part.prune()
        if !part.outputs.isEmpty {
            let session = try GraphSession(part, runtime: runtime, isOptimised: false)
            try session.run([], cancellation: cancellation) { outputs in
                for (index, name) in session.outputs.enumerated() {
                    graph.constants[name] = try outputs.constant(index, name: name)
                }
            }
        }
        graph.nodes = kept
        graph.prune()
    }
}

extension OnnxOutputs {
    /// An output as a constant.
    func constant(_ index: Int, name: String) throws(CasemateError) -> OnnxTensorProto {
        let facts = try facts(index)
        let bits = OnnxElement.table[facts.type]?.bits ?? 0
        return OnnxTensorProto(
            name: name, shape: facts.shape, type: facts.type,
            raw: try bytes(index, count: facts.count * bits / 8))
    }
}
