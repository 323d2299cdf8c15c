import CasemateCore
public import CasemateData
public import CasemateModels
public import CasemateScan

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
    /// Settings of the evasion probe, or of `attack evasion`.
    public private(set) var evasion: EvasionSettings
    /// Settings of the fairness probe.
    public let fairness: AuditConfiguration.Fairness
    /// Number of calibration bins.
    public let calibrationBins: Int
    /// Operator domains that the file gate lets through besides the known ones, and the largest file.
    public let fileGate: FileGate
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

    /// The same subject under other settings of the attack; `bounds` replace those of every number.
    func attacked(with settings: EvasionSettings, within bounds: ClosedRange<Float>?) -> AuditSubject {
        var copy = self
        copy.evasion = settings
        guard let bounds else { return copy }
        let rules = zip(space.features, space.rules).map { feature, rule in
            guard feature.levels == nil else { return rule }
            var wide = rule
            (wide.low, wide.high) = (bounds.lowerBound, bounds.upperBound)
            return wide
        }
        copy.space = FeatureSpace(features: space.features, rules: rules, oneHotGroups: space.oneHotGroups)
        return copy
    }

    /// Whether the label of a test row is the favourable outcome.
    public func isFavourableLabel(_ row: Int) -> Bool {
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
    public var positiveScores: [Double]? {
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
