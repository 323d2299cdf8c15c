import CasemateCore
import Foundation

/// Reject on negative impact: what a model trained on trusted rows loses when a row is added.
///
/// Training, validation and calibration rows all come from the trusted pool, so that poison judges nothing. Thresholds
/// come from the effects of known-good rows with the same label. Sources: Barreno et al., "The security of machine
/// learning", Machine Learning 2010; Nelson et al., "Exploiting machine learning to subvert your spam filter", LEET 2008.
struct Roni<Victim: RoniVictim>: Sendable {
    let victim: Victim
    let pairs: [RoniPair]
    /// Trusted rows that are in no pair.
    let calibration: [Int]

    /// Effects of candidates, `[direction]` for each: the mean change over the pairs of the share of trusted rows of that
    /// class that is judged right; negative is harm.
    func effects(of batches: [[RoniCandidate]], context: RunContext) throws -> [[Double]] {
        let prepared = try pairs.map { try victim.prepare($0) }
        let before = try prepared.map { try victim.score($0, adding: []) }
        let size = 64
        let chunks = (batches.count + size - 1) / size
        let parts = try ParallelTasks.map(chunks, threads: context.threads) { chunk -> [[Double]] in
            try (chunk * size..<min(batches.count, (chunk + 1) * size)).map { index in
                try context.cancellation.check()
                var total = [0.0, 0.0]
                for (pair, base) in zip(prepared, before) {
                    let change = try victim.score(pair, adding: batches[index]).minus(base)
                    for direction in 0...1 { total[direction] += change[direction] / Double(pairs.count) }
                }
                return total
            }
        }
        return parts.flatMap { $0 }
    }
}

/// The effects of known-good rows of one label, and how unusual another effect is beside them.
struct RoniScale: Hashable, Sendable {
    /// Effects below this are worse than every known-good row's, and than their median by three standard deviations.
    let threshold: Double
    private let start: Double, tail: Double
    /// Share of the known-good effects whose tail is modelled.
    private static let share = 0.1

    /// - Parameter effects: Of known-good rows, in one direction; at least 10.
    init?(_ effects: [Double]) {
        guard effects.count >= 10 else { return nil }
        let sorted = effects.sorted()
        let median = sorted[sorted.count / 2]
        let deviation = (effects.reduce(0) { $0 + ($1 - median) * ($1 - median) } / Double(effects.count)).squareRoot()
        threshold = min(sorted[0], median - 3 * deviation)
        let cut = max(3, Int(Self.share * Double(sorted.count)))
        let start = sorted[cut]
        self.start = start
        let excess = sorted.prefix(cut).reduce(0) { $0 + (start - $1) } / Double(cut)
        // why wider: the mean excess of few rows is uncertain, and tails of effects are heavier than exponential.
        tail = max(1.5 * excess, 1e-6, 0.1 * deviation)
    }

    /// Share of known-good rows that would have such an effect or a worse one: an exponential tail below the lowest tenth.
    func share(of effect: Double) -> Double {
        effect >= start ? 1 : Self.share * exp((effect - start) / tail)
    }
}

/// Draws pairs and calibration rows from a trusted pool.
struct RoniDraw {
    /// Rows to train on and to judge by in each pair, both halved between the classes.
    var training: Int, validation: Int
    var pairs = 5, calibration = 400

    /// Pairs and calibration rows; `nil` where the pool has too few rows of a class.
    func draw(_ labels: [Int], seed: UInt64) -> (pairs: [RoniPair], calibration: [Int])? {
        var generator = SeededGenerator(seed: seed, stream: 0x0201)
        let shuffled = labels.indices.shuffled(using: &generator)
        let byClass = (0...1).map { label in shuffled.filter { labels[$0] == label } }
        guard byClass.allSatisfy({ $0.count >= 30 }) else { return nil }
        // why half: known-good rows that trained a model would look better than they are.
        let kept = byClass.map { rows in Array(rows.prefix(min(calibration / 2, rows.count / 2))) }
        let free = byClass.indices.map { Array(byClass[$0].dropFirst(kept[$0].count)) }
        let drawn = (0..<pairs).map { _ -> RoniPair in
            var (train, judge): ([Int], [Int]) = ([], [])
            for rows in free {
                let order = rows.shuffled(using: &generator)
                let share = min(training / 2, order.count * 2 / 5)
                train += order.prefix(share)
                judge += order.dropFirst(share).prefix(validation / 2)
            }
            return RoniPair(training: train.sorted(), validation: judge.sorted())
        }
        return (drawn, kept.flatMap { $0 }.sorted())
    }
}
