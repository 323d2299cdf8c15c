import CasemateModels
import TestSupport
import Testing

/// Rules of sums, extremes and norms over axes, and of other operators along an axis.
@Suite struct ReductionRuleTests {
    static let reductions = [
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
        "ReduceLogSumExp", "ReduceSumSquare",
    ]

    @Test(arguments: reductions, [9, 11, 13, 17, 18, 21])
    func reductionOverAxes(op: String, opset: Int) {
        let range: ClosedRange<Double> = op == "ReduceLogSum" ? 0.2...2 : -2...2
        let hasInput = opset >= 18 || op == "ReduceSum" && opset >= 13
        func check(_ axes: [Int], keeps: Int, isBatched: Bool) {
            var attributes: [OnnxAttributeProto] = [.int("keepdims", keeps)]
            var operands = [RuleCheck.Operand.real([2, 3, 4], range)]
            if hasInput { operands.append(.wholes(axes)) } else { attributes.append(.ints("axes", axes)) }
            RuleCheck(op, operands, attributes, opset: opset, isBatched: isBatched).verify(seeds: 0..<1)
        }
        for axes in [[1], [2], [1, 2]] { check(axes, keeps: 1, isBatched: true) }
        check([2], keeps: 0, isBatched: true)
        if opset >= 11 { for keeps in [0, 1] { check([-1, 0], keeps: keeps, isBatched: false) } }
        check([0], keeps: 0, isBatched: false)
        RuleCheck(op, [.real([2, 3], range)], [.int("keepdims", 0)], opset: opset).verify(seeds: 0..<1)
    }

    @Test func reductionsThatMayDoNothing() {
        for op in ["ReduceSum", "ReduceMean"] {
            for setting in [0, 1] {
                RuleCheck(op, [.real([2, 3])], [.int("noop_with_empty_axes", setting)], opset: 18).verify(seeds: 0..<1)
            }
        }
    }

    @Test func productsWithZerosAreExact() {
        for values in [[0, 2, 3, 1, 2, 3], [0, 2, 0, 1, 0, 3], [1, 2, 0, 4, 5, 6]] as [[Double]] {
            var check = RuleCheck("ReduceProd", [.numbers(values, [2, 3]), .wholes([1])])
            check.reference = .linear
            check.verify(seeds: 0..<1)
        }
    }

    /// The gradient of the largest of equal values is shared among them.
    @Test func equalExtremesShare() throws {
        let check = RuleCheck(
            "ReduceMax", [.numbers([3, 1, 3, 0, 2, 2], [2, 3]), .wholes([1])], [.int("keepdims", 0)])
        let values = check.drawn(seed: 0)
        let graph = try RuleGraph(check, values, element: 1, weights: [[2, 4]])
        let found = try graph.gradients(OnnxFixtures.runtime.get(), values)
        #expect(found[1].values == [1, 0, 1, 0, 2, 2])
    }

    @Test func runningSumsAndTriangles() {
        for exclusive in [0, 1] {
            for reverse in [0, 1] {
                let settings: [OnnxAttributeProto] = [.int("exclusive", exclusive), .int("reverse", reverse)]
                RuleCheck("CumSum", [.real([2, 3, 4]), .wholes([1], [])], settings, opset: 14, isBatched: true)
                    .verify(seeds: 0..<1)
                RuleCheck("CumSum", [.real([2, 3]), .wholes([-1], [])], settings, opset: 11).verify(seeds: 0..<1)
            }
            RuleCheck("Trilu", [.real([2, 3, 4])], [.int("upper", exclusive)], opset: 14).verify(seeds: 0..<1)
            RuleCheck("Trilu", [.real([2, 3, 4]), .wholes([-1], [])], [.int("upper", exclusive)], isBatched: true)
                .verify(seeds: 0..<1)
        }
        RuleCheck(
            "ReverseSequence", [.real([4, 3]), .wholes([2, 4, 3])], [.int("batch_axis", 1), .int("time_axis", 0)],
            opset: 10
        ).verify(seeds: 0..<1)
    }

    @Test func largestValues() {
        for largest in [0, 1] {
            let settings: [OnnxAttributeProto] = [.int("largest", largest), .int("axis", 1)]
            RuleCheck(
                "TopK", [.real([2, 5]), .wholes([3])], settings, opset: 11, outputs: 2, real: [0], isBatched: true
            )
            .verify()
            RuleCheck("TopK", [.real([2, 5, 2]), .wholes([2])], settings, outputs: 2, real: [0]).verify()
        }
        RuleCheck("TopK", [.real([2, 5])], [.int("k", 2)], opset: 9, outputs: 2, real: [0]).verify()
    }

    @Test func remainders() {
        RuleCheck("Mod", [.real([2, 5]), .real([5], 0.4...0.9)], [.int("fmod", 1)], opset: 13).verify()
        RuleCheck("Mod", [.real([2, 5]), .real([2, 1], -0.9...(-0.4))], [.int("fmod", 1)], opset: 10).verify()
    }

    @Test(arguments: [
        "ij,jk->ik", "bij,bjk->bik", "bhqd,bhkd->bhqk", "ij,kj->ik", "i,j->ij", "ij->ji", "ij->i", "ij->", "bi,bi->b",
        "ij,jk", "bij,jk->bik", "bi,bj,bij->b", "...ij,jk->...ik", "b...d,b...d->b...", "ij,j->", "i,i",
    ])
    func equations(equation: String) {
        let lengths: [Character: Int] = ["b": 2, "h": 2, "i": 3, "j": 4, "k": 2, "q": 3, "d": 3]
        let terms = equation.split(separator: "-")[0].split(separator: ",")
        let operands = terms.map { term -> RuleCheck.Operand in
            let parts = String(term).replacing("...", with: ".")
            return .real(parts.flatMap { $0 == "." ? [2, 3] : [lengths[$0] ?? 1] })
        }
        RuleCheck("Einsum", operands, [.text("equation", equation)], opset: 13).verify(seeds: 0..<1)
        if equation.hasPrefix("b"), equation.contains("->b"), !terms.contains("jk") {
            RuleCheck("Einsum", operands, [.text("equation", equation)], isBatched: true).verify(seeds: 0..<1)
        }
    }
}
