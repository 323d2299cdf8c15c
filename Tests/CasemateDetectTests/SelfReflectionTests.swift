import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import Testing

@Suite struct SelfReflectionTests {
    /// Three numbers (one heavy-tailed, one with gaps) and a category; the score is a smooth function of them.
    private func made(_ count: Int, seed: UInt64) -> (matrix: FeatureMatrix, scores: [Double]) {
        var generator = SeededGenerator(seed: seed)
        let sampler = NormalSampler()
        var values: [Float] = []
        var scores: [Double] = []
        for _ in 0..<count {
            let (a, b) = (sampler.next(using: &generator), exp(2 * sampler.next(using: &generator)))
            let c = generator.uniform() < 0.1 ? Float.nan : Float(sampler.next(using: &generator))
            let level = Int.random(in: 0..<3, using: &generator)
            values += [Float(a), Float(b), c, Float(level)]
            scores.append(1 / (1 + exp(-(a + 0.1 * log(b) + (c.isNaN ? 0.5 : 0.3 * Double(c)) + Double(level)))))
        }
        let features = [
            Feature("a"), Feature("b"), Feature("c"), Feature("d", .categorical(levels: ["x", "y", "z"])),
        ]
        return (FeatureMatrix(features: features, values: values), scores)
    }

    private func random(_ count: Int, of total: Int, seed: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed, stream: 77)
        return Array((0..<total).shuffled(using: &generator).prefix(count)).sorted()
    }

    /// Peers agree with a search that computes every distance by the definition in `RobustSpace`.
    @Test func peersAreTheNearestByBruteForce() throws {
        let (matrix, _) = made(300, seed: 1)
        func column(_ index: Int) -> [Double] { (0..<300).map { Double(matrix.values[$0 * 4 + index]) } }
        func standard(_ values: [Double]) -> [Double] {
            let known = values.filter { !$0.isNaN }.sorted()
            let scale = (Bootstrap.quantile(known, 0.75) - Bootstrap.quantile(known, 0.25)) / 1.349
            return values.map { $0.isNaN ? 0 : asinh(($0 - Bootstrap.quantile(known, 0.5)) / scale) }
        }
        let numbers = (0..<3).map { standard(column($0)) }
        let (gaps, levels) = (column(2).map(\.isNaN), column(3))
        func distance(_ one: Int, _ other: Int) -> Double {
            numbers.reduce(0) { $0 + ($1[one] - $1[other]) * ($1[one] - $1[other]) }
                + (gaps[one] == gaps[other] ? 0 : 1) + (levels[one] == levels[other] ? 0 : 1)
        }
        let group = [3, 50, 120, 299]
        let matched = try #require(try PeerSearch(peers: 7).match(group, in: matrix, context: RunContext()))
        #expect(matched.rows + matched.unmatched == group || !matched.unmatched.isEmpty)
        #expect(matched.candidates == 296 && !matched.rows.isEmpty)
        for (row, peers) in zip(matched.rows, matched.peers) {
            let nearest = (0..<300).filter { !group.contains($0) }.sorted { distance(row, $0) < distance(row, $1) }
            #expect(Set(peers) == Set(nearest.prefix(7)), "row \(row)")
        }
        let parallel = try PeerSearch(peers: 7).match(group, in: matrix, context: RunContext(threads: 3))
        #expect(parallel == matched)
    }

    /// Somebody unlike everybody has no peers, and says nothing; a handful of other rows is too few.
    @Test func aRowUnlikeAllOthersIsUnmatched() throws {
        var (matrix, _) = made(400, seed: 2)
        for index in 0..<3 { matrix.values[40 + index] = -1e6 }
        let matched = try #require(try PeerSearch().match([10, 11], in: matrix, context: RunContext()))
        #expect(matched.unmatched == [10] && matched.rows == [11] && matched.asked == 2)
        #expect(try PeerSearch().match(Array(0..<391), in: matrix, context: RunContext()) == nil)
        let some = try #require(
            try PeerSearch(rowLimit: 20).match(Array(0..<100), in: matrix, context: RunContext()))
        #expect(some.rows.count + some.unmatched.count == 20 && some.asked == 100)
    }

    /// Two matched sets of three: all nine memberships are counted by hand.
    @Test func thePermutationTestAgreesWithEnumeration() throws {
        let values = [0.9, 0.1, 0.4, 0.5, 0.3, 0.6]
        let matched = MatchedPeers(rows: [0, 3], peers: [[1, 2], [4, 5]])
        let comparison = try PeerComparison(values, matched: matched, permutations: 20_000, seed: 5)
        func residuals(_ set: [Double]) -> [Double] { set.map { $0 - (set.reduce(0, +) - $0) / 2 } }
        let sums = residuals([0.9, 0.1, 0.4]).flatMap { one in residuals([0.5, 0.3, 0.6]).map { one + $0 } }
        let exact = Double(sums.count { $0 >= sums[0] - 1e-9 }) / 9
        #expect(abs((comparison.pValue ?? 0) - exact) < 0.015, "\(exact)")
        #expect(abs((comparison.meanResidual ?? 0) - sums[0] / 2) < 1e-12)
        let reach = 1.959964 * ((0.65 * 0.65 + 0.55 * 0.55 + 0.01) / 3 + (0.0025 + 0.0625 + 0.04) / 3).squareRoot() / 2
        #expect(abs((comparison.residualInterval?.low ?? 0) - (sums[0] / 2 - reach)) < 1e-12)
        #expect(comparison.percentiles == [2.5 / 3, 1.5 / 3])
        #expect(abs((comparison.mean ?? 0) - 0.7) < 1e-12 && abs((comparison.peerMean ?? 0) - 0.35) < 1e-12)
        let none = try PeerComparison(values, matched: MatchedPeers(rows: [], peers: []), seed: 0)
        #expect(none.pValue == nil && none.mean == nil && none.residualInterval == nil)
        let same = try PeerComparison([1, 1, 1, 1, 1, 1], matched: matched, seed: 0)
        #expect(same.pValue == 1 && same.percentiles == [0.5, 0.5])
    }

    /// The level: 50 random rows give p > 0.05 in at least 90 of 100 draws, for a score and for drawn labels.
    @Test func randomRowsAreNotFavoured() throws {
        let (matrix, scores) = made(1_500, seed: 3)
        var generator = SeededGenerator(seed: 4)
        let labels = scores.map { generator.uniformDouble() < $0 ? 1.0 : 0 }
        var quiet = (scores: 0, labels: 0)
        for draw in 0..<100 as Range<UInt64> {
            let group = random(50, of: 1_500, seed: draw)
            let matched = try #require(try PeerSearch().match(group, in: matrix, context: RunContext(seed: draw)))
            func p(_ values: [Double]) throws -> Double {
                try PeerComparison(values, matched: matched, permutations: 999, seed: draw).pValue ?? 0
            }
            if try p(scores) > 0.05 { quiet.scores += 1 }
            if try p(labels) > 0.05 { quiet.labels += 1 }
        }
        #expect(quiet.scores >= 90 && quiet.labels >= 90, "\(quiet)")
    }

    /// 50 planted insiders: scores lifted by a tenth, or labels all good.
    @Test func plantedInsidersAreFound() throws {
        for seed in 0..<10 as Range<UInt64> {
            let (matrix, scores) = made(1_500, seed: 100 + seed)
            var generator = SeededGenerator(seed: seed)
            let group = random(50, of: 1_500, seed: seed)
            var (lifted, labels) = (scores, scores.map { generator.uniformDouble() < $0 ? 1.0 : 0 })
            for row in group { (lifted[row], labels[row]) = (min(1, lifted[row] + 0.1), 1) }
            let matched = try #require(try PeerSearch().match(group, in: matrix, context: RunContext(seed: seed)))
            for values in [lifted, labels] {
                let p = try PeerComparison(values, matched: matched, seed: seed).pValue ?? 1
                #expect(p < 0.01, "seed \(seed)")
            }
        }
    }
}
