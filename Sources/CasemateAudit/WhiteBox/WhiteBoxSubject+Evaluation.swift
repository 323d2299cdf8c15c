import CasemateAttacks
import CasemateCore
import CasemateModels

extension WhiteBoxSubject {
    /// The problem within a set.
    func problem(_ set: PerturbationSet, targetClass: Int?) throws -> RobustnessProblem {
        guard let targetClass else {
            return try RobustnessProblem(
                rows: rows, shape: shape, labels: labels, set: set, identifiers: identifiers)
        }
        guard targetClass < model.signature.classes.count else {
            throw CasemateError(
                .invalidSetting, at: "--target-class",
                "\(targetClass) is out of range: the model has \(model.signature.classes.count) classes, numbered from 0",
                help: "give the number of a class")
        }
        // why: a sample of the target class has nothing to be turned into.
        let target = Int32(targetClass)
        let size = shape.reduce(1, *)
        let others = labels.indices.filter { labels[$0] != target }
        return try RobustnessProblem(
            rows: others.flatMap { Array(rows[$0 * size..<($0 + 1) * size]) }, shape: shape,
            labels: others.map { labels[$0] }, targets: others.map { _ in target }, set: set,
            identifiers: others.map { identifiers[$0] })
    }

    /// The model as an evaluation takes it.
    /// - Parameter usesGradients: False for an attacker who sees scores alone.
    func evaluationSubject(usesGradients: Bool, surrogate: String?, context: RunContext) throws -> EvaluationSubject {
        let path = model.file.path
        let gradient = try usesGradients ? differentiable(path, .zero, context) : nil
        var subject = try EvaluationSubject(
            model, gradient, shape: shape, classCount: model.signature.classes.count)
        if usesGradients {
            subject.straightThrough = { [self] in wrapped(try differentiable(path, .straightThrough, context)) }
        }
        if let surrogate {
            let other = try differentiable(surrogate, .zero, context)
            guard other.rowSize == shape.reduce(1, *), other.classCount == model.signature.classes.count else {
                throw CasemateError(
                    .mismatch, at: surrogate,
                    "takes \(other.sampleShape) and knows \(other.classCount) classes, the model \(shape) and "
                        + "\(model.signature.classes.count)", help: "give a surrogate of the same task")
            }
            subject.surrogate = wrapped(other)
        }
        if let scaling {
            subject.oracle = ScaledOracle(subject.oracle, scaling)
            subject.judge = ScaledJudge(subject.judge, scaling)
        }
        return subject
    }

    private func wrapped(_ oracle: any GradientOracle) -> any GradientOracle {
        scaling.map { ScaledOracle(oracle, $0) } ?? oracle
    }

    private func differentiable(_ path: String, _ steps: StepGradient, _ context: RunContext) throws
        -> DifferentiableModel
    {
        if path == model.file.path {
            return try DifferentiableModel(
                model, runtime: runtime, overrides: overrides, steps: steps, cancellation: context.cancellation)
        }
        return try DifferentiableModel(
            path: path, runtime: runtime, options: model.options, steps: steps, cancellation: context.cancellation)
    }

    /// Attacks, with the checks of the evaluation where there is a radius.
    func evaluate(
        _ problem: RobustnessProblem, attack: any WhiteBoxAttack, runsChecks: Bool, usesGradients: Bool,
        surrogate: String?, context: RunContext
    ) throws -> EvaluationResult {
        let subject = try evaluationSubject(usesGradients: usesGradients, surrogate: surrogate, context: context)
        guard problem.set.epsilon != nil else {
            return try RobustnessRun(attack: attack).smallest(problem, subject: subject, context: context)
        }
        let evaluation = RobustnessEvaluation(
            attacks: attack is AutoAttack ? nil : [attack], curveEpsilons: runsChecks ? nil : [], runsChecks: runsChecks
        )
        return try evaluation.run(problem, subject: subject, context: context)
    }
}
