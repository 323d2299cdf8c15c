import CasemateCore

/// The largest value of each window; of equal ones the first gets the gradient, as in PyTorch.
enum PoolMaxRule: DifferentiationRule {
    static let operators = ["MaxPool"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (input, output) = (try node.input(0), try node.output())
        guard let kernel = node.node.ints("kernel_shape") else { throw node.unsupported("kernel_shape is missing") }
        let geometry = try ConvGeometry(sliding: node, from: input, to: output, kernel: kernel)
        if geometry.isTiling, input.traced.element == 1, kernel.reduce(1, *) < 1 << 20 {
            return [tiled(gradient, input, output, geometry, &builder)]
        }
        return [scattered(node, gradient, input, &builder)]
    }

    /// Windows side by side: masks of equal values instead of indices, whose kernel is several times slower.
    ///
    /// A value that equals its window's maximum gets a rank that falls from place to place; the largest rank of a window
    /// marks the first maximum.
    private static func tiled(
        _ gradient: GraphValue, _ input: GraphValue, _ output: GraphValue, _ geometry: ConvGeometry,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        var axes = input.axes
        for axis in 0..<geometry.rank { axes[axis + 2] = .fixed(geometry.large[axis] + geometry.after(axis)) }
        let zeros = [Int](repeating: 0, count: input.rank)
        let source = builder.padded(input, before: zeros, after: [0, 0] + geometry.after, axes: axes)
        let isLargest = builder.compare("Equal", source, builder.repeated(output, geometry.kernel))
        let ranks = builder.numbers(ranks(geometry), shape: [1, 1] + axes.dropFirst(2).map { $0.fixed }, like: input)
        let ranked = builder.multiply(builder.cast(isLargest, to: input.traced.element), ranks)
        let best = builder.emit(
            "MaxPool", [ranked.name], element: input.traced.element, axes: output.axes,
            [.ints("kernel_shape", geometry.kernel), .ints("strides", geometry.strides)])
        let isFirst = builder.compare("Equal", ranked, builder.repeated(best, geometry.kernel))
        let wide = builder.repeated(gradient, geometry.kernel)
        let result = builder.multiply(wide, builder.cast(isFirst, to: input.traced.element))
        return builder.fitted(result, geometry, to: input)
    }

    /// Places of a window counted down to 1, for every window of one channel.
    private static func ranks(_ geometry: ConvGeometry) -> [Double] {
        let (kernel, small) = (geometry.kernel, geometry.small)
        let volume = kernel.reduce(1, *)
        var places = [0]
        for axis in kernel.indices {
            let inside = kernel[(axis + 1)...].reduce(1, *)
            places = places.flatMap { place in
                (0..<kernel[axis] * small[axis]).map { place + $0 % kernel[axis] * inside }
            }
        }
        return places.map { Double(volume - $0) }
    }

    /// Any windows: the engine says where each maximum was, and gradients are added up there.
    private static func scattered(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ input: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        // why: a pool of its own, because with indices the forward pass would lose the fast kernel.
        let pooled = builder.emit(
            "MaxPool", [input.name],
            [gradient.traced, TracedValue(element: 7, axes: gradient.axes)],
            node.node.without("storage_order").attribute)
        let (whole, small) = (builder.flatLength(input), builder.flatLength(gradient))
        let zeros = builder.reshape(builder.filled(0, like: input), to: [whole])
        let (indices, values) = (builder.reshape(pooled[1], to: [small]), builder.reshape(gradient, to: [small]))
        let sum = builder.emit(
            "ScatterElements", [zeros.name, indices.name, values.name], element: input.traced.element, axes: [whole],
            [.int("axis", 0), .text("reduction", "add")])
        return builder.reshape(sum, to: input.axes, like: input)
    }
}

extension GraphBuilder {
    /// The number of values as a length, for arrays in which the batch stands once.
    func flatLength(_ a: GraphValue) -> AxisLength {
        let rest = a.axes.compactMap(\.length).reduce(1, *)
        guard let open = a.axes.first(where: { $0.length == nil }) else { return .fixed(rest) }
        return AxisLength(perRow: open.perRow * rest, fixed: open.fixed * rest)
    }
}
