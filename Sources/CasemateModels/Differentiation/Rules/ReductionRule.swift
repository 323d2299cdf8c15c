import CasemateCore

/// Sums, means, extremes, products and norms over axes.
enum ReductionRule: DifferentiationRule {
    static let operators = [
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
        "ReduceLogSumExp", "ReduceSumSquare",
    ]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let given = gradients[0] else { return [] }
        let x = try node.input(0)
        guard let axes = try axes(node, rank: x.rank) else { return [given] }
        var kept = x.axes
        for axis in axes { kept[axis] = .fixed(1) }
        let gradient = builder.reshape(given, to: kept)
        let y = builder.reshape(try node.output(), to: kept)
        switch node.op {
        case "ReduceSum": return [builder.expand(gradient, like: x)]
        case "ReduceMean":
            let share = share(of: x, in: given, axes, &builder)
            return [builder.expand(builder.multiply(gradient, share), like: x)]
        case "ReduceMax", "ReduceMin":
            // Equal extremes share the gradient.
            let isChosen = builder.cast(builder.compare("Equal", x, y), to: x.traced.element)
            let part = builder.divide(gradient, builder.sum(isChosen, axes, keepsAxes: true))
            return [builder.multiply(isChosen, part)]
        case "ReduceProd": return [product(gradient, x, axes, &builder)]
        case "ReduceL1": return [builder.multiply(gradient, builder.unary("Sign", x))]
        case "ReduceL2":
            let isZero = builder.compare("Equal", y, 0)
            let length = builder.select(isZero, builder.scalar(1, like: y), y)
            return [builder.multiply(builder.divide(gradient, length), x)]
        case "ReduceLogSum": return [builder.expand(builder.divide(gradient, builder.unary("Exp", y)), like: x)]
        case "ReduceLogSumExp":
            return [builder.multiply(gradient, builder.unary("Exp", builder.subtract(x, y)))]
        default: return [builder.multiply(builder.multiply(gradient, 2), x)]
        }
    }

    /// The axes that are reduced; `nil` when the operator passes everything on.
    private static func axes(_ node: DifferentiatedNode, rank: Int) throws(CasemateError) -> [Int]? {
        let given = try node.wholes(1) ?? []
        if given.isEmpty {
            guard node.node.int("noop_with_empty_axes", 0) != 0 else { return Array(0..<rank) }
            guard ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"].contains(node.op) else {
                throw node.unsupported("noop_with_empty_axes without axes")
            }
            return nil
        }
        var axes: Set<Int> = []
        for axis in given { axes.insert(try node.place(axis, of: rank)) }
        return axes.sorted()
    }

    /// One over the number of values in a mean.
    private static func share(
        of x: GraphValue, in y: GraphValue, _ axes: [Int], _ builder: inout GraphBuilder
    ) -> GraphValue {
        let lengths = axes.compactMap { x.axes[$0].length }
        if lengths.count == axes.count {
            return builder.scalar(1 / Double(max(1, lengths.reduce(1, *))), like: x)
        }
        let sizes = [x, y].map { builder.emit("Size", [$0.name], element: 7, axes: []) }
        let count = builder.cast(builder.binary("Div", sizes[0], sizes[1]), to: x.traced.element)
        return builder.unary("Reciprocal", count)
    }

    /// The product of all others, exact where some are zero.
    private static func product(
        _ gradient: GraphValue, _ x: GraphValue, _ axes: [Int], _ builder: inout GraphBuilder
    ) -> GraphValue {
        let isZero = builder.compare("Equal", x, 0)
        let safe = builder.select(isZero, builder.scalar(1, like: x), x)
        let whole = builder.reduce("ReduceProd", safe, axes, keepsAxes: true)
        let marks = builder.cast(isZero, to: x.traced.element)
        let others = builder.subtract(builder.sum(marks, axes, keepsAxes: true), marks)
        let quotient = builder.divide(builder.multiply(gradient, whole), safe)
        return builder.keep(quotient, where: builder.compare("Equal", others, 0))
    }
}
