import CasemateCore
import CasemateData

/// Thrown when the time of a search is over; what was found is kept.
struct BranchStop: Error {}

/// The model as the search asks it: one number a row, counted, in batches, until the time is over.
final class BranchSession {
    let problem: HiddenBranchProblem
    let context: RunContext
    let width: Int
    /// Training rows, and their scores.
    let rows: FeatureMatrix
    private(set) var scores: [Float] = []
    /// What the scores would be if the model knew the labels.
    let labels: [Float]?
    /// Whether scores are shares, so that effects may add up on the scale of logits.
    private(set) var isShare = false
    /// Whether tiny changes of numbers leave the answers alone, as in trees; otherwise slopes are everywhere.
    private(set) var isStepwise = false
    /// Questions asked so far.
    private(set) var queries = 0
    /// Most rows of one question.
    let batch = 4_096
    private let function: any ScoreFunction
    /// Which score is looked at.
    let channel: Int
    private let unit: Float
    /// Answer to rows that the model does not answer with a number.
    private var neutral: Float = 0

    init(_ problem: HiddenBranchProblem, _ function: any ScoreFunction, channel: Int, _ context: RunContext) throws {
        (self.problem, self.function, self.channel, self.context) = (problem, function, channel, context)
        (width, rows) = (problem.space.features.count, problem.reference)
        unit = Float(problem.scoreUnit)
        labels = problem.labels(channel: channel, of: function.scoreCount)
        scores = try ask(problem.reference.values)
        let finite = scores.filter(\.isFinite)
        neutral = finite.isEmpty ? 0 : finite.reduce(0, +) / Float(finite.count)
        isShare = unit == 1 && finite.allSatisfy { $0 >= 0 && $0 <= 1 }
    }

    /// Scores of rows, `[count, width]` row-major, in units of the problem.
    /// - Throws: what the model throws, `Cancelled`, `BranchStop`.
    func ask(_ values: [Float]) throws -> [Float] {
        let count = values.count / width
        var result: [Float] = []
        result.reserveCapacity(count)
        for start in stride(from: 0, to: count, by: batch) {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline { throw BranchStop() }
            let end = min(count, start + batch)
            let part = count <= batch ? values : Array(values[start * width..<end * width])
            let answers = try function.answer(part, count: end - start)
            queries += end - start
            guard function.scoreCount > 0 else {
                for label in answers.labels { result.append(label == Int32(channel) ? 1 : 0) }
                continue
            }
            for row in 0..<end - start {
                let score = answers.scores[row * function.scoreCount + channel] / unit
                result.append(score.isFinite ? score : neutral)
            }
        }
        return result
    }

    /// Score and decision of one row, asked by itself.
    func askAlone(_ row: [Float]) throws -> (score: Double, label: Int32?) {
        let answer = try function.answer(row, count: 1)
        queries += 1
        guard function.scoreCount > 0 else {
            return (answer.labels.first == Int32(channel) ? 1 : 0, answer.labels.first)
        }
        return (Double(answer.scores[channel]), answer.labels.first)
    }

    /// What the reference model answers to a row, in its own unit; `nil` without one, or where it does not fit.
    func referenceScore(_ row: [Float]) throws -> Double? {
        guard let other = problem.other, other.scoreCount > channel else { return nil }
        let score = try other.answer(row, count: 1).scores[channel]
        return score.isFinite ? Double(score) : nil
    }

    /// Answers of the reference model to rows, in units of the problem; `nil` without one.
    func reference(_ values: [Float]) throws -> [Float]? {
        guard let other = problem.other, other.scoreCount > channel else { return nil }
        var result: [Float] = []
        for start in stride(from: 0, to: values.count / width, by: batch) {
            try context.cancellation.check()
            let end = min(values.count / width, start + batch)
            let answers = try other.answer(Array(values[start * width..<end * width]), count: end - start)
            for row in 0..<end - start {
                let score = answers.scores[row * other.scoreCount + channel] / unit
                result.append(score.isFinite ? score : neutral)
            }
        }
        return result
    }

    /// How far the reference model's answer rises from the rows that were moved to the same rows inside.
    func referenceRise(of measure: BranchMeasure) throws -> Double? {
        let count = measure.moved.count / max(1, 2 * width)
        guard count > 0, let scores = try reference(measure.moved) else { return nil }
        return BranchMeter.mean((0..<count).map { Double(scores[2 * $0 + 1] - scores[2 * $0]) })
    }

    /// Finds out whether the model is made of steps.
    func learnShape(_ spans: [Float], rows chosen: [Int]) throws {
        let numbers = (0..<width).filter { problem.space.features[$0].levels == nil }
        var asked: [Float] = []
        for index in chosen.prefix(12) {
            let row = row(index)
            asked += row
            for feature in numbers {
                var moved = row
                moved[feature] += 1e-4 * spans[feature]
                asked += moved
            }
        }
        let scores = try ask(asked)
        var (same, all) = (0, 0)
        for start in stride(from: 0, to: scores.count, by: numbers.count + 1) {
            same += (1...max(1, numbers.count)).count {
                start + $0 < scores.count && scores[start + $0] == scores[start]
            }
            all += numbers.count
        }
        isStepwise = numbers.isEmpty || Double(same) >= 0.8 * Double(all)
    }

    /// A training row.
    func row(_ index: Int) -> [Float] { Array(rows[row: index]) }

    /// Training rows drawn by a stream of the seed.
    func draw(_ count: Int, stream: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: context.seed, stream: stream)
        return Array(Array(0..<rows.count).shuffled(using: &generator).prefix(count)).sorted()
    }
}
