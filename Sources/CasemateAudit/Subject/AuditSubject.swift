public import CasemateCore
public import CasemateData
public import CasemateModels
import Synchronization

/// Everything that probes look at: the model, its data, its decisions on the test data, and what was declared.
///
/// Made once by `SubjectLoader`; every row array has one entry a test row, in file order.
public struct AuditSubject: Sendable {
    /// A protected attribute with the group of each test row.
    public struct Protected: Sendable {
        /// Name of the column.
        public let column: String
        /// Name of the reference group; `nil` takes the one with the highest rate.
        public let reference: String?
        /// Group of each test row; `nil` where missing.
        public let values: [String?]
    }
    /// What a test row is labelled with.
    public enum Targets: Sendable {
        /// Index of the class of each row.
        case classes([Int])
        /// Value of each row.
        case values([Double])
    }
    /// The data files with all their columns, also those that are no features.
    public struct Tables: Sendable {
        /// Test data.
        public let test: DataTable
        /// Training data, if there are any.
        public let train: DataTable?
        /// Data that are known to be good, if there are any.
        public let reference: DataTable?
        /// The one whose columns decide: training data where there are any.
        public var leading: DataTable { train ?? test }
    }
    /// Name of the model in sentences and fingerprints: its file name.
    public let name: String
    /// The model file as read by our own reader; `nil` for models that are no ONNX file.
    public let file: OnnxFile?
    /// The model, bound to the features it takes.
    public let model: TableModel
    /// Rows of the test data, over the model's features.
    public let test: FeatureMatrix
    /// Rows of the training data, over the model's features; `nil` without training data.
    public let train: FeatureMatrix?
    /// What an attacker may change.
    public private(set) var space: FeatureSpace
    /// Labels of the test rows.
    public let targets: Targets
    /// Weights of the test rows.
    public let weights: [Double]?
    /// The model's answers on the test rows.
    public let predictions: Predictions
    /// How answers become decisions; `nil` for a regression without a threshold.
    public let decision: DecisionRule?
    /// Decision for each test row; empty without a rule.
    public let decisions: [Int32]
    /// Index of the favourable decision, if declared.
    public let favourable: Int?
    /// Protected attributes.
    public let protected: [Protected]
    /// The data files.
    public let tables: Tables
    /// Roles of their columns.
    public let roles: AuditConfiguration.Data
    /// Labels of the training rows, coded as `targets`; `nil` without training data or where they lack the target.
    public let trainTargets: Targets?
    /// Rules that every row keeps.
    public let constraints: [ConstraintRule]
    /// Rows of insiders; `nil` where none are declared.
    public let insiders: InsiderRows?
    /// The release before this one; `nil` where none is declared.
    public let previous: PreviousRelease?
    /// LightGBM, for probes that train; `nil` where it is not installed.
    public let boosting: LightGBM?
    /// ONNX Runtime where a model was opened with it; tree files and endpoints need none.
    let runtime: OnnxRuntime?
    /// Where engines are looked for.
    public let search: EngineSearch
    /// Reads files, for probes that write some of their own.
    public let engine: DataEngine?
    private let shared = SharedAnswers()

    /// ONNX Runtime for probes that train networks, opened when asked for; `nil` where it is not installed.
    var trainingRuntime: OnnxRuntime? { runtime ?? (try? OnnxRuntime(search)) }

    /// What a probe says that would need LightGBM and has none.
    public static let boostingMissing = "LightGBM is not installed: run `make setup`"

    /// The model's answers on the training rows, asked once whoever wants them first; `nil` without training data.
    /// - Throws: what the model throws; `unusableData` for an answer that is no number.
    public func trainPredictions(context: RunContext) throws -> Predictions? {
        guard let train else { return nil }
        return try shared.answers {
            let predictions = try model.predict(train, cancellation: context.cancellation)
            try predictions.rejectNonFinite(tables.train?.path ?? "training data")
            return predictions
        }
    }

