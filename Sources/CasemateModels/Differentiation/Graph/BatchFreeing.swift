import CasemateCore

/// Makes a graph that was exported for one row take any number of rows, where that changes no answer.
enum BatchFreeing {
    /// The freed graph with its trace; `nil` when rows would not stay independent.
    static func freed(
        _ graph: WorkGraph, _ trace: ShapeTrace, _ runtime: OnnxRuntime, _ rowAxes: [String: [Int]],
        _ cancellation: Cancellation
    ) throws -> (WorkGraph, ShapeTrace)? {
        guard graph.inputs.allSatisfy({ $0.axes.count > 1 && ($0.axes[0] ?? 1) == 1 }) else { return nil }
        var copy = graph
        for index in copy.inputs.indices { copy.inputs[index].axes[0] = nil }
        for index in copy.nodes.indices where copy.nodes[index].opType == "Reshape" {
            let node = copy.nodes[index]
            guard let shape = node.given(1).flatMap({ copy.constants[$0] })?.wholes, shape.first == 1, shape.count > 1,
                node.given(0).flatMap({ trace.values[$0] })?.axes.first?.isOne ?? false
            else { continue }
            let opened = shape.contains(-1) ? [0] + shape.dropFirst() : [-1] + shape.dropFirst()
            copy.nodes[index].input[1] = copy.addConstant(OnnxTensorProto(name: "", wholes: opened), hint: "shape")
        }
        guard let traced = try? ShapeTrace(copy, runtime: runtime, rowAxes: rowAxes, cancellation: cancellation),
            traced.fixedBatch == nil,
            try answersAgree(copy, graph, traced, runtime, rowAxes, cancellation)
        else {
            try cancellation.check()
            return nil
        }
        return (copy, traced)
    }

    /// Whether three rows together get the answers that they get one by one.
    private static func answersAgree(
        _ freed: WorkGraph, _ fixed: WorkGraph, _ trace: ShapeTrace, _ runtime: OnnxRuntime, _ rowAxes: [String: [Int]],
        _ cancellation: Cancellation
    ) throws -> Bool {
        let rows = 3
        guard freed.inputs.count == 1, let input = freed.inputs.first, input.element == 1,
            let axes = trace.values[input.name]?.axes
        else { return false }
        let row = axes.dropFirst().map { $0(1) }
        let size = row.reduce(1, *)
        var generator = SeededGenerator(seed: 0xF4EE)
        let values = (0..<rows * size).map { _ in generator.uniform() * 2 - 1 }
        let (many, one) = (try GraphSession(freed, runtime: runtime), try GraphSession(fixed, runtime: runtime))
        let together = try answers(many, values, [rows] + row, cancellation)
        for index in 0..<rows {
            let part = Array(values[index * size..<(index + 1) * size])
            let alone = try answers(one, part, [1] + row, cancellation)
            for (all, single) in zip(together, alone) {
                guard all.count == single.count * rows else { return false }
                for place in single.indices {
                    let (a, b) = (all[index * single.count + place], single[place])
                    guard abs(a - b) <= 1e-4 * max(1, abs(b)) || (a.isNaN && b.isNaN) else { return false }
                }
            }
        }
        return true
    }

    private static func answers(
        _ session: GraphSession, _ values: [Float], _ shape: [Int], _ cancellation: Cancellation
    ) throws -> [[Float]] {
        try values.withUnsafeBytes { bytes in
            try session.run([.init(type: 1, shape: shape, bytes: bytes)], cancellation: cancellation) { outputs in
                try session.outputs.indices.map { index in
                    let facts = try outputs.facts(index)
                    var numbers = [Float](repeating: 0, count: facts.count)
                    try numbers.withUnsafeMutableBufferPointer { buffer in
                        guard let base = buffer.baseAddress else { return }
                        try outputs.floats(index, type: facts.type, count: facts.count, to: base)
                    }
                    return numbers
                }
            }
        }
    }
}
