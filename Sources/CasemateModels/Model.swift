public import CasemateCore

/// What a model answers.
public enum ModelTask: String, Hashable, Sendable, Codable, CaseIterable { case binary, multiclass, regression }

/// What a model's scores are.
public enum ScoreKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Numbers in 0…1 that sum to 1 over the classes.
    case probabilities
    /// Numbers that a softmax or sigmoid turns into probabilities; `Predictions.scores` holds the result of that.
    case logits
    /// Numbers whose order decides and that are no probabilities, such as margins of a support vector machine.
    case decisionValues = "decision values"
    /// Nothing but the label: scores are 0 or 1.
    case labels
    /// The value of a regression.
    case value
}

/// Answers for a batch.
public struct Predictions: Hashable, Sendable {
    /// What was answered.
    public let task: ModelTask
    /// Names of the classes in column order; empty for a regression.
    public let classes: [String]
    /// What `scores` are.
    public let kind: ScoreKind
    /// `[count, classes.count]` row-major, or `[count]` for a regression.
    public let scores: [Float]
    /// The model's own decision as an index into `classes`; empty for a regression.
    public let labels: [Int32]
    /// Everything else that the graph gave, by name.
    public let outputs: [NamedTensor]
    /// Number of rows.
    public var count: Int { task == .regression ? scores.count : labels.count }
    /// Makes predictions.
    public init(
        task: ModelTask, classes: [String], kind: ScoreKind, scores: [Float], labels: [Int32],
        outputs: [NamedTensor] = []
    ) {
        (self.task, self.classes, self.kind) = (task, classes, kind)
        (self.scores, self.labels, self.outputs) = (scores, labels, outputs)
    }
}

/// Something that answers batches of named tensors: an ONNX file, a tree ensemble, an endpoint.
public protocol Model: Sendable {
    /// What goes in and what comes out.
    var signature: ModelSignature { get }
    /// Answers a batch of any size; the implementation splits it when the graph fixes the batch.
    /// - Throws: `CasemateError`, or `Cancelled` when the token is cancelled while the engine works.
    func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions
}

/// What goes into a model and what comes out.
public struct ModelSignature: Hashable, Sendable {
    /// Element types of inputs that matter for binding.
    public enum ElementType: String, Hashable, Sendable {
        case float, double, float16, bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool, string
    }
    /// One graph input.
    public struct Input: Hashable, Sendable {
        /// Name in the graph.
        public let name: String
        /// Element type.
        public let type: ElementType
        /// Axes; `nil` where dynamic. The first axis is the batch.
        public let shape: [Int?]
        /// Makes an input.
        public init(name: String, type: ElementType, shape: [Int?]) {
            (self.name, self.type, self.shape) = (name, type, shape)
        }
    }
    /// How the inputs take a table's columns.
    public enum Layout: String, Hashable, Sendable, Codable {
        /// One numeric tensor `[N, F]` (or `[F]`).
        case matrix
        /// One input a column.
        case columns
        /// One numeric tensor `[N, C, H, W]` or `[N, H, W, C]` or of another rank above two.
        case image
        /// One string tensor `[N]` or `[N, 1]`.
        case text
    }
    /// Inputs that must be fed.
    public let inputs: [Input]
    /// How they take columns.
    public let layout: Layout
    /// What is answered.
    public let task: ModelTask
    /// What the scores are.
    public let kind: ScoreKind
    /// Class names in column order where the graph tells or data told; `0`, `1`, … otherwise.
    public let classes: [String]
    /// Whether the graph fixes the batch at this size.
    public let fixedBatch: Int?
    /// Makes a signature.
    public init(
        inputs: [Input], layout: Layout, task: ModelTask, kind: ScoreKind, classes: [String], fixedBatch: Int?
    ) {
        (self.inputs, self.layout, self.task, self.kind) = (inputs, layout, task, kind)
        (self.classes, self.fixedBatch) = (classes, fixedBatch)
    }
}
