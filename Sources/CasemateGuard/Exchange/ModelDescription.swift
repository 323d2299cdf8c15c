public import CasemateData
public import CasemateModels

/// What a served model is and takes, whatever runs it.
public struct ModelDescription: Sendable, Hashable {
    /// A tensor that goes in or comes out.
    public struct Port: Sendable, Hashable {
        /// Name.
        public let name: String
        /// Element type.
        public let type: ModelSignature.ElementType
        /// Axes; `nil` where any length goes. The first is the batch.
        public let shape: [Int?]
        /// Makes a port.
        public init(name: String, type: ModelSignature.ElementType, shape: [Int?]) {
            (self.name, self.type, self.shape) = (name, type, shape)
        }
    }
    /// Name under which it is served.
    public let name: String
    /// Version under which it is served.
    public let version: String
    /// SHA-256 of the file in hexadecimal digits; of the address for an upstream.
    public let sha256: String
    /// What runs it, such as `onnxruntime_onnx`, `casemate_trees` or `upstream`.
    public let platform: String
    /// What goes in.
    public let inputs: [Port]
    /// What comes out.
    public let outputs: [Port]
    /// How the inputs take columns; decides how rows are read off tensors.
    public let layout: ModelSignature.Layout
    /// What is answered.
    public let task: ModelTask
    /// Names of the classes in column order; empty for a regression and where they are unknown.
    public let classes: [String]
    /// The columns of a row as stages see them: the values of the input tensor, or one a named input. Empty for a model
    /// whose inputs make no rows, such as text.
    public let features: [Feature]
    /// Largest batch that one call may carry; `nil` where any goes.
    public let fixedBatch: Int?

    /// Makes a description.
    public init(
        name: String, version: String, sha256: String, platform: String, inputs: [Port], outputs: [Port],
        layout: ModelSignature.Layout, task: ModelTask, classes: [String], features: [Feature],
        fixedBatch: Int? = nil
    ) {
        (self.name, self.version, self.sha256, self.platform) = (name, version, sha256, platform)
        (self.inputs, self.outputs, self.layout, self.task) = (inputs, outputs, layout, task)
        (self.classes, self.features, self.fixedBatch) = (classes, features, fixedBatch)
    }
}
