import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Extremes, bounds and monotonicity against scans of all cells.
@Suite struct TreeFactsTests {
    /// Rows that stand for all products of cells inside a box.
    private func rows(_ ensemble: TreeEnsemble, _ box: TreeBox, isWhole: Bool) -> [[Float]] {
        var rows: [[Float]] = [[]]
        for feature in 0..<ensemble.width {
            let range = box.bounds[feature] ?? -3...3
            var values = [range.lowerBound, range.upperBound]
            for node in ensemble.nodes where node.mode != .leaf && Int(node.column) == feature {
                values += [node.threshold.nextDown, node.threshold, node.threshold.nextUp]
            }
            if isWhole { values = (-3...3).map { Float($0) } }
            values = box.missing.contains(feature) ? [.nan] : Set(values).filter(range.contains).sorted()
            rows = rows.flatMap { start in values.map { start + [$0] } }
        }
        return rows
    }

    private func margin(_ ensemble: TreeEnsemble, _ row: [Float], _ output: Int) throws -> Double {
        let base = ensemble.form.convention == .boosting ? 0 : ensemble.form.base.dropFirst(output).first ?? 0
        return ensemble.sums(try ensemble.leaves(row, width: row.count))[output] + base
    }

    private func box(_ trees: inout RandomTrees, _ width: Int) -> TreeBox {
        var box = TreeBox()
        for feature in 0..<width where trees.chance(0.5) {
            let (one, other) = (3 * trees.generator.uniform() - 1.5, 3 * trees.generator.uniform() - 1.5)
            box.bounds[feature] = min(one, other)...max(one, other) + 1
        }
        if trees.chance(0.2) { box.missing = [trees.pick(width)] }
        return box
    }

    private func space(_ count: Int) -> FeatureSpace {
        let features = (0..<count).map { Feature("x\($0)") }
        return FeatureSpace(features: features, rules: features.map { _ in .init(domain: .integer, low: -3, high: 3) })
    }

