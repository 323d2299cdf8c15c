import CasemateCore

/// One step of a recurrent layer. Source: the equations of `LSTM`, `GRU` and `RNN` in the ONNX operator reference.
struct RecurrentCell {
    let kind: String
    let size: Int
    /// `[size, gates · size]`.
    let recurrence: GraphValue
    /// `[2 · gates · size]`, those of the input before those of the state.
    let bias: GraphValue?
    /// `[3 · size]`: input, output, forget.
    let peepholes: GraphValue?
    let activations: [String]
    /// Whether a GRU's candidate is multiplied before it is reset.
    let isLinearFirst: Bool

    /// What goes from step to step, `[batch, size]`; `nil` for zeros.
    struct State {
        var hidden: GraphValue?
        var cell: GraphValue?
    }

    /// The state after a step; `projected` is the step's input times its weights, `[batch, gates · size]`.
    func next(_ projected: GraphValue, _ state: State, _ builder: inout GraphBuilder) -> State {
        switch kind {
        case "LSTM": return longShortTerm(projected, state, &builder)
        case "GRU": return State(hidden: gated(projected, state.hidden, &builder), cell: nil)
        default:
            let sum = withBias(
                plus(projected, state.hidden.map { builder.matmul($0, recurrence) }, &builder), 0, &builder)
            return State(hidden: builder.unary(activations[0], sum), cell: nil)
        }
    }

    private func plus(_ a: GraphValue, _ b: GraphValue?, _ builder: inout GraphBuilder) -> GraphValue {
        b.map { builder.add(a, $0) } ?? a
    }
    private func gate(_ value: GraphValue, _ index: Int, _ builder: inout GraphBuilder) -> GraphValue {
        builder.slice(
            value, axis: value.rank - 1, from: index * size, to: (index + 1) * size, length: .fixed(size))
    }
    /// Adds both biases of all gates from `first` on.
    private func withBias(_ value: GraphValue, _ first: Int, _ builder: inout GraphBuilder) -> GraphValue {
        guard let bias, let width = value.axes.last?.length, let all = bias.axes[0].length else { return value }
        func half(_ start: Int) -> GraphValue {
            builder.slice(bias, axis: 0, from: start, to: start + width, length: .fixed(width))
        }
        let (given, carried) = (half(first * size), half(all / 2 + first * size))
        return builder.add(value, builder.add(given, carried))
    }

    /// Gates in the order input, output, forget, candidate.
    private func longShortTerm(_ projected: GraphValue, _ state: State, _ builder: inout GraphBuilder) -> State {
        let sum = withBias(plus(projected, state.hidden.map { builder.matmul($0, recurrence) }, &builder), 0, &builder)
        func peeked(_ index: Int, _ cell: GraphValue?) -> GraphValue {
            let value = gate(sum, index, &builder)
            guard let peepholes, let cell else { return value }
            return builder.add(value, builder.multiply(cell, gate(peepholes, index, &builder)))
        }
        let input = builder.unary(activations[0], peeked(0, state.cell))
        let candidate = builder.unary(activations[1], gate(sum, 3, &builder))
        var cell = builder.multiply(input, candidate)
        if let before = state.cell {
            let forget = builder.unary(activations[0], peeked(2, before))
            cell = builder.add(builder.multiply(forget, before), cell)
        }
        let output = builder.unary(activations[0], peeked(1, cell))
        return State(hidden: builder.multiply(output, builder.unary(activations[2], cell)), cell: cell)
    }

    /// Gates in the order update, reset, candidate.
    private func gated(_ projected: GraphValue, _ hidden: GraphValue?, _ builder: inout GraphBuilder) -> GraphValue {
        let carried = hidden.map { builder.matmul($0, recurrence) }
        func half(_ index: Int) -> GraphValue {
            let sum = plus(gate(projected, index, &builder), carried.map { gate($0, index, &builder) }, &builder)
            return builder.unary(activations[0], withBias(sum, index, &builder))
        }
        let update = half(0)
        var candidate = gate(projected, 2, &builder)
        if isLinearFirst {
            candidate = plus(candidate, bias.map { gate($0, 2, &builder) }, &builder)
            var inner = carried.map { gate($0, 2, &builder) }
            if let bias {
                let own = gate(bias, 5, &builder)
                inner = inner.map { builder.add($0, own) } ?? own
            }
            if let inner { candidate = builder.add(candidate, builder.multiply(half(1), inner)) }
        } else {
            if let hidden {
                let weights = gate(recurrence, 2, &builder)
                let product = builder.matmul(builder.multiply(half(1), hidden), weights)
                candidate = builder.add(candidate, product)
            }
            candidate = withBias(candidate, 2, &builder)
        }
        let fresh = builder.multiply(builder.subtract(1, update), builder.unary(activations[1], candidate))
        return hidden.map { builder.add(fresh, builder.multiply(update, $0)) } ?? fresh
    }
}
