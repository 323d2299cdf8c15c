import CasemateModels
import TestSupport
import Testing

/// Operators that are taken apart before gradients are taken.
@Suite struct CompoundRewriteTests {
    @Test func normalisations() {
        for p in [1, 2] {
            RuleCheck("LpNormalization", [.real([2, 3, 4])], [.int("p", p), .int("axis", 1)], opset: 13).verify()
            RuleCheck("LpNormalization", [.real([3, 4])], [.int("p", p)], opset: 9, isBatched: true).verify()
        }
        RuleCheck("RMSNormalization", [.real([2, 3, 4]), .parameter([4])], [.int("axis", -1)], opset: 23).verify()
        RuleCheck("RMSNormalization", [.real([2, 3, 4]), .parameter([3, 4])], [.int("axis", 1)], opset: 23).verify()
    }

    @Test func shrink() {
        let settings: [OnnxAttributeProto] = [.float("lambd", 0.7), .float("bias", 0.3)]
        let values = RuleCheck.Operand.numbers([-2, -1.25, 0.1, -0.2, 0.3, 1.5], [3, 2])
        RuleCheck("Shrink", [values], settings, opset: 9, isBatched: true, reference: .smooth).verify()
    }

    @Test func attention() {
        for (settings, mask) in [
            ([], nil), ([.float("scale", 0.3)], RuleCheck.Operand.real([3, 4])), ([.int("is_causal", 1)], nil),
            ([.float("softcap", 1.5)], nil),
        ] as [([OnnxAttributeProto], RuleCheck.Operand?)] {
            let operands: [RuleCheck.Operand] = [.real([2, 2, 3, 4]), .real([2, 2, 4, 4]), .real([2, 2, 4, 5])]
            RuleCheck("Attention", operands + [mask].compactMap { $0 }, settings, opset: 23).verify(seeds: 0..<1)
        }
        RuleCheck(
            "Attention", [.real([2, 3, 8]), .real([2, 3, 4]), .real([2, 3, 4])],
            [.int("q_num_heads", 4), .int("kv_num_heads", 2)], opset: 23
        ).verify(seeds: 0..<1)
    }

    @Test func operatorsOfTheEngine() {
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let settings: [OnnxAttributeProto] = [.int("transA", a), .int("transB", b), .float("alpha", 0.5)]
            RuleCheck(
                "FusedMatMul", [.real(a == 1 ? [2, 4, 3] : [2, 3, 4]), .real(b == 1 ? [5, 4] : [4, 5])], settings,
                domain: "com.microsoft", reference: .linear
            ).verify(seeds: 0..<1)
        }
    }
}
