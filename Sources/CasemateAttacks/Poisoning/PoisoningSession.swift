public import CasemateCore

/// What an attack is given: the data, the victim, sizes and randomness of its own.
public struct PoisoningSession: Sendable {
    /// The data and what was chosen.
    public let problem: PoisoningProblem
    /// Whom it poisons.
    public let victim: any PoisoningVictim
    /// Rows that a share near the middle of the curve gives: what targets are cut to.
    public let typical: Int
    /// Rows that the largest share gives.
    public let most: Int
    /// Seed of the victim's training.
    public let victimSeed: UInt64
    /// Tells the attack to stop.
    public let cancellation: Cancellation
    private let seed: UInt64, stream: UInt64

    init(
        _ problem: PoisoningProblem, victim: any PoisoningVictim, counts: [Int], attack: String, repeated: Int,
        context: RunContext
    ) {
        (self.problem, self.victim, cancellation, seed) = (problem, victim, context.cancellation, context.seed)
        typical = max(1, counts.sorted()[counts.count / 2])
        most = max(1, counts.max() ?? 1)
        // why by name: an attack's draws do not depend on the attacks beside it.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in attack.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        stream = hash &+ UInt64(repeated) &* 0x1_0000
        victimSeed = context.seed &+ UInt64(repeated)
    }

    /// A generator of its own for each purpose; the same at every share.
    public func generator(_ purpose: UInt64) -> SeededGenerator {
        SeededGenerator(seed: seed, stream: stream &+ purpose)
    }

    /// Indices of training rows that a condition holds for, in random order.
    func shuffledRows(where isWanted: (Int) -> Bool) -> [Int] {
        var generator = generator(0)
        return problem.train.labels.indices.filter(isWanted).shuffled(using: &generator)
    }

    /// Indices of test rows that a condition holds for.
    func testRows(where isWanted: (Int) -> Bool) -> [Int] { problem.test.labels.indices.filter(isWanted) }

    /// Decisions on some samples of a victim that learns from these data.
    func decisions(on samples: PoisoningData, learning data: PoisoningData) throws -> [Int32] {
        try problem.decisions(
            victim.fit(data, classes: problem.classes.count, seed: victimSeed, cancellation: cancellation)
                .scores(samples))
    }

    /// Refuses an aim that nothing can be measured on or planted for.
    static func nothing(_ what: String, _ help: String) -> CasemateError {
        CasemateError(.unusableData, at: "poisoning", what, help: help)
    }
}
