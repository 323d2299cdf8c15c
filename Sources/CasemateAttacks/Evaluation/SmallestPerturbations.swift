package import CasemateCore

extension RobustnessRun {
    /// A search for smallest perturbations with the curve that they give; the checklist needs a radius and is left out.
    package func smallest(
        _ problem: RobustnessProblem, subject: EvaluationSubject, context: RunContext
    ) throws -> EvaluationResult {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try run(problem, oracle: subject.oracle, judge: subject.judge, context: context)
        let top = result.samples.map(\.distance).filter(\.isFinite).max() ?? 0
        let grid = top > 0 ? (0...20).map { top * Double($0) / 20 } : [0]
        let curve = grid.map { epsilon in
            EvaluationResult.CurvePoint(
                epsilon: epsilon,
                share: RobustnessResult.Share(
                    result.samples.count { $0.distance > epsilon }, of: result.samples.count))
        }
        let summary = AttackSummary(
            identifier: type(of: attack).identifier, variant: nil, role: .attack, epsilon: nil,
            samples: result.samples.count - result.count(.alreadyMisclassified), broken: result.count(.broken),
            forwardPasses: result.forwardPasses, backwardPasses: result.backwardPasses,
            seconds: (clock.now - start).inSeconds)
        return EvaluationResult(
            result: result, curve: curve, attacks: [summary], adaptations: [], checks: [],
            settings: result.settings)
    }
}
