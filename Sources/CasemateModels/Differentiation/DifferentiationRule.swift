import CasemateCore

/// How gradients go back through some operators: one file a family, one line in `differentiationRules`, one row in
/// `docs/reference/operators.md`.
///
/// The graph is in canonical form: operators of opset 21 or later, attributes of old versions turned into inputs,
/// compound operators taken apart (see `OperatorLowering`), every value traced.
protocol DifferentiationRule: Sendable {
    /// Operators it serves, `Conv` or `ai.onnx.ml.Scaler`.
    static var operators: [String] { get }
    /// Adds the nodes that turn the gradients of a node's outputs into those of its inputs.
    /// - Parameters:
    ///   - node: The node, with its values.
    ///   - gradients: The gradient of each output, in its shape; `nil` for outputs that nothing was derived from.
    ///   - builder: Where nodes are added.
    /// - Returns: A gradient for each input, in its shape; `nil` where none goes through.
    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?]
}

/// The rules that ship.
let differentiationRules: [any DifferentiationRule.Type] = [
    ArithmeticRule.self,
    ElementwiseRule.self,
    StepRule.self,
    IdentityRule.self,
    ActivationRule.self,
    SoftmaxRule.self,
    MatMulRule.self,
    GemmRule.self,
    ReshapeRule.self,
    TransposeRule.self,
    WhereRule.self,
    RepeatRule.self,
    JoinRule.self,
    SliceRule.self,
    PadRule.self,
    GatherRule.self,
    ScatterRule.self,
    BlockRule.self,
    ReductionRule.self,
    SequenceRule.self,
    TopKRule.self,
    ModRule.self,
    EinsumRule.self,
    ConvRule.self,
    PoolRule.self,
    PoolMaxRule.self,
    NormBatchRule.self,
    NormLayerRule.self,
    NormResponseRule.self,
    ResizeRule.self,
]

/// A value of the graph: its name and what the trace knows of it.
struct GraphValue: Hashable, Sendable {
    /// Name in the graph.
    let name: String
    /// Element type and axes.
    let traced: TracedValue
    /// Length of each axis.
    var axes: [AxisLength] { traced.axes }
    /// Number of axes.
    var rank: Int { traced.rank }
}

/// A node whose gradients are asked for.
struct DifferentiatedNode: Sendable {
    /// The node.
    let node: OnnxNodeProto
    /// Its inputs; `nil` where one is left out.
    let inputs: [GraphValue?]
    /// Its outputs; `nil` where one is left out.
    let outputs: [GraphValue?]
    /// Which inputs a gradient is needed for.
    let needs: [Bool]
    /// What stands in for the derivative of steps.
    let steps: StepGradient
    /// Values of constants and of shapes that every batch has.
    let constants: [String: OnnxTensorProto]

    /// The operator.
    var op: String { node.opType }
    /// Whether the gradient of an input is needed.
    func needs(_ index: Int) -> Bool { index < needs.count && needs[index] }
    /// An input that must be there.
    func input(_ index: Int) throws(CasemateError) -> GraphValue {
        guard index < inputs.count, let value = inputs[index] else { throw unsupported("input \(index) is missing") }
        return value
    }
    /// An output that must be there.
    func output(_ index: Int = 0) throws(CasemateError) -> GraphValue {
        guard index < outputs.count, let value = outputs[index] else { throw unsupported("output \(index) is missing") }
        return value
    }
    /// The constant that an input is; `nil` when it is computed.
    func constant(_ index: Int) -> OnnxTensorProto? { node.given(index).flatMap { constants[$0] } }
    /// Whole numbers that an input or, in older versions, an attribute gives; `nil` when neither does.
    func wholes(_ index: Int) throws(CasemateError) -> [Int]? {
        guard let name = node.given(index) else { return nil }
        guard let list = constants[name]?.wholes else {
            throw unsupported("input \(index) ('\(OnnxLook.printable(name))') is computed while the graph runs")
        }
        return list.map { Int(clamping: $0) }
    }
    /// The error for a form of the operator that has no rule.
    func unsupported(_ what: String) -> CasemateError {
        CasemateError(
            .unsupported, at: "node \(OnnxGraphCheck.label(node))", "\(node.qualifiedOperator): \(what)",
            help: "no gradient goes through it; black-box attacks (--access scores or labels) still work")
    }
}

/// What stands in for the derivative of operators that move in steps (`Round`, `Floor`, `Ceil`, `Sign`, casts to whole
/// numbers), which is zero almost everywhere.
public enum StepGradient: String, Hashable, Sendable {
    /// The true derivative, zero.
    case zero
    /// One, as if the step were not there. Source: Athalye, Carlini and Wagner, ICML 2018 (BPDA).
    case straightThrough
}
