import CasemateCore
import CasemateGuard
import Testing

/// The bounds hold whatever the weights: only the coins are random.
@Suite struct KeyedSumsTests {
    /// Heavy tails, as the answers of a model that is wrong in places.
    private func weights(_ count: Int, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in 1 / (0.05 + generator.uniformDouble()) * (generator.uniformDouble() - 0.5) }
    }

    @Test(arguments: [5, 30, 200])
    func fairSignsAreSeldomAsFarAsTheBoundSays(count: Int) {
        let weights = weights(count, seed: 1)
        let norm = weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
        var generator = SeededGenerator(seed: 2)
        let rounds = 20_000
        let values = (0..<rounds).map { _ in
            KeyedSums.fairBound(weights.reduce(0) { $0 + (generator.next() & 1 == 1 ? $1 : -$1) } / norm)
        }
        for level in [0.5, 0.1, 0.01, 0.001] {
            let share = Double(values.count { $0 <= level }) / Double(rounds)
            #expect(share <= level + 4 * (level / Double(rounds)).squareRoot(), "\(level): \(share)")
        }
        #expect(values.contains { $0 < 0.2 })
    }

    @Test func takenWeightsAreSeldomAsLargeAsTheBoundSays() {
        let weights = weights(80, seed: 3)
        var generator = SeededGenerator(seed: 4)
        let chances = weights.indices.map { 0.01 + 0.3 * Double($0 % 7) / 7 }
        let rounds = 2_000
        let values = (0..<rounds).map { _ in
            KeyedSums.takenBound(
                weights, chances: chances, isTaken: chances.map { generator.uniformDouble() < $0 })
        }
        for level in [0.5, 0.1, 0.01] {
            let share = Double(values.count { $0 <= level }) / Double(rounds)
            #expect(share <= level + 4 * (level / Double(rounds)).squareRoot(), "\(level): \(share)")
        }
    }

    @Test func whatIsTakenBecauseOfItsWeightIsFound() {
        let weights = (0..<60).map { $0 < 12 ? 1.0 : 0 }
        let chances = [Double](repeating: 0.1, count: 60)
        let found = KeyedSums.takenBound(weights, chances: chances, isTaken: weights.map { $0 > 0 })
        // Twelve of twelve at a chance of a tenth each: exactly 1e-12.
        #expect(found < 2e-12 && found > 0.9e-12)
        #expect(KeyedSums.takenBound(weights, chances: chances, isTaken: weights.map { $0 == 0 }) == 1)
        #expect(KeyedSums.takenBound([0, 0], chances: [0.1, 0.1], isTaken: [true, false]) == 1)
        #expect(KeyedSums.fairBound(-1) == 1 && KeyedSums.fairBound(.nan) == 1)
        #expect(KeyedSums.fairBound(5) < 1.0e-6 && KeyedSums.fairBound(4.9) > 1.0e-6)
    }
}
