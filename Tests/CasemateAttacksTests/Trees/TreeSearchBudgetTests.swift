import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import Testing

/// Budgets, questions of yes or no, threads, and changes to a model that must not change an answer.
@Suite struct TreeSearchBudgetTests {
    private struct Forest {
        let ensemble: TreeEnsemble
        let rows: [[Float]]
    }

    /// Boosted-looking trees over more cells than can be scanned.
    private func forest(
        seed: UInt64, trees: Int = 30, depth: Int = 4, features: Int = 6, position: Int = 0, rows: Int = 6
    ) throws -> Forest {
        var random = RandomTrees(seed: seed, features: features, modes: [.less], perFeature: 12)
        random.thresholds = random.thresholds.map { $0.map { $0 + random.generator.uniform() / 16 } }
        let form = TreeCase.all[position]
        let ensemble = try random.ensemble(
            trees: trees, depth: depth, form: form.form, outputsOfTree: form.outputsOfTree)
        return Forest(ensemble: ensemble, rows: (0..<rows).map { _ in random.row() })
    }

    @Test func boundsHoldWheneverTheSearchIsCutShort() throws {
        var cut = 0
        for seed in 0..<12 as Range<UInt64> {
            let forest = try forest(seed: seed, trees: 60, depth: 5, position: seed % 3 == 0 ? 8 : 0, rows: 2)
            let robustness = try TreeRobustness(forest.ensemble, decision: .label)
            for (row, norm) in zip(forest.rows, [FeatureSpace.Norm.linf, .l2]) {
                let exact = try robustness.smallestChange(
                    of: row, TreeSearchSettings(norm: norm, mostNodes: 20_000))
                var last = 0.0
                for nodes in [0, 1, 2, 5, 20, 100] {
                    let part = try robustness.smallestChange(
                        of: row, TreeSearchSettings(norm: norm, mostNodes: nodes))
                    #expect(part.lower <= exact.upper && part.upper >= exact.lower, "seed \(seed), \(nodes) nodes")
                    #expect(part.lower >= last && part.nodes <= nodes, "seed \(seed), \(nodes) nodes")
                    #expect(part.upper < .infinity || exact.upper == .infinity, "seed \(seed), \(nodes) nodes")
                    if let witness = part.witness {
                        #expect(try robustness.label(of: witness) != part.predicted, "seed \(seed), \(nodes) nodes")
                    }
                    last = part.lower
                    if !part.isExact { cut += 1 }
                }
            }
        }
        #expect(cut > 20, "too few searches were cut short for this test to say anything")
    }

    @Test func aPassedDeadlineStillGivesBounds() throws {
        let forest = try forest(seed: 77, trees: 60, depth: 5)
        let robustness = try TreeRobustness(forest.ensemble, decision: .label)
        let context = RunContext(deadline: ContinuousClock.now - .seconds(1))
        let rows = Array(forest.rows.joined())
        for certificate in try robustness.smallestChanges(of: rows, count: forest.rows.count, context: context) {
            #expect(certificate.lower <= certificate.upper && certificate.upper < .infinity && certificate.nodes == 0)
        }
        let cancelled = RunContext()
        cancelled.cancellation.cancel(.interrupted)
        #expect(throws: Cancelled.self) { try robustness.smallestChange(of: forest.rows[0], context: cancelled) }
    }

