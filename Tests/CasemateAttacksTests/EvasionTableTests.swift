import CasemateAttacks
import CasemateCore
import CasemateData
import Testing

/// Small tables on which the optimum can be found by trying everything.
@Suite struct EvasionTableTests {
    /// Every row over `levels^features`, in order.
    private func allRows(_ features: Int, _ levels: Int) -> [[Float]] {
        (0..<features).reduce([[]]) { rows, _ in rows.flatMap { row in (0..<levels).map { row + [Float($0)] } } }
    }

    /// Models that no gradient helps with: parity of the levels, and random tables in which the goal is rare.
    @Test(arguments: [false, true])
    func findsTheFewestChangesOfCategories(isRandom: Bool) throws {
        let all = allRows(5, 3)
        let features = (0..<5).map { Feature("c\($0)", .categorical(levels: ["a", "b", "c"])) }
        let space = FeatureSpace.unconstrained(features: features)
        var (optimal, total) = (0, 0)
        for seed in 0..<5 as Range<UInt64> {
            let oracle = FunctionOracle(5) { row, _ in
                let code = row.reduce(0) { $0 * 3 + Int($1) }
                if !isRandom { return Int32(row.reduce(0, +)) % 2 }
                var generator = SeededGenerator(seed: seed, stream: UInt64(code))
                return generator.uniform() < 0.04 ? 1 : 0
            }
            let labels = try oracle.decide(all.flatMap { $0 }, count: all.count)
            let chosen = all.indices.filter { $0 % 7 == Int(seed) && labels[$0] == 0 }
            let problem = try EvasionProblem(
                originals: FeatureMatrix(features: features, values: chosen.flatMap { all[$0] }), space: space,
                labels: chosen.map { labels[$0] })
            let result = try EvasionRun(attack: HopSkipJump(iterations: 5)).run(
                problem, oracle: oracle, context: RunContext(seed: seed))
            for (index, sample) in zip(chosen, result.samples) {
                let best = all.indices.filter { labels[$0] != labels[index] }
                    .map { other in zip(all[index], all[other]).count { $0 != $1 } }.min()
                guard let best else { continue }
                total += 1
                #expect(sample.distance >= Double(best).squareRoot() - 1e-9)
                if abs(sample.distance - Double(best).squareRoot()) < 1e-9 { optimal += 1 }
            }
        }
        #expect(total > 80)
        #expect(Double(optimal) >= 0.95 * Double(total), "\(optimal) of \(total)")
    }

    /// One feature decides; the other nine must come back to where they were.
    @Test(arguments: [FeatureSpace.Norm.l2, .linf])
    func polishRestoresWhatDoesNotMatter(norm: FeatureSpace.Norm) throws {
        let rows = normalMatrix(20, 10, seed: 6)
        let oracle = FunctionOracle(10) { row, _ in row[row.startIndex + 3] > 0.25 ? 1 : 0 }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -5, high: 5),
            labels: try oracle.decide(rows.values, count: 20))
        let plain = try EvasionRun(attack: HopSkipJump(iterations: 5), norm: norm, polish: nil).run(
            problem, oracle: oracle)
        let polished = try EvasionRun(attack: HopSkipJump(iterations: 5), norm: norm).run(problem, oracle: oracle)
        #expect(polished.samples.allSatisfy { $0.changed == 1 })
        for (index, (one, other)) in zip(plain.samples, polished.samples).enumerated() {
            #expect(other.distance <= one.distance)
            let exact = abs(Double(rows[row: index][index * 10 + 3]) - 0.25)
            #expect(other.distance >= exact * (1 - 1e-5) && other.distance <= exact * 1.05 + 1e-4)
        }
    }

    /// Whole numbers and one-way features: the optimum of a small grid, by trying everything.
    @Test func findsTheOptimumOfASmallGrid() throws {
        let features = [Feature("a"), Feature("b")]
        let space = FeatureSpace(
            features: features,
            rules: [
                .init(domain: .integer, low: 0, high: 12, scale: 12),
                .init(domain: .integer, low: 0, high: 12, direction: .increase, scale: 12),
            ])
        let oracle = FunctionOracle(2) { row, _ in 2 * row[row.startIndex] + row[row.startIndex + 1] > 17 ? 1 : 0 }
        let grid = allRows(2, 13)
        let labels = try oracle.decide(grid.flatMap { $0 }, count: grid.count)
        let problem = try EvasionProblem(
            originals: FeatureMatrix(features: features, values: grid.flatMap { $0 }), space: space, labels: labels)
        let result = try EvasionRun(attack: HopSkipJump(iterations: 10)).run(problem, oracle: oracle)
        var ratios: [Double] = []
        for (index, sample) in result.samples.enumerated() {
            let best = grid.indices.filter { labels[$0] != labels[index] && grid[$0][1] >= grid[index][1] }
                .map { space.distance(.l2, from: grid[index], to: grid[$0]) }.min()
            guard let best else {
                #expect(!sample.success)
                continue
            }
            #expect(sample.distance >= best - 1e-9)
            ratios.append(sample.distance / best)
        }
        #expect(median(ratios) == 1)
        #expect(
            ratios.count { $0 < 1.001 } >= ratios.count * 8 / 10, "\(ratios.count { $0 < 1.001 }) of \(ratios.count)")
    }
}
