import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Convolutions of all kinds against central differences; they are linear in each operand.
@Suite struct ConvRuleTests {
    /// A convolution with random settings.
    static func drawn(_ op: String, seed: UInt64) -> RuleCheck {
        var generator = SeededGenerator(seed: seed, stream: 7)
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let rank = [1, 2, 2, 2, 3][pick(0...4)]
        let group = [1, 1, 2, 3][pick(0...3)]
        let (a, b) = (pick(1...2), pick(1...2))
        let kernel = (0..<rank).map { _ in pick(1...3) }
        let strides = (0..<rank).map { _ in pick(1...3) }
        let padding = ["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"][pick(0...4)]
        // The engine has no dilated form of SAME.
        let dilations = (0..<rank).map { _ in padding.hasPrefix("SAME") ? 1 : pick(1...2) }
        let lengths = (0..<rank).map { _ in pick(rank == 3 ? 5...6 : 5...8) }
        var settings: [OnnxAttributeProto] = [
            .int("group", group), .ints("strides", strides), .ints("dilations", dilations),
        ]
        if pick(0...1) == 0 { settings.append(.ints("kernel_shape", kernel)) }
        if padding != "NOTSET" {
            settings.append(.text("auto_pad", padding))
        } else {
            settings.append(.ints("pads", (0..<2 * rank).map { _ in pick(0...1) }))
        }
        let isTransposed = op == "ConvTranspose"
        if isTransposed, padding == "NOTSET" {
            settings.append(.ints("output_padding", (0..<rank).map { pick(0...max(0, strides[$0] - 1)) }))
        }
        let outside = [group * a] + (isTransposed ? lengths.map { ($0 + 1) / 2 } : lengths)
        let weights = isTransposed ? [group * a, b] + kernel : [group * b, a] + kernel
        return RuleCheck(
            op, [.real([2] + outside), .parameter(weights), .parameter([group * b])], settings, opset: 13,
            isBatched: pick(0...1) == 0, reference: .linear)
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func convolution(seed: UInt64) {
        Self.drawn("Conv", seed: seed).verify(seeds: seed..<seed + 1)
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func transposedConvolution(seed: UInt64) {
        Self.drawn("ConvTranspose", seed: seed).verify(seeds: seed..<seed + 1)
    }

    /// Constant weights take the way through turned ones.
    @Test func constantWeights() {
        let cases: [([Int], [Int], [OnnxAttributeProto])] = [
            ([2, 32, 4, 4], [4, 32, 3, 3], [.ints("pads", [1, 1, 1, 1])]),
            ([2, 33, 5, 4], [3, 33, 3, 2], [.ints("pads", [2, 0, 1, 1])]),
            ([2, 32, 7], [4, 32, 3], [.ints("dilations", [2]), .ints("pads", [1, 3])]),
            ([2, 32, 3, 3], [4, 32, 1, 1], []),
            ([2, 32, 2, 2], [3, 32, 1, 1], [.ints("pads", [1, 1, 1, 1])]),
            ([2, 32, 3, 2, 3], [2, 32, 2, 2, 2], [.ints("pads", [1, 0, 1, 0, 1, 0])]),
            ([2, 6, 5, 5], [6, 1, 3, 3], [.int("group", 6), .ints("pads", [1, 1, 1, 1])]),
            ([2, 6, 5, 5], [4, 3, 3, 3], [.int("group", 2)]),
            ([2, 6, 5, 5], [6, 1, 3, 3], [.int("group", 6), .ints("strides", [2, 2])]),
            ([2, 3, 6, 6], [4, 3, 3, 3], [.ints("pads", [1, 1, 1, 1])]),
        ]
        for (input, weights, settings) in cases {
            let constant = RuleCheck.Operand(shape: weights, content: .real(-1...1), isConstant: true)
            for isBatched in [true, false] {
                RuleCheck(
                    "Conv", [.real(input), constant], settings, opset: 11, isBatched: isBatched, reference: .linear
                ).verify(seeds: 0..<1)
            }
        }
    }

    /// Depthwise layers have weight gradients of their own form.
    @Test func depthwiseWeights() {
        for (rank, stride) in [(1, 1), (2, 1), (2, 2), (3, 1)] {
            let settings: [OnnxAttributeProto] = [
                .int("group", 3), .ints("strides", [Int](repeating: stride, count: rank)),
            ]
            RuleCheck(
                "Conv",
                [
                    .real([2, 3] + [Int](repeating: 5, count: rank)),
                    .parameter([3, 1] + [Int](repeating: 3, count: rank)), .parameter([3]),
                ], settings, isBatched: true, reference: .linear
            ).verify(seeds: 0..<1)
        }
    }

    /// Shapes that are stated instead of padding.
    @Test func statedOutputShape() {
        for shape in [[8, 9], [7, 7], [6, 8], [9, 10]] {
            for padding in ["NOTSET", "SAME_UPPER", "SAME_LOWER"] {
                RuleCheck(
                    "ConvTranspose", [.real([2, 2, 4, 4]), .parameter([2, 3, 3, 3])],
                    [.ints("strides", [2, 2]), .ints("output_shape", shape), .text("auto_pad", padding)], opset: 11,
                    reference: .linear
                ).verify(seeds: 0..<1)
            }
        }
    }
}
