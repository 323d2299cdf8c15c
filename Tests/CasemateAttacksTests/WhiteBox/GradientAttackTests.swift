import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation
import Synchronization
import Testing

/// Attacks with gradients against models whose weakest points are known.
@Suite struct GradientAttackTests {
    typealias Norm = PerturbationSet.Norm

    /// How far the score of a linear model can be moved inside ball and box, and the radius that moves it by `margin`.
    struct LinearTruth {
        let weights: [Double], row: [Double], direction: Double

        private func room(_ index: Int) -> Double {
            weights[index] * direction > 0 ? 1 - row[index] : row[index]
        }
        func reach(_ norm: Norm, _ epsilon: Double) -> Double {
            let sizes = weights.map { abs($0) }
            switch norm {
            case .linf: return sizes.indices.reduce(0) { $0 + sizes[$1] * min(epsilon, room($1)) }
            case .l1, .l0:
                var left = epsilon
                return sizes.indices.sorted { sizes[$0] > sizes[$1] }.reduce(0) { sum, index in
                    let spent = min(left, room(index))
                    left -= spent
                    return sum + spent * sizes[index]
                }
            case .l2:
                func spent(_ scale: Double) -> Double {
                    sizes.indices.reduce(0) { $0 + pow(min(scale * sizes[$1], room($1)), 2) }
                }
                var (low, high) = (0.0, 1e6)
                for _ in 0..<200 {
                    let middle = (low + high) / 2
                    if spent(middle) > epsilon * epsilon { high = middle } else { low = middle }
                }
                return sizes.indices.reduce(0) { $0 + sizes[$1] * min(low * sizes[$1], room($1)) }
            }
        }
        func radius(_ norm: Norm, margin: Double) -> Double? {
            var (low, high) = (0.0, Double(weights.count))
            guard reach(norm, high) > margin * 1.05 else { return nil }
            for _ in 0..<100 {
                let middle = (low + high) / 2
                if reach(norm, middle) >= margin { high = middle } else { low = middle }
            }
            return high
        }
    }

    static let exact: [any WhiteBoxAttack] = [
        FastGradientSign(), AutoPGDCrossEntropy(), AutoPGDLogitsRatio(), AutoPGDTargeted(),
        ProjectedGradientDescent(steps: 100), AutoAttack(),
    ]

