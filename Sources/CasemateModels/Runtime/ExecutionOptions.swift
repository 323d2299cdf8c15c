/// Where and with how many threads a model runs.
public struct ExecutionOptions: Hashable, Sendable {
    /// Execution provider: `cpu`, or `cuda` where the installed ONNX Runtime brings it.
    public var provider: String
    /// Threads that work on the rows of a batch; answers are the same bytes for every number.
    public var threads: Int
    /// Makes options.
    public init(provider: String = "cpu", threads: Int = 1) { (self.provider, self.threads) = (provider, threads) }
}

/// What a caller knows better than the graph; everything left out is detected.
public struct ModelOverrides: Hashable, Sendable {
    /// What the model answers. `binary` makes a single raw value a logit.
    public var task: ModelTask?
    /// How the inputs take a table's columns.
    public var layout: ModelSignature.Layout?
    /// What the scores are; for a single value `logits`, `probabilities` or `decisionValues` makes the model binary.
    public var kind: ScoreKind?
    /// The output that holds the class.
    public var labelOutput: String?
    /// The output that holds the scores, or one output for each class in order.
    public var scoreOutputs: [String]?
    /// Class names in column order.
    public var classes: [String]?
    /// Axes of one row, for a graph that leaves them open (`[3, 224, 224]`).
    public var rowShape: [Int]?
    /// Whether `Predictions.outputs` holds the scores as the graph gave them, such as logits before the softmax.
    public var includesRawScores: Bool
    /// Makes overrides; the defaults override nothing.
    public init(
        task: ModelTask? = nil, layout: ModelSignature.Layout? = nil, kind: ScoreKind? = nil,
        labelOutput: String? = nil, scoreOutputs: [String]? = nil, classes: [String]? = nil, rowShape: [Int]? = nil,
        includesRawScores: Bool = false
    ) {
        (self.task, self.layout, self.kind) = (task, layout, kind)
        (self.labelOutput, self.scoreOutputs, self.classes) = (labelOutput, scoreOutputs, classes)
        (self.rowShape, self.includesRawScores) = (rowShape, includesRawScores)
    }
}
