public import CasemateCore
import CasemateData
public import CasemateModels
import Foundation
import Synchronization

/// Copies a model from its answers: every learner, access, distribution of queries and budget, each copy judged on
/// held-out real rows and on uniform rows.
///
/// Sources: Tramèr, Zhang, Juels, Reiter, Ristenpart, "Stealing Machine Learning Models via Prediction APIs", USENIX
/// Security 2016 (disagreement on test and on uniform rows); Jagielski, Carlini, Berthelot, Kurakin, Papernot, "High
/// Accuracy and High Fidelity Extraction of Neural Networks", USENIX Security 2020 (fidelity apart from accuracy).
/// Deviation: agreement is reported beside kappa and the majority rate, which they leave out.
public struct ModelExtraction: Sendable {
    /// Identifiers of learners.
    public var students: [String] = studentLearners.map { $0.identifier }
    /// What the attacker sees; those that the model's answers do not hold are left out.
    public var access: [ExtractionAccess] = [.scores, .labels, .rounded(decimals: 2)]
    /// Where queries come from. Rounded answers are tried with the first one only.
    public var distributions: [QueryDistribution] = QueryDistribution.allCases
    /// Numbers of queries. Real rows end where the data end: what is beyond becomes one copy of all rows.
    public var budgets: [Int] = [100, 500, 1_000, 5_000]
    /// Uniform rows that judge a copy.
    public var uniformRows = 2_000
    /// Creates it with the settings of the reference figures.
    public init() {}

    private struct Task {
        let learner: any StudentLearner.Type
        let access: ExtractionAccess
        let distribution: QueryDistribution
        let queries: Int
    }
    private struct Material {
        let form: AnswerForm
        let rows: [QueryDistribution: FeatureMatrix]
        let answers: [QueryDistribution: QueryAnswers]
        let evaluations: [(rows: FeatureMatrix, answers: QueryAnswers)]
    }

