import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// Learned ends hold for new values as often as they say, whatever the tail.
@Suite struct UsualRangeTests {
    /// Draws of each shape, from uniform numbers.
    private static let shapes: [(name: String, draw: @Sendable (inout SeededGenerator) -> Double)] = [
        ("uniform", { $0.uniformDouble() }),
        ("normal", { normal(&$0) }),
        ("exponential", { -log(1 - $0.uniformDouble()) }),
        ("lognormal", { exp(normal(&$0)) }),
        ("pareto 3", { pow(1 - $0.uniformDouble(), -1 / 3) }),
        ("counts", { (-3 * log(1 - $0.uniformDouble())).rounded(.down) }),
    ]
    private static func normal(_ generator: inout SeededGenerator) -> Double {
        sqrt(-2 * log(1 - generator.uniformDouble())) * cos(2 * .pi * generator.uniformDouble())
    }

    /// Over many learned ranges the mean share of new values beyond them is near the wanted one: not above three times
    /// it, as the tails of 2,000 rows are uncertain, while the seen ends alone are far above for rare shares.
    @Test(arguments: shapes.indices, [0.001, 0.0001])
    func newValuesAreBeyondAsRarelyAsWanted(shape: Int, share: Double) {
        var generator = SeededGenerator(seed: UInt64(shape) + 11)
        var beyond = 0, beyondSeen = 0
        let (draws, fresh) = (60, 20_000)
        for _ in 0..<draws {
            let values = (0..<2_000).map { _ in Float(Self.shapes[shape].draw(&generator)) }.sorted()
            guard let ends = GuardFit.usualEnds(values, share: share) else { continue }
            for _ in 0..<fresh {
                let value = Float(Self.shapes[shape].draw(&generator))
                if value > ends.upperBound || value < ends.lowerBound { beyond += 1 }
                if value > values[values.count - 1] || value < values[0] { beyondSeen += 1 }
            }
        }
        let found = Double(beyond) / Double(draws * fresh)
        #expect(found <= 2 * share * 3, "\(Self.shapes[shape].name): \(found)")
        #expect(beyond <= beyondSeen)
    }

    @Test func endsThatManyRowsShareAreTheEnds() throws {
        let flags = [Float](repeating: 0, count: 50) + [Float](repeating: 1, count: 50)
        #expect(GuardFit.usualEnds(flags, share: 0.0001) == 0...1)
        let capped = (0..<900).map { Float($0) / 900 } + [Float](repeating: 1, count: 100)
        #expect(try #require(GuardFit.usualEnds(capped, share: 0.0001)).upperBound == 1)
        #expect(GuardFit.usualEnds([3, 3, 3], share: 0.01) == 3...3)
        #expect(GuardFit.usualEnds([], share: 0.01) == nil)
        let positive = (0..<1_000).map { Float($0) + 0.5 }
        #expect(try #require(GuardFit.usualEnds(positive, share: 1e-6)).lowerBound >= 0)
        let huge: [Float] = [-3e38, -1, 0, 1, 2, 3, 3.4e38]
        #expect(try #require(GuardFit.usualEnds(huge, share: 1e-9)).upperBound.isFinite)
    }
}
