import CasemateAttacks
import CasemateCore
import CasemateModels

/// What an attacker sees of the audited model: decisions and, where it has them, scores.
struct SubjectOracle: QueryOracle {
    let form: AnswerForm
    private let model: TableModel
    private let decision: DecisionRule?
    private let cancellation: Cancellation
    /// Which of the model's scores are an answer: all, or the last of each row.
    private let isLastOnly: Bool

    init(_ subject: AuditSubject, _ cancellation: Cancellation) {
        (model, decision, self.cancellation) = (subject.model, subject.decision, cancellation)
        let classes = decision?.classes.count ?? 0
        let kind = subject.predictions.kind
        let isValue = subject.predictions.task == .regression
        // why the last: margins of two classes are one number and its opposite.
        isLastOnly = !isValue && kind == .decisionValues && classes == 2
        let scores: AnswerForm.Scores =
            kind == .labels ? .none : isValue || kind == .decisionValues ? .values : .probabilities
        form = AnswerForm(
            featureCount: model.features.count, decisions: classes, scores: scores,
            outputs: isValue || isLastOnly ? 1 : classes)
    }

    func answer(_ rows: [Float], count: Int) throws -> QueryAnswers {
        var (decisions, scores) = ([Int32](), [Double]())
        let width = form.featureCount
        for start in stride(from: 0, to: count, by: 8_192) {
            let end = min(start + 8_192, count)
            let answers = try model.predict(
                Array(rows[start * width..<end * width]), count: end - start, cancellation: cancellation)
            if let odd = answers.scores.first(where: { !$0.isFinite }) {
                throw CasemateError(
                    .unusableData, at: "a made-up row", "the model answers \(odd)",
                    help: "the probe random_testing says which inputs it cannot take; bound them in `feature_space`")
            }
            decisions += decision?.decide(answers) ?? []
            guard form.scores != .none else { continue }
            if isLastOnly {
                scores += stride(from: 1, to: answers.scores.count, by: 2).map { Double(answers.scores[$0]) }
            } else {
                scores += answers.scores.map(Double.init)
            }
        }
        return QueryAnswers(decisions: decisions, scores: scores)
    }
}

extension ExtractionAccess {
    /// Whether answers of this form hold what this access shows.
    func shows(_ form: AnswerForm) -> Bool { self == .labels ? form.decisions > 1 : form.scores != .none }
}

/// Equation solving with exact and with rounded answers.
struct SurrogateEquations {
    /// One try: what the attacker saw, how many equations an unknown, what came of it.
    struct Try {
        let access: ExtractionAccess
        let result: EquationSolving.Result
    }
    /// With scores as they are.
    let exact: EquationSolving.Result
    /// With rounded scores, by number of queries; empty when the model is not linear.
    let rounded: [Try]

    /// Solves; rounded answers only when exact ones show that the model is linear. `nil` without equations.
    init?(_ problem: ExtractionProblem, _ oracle: SubjectOracle, decimals: Int, context: RunContext) throws {
        guard let exact = try EquationSolving().run(problem, oracle: oracle, context: context) else { return nil }
        self.exact = exact
        guard exact.isExact else {
            rounded = []
            return
        }
        rounded = try [1, 20].compactMap { equations in
            var solving = EquationSolving()
            (solving.access, solving.equations) = (.rounded(decimals: decimals), equations)
            return try solving.run(problem, oracle: oracle, context: context).map {
                Try(access: solving.access, result: $0)
            }
        }
    }
}
