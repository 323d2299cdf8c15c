public import CasemateCore

/// A network with the gradients of a property's inequalities by its input, many points at a time.
///
/// For each point the inequality that fails most among those of its case is found in the graph itself, so that one run
/// gives the outputs, the excess and its gradient.
public final class VnnGradient: Sendable {
    /// What a run gives for each point.
    public struct Answer: Sendable {
        /// The largest excess over the inequalities of the point's case, `[count]`; reached at 0 or less.
        public var excess: [Float]
        /// Its gradient by the input, `[count, inputCount]`.
        public var gradients: [Float]
    }
    /// Values in one input.
    public let inputCount: Int
    /// Whether many points run at once; false when the graph is fixed to one and rows do not stay apart otherwise.
    public let isBatched: Bool

    private let plan: GradientPlan
    private let property: VnnProperty
    private let offsets: [Int]
    private let inequalities: [VnnInequality]
    private let shape: [Int], element: Int32, fixedBatch: Int?, isFlat: Bool
    private let workers: WorkerThreads

    /// Differentiates a network for a property.
    /// - Throws: `unsupported` for networks with several inputs and for operators that no gradient goes through, with
    ///   the node; `mismatch` when the property has other numbers of inputs or outputs.
    public init(
        path: String, property: VnnProperty, runtime: OnnxRuntime, threads: Int,
        cancellation: Cancellation = Cancellation()
    ) throws {
        let file = try OnnxFile(path: path)
        guard file.inputs.count == 1 else {
            throw CasemateError(
                .unsupported, at: path, "takes \(file.inputs.count) inputs, gradients are taken by one",
                help: "a search without gradients still works")
        }
        var graph = try GraphImport.graph(of: file)
        // why: VNN files leave axes open that have length 1, and the batch is the first of them.
        graph.inputs[0].axes = graph.inputs[0].axes.enumerated().map { $0.offset == 0 ? $0.element : $0.element ?? 1 }
        if graph.inputs[0].axes.count < 2 { graph.inputs[0].axes = graph.inputs[0].axes.map { $0 ?? 1 } }
        let prepared = try PreparedGraph(graph, runtime: runtime, cancellation: cancellation)
        let input = prepared.graph.inputs[0]
        guard let traced = prepared.values[input.name] else {
            throw CasemateError(.unsupported, at: path, "its input has no shape", help: "export it with one")
        }
        isFlat = traced.rank < 2
        shape = isFlat ? traced.axes.map { $0(1) } : traced.axes.dropFirst().map { $0(1) }
        (element, fixedBatch) = (input.element, isFlat ? 1 : prepared.fixedBatch)
        isBatched = fixedBatch == nil
        inputCount = shape.reduce(1, *)
        self.property = property
        (offsets, inequalities) = VnnGradient.rows(of: property)
        var builder = GraphBuilder(prepared.graph, values: prepared.values)
        let outputs = try Self.flatOutputs(&builder, property, path, isFlat: isFlat || prepared.fixedBatch == 1)
        let (excess, weights) = Self.worst(outputs, inequalities, property.outputCount, &builder)
        let found = try Differentiator(steps: .straightThrough).backward(
            &builder, seeds: [(outputs, weights.slope)], to: [input.name])
        let value = builder.value(input.name) ?? outputs
        let gradient = found[input.name] ?? builder.filled(0, like: value)
        let chosen = builder.cast(weights.index, to: 1)
        plan = try GradientPlan(builder, outputs: [excess, chosen, gradient], input: input.name, runtime: runtime)
        workers = WorkerThreads(threads: threads)
        guard inputCount == property.inputCount else {
            throw CasemateError(
                .mismatch, at: path, "takes \(inputCount) values, the property declares \(property.inputCount) inputs",
                help: "take the property that was written for this network")
        }
    }

    /// Runs `count` points, each for the case of that index.
    /// - Parameter directions: Weights of the outputs, `[outputCount]`, whose sum's gradient a point gets instead of its
    ///   inequality's; `nil` for points that get that. Random ones lead out of regions where the gradient vanishes.
    public func evaluate(
        _ points: [Float], cases: [Int], directions: [[Float]?], cancellation: Cancellation
    ) throws -> Answer {
        let count = cases.count
        let total = max(1, inequalities.count)
        let width = total + property.outputCount + 1
        var masks = [Float](repeating: 0, count: count * width)
        for (point, index) in cases.enumerated() {
            for row in 0..<total where !(offsets[index]..<offsets[index + 1]).contains(row) {
                masks[point * width + row] = -3e38
            }
            masks[point * width + width - 1] = directions[point] == nil ? 1 : 0
            for (place, weight) in (directions[point] ?? []).enumerated() {
                masks[point * width + total + place] = weight
            }
        }
        var answer = Answer(
            excess: [Float](repeating: 0, count: count), gradients: [Float](repeating: 0, count: count * inputCount))
        var chosen = [Float](repeating: 0, count: count)
        let batch = GradientBatch(
            rows: points, rowShape: shape, element: element, labels: [], targets: [], count: count,
            extra: masks, extraWidth: width, isFlat: isFlat)
        try answer.excess.withUnsafeMutableBufferPointer { excess in
            try chosen.withUnsafeMutableBufferPointer { chosen in
                try answer.gradients.withUnsafeMutableBufferPointer { gradients in
                    try plan.run(
                        batch, pieceRows: fixedBatch ?? (inputCount > 64 ? 32 : 128), isFixed: fixedBatch != nil,
                        workers: workers, outputs: [(excess, 1), (chosen, 1), (gradients, inputCount)],
                        cancellation: cancellation)
                }
            }
        }
        addInputTerms(points, chosen, &answer)
        return answer
    }

