import CasemateAttacks
import CasemateCore
import CasemateModels
import Synchronization
import Testing

/// What the harness does whatever the attack is.
@Suite struct RobustnessRunTests {
    /// Proposes what it is told, point by point, for every open sample.
    struct Scripted: WhiteBoxAttack {
        static let identifier = "scripted"
        static let norms = PerturbationSet.Norm.allCases
        var moves: [[Float]] = []
        var isConfined = true
        func search(in session: WhiteBoxSession) throws {
            for move in moves {
                let lanes = session.open
                var points = session.originals(lanes)
                for index in points.indices { points[index] += move[index % session.size] }
                _ = try session.forward(&points, of: lanes, isConfined: isConfined)
            }
        }
    }
    /// Random proposals, inside and far outside.
    struct Noise: WhiteBoxAttack {
        static let identifier = "noise"
        static let norms = PerturbationSet.Norm.allCases
        func search(in session: WhiteBoxSession) throws {
            var generators = session.open.map { session.generator(for: $0) }
            let all = session.open
            for step in 0..<50 {
                var points = session.originals(all)
                for index in points.indices {
                    points[index] += (step % 2 == 0 ? 0.6 : 20) * (generators[index / session.size].uniform() - 0.5)
                }
                _ = try session.forward(&points, of: all, isConfined: step % 3 != 0)
            }
        }
    }
    let network = SmallNetwork(size: 4, hidden: 6, classes: 3, seed: 3)

    /// The first point of the path that the judge confirms is the result, whatever comes after it.
    @Test func keepsThePointOfThePathThatCounts() throws {
        let line = SmallNetwork(weights: [1], bias: -0.5)
        let samples = try LabelledSamples(line, count: 1, seed: 1, low: 0.1, high: 0.2)
        let run = RobustnessRun(attack: Scripted(moves: [[0.1], [0.6], [-0.05], [0]]))
        let bounded = try run.run(try samples.problem(.linf, 0.7), line)
        #expect(bounded.samples[0].outcome == .broken && bounded.samples[0].brokenBy == "scripted")
        #expect(abs(bounded.samples[0].distance - 0.6) < 1e-6)
        // the original, 0.1, 0.6; a broken sample is not open for the rest
        #expect(bounded.samples[0].forwardPasses == 3 && bounded.samples[0].backwardPasses == 0)
        let closest = RobustnessRun(attack: Scripted(moves: [[0.8], [0.5], [0.7], [0.1]]))
        let unbounded = try closest.run(try samples.problem(.linf, nil), line)
        #expect(abs(unbounded.samples[0].distance - 0.5) < 1e-6 && unbounded.samples[0].forwardPasses == 5)
        #expect(unbounded.samples[0].adversarialLabel == 1)
    }

    @Test(arguments: PerturbationSet.Norm.allCases)
    func whatIsReportedIsInsideAndFoolsTheJudge(norm: PerturbationSet.Norm) throws {
        let samples = try LabelledSamples(network, count: 40, seed: 2)
        for epsilon in [nil, norm == .l0 ? 2 : 0.3] as [Double?] {
            let problem = try samples.problem(norm, epsilon)
            let result = try RobustnessRun(attack: Noise()).run(problem, network)
            #expect(result.count(.broken) > 5)
            for (index, sample) in result.samples.enumerated() {
                guard let row = sample.adversarial else { continue }
                #expect(PerturbationSet.distance(norm, row, samples.row(index)) == sample.distance)
                #expect(sample.distance <= epsilon ?? .infinity && row.allSatisfy { (0...1).contains($0) })
                let label = try OracleJudge(network).labels(of: row, count: 1, cancellation: Cancellation())[0]
                #expect(label != sample.label && label == sample.adversarialLabel)
            }
        }
    }

    /// An oracle that disagrees with the deployed model yields no success.
    @Test func anOracleThatLiesYieldsNothing() throws {
        let samples = try LabelledSamples(network, count: 20, seed: 2)
        let problem = try samples.problem(.linf, 1e-6)
        let liar = WatchedOracle(network) { logits, _ in
            for index in logits.indices { logits[index] = -logits[index] }
        }
        let result = try RobustnessRun(attack: ProjectedGradientDescent(steps: 5)).run(
            problem, oracle: liar, judge: OracleJudge(network))
        #expect(result.count(.broken) == 0 && result.count(.discarded) == 20 && result.disagreements == 20)
        #expect(result.robustAccuracy == result.cleanAccuracy && result.cleanAccuracy.count == 20)
    }