    /// A bounded attack on a linear model succeeds exactly from the known radius on, in the box.
    @Test(arguments: 0..<6, [Norm.linf, .l2, .l1])
    func succeedsExactlyFromTheKnownRadius(attack: Int, norm: Norm) throws {
        let attack = Self.exact[attack]
        let (size, sampler) = (12, NormalSampler())
        for seed in 0..<6 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let weights = (0..<size).map { _ in sampler.next(using: &generator) }
            let model = SmallNetwork(weights: weights, bias: -0.5 * weights.reduce(0, +))
            let samples = try LabelledSamples(model, count: 8, seed: seed)
            for index in 0..<samples.count {
                let row = samples.row(index)
                let score = Double(model.logits(row[...])[1])
                let truth = LinearTruth(
                    weights: weights, row: row.map(Double.init), direction: score > 0 ? -1 : 1)
                guard let radius = truth.radius(norm, margin: abs(score)), radius > 1e-3 else { continue }
                // why: steps of a fixed length, and those of `l1`, which are eps / 10 at least, end near the optimum.
                let isLong = norm == .l1 && type(of: attack).identifier.hasPrefix("apgd")
                let isFixed = type(of: attack).identifier == "pgd" && norm != .linf
                for (factor, isBroken) in [(0.998, false), (isLong || isFixed ? 1.1 : 1.01, true)] {
                    let epsilon = factor * radius
                    if norm == .linf, epsilon > 1 { continue }
                    // why: sparse steps of a fixed length move one of twelve values only, and stall where it is held.
                    if norm == .l1, isFixed, isBroken { continue }
                    let problem = try RobustnessProblem(
                        rows: row, shape: [size], labels: [samples.labels[index]],
                        set: try PerturbationSet(norm: norm, epsilon: epsilon, low: 0, high: 1))
                    let result = try RobustnessRun(attack: attack).run(problem, model)
                    #expect(
                        (result.samples[0].outcome == .broken) == isBroken,
                        "seed \(seed) sample \(index) factor \(factor)")
                }
            }
        }
    }

    static let identifiers = whiteBoxAttacks.map { $0.identifier }

    /// Holds for every attack of the catalogue: nothing counts that should not, and every pass is counted.
    @Test(arguments: identifiers)
    func everyAttackKeepsTheRules(identifier: String) throws {
        let type = try #require(whiteBoxAttacks.first { $0.identifier == identifier })
        let network = SmallNetwork(size: 9, hidden: 6, classes: 4, seed: 5)
        let samples = try LabelledSamples(network, count: 6, seed: 6)
        for norm in type.norms {
            let watched = WatchedOracle(network)
            let problem = try samples.problem(norm, norm == .l0 ? 2 : norm == .linf ? 0.15 : 0.4)
            let run = RobustnessRun(attack: type.init())
            let result = try run.run(
                problem, oracle: watched, judge: OracleJudge(network), context: RunContext(seed: 4))
            #expect(result.forwardPasses == watched.forwardPasses && result.backwardPasses == watched.backwardPasses)
            #expect(result.count(.discarded) + result.count(.unfinished) == 0 && !result.isPartial)
            for (index, sample) in result.samples.enumerated() {
                guard let row = sample.adversarial else { continue }
                #expect(PerturbationSet.distance(norm, row, samples.row(index)) <= problem.set.epsilon ?? 0)
                #expect(row.allSatisfy { (0...1).contains($0) })
            }
            let again = try run.run(problem, oracle: network, judge: OracleJudge(network), context: RunContext(seed: 4))
            #expect(again == result)
            let still = try run.run(try samples.problem(norm, 0), network)
            #expect(still.robustAccuracy == still.cleanAccuracy && still.robustAccuracy.count == 6)
        }
    }

    /// Every sample alone ends as it does among others, and so does any size of call.
    @Test(arguments: identifiers)
    func batchesDoNotMatter(identifier: String) throws {
        let type = try #require(whiteBoxAttacks.first { $0.identifier == identifier })
        let network = SmallNetwork(size: 9, hidden: 6, classes: 4, seed: 5)
        let samples = try LabelledSamples(network, count: 5, seed: 6)
        let norm = try #require(type.norms.first)
        let problem = try samples.problem(norm, 0.12)
        let together = try RobustnessRun(attack: type.init()).run(problem, network)
        let pieces = try RobustnessRun(attack: type.init(), options: .init(batch: 2)).run(problem, network)
        #expect(together.samples == pieces.samples)
        for index in 0..<samples.count {
            let alone = try RobustnessProblem(
                rows: samples.row(index), shape: [9], labels: [samples.labels[index]], set: problem.set,
                identifiers: [index])
            #expect(try RobustnessRun(attack: type.init()).run(alone, network).samples[0] == together.samples[index])
        }
    }

    /// With a given step size, more steps are the same path made longer.
    @Test(arguments: [Norm.linf, .l2, .l1])
    func moreStepsAreNeverWeaker(norm: Norm) throws {
        let network = SmallNetwork(size: 16, hidden: 12, classes: 5, seed: 8)
        let samples = try LabelledSamples(network, count: 60, seed: 9)
        let problem = try samples.problem(norm, norm == .linf ? 0.06 : norm == .l2 ? 0.2 : 0.4)
        var before: Set<Int> = []
        for steps in [1, 3, 10, 40] {
            let attack = ProjectedGradientDescent(steps: steps, stepSize: (problem.set.epsilon ?? 0) / 8)
            let result = try RobustnessRun(attack: attack).run(problem, network)
            let broken = Set(result.samples.filter { $0.outcome == .broken }.map(\.identifier))
            #expect(broken.isSuperset(of: before))
            before = broken
        }
        let short = try RobustnessRun(attack: AutoPGDCrossEntropy(steps: 10)).run(problem, network)
        let long = try RobustnessRun(attack: AutoPGDCrossEntropy(steps: 100)).run(problem, network)
        #expect(long.count(.broken) >= short.count(.broken) - 1, "\(long.count(.broken)) after \(short.count(.broken))")
        #expect(long.count(.broken) >= before.count - 1, "\(long.count(.broken)), pgd \(before.count)")
    }

    /// Auto-PGD halves its step and returns to its best point, so it closes in on a peak that fixed steps jump over.
    @Test(arguments: [Norm.linf, .l2])
    func autoPGDClosesInOnAPeak(norm: Norm) throws {
        /// Never broken; the loss is the negative distance to a peak inside the ball, its gradient of length 1.
        final class Peak: GradientOracle {
            let sampleShape = [2], classCount = 2, peak: [Float] = [0.53, 0.46]
            let losses = Mutex<[Float]>([])
            func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
                (0..<2 * count).map { $0 % 2 == 0 ? 1 : 0 }
            }
            func evaluate(
                _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
                cancellation: Cancellation
            ) throws -> LossEvaluation {
                let differences = rows.indices.map { peak[$0 % 2] - rows[$0] }
                let value = -differences.map { $0 * $0 }.reduce(0, +).squareRoot()
                losses.withLock { $0.append(value) }
                return LossEvaluation(
                    logits: try logits(rows, count: count, cancellation: cancellation), losses: [value],
                    gradients: differences.map { $0 / max(-value, 1e-9) })
            }
        }
        func last(_ attack: any WhiteBoxAttack) throws -> Float {
            let peak = Peak()
            let problem = try RobustnessProblem(
                rows: [0.5, 0.5], shape: [2], labels: [0],
                set: try PerturbationSet(norm: norm, epsilon: 0.4, low: 0, high: 1))
            _ = try RobustnessRun(attack: attack).run(problem, peak)
            return peak.losses.withLock { $0.suffix(5).min() } ?? -1
        }
        #expect(try last(AutoPGDCrossEntropy()) > -0.02)
        #expect(try last(ProjectedGradientDescent(steps: 100, stepSize: 0.2)) < -0.05)
    }

    /// The samples of a broken batch are not asked again: their passes are those up to the step that broke them.
    @Test func countsAreExactAndFinishedSamplesLeave() throws {
        let line = SmallNetwork(weights: [1, 1], bias: -1)
        let problem = try RobustnessProblem(
            rows: [0.45, 0.45, 0.05, 0.05], shape: [2], labels: [0, 0],
            set: try PerturbationSet(norm: .linf, epsilon: 0.2, low: 0, high: 1))
        let attack = ProjectedGradientDescent(steps: 10, stepSize: 0.02, startsRandomly: false)
        let result = try RobustnessRun(attack: attack).run(problem, line)
        // the original; 0.45, 0.47, 0.49, 0.51
        #expect(result.samples[0].outcome == .broken && result.samples[0].forwardPasses == 1 + 4)
        #expect(result.samples[0].backwardPasses == 4 && abs(result.samples[0].distance - 0.06) < 1e-6)
        // the original; ten steps; the point after the last
        #expect(result.samples[1].outcome == .notBroken && result.samples[1].forwardPasses == 1 + 10 + 1)
        #expect(result.samples[1].backwardPasses == 10)
        let full = try RobustnessRun(attack: AutoPGDCrossEntropy(steps: 100)).run(problem, line)
        #expect(full.samples[1].forwardPasses == 1 + 101 && full.samples[1].backwardPasses == 100)
    }
}
