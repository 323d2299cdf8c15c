import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Rewrites that must not change an answer.
@Suite struct FusionTests {
    /// Answers before and after, and how many nodes are left.
    private func check(
        _ nodes: [OnnxNodeProto], _ operands: [RuleCheck.Operand], left: [String],
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let runtime = try OnnxFixtures.runtime.get()
        let check = RuleCheck("fusion", nodes: nodes, operands, outputs: ["y0"])
        let values = check.drawn(seed: 3)
        let plain = try RuleGraph(check, values, element: 1)
        var graph = try GraphImport.graph(of: plain.file())
        let before = try GraphSession(graph, runtime: runtime, isOptimised: false).arrays(plain.feeds(values))
        let trace = try ShapeTrace(graph, runtime: runtime, cancellation: Cancellation())
        var known = trace.values
        Fusion.fuse(&graph, values: &known)
        #expect(graph.nodes.map(\.opType) == left, sourceLocation: location)
        for node in graph.nodes { for name in node.output { #expect(known[name] != nil, sourceLocation: location) } }
        let after = try GraphSession(graph, runtime: runtime, isOptimised: false).arrays(plain.feeds(values))
        let difference = RuleCheck.Difference("y0", after[0].numbers, before[0].numbers)
        #expect(difference.error < 2e-6, "\(difference)", sourceLocation: location)
    }
    private func constant(_ shape: [Int], _ range: ClosedRange<Double> = -1...1) -> RuleCheck.Operand {
        RuleCheck.Operand(shape: shape, content: .real(range), isConstant: true)
    }

    @Test func normalisationIntoConvolution() throws {
        let statistics = [constant([4]), constant([4]), constant([4]), constant([4], 0.5...2)]
        let normalised = OnnxNodeProto("BatchNormalization", ["a", "x2", "x3", "x4", "x5"], ["y0"])
        try check(
            [OnnxNodeProto("Conv", ["x0", "x1"], ["a"]), normalised],
            [.real([2, 3, 5, 5]), constant([4, 3, 3, 3])] + statistics, left: ["Conv"])
        try check(
            [OnnxNodeProto("Conv", ["x0", "x1", "x6"], ["a"], [.int("group", 2)]), normalised],
            [.real([2, 4, 5, 5]), constant([4, 2, 3, 3])] + statistics + [constant([4])], left: ["Conv"])
        try check(
            [OnnxNodeProto("ConvTranspose", ["x0", "x1", "x6"], ["a"], [.int("group", 2)]), normalised],
            [.real([2, 6, 5, 5]), constant([6, 2, 3, 3])] + statistics + [constant([4])], left: ["ConvTranspose"])
        try check(
            [OnnxNodeProto("ConvTranspose", ["x0", "x1"], ["a"]), normalised],
            [.real([2, 3, 5]), constant([3, 4, 3])] + statistics, left: ["ConvTranspose"])
        for (transposes, shape) in [(0, [3, 4]), (1, [4, 3])] {
            try check(
                [
                    OnnxNodeProto(
                        "Gemm", ["x0", "x1", "x6"], ["a"],
                        [.int("transB", transposes), .float("alpha", 0.5), .float("beta", 2)]), normalised,
                ], [.real([2, 3]), constant(shape)] + statistics + [constant([1, 4])], left: ["Gemm"])
        }
    }

    @Test func scalesAndShifts() throws {
        let operands = [.real([2, 3, 5, 5]), constant([4, 3, 3, 3]), constant([4, 1, 1], 1...2), constant([1])]
        try check(
            [
                OnnxNodeProto("Conv", ["x0", "x1"], ["a"]), OnnxNodeProto("Identity", ["a"], ["b"]),
                OnnxNodeProto("Mul", ["x2", "b"], ["c"]), OnnxNodeProto("Sub", ["x3", "c"], ["d"]),
                OnnxNodeProto("Div", ["d", "x2"], ["e"]), OnnxNodeProto("Add", ["e", "x2"], ["y0"]),
            ], operands, left: ["Conv"])
        // A constant that differs between places, and a value that is read twice, stay.
        try check(
            [OnnxNodeProto("Conv", ["x0", "x1"], ["a"]), OnnxNodeProto("Mul", ["a", "x2"], ["y0"])],
            [.real([2, 3, 5, 5]), constant([4, 3, 3, 3]), constant([3])], left: ["Conv", "Mul"])
        try check(
            [
                OnnxNodeProto("Conv", ["x0", "x1"], ["a"]), OnnxNodeProto("Mul", ["a", "x2"], ["b"]),
                OnnxNodeProto("Add", ["a", "b"], ["y0"]),
            ], [.real([2, 3, 5, 5]), constant([4, 3, 3, 3]), constant([4, 1, 1])], left: ["Conv", "Mul", "Add"])
        // A constant divided by a value is no shift.
        try check(
            [OnnxNodeProto("Conv", ["x0", "x1"], ["a"]), OnnxNodeProto("Div", ["x2", "a"], ["y0"])],
            [.real([2, 3, 5, 5]), constant([4, 3, 3, 3], 1...2), constant([4, 1, 1])], left: ["Conv", "Div"])
    }

    @Test func maximaBeforeRelu() throws {
        try check(
            [
                OnnxNodeProto("Relu", ["x0"], ["a"]),
                OnnxNodeProto(
                    "MaxPool", ["a"], ["b"], [.ints("kernel_shape", [3, 3]), .ints("pads", [1, 1, 1, 1])]),
                OnnxNodeProto("MaxPool", ["b"], ["y0"], [.ints("kernel_shape", [2, 2]), .ints("strides", [2, 2])]),
            ], [.real([2, 3, 6, 6])], left: ["MaxPool", "MaxPool", "Relu"])
        try check(
            [
                OnnxNodeProto("Relu", ["x0"], ["a"]),
                OnnxNodeProto(
                    "MaxPool", ["a"], ["b"], [.ints("kernel_shape", [3, 3]), .ints("pads", [1, 1, 1, 1])]),
                OnnxNodeProto("Add", ["a", "b"], ["y0"]),
            ], [.real([2, 3, 6, 6])], left: ["Relu", "MaxPool", "Add"])
    }
}
