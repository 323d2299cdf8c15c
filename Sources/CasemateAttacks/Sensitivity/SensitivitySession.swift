import CasemateCore
import CasemateData

/// The only way of an analysis to the model: puts many moved rows into one call, counts them, and ends the work when its
/// time is over. Owned by one thread. Not `Sendable`.
final class SensitivitySession {
    let problem: SensitivityProblem
    let function: any ScoreFunction
    let context: RunContext
    let units: [SweepUnit]
    /// Rows that the model was asked.
    private(set) var queries = 0
    /// Score and decision of each row as it is; with several scores a row, that of the class it has now.
    private(set) var scores: [Float] = []
    private(set) var labels: [Int32] = []
    /// What counts as a flip; empty without decisions.
    private(set) var goals: [EvasionProblem.Goal] = []
    private var column: [Int] = []
    private var buffer: [Float] = []
    /// Rows of one call at most.
    private let batch = 32_768

    /// Asks about the rows as they are.
    init(_ problem: SensitivityProblem, _ function: any ScoreFunction, _ context: RunContext) throws {
        (self.problem, self.function, self.context) = (problem, function, context)
        units = SweepUnit.units(of: problem.space)
        guard function.featureCount == problem.space.features.count else {
            throw CasemateError(
                .mismatch, at: "model",
                "takes \(function.featureCount) features, the rows have \(problem.space.features.count)",
                help: "use the columns that the model was trained on")
        }
        column = [Int](repeating: 0, count: problem.rows.count)
        var firstLabels: [Int32] = []
        try ask(count: problem.rows.count) {
            $0
        } fill: { _, _ in
        } take: { _, _, label in
            if let label { firstLabels.append(label) }
        }
        labels = firstLabels
        if function.scoreCount > 1, !labels.isEmpty {
            column = labels.map { min(max(Int($0), 0), function.scoreCount - 1) }
        }
        try ask(count: problem.rows.count) {
            $0
        } fill: { _, _ in
        } take: { _, score, _ in
            scores.append(score)
        }
        goals = labels.isEmpty ? [] : problem.goals ?? labels.map { .untargeted(label: $0) }
    }

    /// Whether the model tells scores.
    var hasScores: Bool { function.scoreCount > 0 }
    var hasDecisions: Bool { !labels.isEmpty }
    var count: Int { problem.rows.count }
    var space: FeatureSpace { problem.space }

    /// Original row of a sample.
    func withRow<Result>(_ sample: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
        let width = problem.space.features.count
        return try problem.rows.values.withUnsafeBufferPointer {
            try body(UnsafeBufferPointer(rebasing: $0[sample * width..<(sample + 1) * width]))
        }
    }

    /// Where a unit of a sample stands.
    func position(of unit: SweepUnit, _ sample: Int) -> Float { withRow(sample) { unit.position(in: $0, space) } }

    /// Asks `count` questions. `sample` names the row that question starts from, `fill` changes it, `take` gets score
    /// and decision; for models that tell labels only, the score is the number of the label.
    /// - Throws: `SensitivityStop` when time is over, `Cancelled`, `unusableData` for answers that are no numbers.
    func ask(
        count: Int, sample: (Int) -> Int, fill: (Int, UnsafeMutableBufferPointer<Float>) -> Void,
        take: (Int, Float, Int32?) -> Void
    ) throws {
        let width = problem.space.features.count
        for start in stride(from: 0, to: count, by: batch) {
            let part = min(batch, count - start)
            try checkTime()
            buffer.removeAll(keepingCapacity: true)
            buffer.reserveCapacity(part * width)
            for index in start..<start + part { buffer.append(contentsOf: problem.rows[row: sample(index)]) }
            buffer.withUnsafeMutableBufferPointer { rows in
                for index in 0..<part {
                    fill(start + index, UnsafeMutableBufferPointer(rebasing: rows[index * width..<(index + 1) * width]))
                }
            }
            let answers = try function.answer(buffer, count: part)
            queries += part
            try check(answers, part)
            for index in 0..<part {
                let label = answers.labels.isEmpty ? nil : answers.labels[index]
                let score =
                    hasScores
                    ? answers.scores[index * function.scoreCount + column[sample(start + index)]] : Float(label ?? 0)
                take(start + index, score, label)
            }
        }
    }

    private func check(_ answers: ScoredRows, _ count: Int) throws {
        guard answers.scores.count == count * function.scoreCount,
            answers.labels.isEmpty || answers.labels.count == count
        else {
            throw CasemateError(
                .engineFailed, at: "model",
                "\(answers.scores.count) scores and \(answers.labels.count) labels for \(count) rows",
                help: "the model must answer every row")
        }
        if let wrong = answers.scores.first(where: { !$0.isFinite }) {
            throw CasemateError(
                .unusableData, at: "model", "answers \(wrong) to a row whose values lie within the declared bounds",
                help: "narrow `bounds` under `feature_space`, or mend the model")
        }
    }

    private func checkTime() throws {
        try context.cancellation.check()
        if let deadline = context.deadline, ContinuousClock.now >= deadline { throw SensitivityStop() }
    }
}

/// Thrown when the time of an analysis is over; what was finished is kept.
struct SensitivityStop: Error {}
