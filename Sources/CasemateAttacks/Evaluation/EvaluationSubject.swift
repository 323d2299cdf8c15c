package import CasemateCore
package import CasemateModels

/// A model under evaluation: what answers, what judges, and what its graph tells.
package struct EvaluationSubject: Sendable {
    /// The deployed model.
    package var judge: any Judge
    /// What gradient attacks ask; logits alone when `hasGradients` is false.
    package var oracle: any GradientOracle
    /// Whether the oracle gives gradients.
    package var hasGradients: Bool
    /// Makes the oracle whose steps let gradients straight through.
    package var straightThrough: (@Sendable () throws -> any GradientOracle)?
    /// Another model, whose adversarial points are tried on this one.
    package var surrogate: (any GradientOracle)?
    /// What the deployed model's scores are; `nil` where nobody knows.
    package var kind: ScoreKind?
    /// Operators cut off behind the logits.
    package var removedTail: String?
    /// Whether the logits are logarithms of probabilities.
    package var usesLogarithms = false
    /// Operators that move in steps or at random, with the number of nodes.
    package var roughOperators: [String: Int] = [:]
    /// Operators that branch or loop, with the number of nodes.
    package var branches: [String: Int] = [:]
    /// Facts for the reproduction.
    package var settings: [String: String] = [:]

    /// Makes a subject of an oracle and a judge, about whose graph nothing is known.
    package init(oracle: any GradientOracle, judge: any Judge, hasGradients: Bool = true) {
        (self.oracle, self.judge, self.hasGradients) = (oracle, judge, hasGradients)
    }

    private static let random: Set<String> = [
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    ]
    /// Operators that draw random numbers.
    var randomOperators: [String: Int] { roughOperators.filter { Self.random.contains($0.key) } }
    /// Operators that move in steps.
    var steps: [String: Int] {
        roughOperators.filter { !Self.random.contains($0.key) && !($0.key == "ArgMax" && removedTail == "ArgMax") }
    }
}

extension EvaluationSubject {
    private static let branching: Set<String> = ["If", "Loop", "Scan", "SequenceMap"]

    /// Reads a model and, where there is one, its differentiated form.
    package init(
        _ model: OnnxModel, _ differentiable: DifferentiableModel?, shape: [Int], classCount: Int
    ) throws(CasemateError) {
        let judge = try ModelJudge(model)
        if let differentiable {
            self.init(oracle: differentiable, judge: judge)
            (removedTail, usesLogarithms) = (differentiable.removedTail, differentiable.usesLogarithms)
            roughOperators = differentiable.roughOperators
        } else {
            let oracle = ScoreOracle(model: model, sampleShape: shape, classCount: classCount)
            self.init(oracle: oracle, judge: judge, hasGradients: false)
        }
        kind = model.signature.kind
        for entry in model.file.operators where Self.branching.contains(entry.name) {
            branches[entry.name, default: 0] += entry.count
        }
        settings = [
            "model": model.file.path, "model.sha256": try FileDigest(of: model.file.path).sha256,
            "model.producer": model.file.producer,
            "model.opsets": model.file.opsets.map { "\($0.domain) \($0.version)" }.joined(separator: ", "),
        ]
    }
}

/// Logits of a deployed model by its scores alone, for models that no gradient goes through.
struct ScoreOracle: GradientOracle {
    let model: OnnxModel
    let sampleShape: [Int]
    let classCount: Int

    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        let answer = try model.predict(rows: rows, count: count, cancellation: cancellation)
        guard answer.kind == .probabilities || answer.kind == .logits else { return answer.scores }
        // why: logarithms keep apart what lies close to 0 and 1, as logits do.
        return answer.scores.map { Float(max(Double($0), 1e-30).logarithm) }
    }

    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        throw CasemateError(
            .unsupported, at: model.file.path, "no gradient goes through the model",
            help: "use attacks by scores, such as square")
    }
}
