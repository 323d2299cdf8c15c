import CasemateModels
import TestSupport
import Testing

/// Rules of operators that move, cut, join and pick values.
@Suite struct IndexRuleTests {
    @Test func choices() {
        let truths = [true, false, true, true, false, false]
        RuleCheck("Where", [.truths(truths, [2, 3]), .real([2, 3]), .real([3])]).verify()
        RuleCheck("Where", [.truths([true, false], [2, 1]), .real([]), .real([2, 3])], opset: 9).verify()
        RuleCheck("Where", [.truths(truths, [6, 1]), .real([6, 2]), .parameter([2])], opset: 16, isBatched: true)
            .verify()
    }

    @Test func copies() {
        RuleCheck("Expand", [.real([3, 1]), .wholes([2, 1, 4])]).verify()
        RuleCheck("Expand", [.real([3, 4]), .wholes([1])], opset: 9).verify(seeds: 0..<1)
        RuleCheck("Expand", [.real([3, 1]), .wholes([1, 4])], opset: 13, isBatched: true).verify()
        RuleCheck("Tile", [.real([2, 3]), .wholes([3, 2])]).verify()
        RuleCheck("Tile", [.real([2, 1, 3]), .wholes([1, 4, 1])], opset: 9, isBatched: true).verify()
        RuleCheck("Tile", [.real([2, 3]), .wholes([1, 1])], opset: 13).verify(seeds: 0..<1)
        RuleCheck("Tile", [.real([2]), .wholes([4])], opset: 13).verify(seeds: 0..<1)
    }

    @Test func joins() {
        RuleCheck("Concat", [.real([2, 3]), .real([2, 1]), .real([2, 2])], [.int("axis", 1)], isBatched: true).verify()
        RuleCheck("Concat", [.real([2, 3]), .parameter([4, 3])], [.int("axis", -2)], opset: 9).verify()
        RuleCheck("Concat", [.fixed([1, 2], [1, 2]), .real([3, 2])], [.int("axis", 0)], opset: 13).verify()
        RuleCheck("Concat", [.real([3, 2])], [.int("axis", 0)]).verify(seeds: 0..<1)
    }

    @Test func splits() {
        RuleCheck("Split", [.real([2, 6]), .wholes([1, 3, 2])], [.int("axis", 1)], opset: 13, outputs: 3).verify()
        RuleCheck("Split", [.real([2, 6]), .wholes([1, 3, 2])], [.int("axis", -1)], outputs: 3, real: [1]).verify()
        RuleCheck(
            "Split", [.real([2, 6])], [.int("axis", 1), .ints("split", [4, 2])], opset: 9, outputs: 2, isBatched: true
        ).verify()
        RuleCheck("Split", [.real([6, 2])], opset: 11, outputs: 3, real: [0, 2]).verify()
        RuleCheck("Split", [.real([2, 6])], [.int("axis", 1)], opset: 13, outputs: 2, isBatched: true).verify()
        RuleCheck("Split", [.real([2, 5])], [.int("axis", 1), .int("num_outputs", 3)], opset: 18, outputs: 3).verify()
    }

    /// starts, ends, axes, steps of an array of shape `[3, 7, 5]`.
    private static let cuts: [([Int], [Int], [Int], [Int])] = [
        ([1], [5], [1], [1]), ([0], [Int.max], [1], [2]), ([-4], [-1], [1], [1]), ([1, 1], [6, 4], [1, 2], [3, 1]),
        ([6], [Int.min], [1], [-1]), ([-2], [0], [1], [-2]), ([100], [1], [-2], [-3]),
        ([0, 4], [7, 1], [1, 2], [2, -1]),
        ([3], [4], [1], [5]),
    ]

    @Test(arguments: [10, 11, 13, 21])
    func slices(opset: Int) {
        for (starts, ends, axes, steps) in Self.cuts {
            let given: [RuleCheck.Operand] = [starts, ends, axes, steps].map { .wholes($0) }
            RuleCheck("Slice", [.real([3, 7, 5])] + given, opset: opset, isBatched: true).verify(seeds: 0..<1)
        }
        RuleCheck("Slice", [.real([3, 4]), .wholes([1, 0]), .wholes([3, 2])], opset: opset).verify(seeds: 0..<1)
        let reversed: [RuleCheck.Operand] = [[-1], [Int.min], [0], [-1]].map { .wholes($0) }
        RuleCheck("Slice", [.real([3, 4])] + reversed, opset: opset).verify(seeds: 0..<1)
    }

    @Test func slicesOfTheFirstForm() {
        RuleCheck(
            "Slice", [.real([3, 7])], [.ints("starts", [1]), .ints("ends", [-2]), .ints("axes", [1])], opset: 9,
            isBatched: true
        ).verify()
        RuleCheck("Slice", [.real([3, 7])], [.ints("starts", [1, 2]), .ints("ends", [2, 9])], opset: 9).verify()
    }

