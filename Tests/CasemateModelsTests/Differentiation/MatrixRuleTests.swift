import CasemateModels
import TestSupport
import Testing

/// Rules of operators that move numbers: products, reshaping.
@Suite struct MatrixRuleTests {
    @Test func productsOfMatrices() {
        for (a, b) in [
            ([2, 3], [3, 4]), ([3], [3, 4]), ([2, 3], [3]), ([3], [3]), ([5, 2, 3], [3, 4]), ([5, 2, 3], [5, 3, 4]),
            ([5, 2, 3], [1, 3, 4]), ([2, 3], [5, 3, 2]), ([2, 1, 2, 3], [4, 3, 2]), ([5, 2, 3], [3]), ([3], [5, 3, 2]),
        ] {
            RuleCheck("MatMul", [.real(a), .real(b)]).verify(seeds: 0..<1)
            RuleCheck("MatMul", [.real(a), .parameter(b)], opset: 9).verify(seeds: 0..<1)
        }
        RuleCheck("MatMul", [.real([4, 3]), .parameter([3, 2])], isBatched: true).verify()
        RuleCheck("MatMul", [.real([4, 2, 3]), .parameter([3, 2])], isBatched: true).verify()
        RuleCheck("MatMul", [.real([4, 2, 3]), .real([4, 3, 5])], isBatched: true).verify()
    }

    @Test(arguments: [0, 1], [0, 1])
    func gemm(transA: Int, transB: Int) {
        let (a, b) = (transA == 1 ? [3, 2] : [2, 3], transB == 1 ? [4, 3] : [3, 4])
        for c in [[], [1], [4], [2, 1], [1, 4], [2, 4]] {
            let settings: [OnnxAttributeProto] = [
                .int("transA", transA), .int("transB", transB), .float("alpha", 0.7), .float("beta", -1.5),
            ]
            RuleCheck("Gemm", [.real(a), .parameter(b), .parameter(c)], settings, opset: 11).verify(seeds: 0..<1)
        }
        RuleCheck("Gemm", [.real(a), .real(b)], [.int("transA", transA), .int("transB", transB)], opset: 13).verify()
        if transA == 0 {
            RuleCheck("Gemm", [.real(a), .parameter(b), .parameter([4])], [.int("transB", transB)], isBatched: true)
                .verify()
        }
    }

    @Test func newAxes() {
        RuleCheck("Reshape", [.real([2, 6]), .wholes([3, 4])]).verify(seeds: 0..<1)
        RuleCheck("Reshape", [.real([2, 6]), .wholes([0, -1, 2])], opset: 9, isBatched: true).verify()
        RuleCheck("Flatten", [.real([2, 3, 2])], [.int("axis", 2)], opset: 11).verify(seeds: 0..<1)
        RuleCheck("Flatten", [.real([2, 3, 2])], [.int("axis", -1)], opset: 13).verify(seeds: 0..<1)
        RuleCheck("Flatten", [.real([2, 3, 2])], opset: 9, isBatched: true).verify(seeds: 0..<1)
        RuleCheck("Squeeze", [.real([2, 1, 3, 1]), .wholes([1, -1])], opset: 13, isBatched: true).verify(seeds: 0..<1)
        RuleCheck("Squeeze", [.real([2, 1, 3, 1])], [.ints("axes", [1])], opset: 9).verify(seeds: 0..<1)
        RuleCheck("Squeeze", [.real([2, 1, 3])], opset: 21).verify(seeds: 0..<1)
        RuleCheck("Unsqueeze", [.real([2, 3]), .wholes([0, -1])], opset: 13).verify(seeds: 0..<1)
        RuleCheck("Unsqueeze", [.real([2, 3])], [.ints("axes", [1])], opset: 9, isBatched: true).verify(seeds: 0..<1)
        RuleCheck("Transpose", [.real([2, 3, 4])], [.ints("perm", [2, 0, 1])], opset: 9).verify(seeds: 0..<1)
        RuleCheck("Transpose", [.real([2, 3, 4])]).verify(seeds: 0..<1)
        RuleCheck("Transpose", [.real([2, 3, 4])], [.ints("perm", [0, 2, 1])], isBatched: true).verify(seeds: 0..<1)
    }

    @Test(arguments: ["Softmax", "LogSoftmax"])
    func softmax(op: String) {
        for opset in [9, 11, 13, 21] {
            RuleCheck(op, [.real([2, 3])], opset: opset, isBatched: true).verify()
            for axis in [0, 1, 2] {
                RuleCheck(op, [.real([2, 3, 4])], [.int("axis", axis)], opset: opset).verify(seeds: 0..<1)
            }
            if opset > 10 { RuleCheck(op, [.real([2, 3, 4])], [.int("axis", -2)], opset: opset).verify(seeds: 0..<1) }
            RuleCheck(op, [.real([2, 3, 1, 1])], opset: opset, isBatched: true).verify(seeds: 0..<1)
            RuleCheck(op, [.real([2, 3, 2])], [.int("axis", 1)], opset: opset, isBatched: true).verify(seeds: 0..<1)
        }
    }
}
