import CasemateCore
import Testing

@Suite struct RandomnessTests {
    @Test func sameSeedAndStreamGiveTheSameNumbers() {
        var (one, other) = (SeededGenerator(seed: 7, stream: 3), SeededGenerator(seed: 7, stream: 3))
        for _ in 0..<100 { #expect(one.next() == other.next()) }
    }

    /// Different streams of one seed share no value among the first thousand, as independent 64-bit numbers would not.
    @Test func streamsDiffer() {
        var seen = Set<UInt64>()
        for stream in 0..<20 as Range<UInt64> {
            var generator = SeededGenerator(seed: 0, stream: stream)
            for _ in 0..<1_000 { seen.insert(generator.next()) }
        }
        #expect(seen.count == 20_000)
    }

    /// Mean and variance of 100,000 uniform numbers, within five standard errors.
    @Test func uniformNumbersAreUniform() {
        var generator = SeededGenerator(seed: 11)
        let values = (0..<100_000).map { _ in Double(generator.uniform()) }
        let mean = values.reduce(0, +) / 100_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000
        #expect(abs(mean - 0.5) < 5 * (1.0 / 12 / 100_000).squareRoot())
        #expect(abs(variance - 1.0 / 12) < 5 * (1.0 / 180 / 100_000).squareRoot())
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    }

    /// The bootstrap's interval of a mean is close to the normal one, and the same for the same seed.
    @Test func bootstrapOfAMeanIsNearlyNormal() throws {
        var generator = SeededGenerator(seed: 5)
        let values = (0..<400).map { _ in generator.uniformDouble() }
        func mean(_ rows: [Int]) -> Double? { rows.reduce(0) { $0 + values[$1] } / Double(rows.count) }
        let interval = try #require(
            Bootstrap.interval(strata: [Array(0..<400)], replicates: 4_000, seed: 1, statistic: mean))
        let centre = try #require(mean(Array(0..<400)))
        let error = (1.0 / 12 / 400).squareRoot()
        #expect(abs((interval.high - interval.low) / (2 * 1.96 * error) - 1) < 0.1)
        #expect(interval.low < centre && centre < interval.high)
        #expect(interval == Bootstrap.interval(strata: [Array(0..<400)], replicates: 4_000, seed: 1, statistic: mean))
    }
}
