import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Graphs as exporters write them: shapes computed on the way, batches fixed or open, constants in pieces.
@Suite struct PreparationTests {
    private static func node(_ op: String, _ inputs: [String], _ output: String, _ settings: OnnxAttributeProto...)
        -> OnnxNodeProto
    {
        OnnxNodeProto(op, inputs, [output], settings)
    }
    private static func constant(_ name: String, _ values: [Int]) -> OnnxNodeProto {
        OnnxNodeProto("Constant", [], [name], [.ints("value_ints", values)])
    }
    private static func number(_ name: String, _ value: Int) -> OnnxNodeProto {
        OnnxNodeProto("Constant", [], [name], [.int("value_int", value)])
    }

    /// `x.view(x.size(0), -1)` as the tracing exporter writes it.
    @Test(arguments: [9, 13, 17])
    func shapesComputedFromTheBatch(opset: Int) {
        var nodes = [
            Self.node("Shape", ["x0"], "s"), Self.node("Gather", ["s", "zero"], "n", .int("axis", 0)),
            Self.node("Unsqueeze", opset < 13 ? ["n"] : ["n", "axes"], "u"),
            Self.node("Concat", ["u", "rest"], "shape", .int("axis", 0)),
            Self.node("Reshape", ["x0", "shape"], "flat"),
            Self.node("MatMul", ["flat", "x1"], "y0"),
            OnnxNodeProto(
                "Constant", [], ["zero"], [.tensor("value", OnnxTensorProto(name: "", shape: [], wholes: [0]))]),
            OnnxNodeProto("Constant", [], ["rest"], [.tensor("value", OnnxTensorProto(name: "", wholes: [-1]))]),
        ]
        if opset < 13 {
            nodes[2].attribute = [.ints("axes", [0])]
        } else {
            nodes.append(Self.constant("axes", [0]))
        }
        RuleCheck(
            "view", nodes: nodes, [.real([3, 2, 4]), .parameter([8, 2])], outputs: ["y0"], opset: opset, isBatched: true
        ).verify()
    }

    /// `expand` with its test for -1, and a class token joined to patches.
    @Test func expandedTokens() {
        let nodes = [
            Self.constant("wanted", [-1, 1, 4]), Self.constant("kept", [3]), Self.number("minus", -1),
            Self.node("ConstantOfShape", ["kept"], "ones", .tensor("value", OnnxTensorProto(name: "", wholes: [1]))),
            Self.node("Mul", ["ones", "minus"], "open"), Self.node("Equal", ["wanted", "open"], "isOpen"),
            Self.node("Shape", ["x0"], "s"), Self.node("Slice", ["s", "from", "to"], "n"),
            Self.constant("from", [0]), Self.constant("to", [1]), Self.constant("tail", [1, 4]),
            Self.node("Concat", ["n", "tail"], "own", .int("axis", 0)),
            Self.node("Where", ["isOpen", "own", "wanted"], "shape"), Self.node("Expand", ["x1", "shape"], "token"),
            Self.node("Concat", ["token", "x0"], "all", .int("axis", 1)), Self.node("Mul", ["all", "all"], "y0"),
        ]
        RuleCheck(
            "class token", nodes: nodes, [.real([2, 3, 4]), .parameter([1, 1, 4])], outputs: ["y0"], opset: 17,
            isBatched: true
        ).verify()
    }

    /// Weights that are transposed, split and scaled before they are used.
    @Test func weightsMadeOfConstants() {
        let nodes = [
            Self.node("Transpose", ["x1"], "t", .ints("perm", [1, 0])),
            OnnxNodeProto("Split", ["t", "halves"], ["a", "b"], [.int("axis", 1)]), Self.constant("halves", [2, 2]),
            Self.node("MatMul", ["x0", "a"], "p"), Self.node("MatMul", ["x0", "b"], "q"),
            Self.node("Mul", ["p", "q"], "y0"),
        ]
        for weights in [RuleCheck.Operand.parameter([4, 3]), .fixed((0..<12).map { Double($0) / 8 - 0.5 }, [4, 3])] {
            RuleCheck(
                "split weights", nodes: nodes, [.real([2, 3]), weights], outputs: ["y0"], opset: 13, isBatched: true
            )
            .verify()
        }
    }

    /// Every value is used more than once, and one operand twice by one node.
    @Test func valuesUsedManyTimes() {
        let nodes = [
            Self.node("Mul", ["x0", "x0"], "a"), Self.node("Add", ["a", "x0"], "b"), Self.node("Mul", ["b", "a"], "c"),
            Self.node("Sub", ["c", "c"], "zero"), Self.node("Sum", ["c", "a", "zero", "a"], "y0"),
        ]
        RuleCheck("fan-out", nodes: nodes, [.real([2, 3])], outputs: ["y0", "b"], isBatched: true).verify()
    }

