public import CasemateCore
public import Foundation

/// An ONNX graph that computes gradients beside the outputs of the graph that it was made from.
public struct GradientGraph: Sendable {
    /// The model as the bytes of a file; inputs are those of the original graph.
    public let bytes: Data
    /// The value whose gradients are computed; it is an output too.
    public let output: String
    /// The output that holds the gradient of each input or constant that was asked for, in its shape.
    public let gradients: [String: String]
}

extension OnnxFile {
    /// Differentiates the graph: the result is an ONNX graph again, which any runtime executes.
    ///
    /// - Parameters:
    ///   - output: An output or an inner value of real numbers; the sum of its elements is differentiated.
    ///   - withRespectTo: Inputs and constants (initialisers) of real numbers.
    ///   - rowAxes: Axes of one row for inputs that leave them open, by input.
    ///   - steps: What stands in for the derivative of rounding and other steps.
    /// - Throws: `unsupported` with the node for an operator that no gradient goes through, for control flow, 16-bit
    ///   and quantised models; `invalidSetting` for names that the graph does not have; `engineFailed` when the graph
    ///   does not run on made-up rows.
    public func gradient(
        of output: String, withRespectTo names: [String], runtime: OnnxRuntime, rowAxes: [String: [Int]] = [:],
        steps: StepGradient = .zero, cancellation: Cancellation = Cancellation()
    ) throws -> GradientGraph {
        let constants = Set(proto.graph.initializer.map(\.name))
        var graph = try GraphImport.graph(of: self)
        graph.parameters = Set(names).intersection(constants)
        // why: what only other outputs need must neither be run nor stop the gradient by lacking a rule.
        if graph.makers[output] != nil {
            graph.outputs = [output]
            graph.prune(keeping: Set(names))
        }
        let prepared = try PreparedGraph(graph, runtime: runtime, rowAxes: rowAxes, cancellation: cancellation)
        let (builder, gradients) = try prepared.gradient(of: output, withRespectTo: names, steps: steps)
        var result = builder.graph
        result.outputs = [output] + names.compactMap { gradients[$0]?.name }
        result.outputs = result.outputs.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        result.prune(keeping: Set(names))
        return GradientGraph(
            bytes: try result.model().fileBytes(), output: output, gradients: gradients.mapValues(\.name))
    }
}