    /// A surrogate's points count where the target is fooled, and only there.
    @Test func transferIsJudgedByTheTarget() throws {
        let target = SmallNetwork(size: 4, hidden: 6, classes: 3, seed: 4)
        let samples = try LabelledSamples(target, count: 60, seed: 2)
        let problem = try samples.problem(.linf, 0.3)
        let transfer = try RobustnessRun(attack: AutoPGDCrossEntropy(steps: 20)).run(
            problem, oracle: network, judge: OracleJudge(target))
        let direct = try RobustnessRun(attack: AutoPGDCrossEntropy(steps: 20)).run(problem, target)
        #expect(transfer.count(.broken) <= direct.count(.broken) && transfer.disagreements > 0)
        for sample in transfer.samples where sample.outcome == .broken {
            let row = try #require(sample.adversarial)
            let label = try OracleJudge(target).labels(of: row, count: 1, cancellation: Cancellation())[0]
            #expect(label != sample.label)
        }
    }

    @Test func misclassifiedSamplesAreSaidApart() throws {
        let samples = try LabelledSamples(network, count: 30, seed: 2)
        var labels = samples.labels
        for index in 0..<10 { labels[index] = (labels[index] + 1) % 3 }
        let problem = try RobustnessProblem(
            rows: samples.rows, shape: [4], labels: labels,
            set: try PerturbationSet(norm: .linf, epsilon: 0.2, low: 0, high: 1))
        let result = try RobustnessRun(attack: AutoPGDLogitsRatio(steps: 10)).run(problem, network)
        #expect(result.count(.alreadyMisclassified) == 10 && result.cleanAccuracy.count == 20)
        #expect(result.samples.prefix(10).allSatisfy { $0.forwardPasses == 1 && $0.distance == 0 && !$0.withstood })
        #expect(result.robustAccuracy.count == 20 - result.count(.broken))
        #expect(result.attackSuccessRate.total == 20)
    }

    /// Averages what a model with randomness inside answers, and counts a point when most judgements agree.
    @Test func randomModelsAreJudgedSeveralTimes() throws {
        /// Right for every sample, but wrong in a share of the calls.
        final class Flickering: Judge {
            let labels: [Int32], wrong: Int
            private let calls = Mutex(0)
            init(_ labels: [Int32], wrong: Int) { (self.labels, self.wrong) = (labels, wrong) }
            func labels(of rows: [Float], count: Int, cancellation: Cancellation) throws -> [Int32] {
                let call = calls.withLock { calls in
                    calls += 1
                    return calls
                }
                let isOriginal = call <= 10
                return (0..<count).map { isOriginal || call % 10 >= wrong ? labels[$0] : (labels[$0] + 1) % 3 }
            }
        }
        let samples = try LabelledSamples(network, count: 1, seed: 2)
        let problem = try samples.problem(.linf, 0.5)
        let liar = WatchedOracle(network) { logits, call in
            if call > 1 { for index in logits.indices { logits[index] = -logits[index] } }
        }
        for (wrong, outcome) in [(5, RobustnessResult.Outcome.discarded), (6, .broken)] {
            let options = RobustnessRun.Options(evaluations: 3, judgements: 10)
            let result = try RobustnessRun(attack: FastGradientSign(), options: options).run(
                problem, oracle: liar, judge: Flickering(samples.labels, wrong: wrong))
            #expect(result.samples[0].outcome == outcome)
            #expect(result.samples[0].backwardPasses == 3 && result.samples[0].judgements % 10 == 0)
        }
    }

    @Test func averagingCountsEveryPassAndDividesOnce() throws {
        let samples = try LabelledSamples(network, count: 20, seed: 2)
        let problem = try samples.problem(.linf, 0.05)
        let plain = try RobustnessRun(attack: AutoPGDCrossEntropy(steps: 10)).run(problem, network)
        let watched = WatchedOracle(network)
        let averaged = try RobustnessRun(
            attack: AutoPGDCrossEntropy(steps: 10), options: .init(batch: 3, evaluations: 4)
        ).run(problem, oracle: watched, judge: OracleJudge(network))
        #expect(averaged.samples.map(\.adversarial) == plain.samples.map(\.adversarial))
        #expect(averaged.backwardPasses == 4 * plain.backwardPasses && watched.largestCall == 3)
        #expect(watched.forwardPasses == averaged.forwardPasses && watched.backwardPasses == averaged.backwardPasses)
    }

