import CasemateCore

/// A model's graph in canonical form with every value traced: what gradients are taken of.
struct PreparedGraph: Sendable {
    /// The graph.
    var graph: WorkGraph
    /// Types and shapes.
    let values: [String: TracedValue]
    /// The number of rows that the graph is fixed to; `nil` when it takes any.
    let fixedBatch: Int?
    /// The engine.
    let runtime: OnnxRuntime

    /// Prepares a checked file.
    /// - Parameters:
    ///   - rowAxes: Axes of one row for inputs that leave them open, by input.
    ///   - parameters: Constants by which gradients will be asked; they keep their names and are not folded away.
    /// - Throws: `unsupported` for control flow, sparse constants and types that no gradient goes through;
    ///   `engineFailed` when the graph does not run on made-up rows.
    init(
        _ file: OnnxFile, runtime: OnnxRuntime, rowAxes: [String: [Int]] = [:], parameters: Set<String> = [],
        cancellation: Cancellation = Cancellation()
    ) throws {
        var graph = try GraphImport.graph(of: file)
        graph.parameters = parameters.intersection(graph.constants.keys)
        try self.init(graph, runtime: runtime, rowAxes: rowAxes, cancellation: cancellation)
    }

    /// Prepares an imported graph.
    init(
        _ imported: WorkGraph, runtime: OnnxRuntime, rowAxes: [String: [Int]] = [:],
        cancellation: Cancellation = Cancellation()
    ) throws {
        var graph = imported
        try PreparedGraph.checkTypes(graph)
        var trace = try ShapeTrace(graph, runtime: runtime, rowAxes: rowAxes, cancellation: cancellation)
        if trace.fixedBatch == 1, let freed = try BatchFreeing.freed(graph, trace, runtime, rowAxes, cancellation) {
            (graph, trace) = freed
        }
        // why: what is folded for one batch must not be run on another.
        for index in graph.inputs.indices where graph.inputs[index].axes.first == .some(nil) {
            graph.inputs[index].axes[0] = trace.fixedBatch
        }
        try ConstantFolding.fold(&graph, trace: trace, runtime: runtime, cancellation: cancellation)
        try OperatorLowering.lower(&graph, values: trace.values)
        let final = try ShapeTrace(graph, runtime: runtime, rowAxes: rowAxes, cancellation: cancellation)
        try ConstantFolding.fold(&graph, trace: final, runtime: runtime, cancellation: cancellation)
        var values = final.values
        Fusion.fuse(&graph, values: &values)
        self.graph = graph
        for (name, constant) in graph.constants where values[name] == nil {
            values[name] = TracedValue(element: constant.dataType, axes: constant.dims.map { .fixed(Int($0)) })
        }
        self.values = values
        fixedBatch = final.fixedBatch
        self.runtime = runtime
    }

    /// Refuses what no gradient goes through, before anything is run.
    private static func checkTypes(_ graph: WorkGraph) throws(CasemateError) {
        if let node = graph.nodes.first(where: { $0.opType == "QuantizeLinear" || $0.opType == "DequantizeLinear" }) {
            throw CasemateError(
                .unsupported, at: "\(graph.path): node \(OnnxGraphCheck.label(node))",
                "the model is quantised (\(node.opType)): its steps have no useful gradient",
                help: "give the float32 model before quantisation; attacks by scores or labels (--access scores) work")
        }
        let half = graph.constants.values.contains { $0.dataType == 10 || $0.dataType == 16 }
        if half || graph.inputs.contains(where: { $0.element == 10 || $0.element == 16 }) {
            throw CasemateError(
                .unsupported, at: graph.path, "the model computes with 16-bit floats: gradients would be rounded away",
                help: "give the float32 model; attacks by scores or labels (--access scores) work")
        }
    }

    /// A graph that computes what the prepared one does, and gradients beside it.
    /// - Parameters:
    ///   - output: Name of the value whose elements are summed, or seeded by `seed`.
    ///   - targets: Inputs, constants or inner values.
    /// - Returns: The builder's graph with the gradients' names; targets that nothing depends on get zeros.
    func gradient(
        of output: String, withRespectTo targets: [String], steps: StepGradient = .zero
    ) throws(CasemateError) -> (builder: GraphBuilder, gradients: [String: GraphValue]) {
        var builder = GraphBuilder(graph, values: values)
        guard let value = builder.value(output) else { throw unknown(output, "value") }
        guard value.traced.isReal else {
            throw CasemateError(
                .invalidSetting, at: graph.path,
                "'\(OnnxLook.printable(output))' holds \(OnnxElement.name(value.traced.element)) values, no real numbers",
                help: "name an output of real numbers")
        }
        for target in targets where builder.value(target) == nil { throw unknown(target, "input or constant") }
        let seed = builder.filled(1, like: value)
        var found = try Differentiator(steps: steps).backward(&builder, seeds: [(value, seed)], to: targets)
        for target in targets where found[target] == nil {
            if let value = builder.value(target) { found[target] = builder.filled(0, like: value) }
        }
        return (builder, found)
    }

    private func unknown(_ name: String, _ kind: String) -> CasemateError {
        CasemateError(
            .invalidSetting, at: graph.path,
            "has no \(kind) '\(OnnxLook.printable(name))'\(Suggestion.clause(for: name, among: Set(values.keys)))",
            help: "use a name of the graph")
    }
}
