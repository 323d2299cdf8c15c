import CasemateCore

/// Division of each channel by the power of its neighbours: `y = x / (bias + alpha · mean of x² around)^beta`.
enum NormResponseRule: DifferentiationRule {
    static let operators = ["LRN"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (x, y, size) = (try node.input(0), try node.output(), node.node.int("size", 1))
        guard x.rank > 1, size > 0, let channels = x.axes[1].length else { throw node.unsupported("size \(size)") }
        let (alpha, beta) = (Double(node.node.float("alpha", 1e-4)), Double(node.node.float("beta", 0.75)))
        let (low, high) = ((size - 1) / 2, size / 2)
        // why: a mean pool over the channel axis, with the zeros around counted, is the mean that is asked for.
        let rest = x.axes.dropFirst(2).compactMap(\.length).reduce(1, *)
        let flat = [x.axes[0], .fixed(1), .fixed(channels), .fixed(rest)]
        let source = builder.reshape(x, to: flat)
        func around(_ value: GraphValue, _ before: Int, _ after: Int, _ builder: inout GraphBuilder) -> GraphValue {
            builder.emit(
                "AveragePool", [value.name], element: value.traced.element, axes: flat,
                [
                    .ints("kernel_shape", [size, 1]), .ints("pads", [before, 0, after, 0]),
                    .int("count_include_pad", 1), .ints("strides", [1, 1]),
                ])
        }
        let mean = around(builder.multiply(source, source), low, high, &builder)
        let base = builder.add(builder.multiply(mean, alpha), Double(node.node.float("bias", 1)))
        let (flatGradient, flatOutput) = (builder.reshape(gradient, to: flat), builder.reshape(y, to: flat))
        let own = builder.multiply(flatGradient, builder.power(base, -beta))
        let share = builder.divide(builder.multiply(flatGradient, flatOutput), base)
        let others = builder.multiply(source, around(share, high, low, &builder))
        let result = builder.subtract(own, builder.multiply(others, 2 * alpha * beta))
        return [builder.reshape(result, to: x.axes, like: x)]
    }
}