    @Test func stopsInTimeWithWhatItHas() throws {
        let samples = try LabelledSamples(network, count: 10, seed: 2)
        let problem = try samples.problem(.linf, 0.001)
        let late = RunContext(deadline: ContinuousClock.now)
        let result = try RobustnessRun(attack: AutoAttack()).run(
            problem, oracle: network, judge: OracleJudge(network), context: late)
        #expect(result.isPartial && result.count(.unfinished) == 10 && result.cleanAccuracy.count == 10)
        let token = Cancellation()
        let stopper = WatchedOracle(network) { _, call in if call == 3 { token.cancel(.interrupted) } }
        #expect(throws: Cancelled(reason: .interrupted)) {
            try RobustnessRun(attack: AutoAttack()).run(
                problem, oracle: stopper, judge: OracleJudge(network), context: RunContext(cancellation: token))
        }
        let clock = Cancellation()
        let slow = WatchedOracle(network) { _, call in if call == 3 { clock.cancel(.outOfTime) } }
        #expect(
            try RobustnessRun(attack: AutoAttack()).run(
                problem, oracle: slow, judge: OracleJudge(network), context: RunContext(cancellation: clock)
            ).isPartial)
    }

    private func code(_ body: () throws -> Any) -> CasemateError.Code? {
        do { _ = try body() } catch { return (error as? CasemateError)?.code }
        return nil
    }

    @Test func refusesProblemsThatMakeNoSense() throws {
        let samples = try LabelledSamples(network, count: 4, seed: 2)
        func set(_ epsilon: Double?, _ norm: PerturbationSet.Norm = .linf) throws -> PerturbationSet {
            try PerturbationSet(norm: norm, epsilon: epsilon, low: 0, high: 1)
        }
        func problem(
            _ rows: [Float], _ shape: [Int] = [4], _ labels: [Int32] = [0, 0, 0, 0], targets: [Int32]? = nil,
            set within: PerturbationSet? = nil
        ) throws -> RobustnessProblem {
            try RobustnessProblem(
                rows: rows, shape: shape, labels: labels, targets: targets, set: try within ?? set(0.1))
        }
        #expect(code { try problem(samples.rows) } == nil)
        #expect(code { try problem(samples.rows, [5]) } == .mismatch)
        #expect(code { try problem(samples.rows, [0]) } == .mismatch)
        #expect(code { try problem(samples.rows, [4], [0]) } == .mismatch)
        #expect(code { try problem(samples.rows, targets: [1]) } == .mismatch)
        #expect(code { try problem(samples.rows, targets: [1, 1, 0, 1]) } == .invalidSetting)
        #expect(code { try problem([.nan] + samples.rows.dropFirst()) } == .unusableData)
        #expect(code { try problem([1.01] + samples.rows.dropFirst()) } == .unusableData)
        #expect(code { try problem(samples.rows, set: try set(8)) } == .invalidSetting)
        #expect(code { try problem(samples.rows, set: try set(2.1, .l2)) } == .invalidSetting)
        #expect(code { try problem(samples.rows, set: try set(2, .l2)) } == nil)
        #expect(code { try problem(samples.rows, set: try set(5, .l0)) } == .invalidSetting)
    }

    @Test func refusesRunsThatDoNotFit() throws {
        let samples = try LabelledSamples(network, count: 4, seed: 2)
        func run(_ attack: any WhiteBoxAttack, _ problem: RobustnessProblem) throws -> Any {
            try RobustnessRun(attack: attack).run(problem, network)
        }
        let fits = try samples.problem(.linf, 0.1)
        func relabelled(_ shape: [Int], _ labels: [Int32]) throws -> RobustnessProblem {
            try RobustnessProblem(rows: samples.rows, shape: shape, labels: labels, set: fits.set)
        }
        #expect(code { try run(FastGradientSign(), try relabelled([4], [0, 3, 0, 0])) } == .mismatch)
        #expect(code { try run(FastGradientSign(), try relabelled([2], [0, 0, 0, 0, 0, 0, 0, 0])) } == .mismatch)
        #expect(code { try run(FastGradientSign(), try samples.problem(.l0, 1)) } == .invalidSetting)
        #expect(code { try run(FastGradientSign(), try samples.problem(.linf, nil)) } == .invalidSetting)
        #expect(code { try run(ProjectedGradientDescent(steps: 0), fits) } == .invalidSetting)
        #expect(code { try run(ProjectedGradientDescent(stepSize: .nan), fits) } == .invalidSetting)
        #expect(code { try run(MomentumIterative(steps: -1), fits) } == .invalidSetting)
        #expect(code { try run(AutoPGDCrossEntropy(steps: 0), fits) } == .invalidSetting)
        #expect(code { try run(AutoPGDTargeted(steps: 5, targets: 0), fits) } == .invalidSetting)
        #expect(
            code { try RobustnessRun(attack: FastGradientSign(), options: .init(batch: 0)).run(fits, network) }
                == .invalidSetting)
    }
}