    @Test func computationInDoublePrecision() {
        RuleCheck("Pow", [.real([2, 3], 0.5...2), .parameter([3])]).verifyDoubles()
        RuleCheck("Gemm", [.real([2, 3]), .parameter([3, 4]), .parameter([4])]).verifyDoubles()
        RuleCheck("ReduceProd", [.real([2, 3]), .wholes([1])]).verifyDoubles()
        RuleCheck("Softmax", [.real([2, 3])], isBatched: true).verifyDoubles()
        RuleCheck("Slice", [.real([2, 7])] + [[1], [6], [1], [2]].map { .wholes($0) }, isBatched: true).verifyDoubles()
        RuleCheck("Gather", [.real([2, 4]), .wholes([1, 1, 3])], [.int("axis", 1)]).verifyDoubles()
        RuleCheck("LpNormalization", [.real([2, 4])]).verifyDoubles()
        RuleCheck("Einsum", [.real([2, 4]), .real([4, 3])], [.text("equation", "ij,jk->ki")]).verifyDoubles()
    }

    /// A power of 0 has no slope, not even at 0, where the formula divides by it.
    @Test func powersOfZero() throws {
        let check = RuleCheck("Pow", [.numbers([0, 2, 0, -3], [2, 2]), .fixed([0, 0, 2, 2], [2, 2])])
        let values = check.drawn(seed: 0)
        let graph = try RuleGraph(check, values, element: 1, weights: [[1, 1, 1, 1]])
        #expect(try graph.gradients(OnnxFixtures.runtime.get(), values)[1].values == [0, 0, 0, -6])
    }

    private func gradient(
        _ nodes: [OnnxNodeProto], rows: [[Float]], open: Bool = true, of output: String = "y",
        steps: StepGradient = .zero
    ) throws -> [Double] {
        let width = rows.first?.count ?? 0
        var model = OnnxGraphTests.linear(width: width)
        if !open {
            model.graph.input[0].type.tensorType.shape.dim[0].dimParam = ""
            model.graph.input[0].type.tensorType.shape.dim[0].dimValue = 1
        }
        (model.graph.node, model.graph.initializer) = (nodes, [])
        let runtime = try OnnxFixtures.runtime.get()
        let file = try OnnxFile(bytes: model.fileBytes(), path: "made.onnx")
        let gradient = try file.gradient(of: output, withRespectTo: ["x"], runtime: runtime, steps: steps)
        let graph = try GraphImport.graph(of: OnnxFile(bytes: gradient.bytes, path: "gradient.onnx"))
        let session = try GraphSession(graph, runtime: runtime)
        let bytes = rows.flatMap { $0 }.withUnsafeBytes { Data($0) }
        let results = try session.arrays([.init(element: 1, shape: [rows.count, width], bytes: bytes)])
        let name = try #require(gradient.gradients["x"])
        return results[try #require(session.outputs.firstIndex(of: name))].numbers
    }

    /// Rounding and casts to whole numbers are flat, or passed straight through.
    @Test func stepsAreFlatOrPassedThrough() throws {
        let nodes = [
            Self.node("Round", ["x"], "r"), Self.node("Cast", ["r"], "i", .int("to", 6)),
            Self.node("Cast", ["i"], "f", .int("to", 1)), Self.node("Mul", ["f", "f"], "y"),
        ]
        #expect(try gradient(nodes, rows: [[1.2, -2.7]]) == [0, 0])
        #expect(try gradient(nodes, rows: [[1.2, -2.7]], steps: .straightThrough) == [2, -6])
    }

    @Test func whatDependsOnNothingHasAGradientOfZero() throws {
        let nodes = [Self.node("Shape", ["x"], "s"), Self.node("Cast", ["s"], "y", .int("to", 1))]
        #expect(try gradient(nodes, rows: [[1, 2]]) == [0, 0])
    }

    @Test func theInputItself() throws {
        let nodes = [Self.node("Relu", ["x"], "y")]
        #expect(try gradient(nodes, rows: [[1, -2]], of: "x") == [1, 1])
    }

    /// A graph exported for one row serves any number where rows stay apart.
    @Test func aBatchOfOneIsFreed() throws {
        let nodes = [
            Self.constant("shape", [1, 2, 2]), Self.node("Reshape", ["x", "shape"], "r"),
            Self.node("Mul", ["r", "r"], "y"),
        ]
        #expect(
            try gradient(nodes, rows: [[1, 2, 3, 4], [5, 6, 7, 8]], open: false) == [2, 4, 6, 8, 10, 12, 14, 16])
    }
}
