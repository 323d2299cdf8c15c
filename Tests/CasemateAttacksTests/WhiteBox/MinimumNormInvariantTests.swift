import CasemateAttacks
import CasemateCore
import Testing

/// What holds for every attack of this family, whatever the model.
@Suite struct MinimumNormInvariantTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let attack: any WhiteBoxAttack, norm: PerturbationSet.Norm, epsilon: Double?
        var testDescription: String { "\(type(of: attack).identifier) \(norm) \(epsilon.map { "\($0)" } ?? "free")" }
    }
    // why: neither the final search nor random starts, which depend on whether there is a radius
    static let walk = FastAdaptiveBoundaryConfiguration(iterations: 20, finalSteps: 0)
    static let attacks: [any WhiteBoxAttack] = [
        FastAdaptiveBoundary(FastAdaptiveBoundaryConfiguration(iterations: 10, restarts: 2)),
        TargetedFastAdaptiveBoundary(FastAdaptiveBoundaryConfiguration(iterations: 10, restarts: 2), targetClasses: 2),
        DeepFool(), DecoupledDirection(iterations: 20), FastMinimumNorm(iterations: 20),
        CarliniWagner(iterations: 60, searchSteps: 3, learningRate: 0.05, initialConstant: 1),
        SquareAttack(queries: 60),
    ]
    static let radii: [PerturbationSet.Norm: Double] = [.l0: 2, .l1: 0.5, .l2: 0.25, .linf: 0.1]
    static let cases: [Case] = attacks.flatMap { attack in
        type(of: attack).norms.flatMap { norm -> [Case] in
            let epsilon = radii[norm] ?? 0
            let free = type(of: attack).needsRadius ? [] : [Case(attack: attack, norm: norm, epsilon: nil)]
            return free + [Case(attack: attack, norm: norm, epsilon: epsilon)]
        }
    }

    /// The same seed gives the same bytes, whatever other samples are attacked beside one.
    @Test(arguments: cases)
    func isIndependentOfNeighbours(_ one: Case) throws {
        let model = SmallNetwork(size: 6, hidden: 8, classes: 4, seed: 3)
        let samples = try LabelledSamples(model, count: 12, seed: 5)
        let problem = try samples.problem(one.norm, one.epsilon)
        let run = RobustnessRun(attack: one.attack)
        let whole = try run.run(problem, model, seed: 11)
        #expect(try run.run(problem, model, seed: 11) == whole)
        for chosen in [[3], [8, 1], [11, 0, 5]] {
            let part = try RobustnessProblem(
                rows: chosen.flatMap { samples.row($0) }, shape: [6], labels: chosen.map { samples.labels[$0] },
                set: problem.set, identifiers: chosen)
            #expect(try run.run(part, model, seed: 11).samples == chosen.map { whole.samples[$0] })
        }
    }

    /// With a radius only points inside it count, and the search is the same: what is found without one counts.
    @Test(arguments: [
        Case(attack: FastAdaptiveBoundary(walk), norm: .linf, epsilon: nil),
        Case(attack: FastAdaptiveBoundary(walk), norm: .l1, epsilon: nil),
        Case(attack: TargetedFastAdaptiveBoundary(walk), norm: .l2, epsilon: nil),
        Case(attack: DeepFool(), norm: .linf, epsilon: nil), Case(attack: DeepFool(), norm: .l2, epsilon: nil),
        Case(attack: DecoupledDirection(iterations: 40), norm: .l2, epsilon: nil),
        Case(attack: FastMinimumNorm(iterations: 40), norm: .l0, epsilon: nil),
        Case(attack: FastMinimumNorm(iterations: 40), norm: .l1, epsilon: nil),
        Case(
            attack: CarliniWagner(iterations: 60, searchSteps: 3, learningRate: 0.05, initialConstant: 1), norm: .l2,
            epsilon: nil),
    ])
    func aRadiusChangesNothingButWhatCounts(_ one: Case) throws {
        let model = SmallNetwork(size: 6, hidden: 8, classes: 4, seed: 4)
        let samples = try LabelledSamples(model, count: 20, seed: 6)
        let run = RobustnessRun(attack: one.attack)
        let free = try run.run(try samples.problem(one.norm, nil), model)
        let radius = try #require(free.medianDistance)
        let bounded = try run.run(try samples.problem(one.norm, radius), model)
        for (sample, other) in zip(free.samples, bounded.samples) where sample.outcome == .broken {
            if other.outcome == .broken { #expect(other.distance <= radius) }
            if sample.distance <= radius { #expect(other.outcome == .broken, "\(sample.distance) of \(radius)") }
        }
    }

    /// With a target only the target counts.
    @Test(arguments: cases)
    func reachesTargets(_ one: Case) throws {
        let model = SmallNetwork(size: 6, hidden: 0, classes: 4, seed: 9)
        let samples = try LabelledSamples(model, count: 20, seed: 2)
        let targets = samples.labels.map { ($0 + 1) % 4 }
        let epsilon = one.epsilon.map { one.norm == .l0 ? 5 : $0 * 6 }
        let radius = one.norm == .linf ? epsilon.map { min($0, 0.6) } : epsilon
        let result = try RobustnessRun(attack: one.attack).run(
            try samples.problem(one.norm, radius, targets: targets), model)
        for (sample, target) in zip(result.samples, targets) where sample.outcome == .broken {
            #expect(sample.adversarialLabel == target)
        }
        // why: some targets cannot be reached inside the box at all
        #expect(result.count(.broken) >= 5)
    }

    /// Every sample that stays in work costs the same; the passes are those of the method.
    @Test func countsPasses() throws {
        let model = SmallNetwork(size: 5, hidden: 6, classes: 3, seed: 1)
        let samples = try LabelledSamples(model, count: 6, seed: 1)
        func passes(_ attack: any WhiteBoxAttack, _ norm: PerturbationSet.Norm) throws -> Set<[Int]> {
            let watched = WatchedOracle(model)
            let result = try RobustnessRun(attack: attack).run(
                try samples.problem(norm, nil), oracle: watched, judge: OracleJudge(model))
            #expect(result.forwardPasses == watched.forwardPasses && result.backwardPasses == watched.backwardPasses)
            return Set(result.samples.map { [$0.forwardPasses, $0.backwardPasses] })
        }
        let walk = FastAdaptiveBoundaryConfiguration(iterations: 7, finalSteps: 0)
        #expect(try passes(FastAdaptiveBoundary(walk), .l2) == [[1 + 7 * (2 + 1), 7 * 2]])
        #expect(try passes(TargetedFastAdaptiveBoundary(walk), .linf) == [[1 + 2 * 7 * 2, 2 * 7]])
        #expect(try passes(DecoupledDirection(iterations: 9), .l2) == [[1 + 9 + 1, 9]])
        #expect(try passes(FastMinimumNorm(iterations: 9), .l1) == [[1 + 9 + 1, 9]])
        #expect(
            try passes(CarliniWagner(iterations: 5, searchSteps: 3, stopsEarly: false), .l2) == [[1 + 15, 15]])
    }

    @Test func refusesSettingsThatMakeNoSense() throws {
        let model = SmallNetwork(size: 2, hidden: 0, classes: 2, seed: 1)
        let problem = try LabelledSamples(model, count: 1, seed: 1).problem(.l2, 0.1)
        let wrong: [any WhiteBoxAttack] = [
            FastAdaptiveBoundary(FastAdaptiveBoundaryConfiguration(iterations: 0)),
            FastAdaptiveBoundary(FastAdaptiveBoundaryConfiguration(backwardStep: 1)),
            TargetedFastAdaptiveBoundary(FastAdaptiveBoundaryConfiguration(), targetClasses: 0),
            DeepFool(iterations: 0), DeepFool(iterations: 1, overshoot: .nan),
            DecoupledDirection(iterations: 1, radiusChange: 1), FastMinimumNorm(iterations: 1, stepSize: 0),
            CarliniWagner(iterations: 1, initialConstant: 0), SquareAttack(queries: 0),
            SquareAttack(queries: 1, initialShare: 2),
        ]
        for attack in wrong {
            #expect(throws: CasemateError.self) { try RobustnessRun(attack: attack).run(problem, model) }
        }
        #expect(throws: CasemateError.self) {
            try RobustnessRun(attack: SquareAttack()).run(
                try LabelledSamples(model, count: 1, seed: 1).problem(.l2, nil), model)
        }
    }

    /// Models whose gradient is 0 everywhere, or not a number, stop no attack and give no point.
    @Test(arguments: cases)
    func survivesModelsWithoutGradient(_ one: Case) throws {
        for value in [0, .nan] as [Float] {
            let problem = try RobustnessProblem(
                rows: [0.5, 0.5, 0.5], shape: [3], labels: [0],
                set: PerturbationSet(norm: one.norm, epsilon: one.epsilon, low: 0, high: 1))
            let result = try RobustnessRun(attack: one.attack).run(problem, FlatModel(gradient: value))
            #expect(result.samples[0].outcome == .notBroken)
        }
    }
}
