import CasemateCore

/// Products of matrices and of stacks of them.
enum MatMulRule: DifferentiationRule {
    static let operators = ["MatMul"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let given = gradients[0] else { return [] }
        let (first, second) = (try node.input(0), try node.input(1))
        // why: a vector is a matrix of one row (left) or one column (right); with the axis put in, one rule serves all.
        var gradient = given
        var (a, b) = (first, second)
        if second.rank == 1 {
            b = builder.unsqueeze(second, [1])
            gradient = builder.unsqueeze(gradient, [-1])
        }
        if first.rank == 1 {
            a = builder.unsqueeze(first, [0])
            gradient = builder.unsqueeze(gradient, [-2])
        }
        var result: [GraphValue?] = [nil, nil]
        if node.needs(0) { result[0] = left(a, b, gradient, first, &builder) }
        if node.needs(1) { result[1] = right(a, b, gradient, second, &builder) }
        return result
    }

    private static func left(
        _ a: GraphValue, _ b: GraphValue, _ gradient: GraphValue, _ operand: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let product = builder.matmul(gradient, builder.swapLastAxes(b))
        let whole = builder.unbroadcast(product, to: a)
        return builder.reshape(whole, to: operand.axes, like: operand)
    }

    private static func right(
        _ a: GraphValue, _ b: GraphValue, _ gradient: GraphValue, _ operand: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        if b.rank == 2, a.rank > 2, let inner = a.axes[a.rank - 1].length, let outer = b.axes[1].length {
            // why: one large product instead of a stack of small ones that is summed afterwards.
            let open = AxisLength(perRow: 1, fixed: 0)
            let rows = AxisLength.product(a.axes.dropLast()) ?? open
            let flatA = builder.reshape(a, to: [rows, .fixed(inner)])
            let flatG = builder.reshape(gradient, to: [rows, .fixed(outer)])
            let product = builder.matmul(builder.swapLastAxes(flatA), flatG)
            return builder.reshape(product, to: operand.axes, like: operand)
        }
        let product = builder.matmul(builder.swapLastAxes(a), gradient)
        return builder.reshape(builder.unbroadcast(product, to: b), to: operand.axes, like: operand)
    }
}
