import CasemateCore
import Foundation
import Testing

@Suite struct NormalSamplerTests {
    private func draw(_ count: Int, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        let sampler = NormalSampler()
        return (0..<count).map { _ in sampler.next(using: &generator) }
    }

    /// Moments within five standard errors of their known values.
    @Test func momentsAreThoseOfTheNormalDistribution() {
        let count = 1_000_000
        let values = draw(count, seed: 1)
        let exact: [(power: Int, moment: Double, variance: Double)] = [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]
        for (power, moment, variance) in exact {
            let mean = values.reduce(0) { $0 + pow($1, Double(power)) } / Double(count)
            #expect(abs(mean - moment) < 5 * (variance / Double(count)).squareRoot(), "moment \(power): \(mean)")
        }
    }

    /// Kolmogorov-Smirnov: the 1 - 1e-4 quantile of the limit is 2.23.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theDistributionIsNormal(seed: UInt64) {
        let values = draw(200_000, seed: seed).sorted()
        var largest = 0.0
        for (index, value) in values.enumerated() {
            let exact = 0.5 * erfc(-value / 2.0.squareRoot())
            let (below, above) = (Double(index) / 200_000, Double(index + 1) / 200_000)
            largest = max(largest, abs(exact - below), abs(exact - above))
        }
        #expect(largest * 200_000.0.squareRoot() < 2.23)
    }

    /// The tail is drawn by another rule than the rest; its share and its mean are known.
    @Test func theTailHasItsShare() {
        let start = 3.654_152_885_361_008_8
        let tail = draw(8_000_000, seed: 9).filter { abs($0) > start }
        let share = erfc(start / 2.0.squareRoot())
        let expected = 8_000_000 * share
        #expect(abs(Double(tail.count) - expected) < 5 * expected.squareRoot())
        let mean = tail.reduce(0) { $0 + abs($1) } / Double(tail.count)
        let exact = exp(-start * start / 2) / (2 * Double.pi).squareRoot() / (share / 2)
        #expect(abs(mean - exact) < 5 * 0.26 / Double(tail.count).squareRoot())
    }

    @Test func fillDrawsTheSameNumbersAndIsDeterministic() {
        var generator = SeededGenerator(seed: 4, stream: 2)
        let values = [Float](unsafeUninitializedCapacity: 1_000) { buffer, count in
            for index in 0..<1_000 { buffer.initializeElement(at: index, to: 0) }
            NormalSampler().fill(buffer, using: &generator)
            count = 1_000
        }
        var again = SeededGenerator(seed: 4, stream: 2)
        let sampler = NormalSampler()
        #expect(values == (0..<1_000).map { _ in Float(sampler.next(using: &again)) })
        #expect(generator == again)
    }

    @Test func uniformNumbersStayInTheirRange() {
        var generator = SeededGenerator(seed: 4)
        let values = [Float](unsafeUninitializedCapacity: 10_000) { buffer, count in
            for index in 0..<10_000 { buffer.initializeElement(at: index, to: 0) }
            generator.fillUniform(buffer, from: -1, to: 3)
            count = 10_000
        }
        #expect(values.allSatisfy { $0 >= -1 && $0 <= 3 })
        #expect(abs(values.reduce(0, +) / 10_000 - 1) < 0.06)
    }
}
