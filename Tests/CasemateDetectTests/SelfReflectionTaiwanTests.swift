import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Self-reflection on 30,000 credit card holders, where the data are there.
@Suite(.enabled(if: Repository.shared != nil)) struct SelfReflectionTaiwanTests {
    /// Inputs and whether each paid.
    private func data() throws -> (matrix: FeatureMatrix, good: [Bool]) {
        let path = (Repository.shared ?? "") + "/data/tabular/taiwan_credit_default.csv.gz"
        let table = try DataEngine(Repository.engines).open(path, name: "taiwan")
        let target = "default_payment_next_month"
        let features = table.columns.map(\.name).filter { $0 != target }.map { Feature($0) }
        return (try table.matrix(features), try table.numbers(target).map { $0 == 0 })
    }

    /// Probability of paying by boosted trees trained on the labels given.
    private func scores(_ matrix: FeatureMatrix, _ good: [Bool], rounds: Int) throws -> [Double] {
        let booster = try Booster(
            training: LightGBM(Repository.engines), rows: matrix.values, features: matrix.features.count,
            labels: good.map { $0 ? 1 : 0 }, parameters: ["objective": "binary"], rounds: rounds,
            cancellation: Cancellation())
        return try booster.predict(matrix.values, count: matrix.count)
    }

    /// 50 random rows: p > 0.05 in at least 90 of 100 draws, for labels and for scores of the model trained on them.
    @Test func randomRowsAreNotFavoured() throws {
        let (whole, all) = try data()
        // why a part: 100 draws among 8,000 rows show the level as well as among 30,000.
        let part = Array(stride(from: 0, to: whole.count, by: 4))
        let (matrix, good) = (whole.rows(part), part.map { all[$0] })
        let scores = try scores(matrix, good, rounds: 50)
        let labels = good.map { $0 ? 1.0 : 0 }
        var quiet = (scores: 0, labels: 0)
        for draw in 0..<100 as Range<UInt64> {
            var generator = SeededGenerator(seed: draw, stream: 9)
            let group = Array((0..<matrix.count).shuffled(using: &generator).prefix(50))
            let matched = try #require(
                try PeerSearch().match(group, in: matrix, context: RunContext(seed: draw, threads: 2)))
            func p(_ values: [Double]) throws -> Double {
                try PeerComparison(values, matched: matched, permutations: 999, seed: draw).pValue ?? 0
            }
            if try p(scores) > 0.05 { quiet.scores += 1 }
            if try p(labels) > 0.05 { quiet.labels += 1 }
        }
        #expect(quiet.scores >= 90 && quiet.labels >= 90, "\(quiet)")
    }

    /// 50 defaulters whose labels were flipped to good before training: the labels give them away. Boosted trees do not
    /// learn 50 rows of 30,000 by heart, so the score shows them only where it was lifted.
    @Test func plantedInsidersAreFound() throws {
        let (matrix, truth) = try data()
        for seed in 0..<2 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed, stream: 3)
            let bad = truth.indices.filter { !truth[$0] }
            let group = Array(bad.shuffled(using: &generator).prefix(50)).sorted()
            var good = truth
            for row in group { good[row] = true }
            let learnt = try scores(matrix, good, rounds: 100)
            let matched = try #require(
                try PeerSearch().match(group, in: matrix, context: RunContext(seed: seed, threads: 2)))
            let labels = try PeerComparison(good.map { $0 ? 1.0 : 0 }, matched: matched, seed: seed)
            var lifted = learnt
            for row in group { lifted[row] = min(1, lifted[row] + 0.15) }
            let raised = try PeerComparison(lifted, matched: matched, seed: seed)
            #expect(labels.pValue ?? 1 < 0.01 && raised.pValue ?? 1 < 0.01, "seed \(seed)")
        }
    }
}
