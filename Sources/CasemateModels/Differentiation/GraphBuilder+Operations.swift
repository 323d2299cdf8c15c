import CasemateCore

extension GraphBuilder {
    /// An operator of two operands that broadcast.
    mutating func binary(_ op: String, _ a: GraphValue, _ b: GraphValue) -> GraphValue {
        emit(op, [a.name, b.name], element: a.traced.element, axes: broadcast(a.axes, b.axes))
    }
    /// An operator that keeps type and shape.
    mutating func unary(_ op: String, _ a: GraphValue, _ attributes: [OnnxAttributeProto] = []) -> GraphValue {
        emit(op, [a.name], element: a.traced.element, axes: a.axes, attributes)
    }
    /// `a + b`.
    mutating func add(_ a: GraphValue, _ b: GraphValue) -> GraphValue { binary("Add", a, b) }
    /// `a - b`.
    mutating func subtract(_ a: GraphValue, _ b: GraphValue) -> GraphValue { binary("Sub", a, b) }
    /// `a · b`.
    mutating func multiply(_ a: GraphValue, _ b: GraphValue) -> GraphValue { binary("Mul", a, b) }
    /// `a / b`.
    mutating func divide(_ a: GraphValue, _ b: GraphValue) -> GraphValue { binary("Div", a, b) }
    /// `a + number`.
    mutating func add(_ a: GraphValue, _ number: Double) -> GraphValue { add(a, scalar(number, like: a)) }
    /// `a · number`.
    mutating func multiply(_ a: GraphValue, _ number: Double) -> GraphValue { multiply(a, scalar(number, like: a)) }
    /// `number - a`.
    mutating func subtract(_ number: Double, _ a: GraphValue) -> GraphValue { subtract(scalar(number, like: a), a) }
    /// `a ^ number`.
    mutating func power(_ a: GraphValue, _ number: Double) -> GraphValue { binary("Pow", a, scalar(number, like: a)) }
    /// A comparison, as Booleans.
    mutating func compare(_ op: String, _ a: GraphValue, _ b: GraphValue) -> GraphValue {
        emit(op, [a.name, b.name], element: 9, axes: broadcast(a.axes, b.axes))
    }
    /// A comparison with a number, as Booleans.
    mutating func compare(_ op: String, _ a: GraphValue, _ number: Double) -> GraphValue {
        compare(op, a, scalar(number, like: a))
    }
    /// `a` where the condition holds, else `b`.
    mutating func select(_ condition: GraphValue, _ a: GraphValue, _ b: GraphValue) -> GraphValue {
        emit(
            "Where", [condition.name, a.name, b.name], element: a.traced.element,
            axes: broadcast(broadcast(condition.axes, a.axes), b.axes))
    }
    /// `a` where the condition holds, else 0.
    mutating func keep(_ a: GraphValue, where condition: GraphValue) -> GraphValue {
        select(condition, a, scalar(0, like: a))
    }
    /// The value in another element type.
    mutating func cast(_ a: GraphValue, to element: Int32) -> GraphValue {
        a.traced.element == element
            ? a : emit("Cast", [a.name], element: element, axes: a.axes, [.int("to", Int(element))])
    }
    /// Axes in another order.
    mutating func transpose(_ a: GraphValue, _ order: [Int]) -> GraphValue {
        order == Array(order.indices)
            ? a
            : emit(
                "Transpose", [a.name], element: a.traced.element, axes: order.map { a.axes[$0] }, [.ints("perm", order)]
            )
    }
    /// The last two axes swapped.
    mutating func swapLastAxes(_ a: GraphValue) -> GraphValue {
        var order = Array(0..<a.rank)
        if a.rank > 1 { order.swapAt(a.rank - 1, a.rank - 2) }
        return transpose(a, order)
    }
    /// The shape of a value as numbers that every batch has, or computed where the batch stands in it.
    mutating func shape(of a: GraphValue) -> GraphValue {
        if let fixed = a.traced.fixedShape { return wholes(fixed) }
        return emit("Shape", [a.name], element: 7, axes: [.fixed(a.rank)])
    }
    /// The same values in other axes; `source` is a value of the graph that has the wanted shape, for shapes in which
    /// the batch stands more than once.
    mutating func reshape(_ a: GraphValue, to axes: [AxisLength], like source: GraphValue? = nil) -> GraphValue {
        if a.axes == axes { return a }
        let open = axes.filter { $0.length == nil }.count
        let target: GraphValue
        if open <= 1 {
            // why: -1 cannot be told apart from a length of 0, which no real batch has.
            target = wholes(axes.map { $0.length ?? -1 })
        } else if let source {
            target = shape(of: source)
        } else {
            target = shape(from: axes, a)
        }
        return emit("Reshape", [a.name, target.name], element: a.traced.element, axes: axes)
    }
    /// A shape in which the batch stands more than once, computed from the number of values of `a`.
    private mutating func shape(from axes: [AxisLength], _ a: GraphValue) -> GraphValue {
        let rows = rowCount(of: a)
        let parts = axes.map { axis -> GraphValue in
            guard axis.perRow != 0 else { return wholes([axis.fixed]) }
            let scaled = axis.perRow == 1 ? rows : binary("Mul", rows, wholes([axis.perRow]))
            return axis.fixed == 0 ? scaled : binary("Add", scaled, wholes([axis.fixed]))
        }
        return emit("Concat", parts.map(\.name), element: 7, axes: [.fixed(parts.count)], [.int("axis", 0)])
    }
    /// The number of rows of the batch, `[1]`, read off an axis of `a` that grows with it.
    mutating func rowCount(of a: GraphValue) -> GraphValue {
        guard let index = a.axes.firstIndex(where: { $0.perRow != 0 }) else { return wholes([1]) }
        let axis = a.axes[index]
        let shape = emit(
            "Shape", [a.name], element: 7, axes: [.fixed(1)], [.int("start", index), .int("end", index + 1)])
        let less = axis.fixed == 0 ? shape : binary("Sub", shape, wholes([axis.fixed]))
        return axis.perRow == 1 ? less : binary("Div", less, wholes([axis.perRow]))
    }
    /// The value repeated to the shape of another.
    mutating func expand(_ a: GraphValue, like other: GraphValue) -> GraphValue {
        if a.axes == other.axes { return a }
        let target = shape(of: other)
        return emit("Expand", [a.name, target.name], element: a.traced.element, axes: other.axes)
    }
    /// An array of one number in the shape of another value.
    mutating func filled(_ number: Double, like other: GraphValue) -> GraphValue {
        expand(scalar(number, like: other), like: other)
    }
    /// A sum, mean, maximum, … over axes.
    mutating func reduce(_ op: String, _ a: GraphValue, _ axes: [Int], keepsAxes: Bool) -> GraphValue {
        if axes.isEmpty { return a }
        let gone = Set(axes.map { $0 < 0 ? $0 + a.rank : $0 })
        let left = a.axes.enumerated().compactMap { index, axis -> AxisLength? in
            gone.contains(index) ? (keepsAxes ? .fixed(1) : nil) : axis
        }
        return emit(
            op, [a.name, wholes(gone.sorted()).name], element: a.traced.element, axes: left,
            [.int("keepdims", keepsAxes ? 1 : 0)])
    }
    /// A sum over axes.
    mutating func sum(_ a: GraphValue, _ axes: [Int], keepsAxes: Bool) -> GraphValue {
        reduce("ReduceSum", a, axes, keepsAxes: keepsAxes)
    }
    /// Undoes broadcasting: sums a gradient over the axes that `operand` was repeated along.
    mutating func unbroadcast(_ gradient: GraphValue, to operand: GraphValue) -> GraphValue {
        if gradient.axes == operand.axes { return gradient }
        let extra = gradient.rank - operand.rank
        var axes = Array(0..<max(0, extra))
        for index in 0..<operand.rank where operand.axes[index].isOne && !gradient.axes[index + extra].isOne {
            axes.append(index + extra)
        }
        // why: one reduction without kept axes, then the ones put back, is cheaper than two reductions.
        let summed = sum(gradient, axes, keepsAxes: extra == 0)
        return summed.axes == operand.axes ? summed : reshape(summed, to: operand.axes, like: operand)
    }
    /// Adds axes of length 1 at places counted in the result.
    mutating func unsqueeze(_ a: GraphValue, _ places: [Int]) -> GraphValue {
        let rank = a.rank + places.count
        let wanted = Set(places.map { $0 < 0 ? $0 + rank : $0 })
        var rest = a.axes.makeIterator()
        let axes = (0..<rank).map { wanted.contains($0) ? .fixed(1) : rest.next() ?? .fixed(1) }
        return emit("Unsqueeze", [a.name, wholes(wanted.sorted()).name], element: a.traced.element, axes: axes)
    }
    /// A matrix product of stacks of matrices.
    mutating func matmul(_ a: GraphValue, _ b: GraphValue) -> GraphValue {
        let stacks = broadcast(Array(a.axes.dropLast(2)), Array(b.axes.dropLast(2)))
        // A vector is a row on the left, a column on the right, and leaves no axis.
        let rows = a.rank > 1 ? [a.axes[a.rank - 2]] : []
        let columns = b.rank > 1 ? [b.axes[b.rank - 1]] : []
        return emit("MatMul", [a.name, b.name], element: a.traced.element, axes: stacks + rows + columns)
    }
    /// A part along one axis.
    mutating func slice(_ a: GraphValue, axis: Int, from start: Int, to end: Int, length: AxisLength) -> GraphValue {
        var axes = a.axes
        axes[axis] = length
        return emit(
            "Slice", [a.name, wholes([start]).name, wholes([end]).name, wholes([axis]).name],
            element: a.traced.element, axes: axes)
    }
    /// The sum of several gradients of one value.
    mutating func total(_ parts: [GraphValue]) -> GraphValue? {
        guard var sum = parts.first else { return nil }
        for part in parts.dropFirst() { sum = add(sum, part) }
        return sum
    }
}
