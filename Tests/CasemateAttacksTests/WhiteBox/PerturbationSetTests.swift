import CasemateAttacks
import CasemateCore
import Testing

@Suite struct PerturbationSetTests {
    typealias Norm = PerturbationSet.Norm

    /// A point and an original in a box, of sizes from a spacing of floats to far outside.
    struct Draw {
        var original: [Float], point: [Float], set: PerturbationSet
        init(_ norm: Norm, seed: UInt64, count: Int = 9) throws {
            var generator = SeededGenerator(seed: seed)
            let widths: [Float] = [1, 255, 1e-3, 1e4]
            let low: Float = [0, -1, 0, -3][Int(seed % 4)]
            let high = low + widths[Int(seed / 4 % 4)]
            let sizes: [Double] = [8.0 / 255, 0.3, 1e-7, 1.7, 0.5, 0.01]
            let relative = sizes[Int(seed / 16 % 6)] * Double(high - low)
            let epsilon = norm == .l0 ? Double(seed % 6) : norm == .linf ? min(relative, Double(high - low)) : relative
            set = try PerturbationSet(norm: norm, epsilon: epsilon, low: low, high: high)
            let corner = seed % 3 == 0
            let box = low...high
            original = (0..<count).map { _ in
                let value = low + (high - low) * generator.uniform()
                let snapped = corner && generator.uniform() < 0.5 ? (generator.uniform() < 0.5 ? low : high) : value
                return min(max(snapped, box.lowerBound), box.upperBound)
            }
            let reach = Float(epsilon) * [0.1, 1, 5, 1000][Int(seed / 7 % 4)]
            point = original.map { $0 + reach * (2 * generator.uniform() - 1) }
        }
        func projected(_ start: [Float]) -> [Float] {
            var result = start
            set.project(&result, around: original, size: original.count)
            return result
        }
        func contains(_ row: [Float]) -> Bool {
            row.withUnsafeBufferPointer { row in
                original.withUnsafeBufferPointer { original in
                    guard let a = row.baseAddress, let b = original.baseAddress else { return true }
                    return set.contains(a, around: b, count: row.count)
                }
            }
        }
    }

    @Test(arguments: Norm.allCases)
    func projectionStaysInsideWithoutSlackAndIsIdempotent(norm: Norm) throws {
        for seed in 0..<2_000 as Range<UInt64> {
            let draw = try Draw(norm, seed: seed)
            let once = draw.projected(draw.point)
            let differences = zip(once, draw.original).map { abs(Double($0) - Double($1)) }
            let size =
                switch norm {
                case .l0: Double(differences.count { $0 != 0 })
                case .l1: differences.reduce(0, +)
                case .l2: differences.reduce(0) { $0 + $1 * $1 }.squareRoot()
                case .linf: differences.max() ?? 0
                }
            #expect(size <= draw.set.epsilon ?? 0, "seed \(seed)")
            #expect(once.allSatisfy { $0 >= draw.set.low && $0 <= draw.set.high }, "seed \(seed)")
            #expect(draw.contains(once), "seed \(seed)")
            #expect(draw.projected(once) == once, "seed \(seed)")
            #expect(draw.projected(draw.original) == draw.original, "seed \(seed)")
        }
    }

    /// No point of the set, tried at random and by small moves from the projection, is nearer.
    @Test(arguments: Norm.allCases)
    func projectionIsTheNearestPoint(norm: Norm) throws {
        for seed in 0..<400 as Range<UInt64> {
            let draw = try Draw(norm, seed: seed, count: 4)
            let width = Double(draw.set.high - draw.set.low)
            let spacing = 8 * Double(max(abs(draw.set.low), abs(draw.set.high)).ulp)
            // why: where the ball is a few spacings of floats wide, nearest has no meaning beyond them.
            guard norm == .l0 || draw.set.epsilon ?? 0 > 1e-4 * width else { continue }
            let nearest = PerturbationSet.distance(.l2, draw.projected(draw.point), draw.point)
            var generator = SeededGenerator(seed: seed, stream: 1)
            for attempt in 0..<200 {
                let spread = Float(draw.set.epsilon ?? 0) * [1, 0.1, 0.01][attempt % 3]
                let base = attempt % 2 == 0 ? draw.projected(draw.point) : draw.original
                var other = base.map { $0 + spread * (2 * generator.uniform() - 1) }
                if norm == .l0 {
                    for index in other.indices where generator.uniform() < 0.6 { other[index] = draw.original[index] }
                    other = other.map { min(max($0, draw.set.low), draw.set.high) }
                }
                if !draw.contains(other) { other = shrunk(other, into: draw) }
                let distance = PerturbationSet.distance(.l2, other, draw.point)
                #expect(distance >= nearest * (1 - 1e-5) - spacing, "seed \(seed)")
            }
        }
    }

    /// A point of the set, found without the projection under test.
    private func shrunk(_ row: [Float], into draw: Draw) -> [Float] {
        let clipped = row.map { min(max($0, draw.set.low), draw.set.high) }
        if draw.set.norm == .l0 { return draw.original }
        var share: Float = 1
        while share > 1e-6 {
            let moved = zip(clipped, draw.original).map { $1 + share * ($0 - $1) }
            if draw.contains(moved) { return moved }
            share *= 0.97
        }
        return draw.original
    }

    @Test func oddValuesBecomeLawful() throws {
        for norm in Norm.allCases {
            for epsilon in [nil, 0.25, 1] as [Double?] {
                let set = try PerturbationSet(norm: norm, epsilon: epsilon, low: 0, high: 1)
                let original: [Float] = [0, 0.5, 1, 0.25]
                var row: [Float] = [.nan, .infinity, -.infinity, 0.25]
                set.project(&row, around: original, size: 4)
                #expect(row.allSatisfy { $0 >= 0 && $0 <= 1 })
                #expect(PerturbationSet.distance(norm, row, original) <= epsilon ?? .infinity)
                #expect(row[0] == 0)
            }
        }
        let open = try PerturbationSet(norm: .l2, epsilon: 1)
        var row: [Float] = [.infinity, .nan]
        open.project(&row, around: [0, 0], size: 2)
        #expect(PerturbationSet.distance(.l2, row, [0, 0]) <= 1 && row[0] > 0.99)
    }

    @Test func projectionReachesTheSurface() throws {
        for norm in [Norm.l1, .l2, .linf] {
            let set = try PerturbationSet(norm: norm, epsilon: 0.5, low: -10, high: 10)
            var row = (0..<100).map { Float($0 % 7) - 3.5 }
            set.project(&row, around: [Float](repeating: 0, count: 100), size: 100)
            let reached = PerturbationSet.distance(norm, row, [Float](repeating: 0, count: 100))
            #expect(reached > 0.5 * (1 - 1e-5) && reached <= 0.5)
        }
    }

    @Test func refusesWhatMakesNoSense() throws {
        #expect(throws: CasemateError.self) { try PerturbationSet(norm: .l2, epsilon: -1) }
        #expect(throws: CasemateError.self) { try PerturbationSet(norm: .l2, epsilon: .nan) }
        #expect(throws: CasemateError.self) { try PerturbationSet(norm: .l2, epsilon: .infinity) }
        #expect(throws: CasemateError.self) { try PerturbationSet(norm: .l2, epsilon: 1, low: 1, high: 0) }
        #expect(throws: CasemateError.self) { try PerturbationSet(norm: .l2, epsilon: 1, low: .nan, high: 0) }
    }
}