    @Test func extremesEqualTheScan() throws {
        for seed in 0..<300 as Range<UInt64> {
            var trees = RandomTrees(seed: 50_000 + seed, modes: [.less, .lessOrEqual, .equal])
            let form = TreeCase.all[[0, 7, 9, 4][Int(seed % 4)]]
            let ensemble = try trees.ensemble(
                trees: 2 + Int(seed % 7), depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            let isWhole = seed % 5 == 0
            let space = isWhole ? space(3) : nil
            let box = isWhole ? TreeBox([0: -2...1]) : box(&trees, ensemble.width)
            let extremes = try TreeExtremes(ensemble, columns: isWhole ? Array(columns(3)) : nil, space: space)
            let output = ensemble.form.outputs - 1
            let (least, greatest) = try extremes.range(ofOutput: output, within: box)
            let rows = rows(ensemble, box, isWhole: isWhole)
            let values = try rows.map { try margin(ensemble, $0, output) }
            #expect(agree(greatest.upper, values.max(), tolerance: 1e-6), "seed \(seed)")
            #expect(agree(least.lower, values.min(), tolerance: 1e-6), "seed \(seed)")
            for extreme in [least, greatest] {
                #expect(extreme.isExact && extreme.lower == extreme.upper, "seed \(seed)")
                let witness = try #require(extreme.witness)
                #expect(agree(try margin(ensemble, witness, output), extreme.lower, tolerance: 1e-6), "seed \(seed)")
                for (feature, value) in witness.enumerated() {
                    #expect(box.bounds[feature]?.contains(value) ?? true || value.isNaN, "seed \(seed)")
                    #expect(value.isNaN == box.missing.contains(feature), "seed \(seed)")
                    #expect(extreme.cell[feature]?.contains(value) ?? true, "seed \(seed)")
                }
            }
        }
    }

    private func columns(_ count: Int) -> [TreeColumn] { (0..<count).map { .number(feature: $0, offset: 0, scale: 1) } }

    @Test func largestAcceptedPlaceIsFound() throws {
        for seed in 0..<60 as Range<UInt64> {
            var trees = RandomTrees(seed: 60_000 + seed)
            let form = TreeCase.all[0]
            let ensemble = try trees.ensemble(
                trees: 4, depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            // Only places in which feature 0 is below 0 somewhere are accepted.
            let found = try TreeExtremes(ensemble).largest([1]) { cell, _ in (cell[0]?.lowerBound ?? -1) < 0 }
            let best = try rows(ensemble, TreeBox(), isWhole: false).filter { $0.isEmpty || $0[0] < 0 }
                .map { try margin(ensemble, $0, 0) }.max()
            #expect(agree(found.lower, best, tolerance: 1e-6) && found.isExact, "seed \(seed)")
        }
        let random = try RandomTreesOnce.ensemble()
        let nothing = try TreeExtremes(random).largest([1]) { _, _ in false }
        #expect(nothing.witness == nil && nothing.isExact)
    }

    private enum RandomTreesOnce {
        static func ensemble() throws -> TreeEnsemble {
            var trees = RandomTrees(seed: 1)
            return try trees.ensemble(
                trees: 3, depth: 2, form: TreeCase.all[0].form, outputsOfTree: TreeCase.all[0].outputsOfTree)
        }
    }

    @Test func boundsOfScoresEqualTheScan() throws {
        var verdicts: [TreeVerdict: Int] = [:]
        for seed in 0..<200 as Range<UInt64> {
            var trees = RandomTrees(seed: 70_000 + seed, modes: [.less, .greater])
            let form = TreeCase.all[[0, 1, 9, 11][Int(seed % 4)]]
            let ensemble = try trees.ensemble(
                trees: 2 + Int(seed % 5), depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            let output = form.form.classes.count == 2 ? 1 : ensemble.form.outputs - 1
            let box = box(&trees, ensemble.width)
            let scores = try rows(ensemble, box, isWhole: false).map { row in
                let answer = ensemble.answers(try ensemble.leaves(row, width: row.count))
                return answer.scores[output]
            }
            let (low, high) = (scores.min() ?? 0, scores.max() ?? 0)
            let claims = [low...high, low.nextUp...max(high, low.nextUp), min(low, high.nextDown)...high.nextDown]
            for (index, claim) in claims.enumerated() {
                let fact = try TreeFacts(ensemble).isBounded(output: output, to: claim, within: box)
                let isTrue = claim.lowerBound <= low && claim.upperBound >= high
                #expect(fact.verdict == (isTrue ? .holds : .broken), "seed \(seed) claim \(index)")
                verdicts[fact.verdict, default: 0] += 1
                guard fact.verdict == .broken else { continue }
                let row = try #require(fact.counterexample.first)
                let answer = ensemble.answers(try ensemble.leaves(row, width: row.count))
                #expect(answer.scores[output] == fact.values[0] && !claim.contains(fact.values[0]), "seed \(seed)")
            }
        }
        #expect(verdicts[.holds, default: 0] >= 150 && verdicts[.broken, default: 0] >= 150)
    }

    @Test func monotonicityEqualsTheScan() throws {
        var verdicts: [TreeVerdict: Int] = [:]
        for seed in 0..<300 as Range<UInt64> {
            var trees = RandomTrees(seed: 80_000 + seed, features: 2, modes: [.less, .lessOrEqual])
            let form = TreeCase.all[[0, 7, 10][Int(seed % 3)]]
            let ensemble = try trees.ensemble(
                trees: 1 + Int(seed % 4), depth: 2 + Int(seed % 2), form: form.form, isExact: seed % 2 == 0,
                outputsOfTree: form.outputsOfTree)
            let output = ensemble.form.outputs - 1
            let rows = rows(ensemble, TreeBox(), isWhole: false)
            let facts = try TreeFacts(ensemble)
            for isIncreasing in [true, false] {
                let sign: Double = isIncreasing ? 1 : -1
                for feature in 0..<ensemble.width {
                    var isTrue = true
                    for (index, row) in rows.enumerated() {
                        for other in rows[index...] where other[feature] > row[feature] {
                            guard row.indices.allSatisfy({ $0 == feature || row[$0] == other[$0] }) else { continue }
                            let rise = try margin(ensemble, other, output) - margin(ensemble, row, output)
                            if sign * rise < -1e-5 { isTrue = false }
                        }
                        if !isTrue { break }
                    }
                    let fact = try facts.isMonotone(in: feature, output: output, isIncreasing: isIncreasing)
                    #expect(fact.verdict == (isTrue ? .holds : .broken), "seed \(seed) feature \(feature)")
                    verdicts[fact.verdict, default: 0] += 1
                    guard fact.verdict == .broken else { continue }
                    let (one, two) = (fact.counterexample[0], fact.counterexample[1])
                    let isPair = one.indices.allSatisfy { $0 == feature ? one[$0] < two[$0] : one[$0] == two[$0] }
                    let rise = try margin(ensemble, two, output) - margin(ensemble, one, output)
                    #expect(isPair && sign * rise < 0, "seed \(seed) feature \(feature)")
                }
            }
        }
        #expect(verdicts[.holds, default: 0] >= 100 && verdicts[.broken, default: 0] >= 100)
    }

    @Test func refusesBoxesThatHoldNothing() throws {
        let ensemble = try RandomTreesOnce.ensemble()
        let width = ensemble.width
        let space = space(width)
        let facts = try TreeFacts(ensemble, columns: columns(width), space: space)
        #expect(throws: CasemateError.self) { try facts.isMonotone(in: width) }
        #expect(throws: CasemateError.self) {
            try facts.isBounded(output: 1, to: 0...1, within: TreeBox([0: 0.2...0.8]))
        }
        #expect(throws: CasemateError.self) {
            try TreeExtremes(ensemble).largest([1], within: TreeBox([99: 0...1]))
        }
        #expect(throws: CasemateError.self) { try TreeExtremes(ensemble).largest([1, 2]) }
    }
}
