import CasemateCore

/// The graph of a network that is trained, with the parameters as inputs.
struct TrainingGraph: Sendable {
    /// The imported graph, operators as in the file.
    let source: WorkGraph
    let prepared: PreparedGraph
    /// The graph up to the value that the loss takes.
    private let base: GraphBuilder
    /// That value, `[N, width]`.
    let output: GraphValue
    let width: Int
    let input: WorkGraph.Input
    let sampleShape: [Int]
    /// What is trained, in the order of the file, with the values of the file.
    let parameters: [OnnxTensorProto]
    /// Constants that stand in the file with other values.
    let replaced: [OnnxTensorProto]

    /// Input with what each sample's gradient is multiplied by, `[N]` of float32.
    static let weights = "casemate/weights"
    /// Input with numbers for the loss, `[N, width]` of float32.
    static let targets = "casemate/training-targets"

    init(_ file: OnnxFile, runtime: OnnxRuntime, settings: TrainingSettings, cancellation: Cancellation) throws {
        let choice = try ParameterChoice(file, settings)
        var graph = choice.graph
        if let row = settings.rowShape, let input = graph.inputs.first {
            graph.inputs[0].axes = [input.axes.first ?? nil] + row.map { $0 }
        }
        prepared = try PreparedGraph(graph, runtime: runtime, cancellation: cancellation)
        guard let input = prepared.graph.inputs.first, prepared.graph.inputs.count == 1, input.element == 1,
            let axes = prepared.values[input.name]?.axes, axes.count > 1
        else {
            throw CasemateError(
                .unsupported, at: file.path, "takes \(prepared.graph.inputs.count) inputs or no rows of float32",
                help: "training serves networks with one float32 input whose first axis is the batch")
        }
        (self.input, sampleShape) = (input, axes.dropFirst().compactMap(\.length))
        var builder = GraphBuilder(prepared.graph, values: prepared.values)
        output = try Self.output(&builder, prepared, choice.output, settings.loss, input, sampleShape)
        width = output.axes[1].length ?? 1
        base = builder
        parameters = try Self.reaching(choice, builder, output)
        (source, replaced) = (choice.graph, choice.replaced)
    }

    /// The value that the loss takes, `[N, width]`: logits, or the output as it is.
    private static func output(
        _ builder: inout GraphBuilder, _ prepared: PreparedGraph, _ name: String, _ loss: TrainingLoss,
        _ input: WorkGraph.Input, _ sampleShape: [Int]
    ) throws(CasemateError) -> GraphValue {
        if loss.isAtLogits {
            let found = LogitFinder(prepared).find(scores: name, label: nil, isProbability: false)
            let finding = found ?? LogitFinder.Finding(name: name, form: .logits, removed: nil)
            return try LogitSource(prepared, finding, input: input, sampleShape: sampleShape).logits(&builder)
        }
        guard let value = builder.value(name), value.rank > 0, value.traced.isReal,
            value.axes[0].perRow == 1 || prepared.fixedBatch != nil,
            value.axes.dropFirst().allSatisfy({ $0.length != nil })
        else {
            throw CasemateError(
                .unsupported, at: prepared.graph.path,
                "output '\(OnnxLook.printable(name))' has no row of numbers for each sample",
                help: "name an output whose first axis is the batch")
        }
        let width = value.axes.dropFirst().compactMap(\.length).reduce(1, *)
        return builder.reshape(value, to: [value.axes[0], .fixed(width)])
    }

    /// The candidates that a gradient comes back to.
    private static func reaching(
        _ choice: ParameterChoice, _ builder: GraphBuilder, _ output: GraphValue
    ) throws(CasemateError) -> [OnnxTensorProto] {
        var trial = builder
        let names = choice.candidates.filter { builder.graph.constants[$0] != nil && builder.value($0) != nil }
        let seed = trial.filled(1, like: output)
        let found = try Differentiator(steps: .zero).backward(&trial, seeds: [(output, seed)], to: names)
        if choice.isNamed, let name = choice.candidates.first(where: { found[$0] == nil }) {
            throw CasemateError(
                .invalidSetting, at: builder.graph.path,
                "the output does not depend smoothly on '\(OnnxLook.printable(name))'",
                help: "leave it out of the parameters")
        }
        let reached = names.filter { found[$0] != nil }.compactMap { builder.graph.constants[$0] }
        guard !reached.isEmpty else {
            throw CasemateError(
                .unsupported, at: builder.graph.path, "has no float32 initialiser that could be trained",
                help: "export the network with its weights as float32 initialisers")
        }
        return reached
    }

