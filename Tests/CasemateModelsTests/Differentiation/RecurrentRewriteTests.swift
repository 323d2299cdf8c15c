import CasemateModels
import TestSupport
import Testing

/// Recurrent layers, unrolled; the answers are those of the engine's own kernels.
@Suite struct RecurrentRewriteTests {
    private static let gates = ["LSTM": 4, "GRU": 3, "RNN": 1]

    private func check(
        _ op: String, directions: Int = 1, hasBias: Bool = true, states: Int = 0, peepholes: Bool = false,
        _ settings: [OnnxAttributeProto] = [], outputs: Int = 1, _ location: SourceLocation = #_sourceLocation
    ) {
        let (steps, batch, width, size) = (3, 2, 2, 2)
        let gates = Self.gates[op] ?? 1
        var operands: [RuleCheck.Operand] = [
            .real([steps, batch, width], -1.5...1.5), .parameter([directions, gates * size, width], -1.5...1.5),
            .parameter([directions, gates * size, size], -1.5...1.5),
            hasBias ? .parameter([directions, 2 * gates * size], -1.5...1.5) : .none, .none,
        ]
        for _ in 0..<states { operands.append(.real([directions, batch, size], -1.5...1.5)) }
        if peepholes { operands.append(.parameter([directions, 3 * size], -1.5...1.5)) }
        RuleCheck(
            op, operands, [.int("hidden_size", size)] + settings, opset: 14, outputs: outputs, reference: .smooth
        ).verify(seeds: 0..<1, location)
    }

    @Test(arguments: ["LSTM", "GRU", "RNN"])
    func layers(op: String) {
        let states = op == "LSTM" ? 2 : 1
        check(op)
        check(op, hasBias: false, states: states, outputs: states + 1)
        check(op, states: states, [.text("direction", "reverse")], outputs: 2)
        check(op, directions: 2, states: states, [.text("direction", "bidirectional")], outputs: states + 1)
    }

    @Test func variants() {
        check("GRU", states: 1, [.int("linear_before_reset", 1)])
        check("GRU", [.int("linear_before_reset", 1)], outputs: 2)
        check("LSTM", states: 2, peepholes: true, outputs: 3)
    }

    /// The batch is open, the number of steps is not.
    @Test func ofAnyNumberOfRows() {
        let operands: [RuleCheck.Operand] = [
            .real([4, 3, 2], -1.5...1.5), .parameter([1, 8, 2], -1.5...1.5), .parameter([1, 8, 2], -1.5...1.5),
        ]
        let nodes = [
            OnnxNodeProto("Transpose", ["x0"], ["t"], [.ints("perm", [1, 0, 2])]),
            OnnxNodeProto("LSTM", ["t", "x1", "x2"], ["", "h"], [.int("hidden_size", 2)]),
            OnnxNodeProto("Squeeze", ["h", "axis"], ["y0"]),
            OnnxNodeProto("Constant", [], ["axis"], [.ints("value_ints", [0])]),
        ]
        RuleCheck(
            "last state of an LSTM", nodes: nodes, operands, outputs: ["y0"], opset: 17, isBatched: true,
            reference: .smooth
        ).verify(seeds: 0..<1)
    }
}