    @Test func gathers() {
        for opset in [9, 11, 13, 21] {
            for (axis, indices, shape) in [
                (1, [0], []), (1, [2], [1]), (1, [1, 2], [2]), (1, [3, 0, 3, 1], [2, 2]), (2, [0, 0, 1], [3]),
                (-1, [-1, 0], [2]), (0, [1, 1, 0], [3]), (0, [2, 0], [1, 2]),
            ] as [(Int, [Int], [Int])] {
                if opset < 11, indices.contains(where: { $0 < 0 }) { continue }
                RuleCheck("Gather", [.real([3, 4, 2]), .wholes(indices, shape)], [.int("axis", axis)], opset: opset)
                    .verify(seeds: 0..<1)
            }
        }
        RuleCheck("Gather", [.real([3, 4, 2]), .wholes([3, 1], [2])], [.int("axis", 1)], isBatched: true).verify()
        RuleCheck("Gather", [.real([3, 4, 2]), .wholes([0], [])], [.int("axis", 1)], isBatched: true).verify()
        // An embedding: the indices are the input.
        RuleCheck("Gather", [.parameter([5, 3]), .indices([4, 0, 4, 1, 1, 2], [2, 3])], isBatched: true).verify()
        RuleCheck(
            "GatherElements", [.real([3, 4]), .wholes([0, 0, 3, 1, -1, 2], [3, 2])], [.int("axis", 1)], opset: 13
        ).verify()
        RuleCheck("GatherElements", [.real([3, 4]), .wholes([0, 2, 1, 1], [1, 4])], opset: 11).verify()
        RuleCheck(
            "GatherElements", [.real([2, 4]), .indices([0, 0, 3, 1], [2, 2])], [.int("axis", -1)], isBatched: true
        ).verify()
    }

    @Test func gathersOfPoints() {
        RuleCheck("GatherND", [.real([3, 4, 2]), .wholes([0, 1, 2, 3, 0, 1], [3, 2])], opset: 11).verify()
        RuleCheck("GatherND", [.real([3, 4]), .wholes([0, 1, -1, 3], [2, 1, 2])], opset: 13).verify()
        RuleCheck(
            "GatherND", [.real([3, 4, 2]), .indices([0, 3, 3], [3, 1])], [.int("batch_dims", 1)], opset: 13,
            isBatched: true
        ).verify()
        RuleCheck("GatherND", [.real([2, 2, 3]), .wholes([0, 2, 2, 1], [2, 2, 1])], [.int("batch_dims", 2)]).verify()
    }

    @Test func scatters() {
        let places = RuleCheck.Operand.wholes([1, 0, 3, 2, 0, 1], [3, 2])
        for (op, opset) in [("Scatter", 9), ("ScatterElements", 11), ("ScatterElements", 18)] {
            RuleCheck(op, [.real([3, 4]), places, .real([3, 2])], [.int("axis", 1)], opset: opset).verify()
        }
        RuleCheck(
            "ScatterElements", [.real([3, 4]), .wholes([0, 0, 1, 1, 3, 3], [3, 2]), .real([3, 2])],
            [.int("axis", -1), .text("reduction", "add")], opset: 16
        ).verify()
        RuleCheck("ScatterND", [.real([3, 4]), .wholes([2, 0], [2, 1]), .real([2, 4])], opset: 11).verify()
        RuleCheck("ScatterND", [.real([3, 4]), .wholes([2, 0, 1, 1], [2, 2]), .real([2])], opset: 13).verify()
        RuleCheck(
            "ScatterND", [.real([3, 4]), .wholes([2, 2], [2, 1]), .real([2, 4])], [.text("reduction", "add")], opset: 16
        ).verify()
    }

    @Test(arguments: ["constant", "reflect", "edge", "wrap"])
    func borders(mode: String) {
        let setting = OnnxAttributeProto.text("mode", mode)
        for opset in mode == "wrap" ? [19, 21] : [11, 13, 18, 21] {
            RuleCheck(
                "Pad", [.real([2, 3, 4]), .wholes([0, 1, 2, 0, 2, 1])], [setting], opset: opset, isBatched: true
            )
            .verify(seeds: 0..<1)
            RuleCheck("Pad", [.real([3, 4]), .wholes([2, 0, 0, 3])], [setting], opset: opset).verify(seeds: 0..<1)
        }
        RuleCheck("Pad", [.real([2, 3, 4]), .wholes([1, 2]), .none, .wholes([-1])], [setting], opset: 19).verify()
        if mode != "wrap" {
            RuleCheck("Pad", [.real([3, 4])], [setting, .ints("pads", [1, 0, 2, 1])], opset: 9).verify()
        }
    }

    @Test func bordersOfAConstant() {
        RuleCheck("Pad", [.real([3, 4]), .wholes([1, 0, 2, 1]), .parameter([])], opset: 13).verify()
        RuleCheck("Pad", [.real([3, 5]), .wholes([-1, 1, 1, -2]), .parameter([])], opset: 13).verify()
        RuleCheck("Pad", [.real([3, 5]), .wholes([0, -1, 0, -2])], opset: 11, isBatched: true).verify()
        RuleCheck("Pad", [.real([3, 4])], [.ints("pads", [1, 0, 2, 1]), .float("value", 0.5)], opset: 9).verify()
    }

    @Test func blocks() {
        for opset in [11, 13] {
            for mode in ["DCR", "CRD"] {
                RuleCheck(
                    "DepthToSpace", [.real([2, 8, 2, 3])], [.int("blocksize", 2), .text("mode", mode)], opset: opset,
                    isBatched: true
                ).verify(seeds: 0..<1)
            }
            RuleCheck("SpaceToDepth", [.real([2, 2, 4, 6])], [.int("blocksize", 2)], opset: opset, isBatched: true)
                .verify(seeds: 0..<1)
        }
        RuleCheck("DepthToSpace", [.real([1, 9, 1, 2])], [.int("blocksize", 3)], opset: 9, reference: .linear).verify()
    }
}
