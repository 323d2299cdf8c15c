import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Normalisations against central differences, or against the same thing written in small operators.
@Suite struct NormRuleTests {
    @Test(arguments: [[3, 4], [3, 4, 5], [2, 4, 3, 2], [2, 4, 2, 2, 3]])
    func byStoredStatistics(shape: [Int]) {
        let list = [shape[1]]
        for opset in [9, 14, 21] {
            RuleCheck(
                "BatchNormalization",
                [
                    .real(shape), .parameter(list), .parameter(list), .parameter(list), .parameter(list, 0.3...2),
                ], [.float("epsilon", 0.01)], opset: opset, isBatched: true
            ).verify(seeds: 0..<1)
        }
    }

    @Test func overLastAxes() {
        for (shape, axis, scale) in [
            ([3, 6], -1, [6]), ([2, 3, 5], -1, [5]), ([2, 3, 4], 1, [3, 4]), ([2, 3, 2, 4], -2, [2, 4]),
        ] {
            for isBatched in [true, false] {
                RuleCheck(
                    "LayerNormalization", [.real(shape), .parameter(scale), .parameter(scale)],
                    [.int("axis", axis), .float("epsilon", 1e-3)], opset: 17, isBatched: isBatched
                ).verify(seeds: 0..<1)
            }
            RuleCheck("LayerNormalization", [.real(shape), .parameter(scale)], [.int("axis", axis)], opset: 17)
                .verify(seeds: 0..<1)
        }
    }

    /// The mean and the reciprocal deviation are outputs too.
    @Test(arguments: [[0, 1, 2], [1], [2]]) func furtherOutputs(read: [Int]) throws {
        let list = RuleCheck.Operand(shape: [2, 4], content: .real(-2...2), isConstant: true)
        let parts = Self.parts([3, 2, 4], [list, list], [1, 2], true)
        let names = ["y0", "mean", "reciprocal"]
        try RuleCheck(
            "LayerNormalization", [.real([3, 2, 4]), list, list], [.int("axis", 1), .float("epsilon", 0.01)], opset: 17,
            outputs: 3, real: read, isBatched: true
        ).agrees(
            with: RuleCheck(
                "by parts", nodes: parts.nodes + [OnnxNodeProto("Reciprocal", ["width"], ["reciprocal"])],
                parts.operands, outputs: read.map { names[$0] }, isBatched: true))
    }

    /// Over the places of each channel.
    @Test(arguments: [[2, 3, 8], [2, 3, 3, 4], [2, 2, 2, 3, 2]]) func overPlaces(shape: [Int]) throws {
        let list = [shape[1]]
        let wide = [shape[1]] + [Int](repeating: 1, count: shape.count - 2)
        for isBatched in [true, false] {
            var whole = RuleCheck(
                "InstanceNormalization", [.real(shape), .parameter(list), .parameter(list)], [.float("epsilon", 0.01)],
                opset: 9, isBatched: isBatched)
            whole.tolerance = 2e-5
            try whole.agrees(
                with: Self.parts(shape, [.parameter(wide), .parameter(wide)], Array(2..<shape.count), isBatched))
        }
    }

    /// Over groups of channels; scale and bias belonged to groups before opset 21.
    @Test(arguments: [1, 2, 4]) func overGroups(groups: Int) throws {
        for shape in [[2, 4, 5], [2, 4, 3, 2]] {
            for opset in [18, 21] {
                let count = opset == 18 ? groups : 4
                let grouped = [shape[0], groups, 4 / groups] + shape.dropFirst(2)
                let wide =
                    opset == 18
                    ? [groups, 1] + [Int](repeating: 1, count: shape.count - 2)
                    : [groups, 4 / groups] + [Int](repeating: 1, count: shape.count - 2)
                let whole = RuleCheck(
                    "GroupNormalization", [.real(shape), .parameter([count]), .parameter([count])],
                    [.int("num_groups", groups), .float("epsilon", 0.01)], opset: opset, isBatched: true)
                try whole.agrees(
                    with: Self.parts(
                        grouped, [.parameter(wide), .parameter(wide)], Array(2..<grouped.count), true))
            }
        }
    }

    /// `(x - mean) / sqrt(variance + 0.01) · scale + bias` in small operators.
    private static func parts(
        _ shape: [Int], _ parameters: [RuleCheck.Operand], _ axes: [Int], _ isBatched: Bool
    ) -> RuleCheck {
        RuleCheck(
            "by parts",
            nodes: [
                OnnxNodeProto("ReduceMean", ["x0", "x3"], ["mean"]), OnnxNodeProto("Sub", ["x0", "mean"], ["centred"]),
                OnnxNodeProto("Mul", ["centred", "centred"], ["squares"]),
                OnnxNodeProto("ReduceMean", ["squares", "x3"], ["variance"]),
                OnnxNodeProto("Add", ["variance", "x4"], ["safe"]), OnnxNodeProto("Sqrt", ["safe"], ["width"]),
                OnnxNodeProto("Div", ["centred", "width"], ["even"]), OnnxNodeProto("Mul", ["even", "x1"], ["scaled"]),
                OnnxNodeProto("Add", ["scaled", "x2"], ["y0"]),
            ],
            [.real(shape)] + parameters + [.wholes(axes), .fixed([0.01], [])], outputs: ["y0"], isBatched: isBatched)
    }

    /// Neighbouring channels: the sum of squares as a convolution over the channel axis.
    @Test(arguments: [1, 3, 5]) func byNeighbours(size: Int) throws {
        let settings: [OnnxAttributeProto] = [
            .int("size", size), .float("alpha", 0.5), .float("beta", 0.6), .float("bias", 1.2),
        ]
        let whole = RuleCheck(
            "LRN", nodes: [OnnxNodeProto("LRN", ["x0"], ["y0"], settings)], [.real([2, 6, 2, 2])], outputs: ["y0"],
            opset: 13, isBatched: true)
        let parts = RuleCheck(
            "LRN by parts",
            nodes: [
                OnnxNodeProto("Reshape", ["x0", "x1"], ["flat"]), OnnxNodeProto("Mul", ["flat", "flat"], ["squares"]),
                OnnxNodeProto(
                    "Conv", ["squares", "x2"], ["sums"],
                    [.ints("pads", [(size - 1) / 2, 0, size / 2, 0]), .ints("kernel_shape", [size, 1])]),
                OnnxNodeProto("Mul", ["sums", "x3"], ["shares"]), OnnxNodeProto("Add", ["shares", "x4"], ["base"]),
                OnnxNodeProto("Pow", ["base", "x5"], ["power"]), OnnxNodeProto("Div", ["flat", "power"], ["even"]),
                OnnxNodeProto("Reshape", ["even", "x6"], ["y0"]),
            ],
            [
                .real([2, 6, 2, 2]), .wholes([0, 1, 6, 4]),
                .fixed([Double](repeating: 1, count: size), [1, 1, size, 1]), .fixed([0.5 / Double(size)], []),
                .fixed([1.2], []), .fixed([0.6], []), .wholes([0, 6, 2, 2]),
            ], outputs: ["y0"], opset: 13, isBatched: true)
        try whole.agrees(with: parts)
    }
}
