import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Graphs put together at random, in single precision, against differences of the same graph in double precision.
@Suite struct RandomGraphTests {
    @Test func gradientsOfRandomGraphsAgree() throws {
        var compared = 0
        for seed in 0..<800 as Range<UInt64> {
            let check = Self.check(seed: seed)
            guard let found = try? check.compare(seed: seed) else { continue }
            // why: a wild function has no differences that could be trusted.
            guard found.allSatisfy({ $0.expected.allSatisfy { abs($0) < 100 } }) else { continue }
            compared += 1
            for difference in found where !(difference.error < 1e-3) {
                Issue.record("seed \(seed), \(check.nodes.map(\.opType)): \(difference)")
            }
        }
        #expect(compared > 10, "only \(compared) of 800 graphs were compared")
    }

    /// The operands and nodes of a random model, with `x` of fixed shape.
    private static func check(seed: UInt64) -> RuleCheck {
        let model = RandomGraph.model(seed: seed)
        let shape = model.graph.input[0].type.tensorType.shape.dim.map { $0.dimValue > 0 ? Int($0.dimValue) : 2 }
        var operands: [RuleCheck.Operand] = [.real(shape, -1...1)]
        var names = ["x": "x0"]
        for tensor in model.graph.initializer {
            names[tensor.name] = "x\(operands.count)"
            let shape = tensor.dims.map { Int($0) }
            operands.append(
                tensor.dataType == 7
                    ? .wholes((tensor.wholes ?? []).map { Int(clamping: $0) }, shape)
                    : .fixed(tensor.numbers ?? [], shape))
        }
        let nodes = model.graph.node.map { node -> OnnxNodeProto in
            var node = node
            node.input = node.input.map { names[$0] ?? $0 }
            return node
        }
        return RuleCheck(
            "random", nodes: nodes, operands, outputs: ["y"], opset: Int(model.opsetImport[0].version))
    }
}
