import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Pools of all kinds against central differences.
@Suite struct PoolRuleTests {
    /// A pool with random settings.
    static func drawn(_ op: String, seed: UInt64) -> RuleCheck {
        var generator = SeededGenerator(seed: seed, stream: 8)
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let rank = [1, 2, 2, 3][pick(0...3)]
        let isTiling = pick(0...2) == 0
        let kernel = (0..<rank).map { _ in pick(1...3) }
        let padding = isTiling ? "NOTSET" : ["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"][pick(0...4)]
        let ceils = padding == "NOTSET" ? pick(0...1) : 0
        // The engine refuses SAME and windows that would start behind the image for steps wider than the window.
        let isClose = ceils == 1 || padding.hasPrefix("SAME")
        let strides = isTiling ? kernel : kernel.map { pick(1...(isClose ? $0 : 3)) }
        let lengths = (0..<rank).map { _ in pick(rank == 3 ? 5...6 : 6...8) }
        var settings: [OnnxAttributeProto] = [.ints("kernel_shape", kernel), .ints("strides", strides)]
        if padding != "NOTSET" {
            settings.append(.text("auto_pad", padding))
        } else {
            if !isTiling {
                settings.append(.ints("pads", (0..<2 * rank).map { pick(0...min(1, kernel[$0 % rank] - 1)) }))
            }
            if ceils == 1 { settings.append(.int("ceil_mode", 1)) }
        }
        if op != "LpPool", !isTiling, !padding.hasPrefix("SAME") {
            settings.append(.ints("dilations", (0..<rank).map { _ in pick(1...2) }))
        }
        if op == "AveragePool" { settings.append(.int("count_include_pad", pick(0...1))) }
        if op == "LpPool" { settings.append(.int("p", pick(1...3))) }
        let isLinear = op == "AveragePool"
        return RuleCheck(
            op, [.real([2, 2] + lengths, op == "LpPool" ? 0.5...2 : -2...2)], settings, opset: 19,
            isBatched: pick(0...1) == 0, reference: isLinear ? .linear : .doubles)
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func maxima(seed: UInt64) {
        Self.drawn("MaxPool", seed: seed).verify(seeds: seed..<seed + 1)
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func means(seed: UInt64) {
        Self.drawn("AveragePool", seed: seed).verify(seeds: seed..<seed + 1)
    }

    @Test func olderMeans() {
        for opset in [9, 10, 11] {
            RuleCheck(
                "AveragePool", [.real([2, 2, 7, 6])],
                [.ints("kernel_shape", [3, 2]), .ints("strides", [2, 1]), .ints("pads", [1, 0, 1, 1])], opset: opset,
                isBatched: true, reference: .linear
            ).verify(seeds: 0..<1)
        }
    }

    /// Powers are sums of means of powers, which double precision has.
    @Test(arguments: [1, 2, 3]) func powers(p: Int) throws {
        let (kernel, strides, pads) = ([3, 2], [2, 1], [1, 0, 1, 1])
        let windows: [OnnxAttributeProto] = [
            .ints("kernel_shape", kernel), .ints("strides", strides), .ints("pads", pads),
        ]
        let pool = RuleCheck(
            "LpPool", nodes: [OnnxNodeProto("LpPool", ["x0"], ["y0"], windows + [.int("p", p)])],
            [.real([2, 2, 6, 5])], outputs: ["y0"], opset: 18)
        let parts = RuleCheck(
            "LpPool by parts",
            nodes: [
                OnnxNodeProto("Abs", ["x0"], ["a"]), OnnxNodeProto("Pow", ["a", "x1"], ["b"]),
                OnnxNodeProto("AveragePool", ["b"], ["c"], windows + [.int("count_include_pad", 1)]),
                OnnxNodeProto("Mul", ["c", "x2"], ["d"]), OnnxNodeProto("Pow", ["d", "x3"], ["y0"]),
            ],
            [.real([2, 2, 6, 5]), .fixed([Double(p)], []), .fixed([6], []), .fixed([1 / Double(p)], [])],
            outputs: ["y0"], opset: 18)
        try pool.agrees(with: parts)
        let all = RuleCheck(
            "GlobalLpPool", nodes: [OnnxNodeProto("GlobalLpPool", ["x0"], ["y0"], [.int("p", p)])],
            [.real([2, 3, 4])], outputs: ["y0"])
        let sums = RuleCheck(
            "GlobalLpPool by parts",
            nodes: [
                OnnxNodeProto("Abs", ["x0"], ["a"]), OnnxNodeProto("Pow", ["a", "x1"], ["b"]),
                OnnxNodeProto("ReduceSum", ["b", "x2"], ["c"]), OnnxNodeProto("Pow", ["c", "x3"], ["y0"]),
            ],
            [.real([2, 3, 4]), .fixed([Double(p)], []), .wholes([2]), .fixed([1 / Double(p)], [])], outputs: ["y0"])
        try all.agrees(with: sums)
    }

    @Test func wholeImages() throws {
        for shape in [[2, 3, 5], [2, 3, 4, 5], [2, 1, 2, 3, 2]] {
            RuleCheck("GlobalAveragePool", [.real(shape)], isBatched: true, reference: .linear).verify()
            for isBatched in [true, false] {
                try RuleCheck("GlobalMaxPool", [.real(shape)], opset: 9, isBatched: isBatched).agrees(
                    with: RuleCheck(
                        "MaxPool", [.real(shape)], [.ints("kernel_shape", Array(shape.dropFirst(2)))],
                        isBatched: isBatched))
            }
        }
    }

    /// Of equal values the first gets all of the gradient, whichever way the windows lie.
    @Test func equalValues() throws {
        let runtime = try OnnxFixtures.runtime.get()
        for settings in [
            [OnnxAttributeProto.ints("kernel_shape", [2, 2]), .ints("strides", [2, 2])],
            [.ints("kernel_shape", [2, 2]), .ints("strides", [2, 2]), .ints("pads", [0, 0, 1, 1])],
        ] {
            let check = RuleCheck(
                "MaxPool", [.numbers([1, 1, 1, 1, 0, 2, 3, 2, 2, 2, 2, 3, -1, -1, -1, -1], [1, 1, 4, 4])], settings)
            let values = check.drawn(seed: 0)
            let count = try RuleGraph(check, values, element: 1).run(runtime, values)[0].numbers.count
            let weights = [(0..<count).map { Double($0 + 1) }]
            let found = try RuleGraph(check, values, element: 1, weights: weights).gradients(runtime, values)[1].values
            let columns = count == 4 ? 2 : 3
            var expected = [Double](repeating: 0, count: 16)
            // Rows of blocks: (1 1 / 0 2), (1 1 / 3 2), (2 2 / -1 -1), (2 3 / -1 -1).
            (expected[5], expected[6]) = (1, 2)
            (expected[8], expected[11]) = (Double(columns + 1), Double(columns + 2))
            #expect(found == expected)
        }
    }
}

extension RuleCheck {
    /// Whether another way to write the same function has the same answers and gradients.
    func agrees(
        with other: RuleCheck, seeds: Range<UInt64> = 0..<2, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let runtime = try OnnxFixtures.runtime.get()
        for seed in seeds {
            let (values, others) = (drawn(seed: seed), other.drawn(seed: seed))
            let shapes = try RuleGraph(self, values, element: 1).run(runtime, values).map(\.shape)
            var generator = SeededGenerator(seed: seed, stream: 1)
            let weights = shapes.map { shape in
                (0..<(isBatched ? Array(shape.dropFirst()) : shape).reduce(1, *)).map { _ in
                    Double(generator.uniform() * 2 - 1)
                }
            }
            let found = try RuleGraph(self, values, element: 1, weights: weights).gradients(runtime, values)
            let expected = try RuleGraph(other, others, element: 1, weights: weights).gradients(runtime, others)
            for (one, two) in zip(found, expected) {
                let difference = Difference(one.name, one.values, two.values)
                if !(difference.error <= tolerance) {
                    Issue.record("\(label), seed \(seed): \(difference)", sourceLocation: location)
                }
            }
        }
    }
}
