import CasemateAttacks
import CasemateCore
import CasemateData
import Testing

/// Attacks against optima that are known: in closed form, or by trying everything.
@Suite struct EvasionOptimumTests {
    /// No attack ends below the exact distance to a hyperplane; `median` is how far above it may end in the middle.
    static let bounds: [(name: String, norm: FeatureSpace.Norm, median: Double)] = [
        ("boundary", .l2, 1.01), ("square", .linf, 1.03), ("square", .l2, 1.25), ("square", .l1, 1.2),
        ("simba", .l2, 1.4), ("simba", .l1, 3), ("nes", .l2, 1.03), ("nes", .linf, 1.05), ("nes", .l1, 1.05),
        ("zoo", .l2, 1.01), ("zoo", .linf, 1.01), ("zoo", .l1, 1.01), ("greedy", .l1, 1.01), ("greedy", .l0, 1),
        ("beam", .l1, 1.01), ("beam", .l0, 1), ("transfer", .l2, 1.05), ("transfer", .linf, 1.05),
        ("constrained_pgd", .l2, 1.01), ("constrained_pgd", .linf, 1.01), ("constrained_pgd", .l1, 1.01),
    ]
    @Test(arguments: bounds.indices)
    func reachesTheExactDistanceOfALinearModel(index: Int) throws {
        let (name, norm, limit) = Self.bounds[index]
        let type = try #require(evasionAttacks.first { $0.identifier == name })
        let rows = normalMatrix(12, 6, seed: 3)
        let weights = normalMatrix(1, 6, seed: 98).values
        let oracle = ScoredOracle(weights: weights, bias: 0.3)
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -20, high: 20),
            labels: (0..<rows.count).map { oracle.label(rows[row: $0]) })
        let result = try EvasionRun(attack: type.init(), norm: norm, polish: nil, access: type.richestAccess).run(
            problem, oracle: oracle, gradients: oracle)
        let sizes = weights.map { abs(Double($0)) }
        let dual =
            switch norm {
            case .l0, .l1: sizes.max() ?? 0
            case .l2: sizes.reduce(0) { $0 + $1 * $1 }.squareRoot()
            case .linf: sizes.reduce(0, +)
            }
        #expect(result.count(.found) == rows.count)
        let ratios = result.samples.enumerated().map { index, sample in
            let score = zip(weights, rows[row: index]).reduce(0.3) { $0 + Double($1.0) * Double($1.1) }
            return norm == .l0 ? sample.distance : sample.distance / (abs(score) / dual)
        }
        #expect(ratios.allSatisfy { $0 > 1 - 1e-5 }, "below the exact distance: \(ratios)")
        #expect(median(ratios) <= limit, "median ratio \(median(ratios))")
    }

    /// Off images, on a model that is not linear, with the settings that ship.
    @Test(arguments: ["zoo", "nes", "square", "simba", "greedy"])
    func flipsNearlyAllPointsOfASmoothModel(name: String) throws {
        let type = try #require(evasionAttacks.first { $0.identifier == name })
        let rows = normalMatrix(40, 8, seed: 21)
        let oracle = ScoredOracle(8) { row in
            var sum: Float = -4
            for (index, value) in row.enumerated() { sum += value * value + 0.5 * Float(index % 3) * value }
            return sum
        }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -4, high: 4),
            labels: (0..<rows.count).map { oracle.label(rows[row: $0]) })
        let result = try EvasionRun(attack: type.init(), polish: nil, access: .scores).run(problem, oracle: oracle)
        #expect(result.count(.found) >= 36, "\(result.count(.found)) of 40")
    }

    /// Every row over three levels of five categories, by number of changes and by cost.
    private static let all: [[Float]] = (0..<5).reduce([[]]) { rows, _ in
        rows.flatMap { row in (0..<3).map { row + [Float($0)] } }
    }
    private func small(_ seed: UInt64) -> (space: FeatureSpace, oracle: ScoredOracle) {
        let features = (0..<5).map { Feature("n\($0)") }
        var generator = SeededGenerator(seed: seed)
        let effects = (0..<15).map { _ in generator.uniform() - 0.5 }
        let pairs = (0..<9).map { _ in 0.6 * (generator.uniform() - 0.5) }
        let rules = features.map { _ in FeatureSpace.Rule(domain: .integer, low: 0, high: 2, scale: 2) }
        let oracle = ScoredOracle(5) { row in
            var score: Float = -0.35 + pairs[Int(row[row.startIndex]) * 3 + Int(row[row.startIndex + 1])]
            for (index, value) in row.enumerated() { score += effects[index * 3 + Int(value)] }
            return score
        }
        return (FeatureSpace(features: features, rules: rules), oracle)
    }

    /// A beam that leaves nothing out finds the optimum by distance and by cost; no attack ends below it.
    @Test(arguments: SmallAttacks.names, [EvasionRun.Objective.distance, .cost])
    func noneIsBelowTheOptimumAndABroadBeamIsAtIt(name: String, objective: EvasionRun.Objective) throws {
        var (optimal, total) = (0, 0)
        for seed in 0..<4 as Range<UInt64> {
            let (space, oracle) = small(seed)
            let labels = Self.all.map { oracle.label($0) }
            let chosen = Self.all.indices.filter { $0 % 11 == 0 && labels[$0] == 0 }
            let problem = try EvasionProblem(
                originals: FeatureMatrix(features: space.features, values: chosen.flatMap { Self.all[$0] }),
                space: space, labels: chosen.map { labels[$0] })
            let type = try #require(evasionAttacks.first { $0.identifier == name })
            let norm = type.norms.contains(.l1) ? FeatureSpace.Norm.l1 : type.norms[0]
            let attack = name == "beam" ? BeamSearch(width: 10_000) : try SmallAttacks.named(name)
            guard type.access < .gradients else { return }
            let run = EvasionRun(attack: attack, norm: norm, access: type.richestAccess, objective: objective)
            let result = try run.run(problem, oracle: oracle)
            for (index, sample) in zip(chosen, result.samples) {
                let best = Self.all.indices.filter { labels[$0] == 1 }.map { other in
                    objective == .cost
                        ? space.distance(.l1, from: Self.all[index], to: Self.all[other])
                        : space.distance(norm, from: Self.all[index], to: Self.all[other])
                }.min()
                guard let best else {
                    #expect(!sample.success)
                    continue
                }
                let size = objective == .cost ? sample.cost : sample.distance
                #expect(size >= best - 1e-6, "row \(index): \(size) below \(best)")
                total += 1
                if size <= best + 1e-6 { optimal += 1 }
            }
        }
        if name == "beam" { #expect(optimal == total && total > 20, "\(optimal) of \(total)") }
        if name == "greedy" { #expect(optimal * 10 >= total * 8, "\(optimal) of \(total)") }
    }

    /// Where one feature decides, the cheapest single move is the optimum, with scores and with labels alone.
    @Test(arguments: [EvasionAccess.labels, .scores])
    func greedyMakesTheCheapestSingleMove(access: EvasionAccess) throws {
        let features = (0..<4).map { Feature("n\($0)") }
        let space = FeatureSpace(
            features: features,
            rules: [2, 5, 10, 4].map { FeatureSpace.Rule(domain: .integer, low: 0, high: 10, scale: $0) })
        let oracle = ScoredOracle(4) { row in row.reduce(-17.5) { $0 + $1 } }
        let rows = FeatureMatrix(features: features, values: [4, 4, 4, 4, 1, 6, 3, 6, 3, 3, 5, 6])
        let problem = try EvasionProblem(originals: rows, space: space, labels: [0, 0, 0])
        let result = try EvasionRun(attack: GreedySearch(), norm: .l1, access: access, objective: .cost).run(
            problem, oracle: oracle)
        // why: every unit adds as much to the score, and a unit of the third feature costs least, a tenth.
        #expect(result.samples.map(\.cost).map { ($0 * 10).rounded() } == [2, 2, 1])
        #expect(result.samples.allSatisfy { $0.changed == 1 })
        #expect(result.access == access)
    }
}
