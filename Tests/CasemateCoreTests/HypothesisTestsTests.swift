import CasemateCore
import Testing

@Suite struct HypothesisTestsTests {
    /// Fisher's p-value against enumeration of all tables with the same margins, from products of integers.
    @Test func fisherMatchesEnumeration() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let cells = (0..<4).map { _ in Int.random(in: 0...9, using: &generator) }
            let p = HypothesisTests.fisherExact(cells[0], cells[1], cells[2], cells[3])
            #expect(abs(p - enumerated(cells)) < 1e-9, "\(cells)")
        }
    }

    private func enumerated(_ cells: [Int]) -> Double {
        let (row, other, column) = (cells[0] + cells[1], cells[2] + cells[3], cells[0] + cells[2])
        guard row > 0, other > 0, column > 0, column < row + other else { return 1 }
        func choose(_ n: Int, _ k: Int) -> Double {
            k < 0 || k > n ? 0 : (0..<k).reduce(1.0) { $0 * Double(n - $1) / Double($1 + 1) }
        }
        let all = choose(row + other, column)
        func probability(_ a: Int) -> Double { choose(row, a) * choose(other, column - a) / all }
        let observed = probability(cells[0])
        return (0...min(row, column)).map(probability).filter { $0 <= observed * (1 + 1e-7) }.reduce(0, +)
    }

    /// The tea-tasting lady: 3 of 4 right has a two-sided p-value of 34/70.
    @Test func fisherKnowsTheTeaTastingLady() {
        #expect(abs(HypothesisTests.fisherExact(3, 1, 1, 3) - 34.0 / 70) < 1e-12)
    }

    /// Holm's worked example: 0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02.
    @Test func holmStepsDown() {
        let adjusted = HypothesisTests.holm([0.01, 0.04, 0.03, 0.005])
        for (value, expected) in zip(adjusted, [0.03, 0.06, 0.06, 0.02]) { #expect(abs(value - expected) < 1e-12) }
        #expect(HypothesisTests.holm([]).isEmpty)
        #expect(HypothesisTests.holm([0.9, 0.8]) == [1, 1])
    }

    /// With equal shares the test says nothing; its p-value is that of z squared otherwise.
    @Test func zTestMatchesByHand() throws {
        let p = try #require(
            HypothesisTests.twoProportionZ(successes: 30, trials: 100, referenceSuccesses: 45, referenceTrials: 100))
        // pooled 0.375, z = −0.15 / √(0.375 · 0.625 · 0.02) = −2.190890, two-sided 0.028460.
        #expect(abs(p - 0.028460) < 5e-6)
        #expect(
            HypothesisTests.twoProportionZ(successes: 0, trials: 9, referenceSuccesses: 0, referenceTrials: 9) == nil)
    }
}
