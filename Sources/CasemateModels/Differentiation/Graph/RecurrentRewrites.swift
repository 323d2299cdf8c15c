import CasemateCore

extension OperatorLowering {
    /// Recurrent layers unrolled over a number of steps that is fixed in the graph or by the shape of a row.
    static let recurrentRewrites: [String: Rewrite] = ["LSTM": recurrent, "GRU": recurrent, "RNN": recurrent]

    /// More steps than this stay the operator, which has no rule.
    private static let mostSteps = 512

    private static func recurrent(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let layer = try RecurrentLayer(view, builder)
        guard layer.steps <= mostSteps else { throw view.unsupported("\(layer.steps) steps, at most \(mostSteps)") }
        var (sequences, hidden, cells): ([[GraphValue]], [GraphValue], [GraphValue]) = ([], [], [])
        for direction in 0..<layer.directions {
            let run = try layer.unroll(direction, &builder)
            sequences.append(run.outputs)
            hidden.append(run.hidden)
            if let cell = run.cell { cells.append(cell) }
        }
        let names = view.node.output
        if let name = names.first, !name.isEmpty { builder.alias(layer.joined(sequences, &builder), as: name) }
        for (index, states) in [(1, hidden), (2, cells)] where index < names.count && !names[index].isEmpty {
            guard !states.isEmpty else { throw view.unsupported("output \(index)") }
            builder.alias(layer.stacked(states, &builder), as: names[index])
        }
        return true
    }
}

/// The parts of an `LSTM`, `GRU` or `RNN`.
struct RecurrentLayer {
    let view: LoweredNode
    let kind: String
    /// `[steps, batch, width]`, or `[batch, steps, width]` when `isBatchFirst`.
    let input: GraphValue
    let weights: GraphValue, recurrence: GraphValue
    let bias: GraphValue?, initialHidden: GraphValue?, initialCell: GraphValue?, peepholes: GraphValue?
    let isBatchFirst: Bool
    let directions: Int, steps: Int, size: Int
    private let direction: String
    private let activations: [String]

