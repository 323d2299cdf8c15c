import CasemateAttacks
import CasemateCore
import CasemateModels
import Testing

/// What an evaluation returns and refuses.
@Suite struct EvaluationRunTests {
    private let network = SmallNetwork(size: 8, hidden: 10, classes: 4, seed: 7)
    private var subject: EvaluationSubject { EvaluationSubject(oracle: network, judge: OracleJudge(network)) }

    private func problem(
        _ norm: PerturbationSet.Norm = .linf, _ epsilon: Double? = 0.1, count: Int = 20
    ) throws -> RobustnessProblem {
        try LabelledSamples(network, count: count, seed: 3).problem(norm, epsilon)
    }

    @Test(arguments: PerturbationSet.Norm.allCases)
    func theCurveFallsFromCleanToNothing(norm: PerturbationSet.Norm) throws {
        let radius: [PerturbationSet.Norm: Double] = [.linf: 0.05, .l2: 0.1, .l1: 0.2, .l0: 1]
        let result = try RobustnessEvaluation().run(problem(norm, radius[norm]), subject: subject)
        let shares = result.curve.map(\.share.count)
        #expect(result.curve.first?.epsilon == 0 && shares.first == result.result.cleanAccuracy.count)
        #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(shares.last == 0, "\(result.curve)")
        let asked = try #require(result.curve.first { $0.epsilon == radius[norm] })
        #expect(asked.share.count == result.result.robustAccuracy.count)
        #expect(result.failed.isEmpty, "\(result.story)")
    }

    @Test func everyPointIsInsideAndConfirmed() throws {
        let problem = try problem()
        let result = try RobustnessEvaluation().run(problem, subject: subject)
        var broken = 0
        for (index, sample) in result.result.samples.enumerated() {
            guard let row = sample.adversarial else { continue }
            broken += 1
            let original = Array(problem.rows[index * 8..<(index + 1) * 8])
            #expect(PerturbationSet.distance(.linf, row, original) <= 0.1)
            let label = try OracleJudge(network).labels(of: row, count: 1, cancellation: Cancellation())
            #expect(label[0] == sample.adversarialLabel && label[0] != sample.label)
        }
        #expect(broken == result.result.count(.broken) && broken > 0)
        #expect(result.result.brokenBy.values.reduce(0, +) == broken)
    }

    @Test func membersOfAutoAttackAreCountedOneByOne() throws {
        let problem = try problem()
        let result = try RobustnessEvaluation(curveEpsilons: [], runsChecks: false).run(problem, subject: subject)
        let whole = try RobustnessRun(attack: AutoAttack()).run(problem, network)
        let asked = result.attacks.filter { $0.role == .attack }
        let members = AutoAttack().members.map { type(of: $0).identifier }
        #expect(asked.map(\.identifier) == Array(members.prefix(asked.count)) && asked.count > 1)
        #expect(asked.reduce(0) { $0 + $1.broken } == whole.count(.broken))
        #expect(result.result.robustAccuracy == whole.robustAccuracy && result.result.brokenBy == whole.brokenBy)
        #expect(result.checks.count == 22 && result.curve.isEmpty)
        #expect(result.check(5)?.status == .notApplicable && result.check(12)?.status == .passed)
    }

    @Test func rowsThatTheDomainForbidsDoNotCount() throws {
        let problem = try problem()
        var plan = RobustnessEvaluation()
        let free = try plan.run(problem, subject: subject)
        plan.domain = { row, original in row[0] == original[0] }
        let bound = try plan.run(problem, subject: subject)
        #expect(bound.result.count(.broken) < free.result.count(.broken))
        #expect(bound.check(18)?.status == .failed && free.check(18)?.status == .notApplicable)
        for (index, sample) in bound.result.samples.enumerated() {
            #expect(sample.adversarial.map { $0[0] == problem.rows[index * 8] } ?? true)
        }
    }