    /// What a compiled graph is for.
    enum Purpose: Hashable, Sendable { case outputs, parameterGradient, inputGradient }

    /// The graph for a purpose: the outputs are `[logits or output]`, or the losses, `[N]`, and gradients.
    func graph(_ purpose: Purpose, _ loss: TrainingLoss) throws(CasemateError) -> WorkGraph {
        var builder = base
        var results = [output]
        if purpose != .outputs {
            let (losses, slope) = Self.loss(loss, output, width, &builder)
            let weights = builder.input(Self.weights, element: 1, axes: [output.axes[0]])
            let seed = builder.multiply(
                slope, builder.cast(builder.unsqueeze(weights, [1]), to: slope.traced.element))
            let targets = purpose == .inputGradient ? [input.name] : parameters.map(\.name)
            let found = try Differentiator(steps: .zero).backward(&builder, seeds: [(output, seed)], to: targets)
            results = [losses]
            for name in targets {
                guard let value = builder.value(name) else { continue }
                results.append(found[name] ?? builder.filled(0, like: value))
            }
        }
        // why: one value can serve as two outputs, and inner values can be of float64.
        let final = results.map { value in
            builder.emit(
                value.traced.element == 1 ? "Identity" : "Cast", [value.name], element: 1, axes: value.axes,
                value.traced.element == 1 ? [] : [.int("to", 1)])
        }
        var graph = builder.graph
        graph.outputs = final.map(\.name)
        graph.prune()
        for tensor in parameters {
            graph.constants[tensor.name] = nil
            graph.inputs.append(
                WorkGraph.Input(name: tensor.name, element: 1, axes: tensor.dims.map { Int($0) }))
        }
        return graph
    }

    /// Per-sample losses, `[N]`, and their gradient by the output.
    private static func loss(
        _ loss: TrainingLoss, _ output: GraphValue, _ width: Int, _ builder: inout GraphBuilder
    ) -> (losses: GraphValue, slope: GraphValue) {
        if loss == .crossEntropy {
            let terms = LossGraph(.crossEntropy, of: output, &builder)
            return (terms.losses, terms.slope)
        }
        let given = builder.input(targets, element: 1, axes: output.axes)
        let targets = builder.cast(given, to: output.traced.element)
        switch loss {
        case .crossEntropy, .softCrossEntropy:
            let logarithms = builder.unary("LogSoftmax", output, [.int("axis", 1)])
            let losses = builder.sum(builder.multiply(logarithms, targets), [1], keepsAxes: false)
            let total = builder.sum(targets, [1], keepsAxes: true)
            let expected = builder.multiply(builder.unary("Exp", logarithms), total)
            return (builder.multiply(losses, -1), builder.subtract(expected, targets))
        case .meanSquaredError:
            let difference = builder.subtract(output, targets)
            let squares = builder.sum(builder.multiply(difference, difference), [1], keepsAxes: false)
            return (
                builder.multiply(squares, 1 / Double(width)), builder.multiply(difference, 2 / Double(width))
            )
        case .seed: return (builder.sum(builder.multiply(output, targets), [1], keepsAxes: false), targets)
        }
    }
}

extension LogitSource {
    /// A source in a graph that is prepared already.
    init(_ prepared: PreparedGraph, _ finding: LogitFinder.Finding, input: WorkGraph.Input, sampleShape: [Int]) {
        (self.prepared, self.finding, self.input, self.sampleShape) = (prepared, finding, input, sampleShape)
    }
}