    /// Reads a node.
    init(_ view: LoweredNode, _ builder: GraphBuilder) throws(CasemateError) {
        (self.view, kind) = (view, view.node.opType)
        func value(_ index: Int) -> GraphValue? { view.node.given(index).flatMap { builder.value($0) } }
        guard let x = value(0), let w = value(1), let r = value(2), x.rank == 3, w.rank == 3, r.rank == 3 else {
            throw view.unsupported("its inputs have no known shape")
        }
        (input, weights, recurrence, bias) = (x, w, r, value(3))
        (initialHidden, initialCell) = (value(5), kind == "LSTM" ? value(6) : nil)
        peepholes = kind == "LSTM" ? value(7) : nil
        isBatchFirst = view.node.int("layout", 0) == 1
        guard let steps = x.axes[isBatchFirst ? 1 : 0].length, steps > 0 else {
            throw view.unsupported("the number of steps is open: state it with --shape")
        }
        guard let size = r.axes[2].length, let directions = w.axes[0].length, (1...2).contains(directions) else {
            throw view.unsupported("weights of open shape")
        }
        (self.steps, self.size, self.directions) = (steps, size, directions)
        direction = view.node.text("direction", "forward")
        if let lengths = view.node.given(4) {
            guard view.constants[lengths]?.wholes?.allSatisfy({ $0 == Int64(steps) }) ?? false else {
                throw view.unsupported("sequences of differing length")
            }
        }
        guard view.node.attribute("clip") == nil, view.node.int("input_forget", 0) == 0 else {
            throw view.unsupported("attributes clip and input_forget")
        }
        let given = view.node.attribute("activations")?.strings.map { String(decoding: $0, as: UTF8.self) }
        let usual = ["LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]][kind] ?? []
        let all = given ?? Array(repeating: usual, count: directions).flatMap { $0 }
        guard all.count == usual.count * directions, all.allSatisfy({ ["Sigmoid", "Tanh", "Relu"].contains($0) }) else {
            throw view.unsupported("activations \(all.map(OnnxLook.printable).joined(separator: ", "))")
        }
        activations = all
    }

    /// What one direction makes: the hidden state after each step, in the order of time, and the last states.
    struct Run {
        var outputs: [GraphValue]
        var hidden: GraphValue
        var cell: GraphValue?
    }

    private func activation(_ index: Int, _ direction: Int) -> String {
        activations[direction * activations.count / directions + index]
    }

    /// One direction's part of an array whose first axis is the direction.
    private func part(_ value: GraphValue, _ place: Int, axis: Int = 0, _ builder: inout GraphBuilder) -> GraphValue {
        let one =
            directions == 1
            ? value : builder.slice(value, axis: axis, from: place, to: place + 1, length: .fixed(1))
        var axes = one.axes
        axes.remove(at: axis)
        return builder.reshape(one, to: axes)
    }

    /// Unrolls one direction; states are `[batch, size]`.
    func unroll(_ place: Int, _ builder: inout GraphBuilder) throws(CasemateError) -> Run {
        let cell = RecurrentCell(
            kind: kind, size: size, recurrence: builder.swapLastAxes(part(recurrence, place, &builder)),
            bias: bias.map { part($0, place, &builder) }, peepholes: peepholes.map { part($0, place, &builder) },
            activations: (0..<activations.count / directions).map { activation($0, place) },
            isLinearFirst: view.node.int("linear_before_reset", 0) != 0)
        let projected = builder.matmul(input, builder.swapLastAxes(part(weights, place, &builder)))
        let time = isBatchFirst ? 1 : 0
        let stateAxis = isBatchFirst ? 1 : 0
        var state = RecurrentCell.State(
            hidden: initialHidden.map { part($0, place, axis: stateAxis, &builder) },
            cell: initialCell.map { part($0, place, axis: stateAxis, &builder) })
        let isReversed = direction == "reverse" || place == 1
        var outputs: [GraphValue] = []
        for step in isReversed ? Array((0..<steps).reversed()) : Array(0..<steps) {
            let cut = builder.slice(projected, axis: time, from: step, to: step + 1, length: .fixed(1))
            var axes = cut.axes
            axes.remove(at: time)
            state = cell.next(builder.reshape(cut, to: axes), state, &builder)
            if let hidden = state.hidden { outputs.append(hidden) }
        }
        guard let hidden = state.hidden else { throw view.unsupported("no steps") }
        return Run(outputs: isReversed ? outputs.reversed() : outputs, hidden: hidden, cell: state.cell)
    }

    /// All steps of all directions: `[steps, directions, batch, size]`, or `[batch, steps, directions, size]`.
    func joined(_ sequences: [[GraphValue]], _ builder: inout GraphBuilder) -> GraphValue {
        let places = isBatchFirst ? [1, 2] : [0, 1]
        let along = sequences.map { steps in
            Self.concat(steps.map { builder.unsqueeze($0, places) }, axis: places[0], &builder)
        }
        return Self.concat(along, axis: places[1], &builder)
    }

    /// Last states: `[directions, batch, size]`, or `[batch, directions, size]`.
    func stacked(_ states: [GraphValue], _ builder: inout GraphBuilder) -> GraphValue {
        let axis = isBatchFirst ? 1 : 0
        return Self.concat(states.map { builder.unsqueeze($0, [axis]) }, axis: axis, &builder)
    }

    private static func concat(_ parts: [GraphValue], axis: Int, _ builder: inout GraphBuilder) -> GraphValue {
        if parts.count == 1 { return parts[0] }
        var axes = parts[0].axes
        axes[axis] = .fixed(parts.reduce(0) { $0 + ($1.axes[axis].length ?? 0) })
        return builder.emit(
            "Concat", parts.map(\.name), element: parts[0].traced.element, axes: axes, [.int("axis", axis)])
    }
}
