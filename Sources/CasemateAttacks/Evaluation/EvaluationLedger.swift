import CasemateCore

/// Runs attacks on parts of a problem and keeps what is known of each sample over all of them: the worst case counts.
final class EvaluationLedger {
    /// What is known of a sample.
    struct Record {
        var isRight = false
        var predicted: Int32?
        /// The first point within the problem's radius.
        var point: (row: [Float], label: Int32?, distance: Double, attack: String)?
        /// Distance of the closest point that any attack found, whatever its radius.
        var closest = Double.infinity
        var forwardPasses = 0, backwardPasses = 0, judgements = 0
        var wasRefused = false
    }
    /// How an attack is run.
    struct Way {
        var oracle: any GradientOracle
        var options: RobustnessRun.Options
        var role = AttackSummary.Role.attack
        var variant: String?
        /// Added to the seed, so that an attack run twice starts elsewhere.
        var seedOffset: UInt64 = 0
        /// Gradients that the oracle takes for each that it gives; more than one for a smoothed oracle.
        var gradientCost = 1

        /// Passes that really were made, where the harness counted these.
        func passes(_ forward: Int, _ backward: Int) -> (forward: Int, backward: Int) {
            gradientCost == 1 ? (forward, backward) : (forward + gradientCost * backward, gradientCost * backward)
        }
    }

    let problem: RobustnessProblem
    let judge: any Judge
    let context: RunContext
    let domain: RobustnessEvaluation.Domain?
    private(set) var records: [Record]
    private(set) var summaries: [AttackSummary] = []
    private(set) var disagreements = 0
    /// Whether attacks that were asked for were cut short.
    private(set) var isPartial = false
    /// Points that the deployed model confirmed and the domain forbids.
    private(set) var unlawful = 0

    init(
        _ problem: RobustnessProblem, judge: any Judge, domain: RobustnessEvaluation.Domain?, context: RunContext
    ) {
        (self.problem, self.judge, self.domain, self.context) = (problem, judge, domain, context)
        records = Array(repeating: Record(), count: problem.count)
    }