    @Test func withoutGradientsScoresAndLabelsServe() throws {
        let blind = EvaluationSubject(oracle: network, judge: OracleJudge(network), hasGradients: false)
        let result = try RobustnessEvaluation().run(problem(), subject: blind)
        #expect(result.attacks.first { $0.role == .attack }?.identifier == "square" && result.result.count(.broken) > 0)
        #expect(result.attacks.allSatisfy { $0.backwardPasses == 0 })
        #expect(result.failed == [16], "\(result.story)")
        var carried = blind
        carried.surrogate = network
        #expect(try RobustnessEvaluation().run(problem(), subject: carried).failed.isEmpty)
        #expect(throws: CasemateError.self) {
            try RobustnessEvaluation(attacks: [ProjectedGradientDescent()]).run(problem(), subject: blind)
        }
    }

    @Test func branchesAreNamed() throws {
        var branching = EvaluationSubject(oracle: network, judge: OracleJudge(network), hasGradients: false)
        branching.branches = ["If": 2]
        let result = try RobustnessEvaluation().run(problem(), subject: branching)
        #expect(result.check(10)?.status == .failed && result.check(10)?.detail.contains("If (2 nodes)") == true)
    }

    @Test func settingsThatMakeNoSenseAreRefused() throws {
        #expect(throws: CasemateError.self) { try RobustnessEvaluation().run(problem(.linf, nil), subject: subject) }
        #expect(throws: CasemateError.self) {
            try RobustnessEvaluation(checkSamples: 0).run(problem(), subject: subject)
        }
        #expect(throws: CasemateError.self) {
            try RobustnessEvaluation(curveEpsilons: [-1]).run(problem(), subject: subject)
        }
        #expect(throws: CasemateError.self) { try RobustnessEvaluation(attacks: []).run(problem(), subject: subject) }
        #expect(throws: CasemateError.self) {
            try RobustnessEvaluation(attacks: [ProjectedGradientDescent(steps: 0)]).run(problem(), subject: subject)
        }
        let error = #expect(throws: CasemateError.self) { try RobustnessEvaluation.attacks(named: ["sqare"]) }
        #expect(error?.what.contains("did you mean 'square'?") == true)
        #expect(try RobustnessEvaluation.attacks(named: ["pgd", "fmn"]).count == 2)
    }

    @Test func aRadiusThatMakesNoSenseIsQuestioned() throws {
        let samples = try LabelledSamples(SmallNetwork(size: 16, hidden: 4, classes: 3, seed: 1), count: 5, seed: 1)
        let small = SmallNetwork(size: 16, hidden: 4, classes: 3, seed: 1)
        func status(_ epsilon: Double, high: Float = 1) throws -> EvaluationCheck? {
            let problem = try RobustnessProblem(
                rows: samples.rows, shape: [4, 4], labels: samples.labels,
                set: PerturbationSet(norm: .linf, epsilon: epsilon, low: 0, high: high))
            return try RobustnessEvaluation(runsChecks: false)
                .run(problem, subject: EvaluationSubject(oracle: small, judge: OracleJudge(small))).check(1)
        }
        #expect(try status(0.1)?.status == .passed)
        #expect(try status(0.001)?.detail.contains("grey level") == true)
        #expect(try status(0.6)?.status == .failed)
        #expect(try status(5, high: 255)?.detail.contains("beyond the data") == true)
    }

    @Test func nothingMovesAtZero() throws {
        let result = try RobustnessEvaluation().run(problem(.linf, 0), subject: subject)
        #expect(result.result.robustAccuracy == result.result.cleanAccuracy && result.failed.isEmpty)
    }

    @Test func timeThatIsOverGivesWhatThereIs() throws {
        let context = RunContext(deadline: ContinuousClock.now)
        let result = try RobustnessEvaluation().run(problem(), subject: subject, context: context)
        #expect(result.result.isPartial && result.checks.count == 22 && result.failed.isEmpty)
        let cancelled = Cancellation()
        cancelled.cancel(.interrupted)
        #expect(throws: Cancelled.self) {
            try RobustnessEvaluation().run(problem(), subject: subject, context: RunContext(cancellation: cancelled))
        }
    }
}
