public import CasemateCore
public import CasemateData
public import CasemateModels

/// A way to learn a copy of a model from answers alone. One file, one line in `studentLearners`.
public protocol StudentLearner: Sendable {
    /// Stable name in configuration and reports.
    static var identifier: String { get }
    /// The same for people.
    static var title: String { get }
    /// Whether it needs LightGBM.
    static var needsBoosting: Bool { get }
    /// Creates it with its settings.
    init()
    /// Learns.
    /// - Throws: what an engine throws; `Cancelled`.
    func study(_ lesson: Lesson) throws -> any Student
}

/// A copy of a model.
public protocol Student: Sendable {
    /// Scores of rows in the form of the lesson: `[count, classes]` probabilities, or `[count, outputs]` values.
    func scores(_ rows: [Float], count: Int) throws -> [Double]
}

/// The learners that ship, in the order reports show them.
public let studentLearners: [any StudentLearner.Type] = [
    BoostingStudent.self, TreeStudent.self, LinearStudent.self,
]

/// Queries with their answers, as an attacker has them.
public struct Lesson: Sendable {
    /// What was answered.
    public enum Answers: Hashable, Sendable {
        /// A decision a row, at least two different ones among them.
        case labels([Int32], classes: Int)
        /// Probabilities `[count, classes]`; none is known better than `floor`.
        case probabilities([Double], classes: Int, floor: Double)
        /// Values `[count, outputs]`.
        case values([Double], outputs: Int)
    }
    /// The rows asked about.
    public let rows: FeatureMatrix
    /// What was answered.
    public let answers: Answers
    /// LightGBM, for learners that need it.
    public let boosting: LightGBM?
    /// Seed of the learner.
    public let seed: UInt64
    /// Tells it to stop.
    public let cancellation: Cancellation

    /// Makes a lesson.
    public init(
        rows: FeatureMatrix, answers: Answers, boosting: LightGBM?, seed: UInt64 = 0,
        cancellation: Cancellation = Cancellation()
    ) {
        (self.rows, self.answers, self.boosting) = (rows, answers, boosting)
        (self.seed, self.cancellation) = (seed, cancellation)
    }

    /// Real-valued targets, `[count, columns]`, when scores were answered: logits or values.
    var targets: (values: [Double], columns: Int)? {
        switch answers {
        case .labels: nil
        case .probabilities(let scores, let classes, let floor):
            (ScoreLink.logits(scores, classes: classes, floor: floor), ScoreLink.columns(classes))
        case .values(let scores, let outputs): (scores, outputs)
        }
    }
    /// Turns what a learner predicts for `targets` into scores in the form of the lesson.
    func scores(fromTargets predicted: [Double]) -> [Double] {
        if case .probabilities(_, let classes, _) = answers {
            return ScoreLink.probabilities(predicted, classes: classes)
        }
        return predicted
    }
    /// LightGBM.
    func engine() throws(CasemateError) -> LightGBM {
        guard let boosting else {
            throw CasemateError(
                .engineMissing, at: "students", "LightGBM is not installed", help: "run `make setup`")
        }
        return boosting
    }
}