    @Test func decidesWhetherAChangeWithinEpsilonExists() throws {
        for seed in 100..<130 as Range<UInt64> {
            let forest = try forest(seed: seed, position: seed % 2 == 0 ? 6 : 0, rows: 1)
            let robustness = try TreeRobustness(forest.ensemble, decision: .label)
            for norm in [FeatureSpace.Norm.linf, .l2] {
                let exact = try robustness.smallestChange(of: forest.rows[0], TreeSearchSettings(norm: norm))
                guard exact.isExact, exact.upper < .infinity else { continue }
                for factor in [0.5, 0.999, 1, 1.001, 2] {
                    let epsilon = exact.upper * factor
                    let answer = try robustness.smallestChange(
                        of: forest.rows[0], TreeSearchSettings(norm: norm, epsilon: epsilon))
                    #expect(answer.lower <= exact.upper && answer.upper >= exact.upper, "seed \(seed) \(factor)")
                    // Squares of L2 may be off by a digit exactly at the distance.
                    if norm == .l2, factor == 1 { continue }
                    #expect(
                        exact.upper <= epsilon ? answer.upper <= epsilon : answer.lower > epsilon,
                        "seed \(seed) \(norm) \(factor): \(answer)")
                    #expect(answer.nodes <= exact.nodes + 64, "seed \(seed) \(factor)")
                }
            }
        }
    }

    @Test func threadsDoNotChangeResults() throws {
        let forest = try forest(seed: 9, position: 8, rows: 12)
        let robustness = try TreeRobustness(forest.ensemble, decision: .label)
        let rows = Array(forest.rows.joined())
        let single = try forest.rows.map { try robustness.smallestChange(of: $0) }
        for threads in [1, 3, 8] {
            let all = try robustness.smallestChanges(
                of: rows, count: forest.rows.count, context: RunContext(threads: threads))
            #expect(all == single, "\(threads) threads")
        }
        #expect(try robustness.smallestChanges(of: [], count: 0).isEmpty)
    }

    // MARK: Changes that change nothing

    private func answers(_ forest: Forest, _ change: (TreeEnsemble) throws -> TreeEnsemble) throws -> [Double] {
        let ensemble = try change(forest.ensemble)
        let robustness = try TreeRobustness(ensemble, decision: .label)
        return try forest.rows.map { row in
            try robustness.smallestChange(of: row + row.map { $0 }, TreeSearchSettings()).upper
        }
    }

    private func rebuilt(
        _ ensemble: TreeEnsemble, trees: [Int], node: (TreeEnsemble.Node) -> TreeEnsemble.Node = { $0 },
        weight: (Double) -> Double = { $0 }
    ) throws -> TreeEnsemble {
        var nodes: [TreeEnsemble.Node] = []
        var (roots, weights): ([Int32], [[TreeEnsemble.Weight]]) = ([], [])
        for tree in trees {
            let range = ensemble.range(ofTree: tree)
            let shift = Int32(nodes.count - range.lowerBound)
            roots.append(Int32(nodes.count))
            for index in range {
                var next = node(ensemble.nodes[index])
                if next.mode != .leaf {
                    (next.whenTrue, next.whenFalse) = (next.whenTrue + shift, next.whenFalse + shift)
                }
                nodes.append(next)
                weights.append(
                    ensemble.weights(ofNode: index).map { .init(output: $0.output, value: weight($0.value)) })
            }
        }
        return try TreeEnsemble(nodes: nodes, roots: roots, weights: weights, form: ensemble.form, at: "rebuilt")
    }

    @Test func permutingAndScalingChangesNothing() throws {
        for seed in 200..<206 as Range<UInt64> {
            var forest = try forest(seed: seed, position: seed % 2 == 0 ? 4 : 8, rows: 3)
            if seed % 2 == 0 {
                // A threshold's decision, so that half the trees twice is the same label: 64-bit sums.
                var form = forest.ensemble.form
                form.transform = .none
                forest = Forest(
                    ensemble: try rebuilt(forest.ensemble, trees: Array(0..<forest.ensemble.trees)), rows: forest.rows)
            }
            let plain = try answers(forest) { $0 }
            let count = forest.ensemble.trees
            let reversed = try answers(forest) { try rebuilt($0, trees: Array((0..<count).reversed())) }
            #expect(plain == reversed, "seed \(seed)")
            let moved = try answers(forest) { ensemble in
                try rebuilt(
                    ensemble, trees: Array(0..<count),
                    node: { node in
                        var node = node
                        if node.mode != .leaf { node.column += 6 }
                        return node
                    })
            }
            #expect(plain == moved, "seed \(seed)")
            let halves = try answers(forest) { ensemble in
                try rebuilt(ensemble, trees: Array(0..<count) + Array(0..<count), weight: { $0 / 2 })
            }
            #expect(plain == halves, "seed \(seed)")
            let doubled = Forest(ensemble: forest.ensemble, rows: forest.rows.map { $0.map { $0 * 2 } })
            let far = try answers(doubled) { ensemble in
                try rebuilt(
                    ensemble, trees: Array(0..<count),
                    node: { node in
                        var node = node
                        node.threshold *= 2
                        return node
                    })
            }
            #expect(zip(plain, far).allSatisfy { $1 == 2 * $0 }, "seed \(seed)")
        }
    }

    // MARK: What is refused

    @Test func refusesWhatItCannotAnswer() throws {
        let forest = try forest(seed: 3)
        let robustness = try TreeRobustness(forest.ensemble, decision: .label)
        #expect(throws: CasemateError.self) { try robustness.smallestChange(of: [0, 0]) }
        #expect(throws: CasemateError.self) {
            try robustness.smallestChange(of: forest.rows[0], TreeSearchSettings(norm: .l0))
        }
        func code(_ columns: [TreeColumn]?, _ decision: TreeDecision, _ form: TreeEnsemble.Form?) -> CasemateError.Code?
        {
            do throws(CasemateError) {
                let old = forest.ensemble
                let weights = old.nodes.indices.map { Array(old.weights(ofNode: $0)) }
                let ensemble = try TreeEnsemble(
                    nodes: old.nodes, roots: old.roots, weights: weights, form: form ?? old.form, at: "x")
                _ = try TreeRobustness(ensemble, decision: decision, columns: columns)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code([TreeColumn](repeating: .unknown, count: 6), .label, nil) == .unsupported)
        #expect(code([TreeColumn](repeating: .level(feature: 0, level: 0), count: 6), .label, nil) == .unsupported)
        #expect(code([.number(feature: 0, offset: 0, scale: 1)], .label, nil) == .mismatch)
        #expect(code(nil, .score(output: 0, atLeast: 0.5), nil) == .invalidSetting)
        #expect(code(nil, .score(output: 1, atLeast: .nan), nil) == .invalidSetting)
        var form = TreeEnsemble.Form(outputs: 1)
        #expect(code(nil, .label, form) == .invalidSetting)
        form.aggregate = .maximum
        #expect(code(nil, .score(output: 0, atLeast: 0), form) == .unsupported)
        form.aggregate = .sum
        form.transform = .probit
        #expect(code(nil, .score(output: 0, atLeast: 0), form) == .unsupported)
    }
}
