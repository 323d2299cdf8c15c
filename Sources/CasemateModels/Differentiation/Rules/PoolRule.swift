import CasemateCore

/// Means, power means and global maxima over windows.
enum PoolRule: DifferentiationRule {
    static let operators = ["AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (input, output) = (try node.input(0), try node.output())
        switch node.op {
        case "GlobalAveragePool":
            let lengths = try ConvGeometry.spatial(input, node)
            let count = lengths.reduce(1, *)
            let share = [Double](repeating: 1 / Double(max(1, count)), count: count)
            return [builder.multiply(gradient, builder.numbers(share, shape: [1, 1] + lengths, like: input))]
        case "GlobalMaxPool": return [try largest(node, gradient, input, &builder)]
        case "GlobalLpPool":
            return [power(node.node.int("p", 2), gradient, input, output, &builder) { value, _ in value }]
        default: break
        }
        guard let kernel = node.node.ints("kernel_shape") else { throw node.unsupported("kernel_shape is missing") }
        let geometry = try ConvGeometry(sliding: node, from: input, to: output, kernel: kernel)
        if node.op == "LpPool" {
            return [
                power(node.node.int("p", 2), gradient, input, output, &builder) { value, builder in
                    builder.spread(value, geometry, to: input)
                }
            ]
        }
        return [builder.spread(try shares(node, gradient, geometry, &builder), geometry, to: input)]
    }

    /// The gradient divided by the number of values that each mean was taken over.
    private static func shares(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ geometry: ConvGeometry, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let countsPadding = node.node.int("count_include_pad", 0) != 0
        let pads = node.node.ints("pads") ?? []
        let isStated = node.node.text("auto_pad", "NOTSET") == "NOTSET"
        // why: places that only ceil_mode reaches lie behind the padding and never count.
        let counts = (0..<geometry.rank).map { axis -> [Int] in
            let stated = pads.count == 2 * geometry.rank ? pads[axis + geometry.rank] : 0
            let behind = isStated ? stated : max(0, geometry.after(axis))
            let first = countsPadding ? -geometry.before[axis] : 0
            let end = countsPadding ? geometry.large[axis] + behind : geometry.large[axis]
            return (0..<geometry.small[axis]).map { place in
                let start = place * geometry.strides[axis] - geometry.before[axis]
                return (0..<geometry.kernel[axis]).reduce(0) { sum, step in
                    let read = start + step * geometry.dilations[axis]
                    return sum + (read >= first && read < end ? 1 : 0)
                }
            }
        }
        if counts.allSatisfy({ Set($0).count == 1 }) {
            return builder.multiply(gradient, 1 / Double(max(1, counts.reduce(1) { $0 * $1[0] })))
        }
        let all = counts.reduce([1.0]) { products, axis in
            products.flatMap { product in axis.map { product / Double(max(1, $0)) } }
        }
        return builder.multiply(gradient, builder.numbers(all, shape: [1, 1] + geometry.small, like: gradient))
    }

    /// `(Σ |x|^p)^(1/p)`: `y^(1-p)` spread over the window, times `|x|^(p-1)` with the sign of x.
    private static func power(
        _ exponent: Int, _ gradient: GraphValue, _ x: GraphValue, _ y: GraphValue, _ builder: inout GraphBuilder,
        _ spread: (GraphValue, inout GraphBuilder) -> GraphValue
    ) -> GraphValue {
        if exponent == 1 { return builder.multiply(spread(gradient, &builder), builder.unary("Sign", x)) }
        let base = exponent == 2 ? y : builder.power(y, Double(exponent - 1))
        let share = spread(builder.quotient(gradient, base), &builder)
        if exponent == 2 { return builder.multiply(share, x) }
        let slope = builder.multiply(builder.power(builder.unary("Abs", x), Double(exponent - 2)), x)
        return builder.multiply(share, slope)
    }

    /// The gradient at the first of the largest values of each channel.
    private static func largest(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ input: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let count = try ConvGeometry.spatial(input, node).reduce(1, *)
        let (rows, channels) = (input.axes[0], input.axes[1])
        let flat = builder.reshape(input, to: [rows, channels, .fixed(count)])
        let first = builder.emit(
            "ArgMax", [flat.name], element: 7, axes: [rows, channels, .fixed(1)],
            [.int("axis", 2), .int("keepdims", 1)])
        let isFirst = builder.compare("Equal", builder.wholes(Array(0..<count)), first)
        let one = builder.reshape(gradient, to: [rows, channels, .fixed(1)])
        return builder.reshape(builder.keep(one, where: isFirst), to: input.axes, like: input)
    }
}

extension GraphBuilder {
    /// Adds each value of the small side to all places that its window reads.
    mutating func spread(_ value: GraphValue, _ geometry: ConvGeometry, to input: GraphValue) -> GraphValue {
        if geometry.isTiling, value.traced.element == 1 {
            return fitted(repeated(value, geometry.kernel), geometry, to: input)
        }
        // why: channels as rows, so that the engine makes one product for all of them.
        let flat = { (axes: [AxisLength]) -> [AxisLength] in
            let channels = axes[1].length ?? 1
            return [
                AxisLength(perRow: axes[0].perRow * channels, fixed: axes[0].fixed * channels), .fixed(1),
            ] + axes.dropFirst(2)
        }
        let ones = numbers(
            [Double](repeating: 1, count: geometry.kernel.reduce(1, *)), shape: [1, 1] + geometry.kernel, like: value)
        let wide = convTranspose(
            reshape(value, to: flat(value.axes)), ones, geometry, group: 1, axes: flat(input.axes))
        return reshape(wide, to: input.axes, like: input)
    }

    /// Each value repeated over a block of places.
    mutating func repeated(_ value: GraphValue, _ factors: [Int]) -> GraphValue {
        if factors.allSatisfy({ $0 == 1 }) { return value }
        var axes = value.axes
        for (axis, factor) in factors.enumerated() {
            axes[axis + 2] = .fixed((axes[axis + 2].length ?? 1) * factor)
        }
        let scales = constant(
            OnnxTensorProto(name: "", shape: [factors.count], floats: factors.map { Float($0) }))
        // why: with axes stated the engine leaves the blocked layout before it and not, at a higher cost, behind it.
        return emit(
            "Resize", [value.name, "", scales.name], element: value.traced.element, axes: axes,
            [
                .text("mode", "nearest"), .text("nearest_mode", "floor"),
                .text("coordinate_transformation_mode", "asymmetric"), .ints("axes", Array(2..<2 + factors.count)),
            ])
    }

    /// Zeros behind the last whole window of a tiling.
    mutating func fitted(_ value: GraphValue, _ geometry: ConvGeometry, to input: GraphValue) -> GraphValue {
        padded(
            value, before: [Int](repeating: 0, count: input.rank), after: [0, 0] + geometry.after.map { -$0 },
            axes: input.axes)
    }
}
