import CasemateAttacks
import CasemateCore
import Testing

@Suite struct DeployedTypeTests {
    let types: [DeployedType] = [.float32, .float16, .bfloat16, .integer(low: 0, high: 255)]

    @Test func knownValues() {
        #expect(DeployedType.float16.round(0.1) == 0.0999755859375)
        #expect(DeployedType.float16.round(0x1p-25) == 0 && DeployedType.float16.round(0x1.8p-25) == 0x1p-24)
        #expect(DeployedType.float16.round(65_519) == 65_504 && DeployedType.float16.round(65_520) == .infinity)
        #expect(DeployedType.float16.round(1 + 0x1p-11) == 1 && DeployedType.float16.round(1 + 0x3p-11) == 1 + 0x1p-9)
        #expect(DeployedType.float16.round(0) == 0 && DeployedType.float16.round(-2048.5) == -2048)
        #expect(DeployedType.bfloat16.round(0.1) == 0.10009765625)
        #expect(DeployedType.integer(low: 0, high: 255).round(254.6) == 255)
        #expect(DeployedType.integer(low: 0, high: 255).round(-3) == 0)
    }

    /// Rounded towards an original of the type, a value is of the type and not further from it.
    @Test func roundingTowardsTheOriginalStaysInside() {
        for (index, type) in types.enumerated() {
            var generator = SeededGenerator(seed: UInt64(index))
            for step in 0..<5_000 {
                let scale: Float = index == 3 ? 255 : [1, 1e-3, 100, 1e-6][step % 4]
                let original = type.round(scale * (generator.uniform() - (index == 3 ? 0 : 0.5)))
                let reach = scale * [1, 0.03, 0.001][step % 3]
                let value = max(index == 3 ? 0 : -.infinity, original + reach * (generator.uniform() - 0.5))
                let rounded = type.round(value, toward: original)
                #expect(type.round(rounded) == rounded)
                #expect(abs(rounded - original) <= abs(value - original))
                // why: no value of the type lies between, or the rounding would have gone there.
                let nearest = type.round(value)
                if abs(nearest - original) <= abs(value - original) { #expect(rounded == nearest) }
            }
        }
    }

    /// What an integer model is reported to be fooled by is whole numbers inside the ball.
    @Test func reportsWhatTheDeployedModelCanBeGiven() throws {
        struct Whole: Judge {
            let inner: OracleJudge
            var deployed: DeployedType { .integer(low: 0, high: 255) }
            func labels(of rows: [Float], count: Int, cancellation: Cancellation) throws -> [Int32] {
                #expect(rows.allSatisfy { $0 == $0.rounded() })
                return try inner.labels(of: rows, count: count, cancellation: cancellation)
            }
        }
        let network = SmallNetwork(size: 6, hidden: 5, classes: 3, seed: 2)
        var generator = SeededGenerator(seed: 1)
        let rows = (0..<40 * 6).map { _ in Float(generator.next() % 256) }
        let labels = try OracleJudge(network).labels(of: rows, count: 40, cancellation: Cancellation())
        for norm in [PerturbationSet.Norm.linf, .l2, .l1] {
            let problem = try RobustnessProblem(
                rows: rows, shape: [6], labels: labels,
                set: try PerturbationSet(norm: norm, epsilon: norm == .linf ? 20.5 : 50, low: 0, high: 255))
            let result = try RobustnessRun(attack: AutoPGDLogitsRatio(steps: 20)).run(
                problem, oracle: network, judge: Whole(inner: OracleJudge(network)))
            #expect(result.count(.broken) >= 5)
            for (index, sample) in result.samples.enumerated() {
                guard let row = sample.adversarial else { continue }
                #expect(row.allSatisfy { $0 == $0.rounded() && (0...255).contains($0) })
                let original = Array(rows[index * 6..<index * 6 + 6])
                #expect(PerturbationSet.distance(norm, row, original) <= problem.set.epsilon ?? 0)
            }
        }
    }
}