    /// The radius that was asked for.
    var epsilon: Double { problem.set.epsilon ?? 0 }
    /// Samples that the deployed model labels rightly as they are.
    var right: [Int] { records.indices.filter { records[$0].isRight } }
    /// Samples among these that withstood everything so far.
    func standing(_ samples: [Int]) -> [Int] {
        samples.filter { records[$0].isRight && records[$0].point == nil }
    }
    /// Whether the time is over.
    var isOutOfTime: Bool {
        if context.cancellation.reason == .outOfTime { return true }
        return context.deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    /// Has oracle and judge look at the samples as they are.
    func start(_ way: Way) throws {
        let result = try RobustnessRun(attack: NoAttack(), options: way.options)
            .run(problem, oracle: way.oracle, judge: judge, context: context)
        isPartial = result.isPartial
        disagreements = result.disagreements
        for (sample, answer) in result.samples.enumerated() {
            records[sample].predicted = answer.predicted
            records[sample].isRight = answer.predicted != nil && answer.outcome != .alreadyMisclassified
            records[sample].closest = records[sample].isRight || answer.predicted == nil ? .infinity : 0
            count(answer, sample, way)
        }
    }

    /// Runs an attack on some samples that are right.
    /// - Parameter epsilon: Another radius than the problem's; `.some(nil)` looks for the smallest perturbation.
    /// - Returns: The samples that it moved over the border within its radius; none when time is over.
    @discardableResult
    func run(
        _ attack: any WhiteBoxAttack, _ way: Way, on samples: [Int], epsilon: Double?? = .none
    ) throws -> Set<Int> {
        guard !samples.isEmpty else { return [] }
        guard !isOutOfTime else {
            if way.role == .attack { isPartial = true }
            return []
        }
        let radius = epsilon ?? problem.set.epsilon
        var context = context
        context.seed &+= way.seedOffset
        let begin = ContinuousClock.now
        let result = try RobustnessRun(attack: attack, options: way.options).run(
            try problem.part(samples, within: problem.set.withEpsilon(radius)), oracle: way.oracle, judge: judge,
            context: context)
        if result.isPartial, way.role == .attack { isPartial = true }
        let name = type(of: attack).identifier
        let reached = absorb(result, samples, way, name: way.variant.map { "\(name) (\($0))" } ?? name)
        let passes = way.passes(result.forwardPasses, result.backwardPasses)
        summaries.append(
            AttackSummary(
                identifier: name, variant: way.variant, role: way.role, epsilon: radius, samples: samples.count,
                broken: reached.count, forwardPasses: passes.forward, backwardPasses: passes.backward,
                seconds: (ContinuousClock.now - begin).inSeconds))
        return reached
    }

    /// Notes a run that went another way.
    func note(_ summary: AttackSummary) { summaries.append(summary) }

    /// Takes over what a run found.
    private func absorb(_ result: RobustnessResult, _ samples: [Int], _ way: Way, name: String) -> Set<Int> {
        var reached: Set<Int> = []
        for (answer, sample) in zip(result.samples, samples) {
            count(answer, sample, way)
            if answer.outcome == .discarded { records[sample].wasRefused = true }
            guard answer.outcome == .broken, let row = answer.adversarial else { continue }
            if offer(row, answer.adversarialLabel, answer.distance, of: sample, by: name) {
                reached.insert(sample)
            }
        }
        return reached
    }

    /// Takes a confirmed point of a sample, unless the domain forbids it.
    func offer(
        _ row: [Float], _ label: Int32?, _ distance: Double, of sample: Int, by attack: String
    ) -> Bool {
        let size = problem.size
        if let domain, !domain(row, Array(problem.rows[sample * size..<(sample + 1) * size])) {
            unlawful += 1
            records[sample].wasRefused = true
            return false
        }
        records[sample].closest = min(records[sample].closest, distance)
        if distance <= epsilon, records[sample].point == nil {
            records[sample].point = (row, label, distance, attack)
        }
        return true
    }

    /// Forgets the point of a sample that does not hold.
    func withdraw(_ sample: Int) {
        records[sample].point = nil
        records[sample].closest = .infinity
        records[sample].wasRefused = true
    }

    private func count(_ answer: RobustnessResult.Sample, _ sample: Int, _ way: Way) {
        let passes = way.passes(answer.forwardPasses, answer.backwardPasses)
        records[sample].forwardPasses += passes.forward
        records[sample].backwardPasses += passes.backward
        records[sample].judgements += answer.judgements
    }

    /// The worst case of each sample.
    func result(settings: [String: String]) -> RobustnessResult {
        let samples = records.indices.map { sample -> RobustnessResult.Sample in
            let record = records[sample]
            let outcome = RobustnessResult.Outcome(
                isWrong: record.predicted != nil && !record.isRight, isBroken: record.point != nil,
                isPartial: isPartial, wasRefused: record.wasRefused)
            return RobustnessResult.Sample(
                identifier: problem.identifiers[sample], label: problem.labels[sample], predicted: record.predicted,
                outcome: outcome, brokenBy: record.point?.attack, adversarial: record.point?.row,
                adversarialLabel: record.point?.label,
                distance: outcome == .alreadyMisclassified ? 0 : record.point?.distance ?? .infinity,
                forwardPasses: record.forwardPasses, backwardPasses: record.backwardPasses,
                judgements: record.judgements)
        }
        return RobustnessResult(
            samples: samples, set: problem.set, disagreements: disagreements, isPartial: isPartial, settings: settings)
    }
}

/// Does nothing: the run around it judges the samples as they are.
struct NoAttack: WhiteBoxAttack {
    static let identifier = "none"
    static let norms = PerturbationSet.Norm.allCases
    static let access = AttackAccess.scores
    func search(in session: WhiteBoxSession) throws {}
}

extension RobustnessProblem {
    /// Some of the samples, under their own names, with another set.
    func part(_ samples: [Int], within set: PerturbationSet) throws(CasemateError) -> RobustnessProblem {
        var some: [Float] = []
        some.reserveCapacity(samples.count * size)
        for sample in samples { some += rows[sample * size..<(sample + 1) * size] }
        return try RobustnessProblem(
            rows: some, shape: shape, labels: samples.map { labels[$0] },
            targets: targets.map { all in samples.map { all[$0] } }, set: set,
            identifiers: samples.map { identifiers[$0] })
    }
}
