import CasemateCore

/// The prepared graph of a classifier, cut off at its logits.
struct LogitSource {
    let prepared: PreparedGraph
    let finding: LogitFinder.Finding
    let input: WorkGraph.Input
    let sampleShape: [Int]

    init(
        _ file: OnnxFile, _ model: OnnxModel, _ runtime: OnnxRuntime, _ overrides: ModelOverrides,
        _ cancellation: Cancellation
    ) throws {
        guard model.signature.task != .regression else {
            throw Self.unsupported(file, "is a regression: losses of classes do not fit it")
        }
        guard model.signature.inputs.count == 1, let row = model.inputs.rowShapes.first, model.inputs.hasBatchAxis
        else {
            throw Self.unsupported(
                file,
                "takes \(model.signature.inputs.count) inputs or no batch: gradient attacks "
                    + "take one numeric input with the batch as its first axis")
        }
        guard [.float, .double].contains(model.signature.inputs[0].type) else {
            throw Self.unsupported(
                file, "its input is \(model.signature.inputs[0].type.rawValue): no gradient goes through whole numbers")
        }
        let plan = try OutputPlan(file, overrides)
        guard plan.scores.count <= 1 else { throw Self.unsupported(file, "gives one output a class") }
        var graph = try GraphImport.graph(of: file)
        let start = plan.fetched.last ?? ""
        graph.outputs = [start]
        graph.prune()
        if let index = graph.inputs.firstIndex(where: { $0.name == model.signature.inputs[0].name }) {
            graph.inputs[index].axes = [graph.inputs[index].axes.first ?? nil] + row.map { $0 }
        }
        prepared = try PreparedGraph(graph, runtime: runtime, cancellation: cancellation)
        guard let input = prepared.graph.inputs.first else { throw Self.unsupported(file, "has no input") }
        (self.input, sampleShape) = (input, row)
        let finder = LogitFinder(prepared)
        let found = finder.find(
            scores: plan.scores.isEmpty ? nil : start, label: plan.label,
            isProbability: model.signature.kind == .probabilities)
        guard let found, prepared.values[found.name] != nil else {
            throw Self.unsupported(file, "gives a class alone, behind which no scores were found")
        }
        finding = found
    }

    /// Adds what makes logits `[N, K]`, `K` at least 2, out of the value that was found, and cuts the rest off.
    func logits(_ builder: inout GraphBuilder) throws(CasemateError) -> GraphValue {
        guard let value = builder.value(finding.name), let rows = value.axes.first else {
            throw CasemateError(
                .unsupported, at: prepared.graph.path, "its scores have no rows", help: "name the scores' output")
        }
        builder.graph.outputs = [finding.name]
        builder.graph.prune()
        let rest = value.axes.dropFirst().compactMap(\.length)
        let width = rest.reduce(1, *)
        guard rest.count == value.rank - 1, width >= 1, rest.filter({ $0 != 1 }).count <= 1 else {
            throw CasemateError(
                .unsupported, at: prepared.graph.path, "its scores are \(rest) a row: one number a class is needed",
                help: "name the output that holds the classes' scores")
        }
        let flat = builder.reshape(value, to: [rows, .fixed(width)])
        let isSingle = finding.form == .singleLogit || finding.form == .singleProbability
        guard isSingle == (width == 1) else {
            throw CasemateError(
                .unsupported, at: prepared.graph.path, "its scores are \(width) a row, which fits no form of answer",
                help: "name the output that holds the classes' scores")
        }
        switch finding.form {
        case .logits: return flat
        case .probabilities: return logarithm(flat, &builder)
        case .singleLogit: return pair(builder.multiply(flat, 0), flat, &builder)
        case .singleProbability:
            let other = builder.subtract(1, flat)
            return pair(logarithm(other, &builder), logarithm(flat, &builder), &builder)
        }
    }

    private func logarithm(_ value: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        builder.unary("Log", builder.binary("Max", value, builder.scalar(1e-30, like: value)))
    }

    private func pair(_ first: GraphValue, _ second: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        builder.emit(
            "Concat", [first.name, second.name], element: first.traced.element, axes: [first.axes[0], .fixed(2)],
            [.int("axis", 1)])
    }

    private static func unsupported(_ file: OnnxFile, _ what: String) -> CasemateError {
        CasemateError(
            .unsupported, at: file.path, what,
            help: "attacks by scores or labels (--access scores, --access labels) still work")
    }
}