    /// Declared rules over the model's features that say something: not settled by their form, and kept by more test
    /// rows than break them.
    func soundConstraints() -> [(rule: ConstraintRule, bound: BoundConstraint)] {
        constraints.compactMap { rule in
            guard rule.constantVerdict == nil, let bound = rule.bound(to: model.features) else { return nil }
            let verdicts = (0..<test.count).map { bound.verdict(test[row: $0]) }
            return verdicts.count { $0 == .holds } > verdicts.count { $0 == .violated } ? (rule, bound) : nil
        }
    }

    /// The same subject with `bounds` in place of those of every number.
    func attacked(within bounds: ClosedRange<Float>?) -> AuditSubject {
        var copy = self
        guard let bounds else { return copy }
        let rules = zip(space.features, space.rules).map { feature, rule in
            guard feature.levels == nil else { return rule }
            var wide = rule
            (wide.low, wide.high) = (bounds.lowerBound, bounds.upperBound)
            return wide
        }
        copy.space = space.replacing(rules: rules)
        return copy
    }

    /// Whether the label of a test row is the favourable outcome.
    public func isFavourableLabel(_ row: Int) -> Bool { isFavourable(targets, row) }
    /// Whether the label of a training row is the favourable outcome; false without labels.
    public func isFavourableTrainLabel(_ row: Int) -> Bool { trainTargets.map { isFavourable($0, row) } ?? false }

    private func isFavourable(_ targets: Targets, _ row: Int) -> Bool {
        switch targets {
        case .classes(let classes): classes[row] == favourable
        case .values(let values):
            if case .value(let threshold)? = decision?.kind {
                (values[row] >= threshold ? 1 : 0) == favourable
            } else {
                false
            }
        }
    }
    /// Whether a test row is decided favourably.
    public func isFavourableDecision(_ row: Int) -> Bool { decisions[row] == favourable.map { Int32($0) } }

    /// The score of the positive class, or the value of a regression, of each test row; `nil` for several classes.
    public var positiveScores: [Double]? { positiveScores(of: predictions) }
    /// The same of any answers of this model, or of one with the same classes.
    public func positiveScores(of predictions: Predictions) -> [Double]? {
        switch decision?.kind {
        case .binary(let positive, _):
            predictions.kind == .labels
                ? nil : (0..<predictions.count).map { Double(predictions.scores[$0 * 2 + positive]) }
        case .value: predictions.scores.map(Double.init)
        case .multiclass, nil: predictions.task == .regression ? predictions.scores.map(Double.init) : nil
        }
    }
    /// What a high score means, for notes beside score gaps.
    public var scoreMeaning: String {
        guard let decision, let favourable else { return "score of the model" }
        switch decision.kind {
        case .binary(let positive, _):
            return positive == favourable ? "a high score is favourable" : "a high score is unfavourable"
        case .value: return favourable == 1 ? "a high value is favourable" : "a high value is unfavourable"
        case .multiclass: return "score of the model"
        }
    }
}

/// Answers that several probes want, asked once.
private final class SharedAnswers: Sendable {
    private let known = Mutex<Predictions?>(nil)

    func answers(_ ask: () throws -> Predictions) throws -> Predictions {
        if let known = known.withLock({ $0 }) { return known }
        let asked = try ask()
        known.withLock { $0 = asked }
        return asked
    }
}

extension Predictions {
    /// Refuses answers that are no numbers, with the row of the first.
    func rejectNonFinite(_ path: String) throws(CasemateError) {
        guard let position = scores.firstIndex(where: { !$0.isFinite }) else { return }
        let width = task == .regression ? 1 : max(classes.count, 1)
        throw CasemateError(
            .unusableData, at: "\(path):row \(position / width + 1)",
            "the model answers \(scores[position]) (\(scores.count { !$0.isFinite }) such answers in all)",
            help: "find the feature that the model cannot take, often a missing value, and impute it in the model")
    }
}
