import CasemateModels
import TestSupport
import Testing

/// Rules of functions that work number by number, with broadcasting.
@Suite struct ElementwiseRuleTests {
    @Test(arguments: [
        "Neg", "Sqrt", "Reciprocal", "Exp", "Log", "Abs", "Sin", "Cos", "Sigmoid", "Tanh", "Relu", "Identity",
    ])
    func ofOneOperand(op: String) {
        let range: ClosedRange<Double> =
            switch op {
            case "Sqrt", "Log": 0.2...3
            case "Reciprocal": 0.5...2
            default: -2...2
            }
        var fixed = RuleCheck(op, [.real([2, 3], range)])
        var batched = RuleCheck(op, [.real([3, 2, 2], range)], isBatched: true)
        fixed.verify()
        batched.verify()
        fixed.opset = 13
        fixed.verify()
        batched.opset = 9
        batched.verify()
    }

    @Test(arguments: ["Add", "Sub", "Mul", "Div"], [9, 13, 21])
    func ofTwoOperandsThatBroadcast(op: String, opset: Int) {
        for (a, b) in [
            ([2, 3], [2, 3]), ([2, 3], [3]), ([3], [2, 3]), ([2, 1, 3], [4, 1]), ([2, 3], []), ([1, 1], [2, 3]),
            ([2, 1], [1, 3]),
        ] {
            RuleCheck(op, [.real(a), .real(b, 0.5...2)], opset: opset).verify()
            if b.count > a.count { continue }
            RuleCheck(op, [.real([3] + a), .parameter(b, 0.5...2)], opset: opset, isBatched: true).verify(seeds: 0..<1)
        }
    }

    @Test(arguments: ["Sum", "Mean", "Min", "Max"], [9, 13, 21])
    func ofAnyNumberOfOperands(op: String, opset: Int) {
        let how: RuleCheck.Reference = op == "Mean" ? .linear : .doubles
        let batched: [RuleCheck.Operand] = [.real([4, 2, 3]), .parameter([3]), .real([4, 1, 1])]
        RuleCheck(op, [.real([2, 3])], opset: opset, reference: how).verify()
        RuleCheck(op, [.real([2, 3]), .real([3]), .real([2, 1])], opset: opset, reference: how).verify()
        RuleCheck(op, batched, opset: opset, isBatched: true, reference: how).verify()
    }

    @Test func powers() {
        RuleCheck("Pow", [.real([2, 3], 0.5...2), .real([2, 3])]).verify()
        RuleCheck("Pow", [.real([2, 3]), .fixed([2], [])]).verify()
        RuleCheck("Pow", [.real([2, 3]), .fixed([3], [1])], opset: 9).verify()
        RuleCheck("Pow", [.real([2, 3]), .wholes([2], [])], opset: 13).verify()
        RuleCheck("Pow", [.real([2, 1, 3], 0.5...2), .real([4, 1])], opset: 12).verify()
        RuleCheck("Pow", [.real([3, 2], 0.5...2), .parameter([2])], isBatched: true).verify()
    }

    @Test func clips() {
        RuleCheck("Clip", [.real([4, 5]), .fixed([-0.5], []), .fixed([0.7], [])]).verify()
        RuleCheck("Clip", [.real([4, 5]), .none, .fixed([0.7], [])], opset: 13).verify()
        RuleCheck("Clip", [.real([4, 5]), .fixed([-0.5], [])], opset: 12).verify()
        RuleCheck("Clip", [.real([4, 5])]).verify(seeds: 0..<1)
        let (low, high) = (OnnxAttributeProto.float("min", -1), OnnxAttributeProto.float("max", 0.5))
        for attributes in [[], [low], [high], [low, high]] {
            let values = RuleCheck.Operand.numbers([-2, -1.5, 0, 0.1, 0.9, 2], [2, 3])
            RuleCheck("Clip", [values], attributes, opset: 9, isBatched: true, reference: .smooth).verify(seeds: 0..<1)
        }
    }

    @Test func activationsWithSettings() {
        RuleCheck("LeakyRelu", [.real([3, 4])], [.float("alpha", 0.3)], opset: 16).verify()
        RuleCheck("PRelu", [.real([2, 3, 2]), .parameter([3, 1])], opset: 16).verify()
        let values = RuleCheck.Operand.numbers([-2, -1.25, 0.75, -0.5, 0.625, 1.5], [2, 3])
        RuleCheck("PRelu", [values, .parameter([1])], opset: 9, isBatched: true, reference: .smooth).verify()
    }

    @Test func castsPassTheGradientOn() {
        RuleCheck(
            "cast",
            nodes: [
                OnnxNodeProto("Cast", ["x0"], ["d"], [.int("to", 11)]), OnnxNodeProto("Exp", ["d"], ["e"]),
                OnnxNodeProto("Cast", ["e"], ["y0"], [.int("to", 1)]),
            ], [.real([2, 3])], outputs: ["y0"]
        ).verify()
    }
}
