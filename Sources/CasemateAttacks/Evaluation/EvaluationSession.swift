import CasemateCore

/// One evaluation while it runs: attacks, measures, attacks again where masking was seen.
final class EvaluationSession {
    let plan: RobustnessEvaluation
    let subject: EvaluationSubject
    let context: RunContext
    let ledger: EvaluationLedger
    var facts = EvaluationMeasurements()
    /// What attacks ask once masking is known: the oracle that lets most through.
    var oracle: any GradientOracle
    /// Gradients that it takes for each that it gives.
    var gradientCost = 1
    /// How they ask it.
    var options = RobustnessRun.Options()
    var curve: [EvaluationResult.CurvePoint] = []

    init(
        _ plan: RobustnessEvaluation, _ problem: RobustnessProblem, _ subject: EvaluationSubject, _ context: RunContext
    ) {
        (self.plan, self.subject, self.context, oracle) = (plan, subject, context, subject.oracle)
        ledger = EvaluationLedger(problem, judge: subject.judge, domain: plan.domain, context: context)
    }

    var problem: RobustnessProblem { ledger.problem }
    var norm: PerturbationSet.Norm { problem.set.norm }
    var epsilon: Double { ledger.epsilon }
    /// Samples that checks use: the first ones that are right.
    var checked: [Int] { Array(ledger.right.prefix(plan.checkSamples)) }

    /// Runs everything.
    func run() throws -> EvaluationResult {
        try phase { try measureRandomness() }
        // why: a single lucky answer of a model with randomness inside is no success.
        if facts.isRandom { options.judgements = RobustnessRun.Options.randomised.judgements }
        try ledger.start(.init(oracle: subject.oracle, options: options))
        if plan.runsChecks, epsilon > 0 { try phase { try measureGradients() } }
        try attack()
        if plan.runsChecks, epsilon > 0 {
            for step in [measureNoise, adapt, compare, converge, carryOver, decide, unbind] { try phase(step) }
        }
        if plan.curveEpsilons?.isEmpty != true { try phase { try searchClosest() } }
        try phase { try recheck() }
        try drawCurve()
        let settings = settings
        return EvaluationResult(
            result: ledger.result(settings: settings), curve: curve, attacks: ledger.summaries,
            adaptations: facts.adaptations, checks: checks(), settings: settings)
    }

    /// Does a piece of work unless time is over; what time cuts short is noted.
    private func phase(_ body: () throws -> Void) throws {
        guard !ledger.isOutOfTime else {
            facts.isCut = true
            return
        }
        do {
            try body()
        } catch let cancelled as Cancelled {
            guard cancelled.reason == .outOfTime else { throw cancelled }
            facts.isCut = true
        }
    }

    /// Everything needed to repeat the evaluation.
    private var settings: [String: String] {
        var all = subject.settings
        for member in members {
            let name = type(of: member).identifier
            all["attacks"] = all["attacks"].map { "\($0), \(name)" } ?? name
            for (key, value) in member.settings { all["\(name).\(key)"] = value }
        }
        all["norm"] = norm.rawValue
        all["eps"] = "\(epsilon)"
        all["box"] = "\(problem.set.low)...\(problem.set.high)"
        all["goal"] = problem.targets == nil ? "untargeted" : "targeted"
        all["seed"] = String(context.seed)
        all["samples"] = String(problem.count)
        all["checks"] = plan.runsChecks ? "first \(checked.count) samples that are right" : "off"
        if options.evaluations > 1 { all["evaluations"] = String(options.evaluations) }
        if options.judgements > 1 { all["judgements"] = String(options.judgements) }
        return all
    }
}