    /// Asks the model and makes the copies, in parallel. The same seed gives the same result at any thread count.
    ///
    /// Out of time (by the deadline or the token), what is finished is returned and the rest counted.
    /// - Parameter boosting: LightGBM, which some learners need.
    /// - Throws: what the oracle or a learner throws, `engineMissing` for a learner without its engine, `Cancelled`
    ///   when interrupted.
    public func run(
        _ problem: ExtractionProblem, oracle: any QueryOracle, boosting: LightGBM?, context: RunContext
    ) throws -> ExtractionResult {
        let material = try ask(problem, oracle, context)
        let tasks = tasks(material)
        let done = Mutex([ExtractionResult.Copy?](repeating: nil, count: tasks.count))
        let failure = Mutex<(any Error)?>(nil)
        let next = Atomic<Int>(0)
        let work = { @Sendable in
            while failure.withLock({ $0 == nil }), !context.cancellation.isCancelled {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < tasks.count, context.deadline.map({ ContinuousClock.now < $0 }) ?? true else { return }
                do {
                    let copy = try self.copy(tasks[index], material, boosting, context)
                    let finished = done.withLock { done in
                        done[index] = copy
                        return done.count { $0 != nil }
                    }
                    context.progress("copies of the model", finished, tasks.count)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
        }
        DispatchQueue.concurrentPerform(iterations: max(1, min(context.threads, tasks.count))) { _ in work() }
        if let error = failure.withLock({ $0 }), (error as? Cancelled)?.reason != .outOfTime { throw error }
        try context.cancellation.check(onlyInterruption: true)
        return result(problem, material, done.withLock { $0 })
    }

    private func result(
        _ problem: ExtractionProblem, _ material: Material, _ done: [ExtractionResult.Copy?]
    ) -> ExtractionResult {
        ExtractionResult(
            copies: done.compactMap { $0 }, unfinished: done.count { $0 == nil }, naturalRows: problem.pool.count,
            repeated: problem.repeated, isShared: problem.isShared, asked: material.rows.mapValues(\.count),
            evaluationQueries: material.evaluations.reduce(0) { $0 + $1.rows.count },
            naturalEvaluation: material.evaluations[0].rows.count,
            uniformEvaluation: material.evaluations[1].rows.count)
    }

    // MARK: Questions

    /// Asks once for the largest budget of each distribution; smaller budgets use its first rows.
    private func ask(_ problem: ExtractionProblem, _ oracle: any QueryOracle, _ context: RunContext) throws -> Material
    {
        let sampler = QuerySampler(space: problem.space, pool: problem.pool, seed: context.seed)
        var (rows, answers) = ([QueryDistribution: FeatureMatrix](), [QueryDistribution: QueryAnswers]())
        func answered(_ matrix: FeatureMatrix) throws -> QueryAnswers {
            try context.cancellation.check()
            return try oracle.answer(matrix.values, count: matrix.count)
        }
        for (index, distribution) in QueryDistribution.allCases.enumerated() where distributions.contains(distribution)
        {
            let drawn = sampler.rows(
                distribution, count: budgets.max() ?? 0, stream: 0x71_00_00_00_00 &+ UInt64(index) << 32)
            rows[distribution] = drawn
            answers[distribution] = try answered(drawn)
        }
        let uniform = sampler.rows(.uniform, count: max(1, uniformRows), stream: 0x65_00_00_00_00)
        let evaluations = try [problem.evaluation, uniform].map { (rows: $0, answers: try answered($0)) }
        return Material(form: oracle.form, rows: rows, answers: answers, evaluations: evaluations)
    }

    private func tasks(_ material: Material) -> [Task] {
        let learners = studentLearners.filter { students.contains($0.identifier) }
        var tasks: [Task] = []
        for learner in learners {
            for access in access where access.applies(to: material.form) {
                for distribution in distributions {
                    if case .rounded = access, distribution != distributions.first { continue }
                    for queries in queries(of: material.rows[distribution]?.count ?? 0) {
                        tasks.append(
                            Task(learner: learner, access: access, distribution: distribution, queries: queries))
                    }
                }
            }
        }
        return tasks
    }

    /// Budgets that so many rows can serve, the rows themselves where a budget asks for more.
    private func queries(of available: Int) -> [Int] {
        Set(budgets.map { min($0, available) }).filter { $0 > 0 }.sorted()
    }

    // MARK: Copies

    private func copy(
        _ task: Task, _ material: Material, _ boosting: LightGBM?, _ context: RunContext
    ) throws -> ExtractionResult.Copy? {
        guard let rows = material.rows[task.distribution], let all = material.answers[task.distribution] else {
            return nil
        }
        let form = material.form
        let answers = all.prefix(task.queries, form)
        let seen = QueryAnswers(decisions: answers.decisions, scores: task.access.view(answers.scores))
        let lesson = Lesson(
            rows: rows.rows(0..<task.queries), answers: Self.answers(seen, form, task.access), boosting: boosting,
            seed: context.seed, cancellation: context.cancellation)
        let student = try Self.student(task.learner, lesson, seen, form)
        // why none for labels: a copy of decisions gives shares of classes, of which the largest decides.
        let cut =
            task.access == .labels
            ? nil : DecisionCut(form: form, scores: seen.scores, decisions: seen.decisions)
        let qualities = try material.evaluations.enumerated().map { index, evaluation in
            let scores = try student.scores(evaluation.rows.values, count: evaluation.rows.count)
            let isBootstrapped = form.decisions <= 1 && index == 0
            return Self.quality(scores, evaluation.answers, cut, form, seed: isBootstrapped ? context.seed : nil)
        }
        return ExtractionResult.Copy(
            student: task.learner.identifier, access: task.access, distribution: task.distribution,
            queries: task.queries, natural: qualities[0], uniform: qualities[1])
    }

    /// Judges the scores of a copy; without a cut they are shares of classes and the model's scores are unknown to it.
    private static func quality(
        _ scores: [Double], _ model: QueryAnswers, _ cut: DecisionCut?, _ form: AnswerForm, seed: UInt64?
    ) -> CopyQuality {
        let decisions = cut?.decide(scores) ?? DecisionCut.largest(scores, columns: form.decisions)
        return CopyQuality(
            decisions: form.decisions > 1
                ? DecisionAgreement(model: model.decisions, copy: decisions, classes: form.decisions) : nil,
            scores: cut == nil
                ? nil
                : ScoreAgreement(
                    model: model.scores, copy: scores, outputs: form.outputs, arePairs: form.scores != .values,
                    seed: seed))
    }

    private static func answers(
        _ seen: QueryAnswers, _ form: AnswerForm, _ access: ExtractionAccess
    ) -> Lesson.Answers {
        if access == .labels { return .labels(seen.decisions, classes: form.decisions) }
        if form.scores == .values { return .values(seen.scores, outputs: form.outputs) }
        return .probabilities(
            seen.scores, classes: form.decisions, floor: max(access.unit / 2, ScoreLink.floor))
    }

    /// Lets the learner study; answers that are all the same teach nothing but themselves.
    private static func student(
        _ learner: any StudentLearner.Type, _ lesson: Lesson, _ seen: QueryAnswers, _ form: AnswerForm
    ) throws -> any Student {
        guard case .labels(let labels, let classes) = lesson.answers, let first = labels.first,
            labels.allSatisfy({ $0 == first })
        else { return try learner.init().study(lesson) }
        return ConstantStudent(scores: (0..<classes).map { $0 == Int(first) ? 1 : 0 })
    }
}

/// Gives the same scores for every row.
private struct ConstantStudent: Student {
    let scores: [Double]
    func scores(_ rows: [Float], count: Int) throws -> [Double] { (0..<count).flatMap { _ in scores } }
}
