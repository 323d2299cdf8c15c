public import CasemateModels

/// What a model answered, as later stages see and may change it.
public struct InferenceAnswer: Sendable {
    /// Which tensors carry what the model decided.
    public struct Roles: Sendable, Hashable {
        /// Name of the output with the label of each row; `nil` where there is none.
        public let label: String?
        /// Name of the output with the scores of each row (`[N, C]`, or `[N]` and `[N, 1]` for the positive class or a
        /// regression); `nil` where there is none.
        public let scores: String?
        /// What the numbers of that output are, as they stand there.
        public let kind: ScoreKind
        /// Makes roles.
        public init(label: String?, scores: String?, kind: ScoreKind) {
            (self.label, self.scores, self.kind) = (label, scores, kind)
        }
    }
    /// Output tensors in the model's order; all of them, whatever was asked for.
    public var outputs: [NamedTensor]
    /// The same as probabilities and decisions; `nil` where the outputs say neither. Kept in step with `outputs` by
    /// whoever changes one of them.
    public var predictions: Predictions?
    /// Which tensors carry them.
    public let roles: Roles

    /// Makes an answer.
    public init(outputs: [NamedTensor], predictions: Predictions?, roles: Roles) {
        (self.outputs, self.predictions, self.roles) = (outputs, predictions, roles)
    }
}

/// Runs a model: in this process, or behind an address.
public protocol ModelBackend: Sendable {
    /// What the model is.
    var description: ModelDescription { get }
    /// Whether it would answer now.
    var isReady: Bool { get }
    /// Answers checked tensors.
    /// - Parameter call: What the answer is for; gives the deadline and the trace that an upstream continues.
    /// - Throws: `GuardRefusal` with `unavailable` (queue full, breaker open), `upstreamTimeout`, `upstreamFailed`.
    func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer
    /// Lets go of threads and connections; no call comes after it.
    func shutDown() async
}

extension ModelBackend {
    /// Nothing to let go of.
    public func shutDown() async {}
}

/// What a back end is told about the call besides its tensors.
public struct BackendCall: Sendable {
    /// The trace to go on with.
    public let trace: TraceContext
    /// Monotonic time, in the guard's clock, at which nobody waits for the answer any more.
    public let deadline: UInt64
    /// Makes a call.
    public init(trace: TraceContext, deadline: UInt64) { (self.trace, self.deadline) = (trace, deadline) }
}
