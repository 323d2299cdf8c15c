import CasemateCore

/// Parts along axes, with steps of any sign: the gradient goes back to its places among zeros.
enum SliceRule: DifferentiationRule {
    static let operators = ["Slice"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        guard let starts = try node.wholes(1) else { throw node.unsupported("starts are missing") }
        let axes = try node.wholes(3) ?? Array(starts.indices)
        let steps = try node.wholes(4) ?? starts.map { _ in 1 }
        guard starts.count == axes.count, steps.count == axes.count else {
            throw node.unsupported("\(starts.count) starts, \(axes.count) axes, \(steps.count) steps")
        }
        var result = gradient
        var (before, after) = ([Int](repeating: 0, count: input.rank), [Int](repeating: 0, count: input.rank))
        for (index, given) in axes.enumerated() {
            let axis = try node.place(given, of: input.rank)
            let step = steps[index]
            if step == 1, result.axes[axis] == input.axes[axis] { continue }
            if step == -1, result.axes[axis] == input.axes[axis] {
                result = builder.reversed(result, axis: axis)
                continue
            }
            guard let length = input.axes[axis].length, let taken = result.axes[axis].length else {
                throw node.unsupported("it cuts axis \(axis), whose length depends on the batch")
            }
            var first = min(max(starts[index] < 0 ? starts[index] + length : starts[index], 0), length)
            if step < 0 {
                first = min(first, length - 1) + (taken - 1) * step
                result = builder.reversed(result, axis: axis)
            }
            guard step != 0, taken > 0, first >= 0, first + (taken - 1) * abs(step) < length else {
                if taken == 0 { return [builder.filled(0, like: input)] }
                throw node.unsupported("start \(starts[index]) and step \(step) on an axis of \(length)")
            }
            result = builder.spread(result, axis: axis, step: abs(step))
            before[axis] = first
            after[axis] = length - first - (taken - 1) * abs(step) - 1
        }
        return [builder.padded(result, before: before, after: after, axes: input.axes)]
    }
}

extension GraphBuilder {
    /// The other way round along an axis.
    mutating func reversed(_ a: GraphValue, axis: Int) -> GraphValue {
        if a.axes[axis].isOne { return a }
        return emit(
            "Slice", [a.name, wholes([-1]).name, wholes([Int.min]).name, wholes([axis]).name, wholes([-1]).name],
            element: a.traced.element, axes: a.axes)
    }
    /// Puts `step - 1` zeros between neighbours along an axis of fixed length.
    mutating func spread(_ a: GraphValue, axis: Int, step: Int) -> GraphValue {
        guard step > 1, let length = a.axes[axis].length, length > 1 else { return a }
        var apart = a.axes
        apart.insert(.fixed(1), at: axis + 1)
        var wide = apart
        wide[axis + 1] = .fixed(step)
        var after = [Int](repeating: 0, count: apart.count)
        after[axis + 1] = step - 1
        let filled = padded(
            unsqueeze(a, [axis + 1]), before: after.map { _ in 0 }, after: after, axes: wide)
        var joined = a.axes
        joined[axis] = .fixed(length * step)
        return slice(
            reshape(filled, to: joined), axis: axis, from: 0, to: (length - 1) * step + 1,
            length: .fixed((length - 1) * step + 1))
    }
    /// Zeros before and after along each axis; negative counts cut values off.
    mutating func padded(_ a: GraphValue, before: [Int], after: [Int], axes: [AxisLength]) -> GraphValue {
        if before.allSatisfy({ $0 == 0 }), after.allSatisfy({ $0 == 0 }) { return a }
        return emit("Pad", [a.name, wholes(before + after).name], element: a.traced.element, axes: axes)
    }
}