    /// Inequalities may weigh inputs too, which the graph does not see.
    private func addInputTerms(_ points: [Float], _ chosen: [Float], _ answer: inout Answer) {
        guard !inequalities.allSatisfy(\.isOutputOnly) else { return }
        for (point, row) in chosen.enumerated() {
            guard let index = Int(exactly: row), inequalities.indices.contains(index) else { continue }
            for term in inequalities[index].terms {
                guard case .input(let place) = term.variable else { continue }
                answer.excess[point] += Float(term.coefficient) * points[point * inputCount + place]
                answer.gradients[point * inputCount + place] += Float(term.coefficient)
            }
        }
    }

    /// The inequalities of all cases behind one another, and where each case begins.
    private static func rows(of property: VnnProperty) -> ([Int], [VnnInequality]) {
        var offsets = [0]
        var all: [VnnInequality] = []
        for item in property.cases {
            all += item.inequalities
            offsets.append(all.count)
        }
        return (offsets, all)
    }

    /// All outputs as `[N, outputCount]`.
    private static func flatOutputs(
        _ builder: inout GraphBuilder, _ property: VnnProperty, _ path: String, isFlat: Bool
    ) throws(CasemateError) -> GraphValue {
        var parts: [GraphValue] = []
        for name in builder.graph.outputs {
            guard let value = builder.value(name) else { continue }
            let rows = isFlat ? AxisLength.fixed(1) : value.axes.first ?? .fixed(1)
            let width = (isFlat ? value.axes[...] : value.axes.dropFirst()).reduce(1) { $0 * $1(1) }
            parts.append(builder.reshape(value, to: [rows, .fixed(width)]))
        }
        guard let first = parts.first else {
            throw CasemateError(.unsupported, at: path, "has no output of numbers", help: "export it with its outputs")
        }
        let total = parts.reduce(0) { $0 + $1.axes[1](1) }
        guard total == property.outputCount else {
            throw CasemateError(
                .mismatch, at: path, "gives \(total) values, the property declares \(property.outputCount) outputs",
                help: "take the property that was written for this network")
        }
        if parts.count == 1 { return first }
        return builder.emit(
            "Concat", parts.map(\.name), element: first.traced.element, axes: [first.axes[0], .fixed(total)],
            [.int("axis", 1)])
    }

    /// The excess of the worst inequality of each point's case, its number, and its weights of the outputs.
    private static func worst(
        _ outputs: GraphValue, _ inequalities: [VnnInequality], _ outputCount: Int, _ builder: inout GraphBuilder
    ) -> (excess: GraphValue, weights: (index: GraphValue, slope: GraphValue)) {
        let total = max(1, inequalities.count)
        var factors = [Double](repeating: 0, count: total * outputCount)
        var bounds = [Double](repeating: 0, count: total)
        for (row, inequality) in inequalities.enumerated() {
            bounds[row] = inequality.bound
            for term in inequality.terms {
                if case .output(let index) = term.variable { factors[row * outputCount + index] += term.coefficient }
            }
        }
        let matrix = builder.numbers(factors, shape: [total, outputCount], like: outputs)
        let limits = builder.numbers(bounds, shape: [1, total], like: outputs)
        let sums = builder.matmul(outputs, builder.transpose(matrix, [1, 0]))
        let excess = builder.subtract(sums, limits)
        let width = total + outputCount + 1
        let extra = builder.cast(
            builder.input(GradientBatch.extraInput, element: 1, axes: [outputs.axes[0], .fixed(width)]),
            to: outputs.traced.element)
        func part(_ start: Int, _ end: Int) -> GraphValue {
            builder.slice(extra, axis: 1, from: start, to: end, length: .fixed(end - start))
        }
        let open = builder.add(excess, part(0, total))
        let index = builder.emit(
            "ArgMax", [open.name], element: 7, axes: [outputs.axes[0]], [.int("axis", 1), .int("keepdims", 0)])
        let depth = builder.constant(OnnxTensorProto(name: "", shape: [], wholes: [Int64(total)]))
        let one = builder.emit(
            "OneHot", [index.name, depth.name, builder.numbers([0, 1], shape: [2], like: outputs).name],
            element: outputs.traced.element, axes: [outputs.axes[0], .fixed(total)], [.int("axis", -1)])
        let value = builder.sum(builder.multiply(excess, one), [1], keepsAxes: false)
        let slope = builder.multiply(builder.matmul(one, matrix), part(width - 1, width))
        return (value, (index, builder.add(slope, part(total, width - 1))))
    }
}
