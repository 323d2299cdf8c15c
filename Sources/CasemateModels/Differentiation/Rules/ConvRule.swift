import CasemateCore

/// Convolutions and transposed convolutions over one to three axes, with groups, strides, dilations and padding.
enum ConvRule: DifferentiationRule {
    static let operators = ["Conv", "ConvTranspose"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (input, weights, output) = (try node.input(0), try node.input(1), try node.output())
        guard let shape = weights.traced.fixedShape, shape.count == input.rank else {
            throw node.unsupported("weights whose shape depends on the batch")
        }
        let kernel = Array(shape.dropFirst(2))
        let group = node.node.int("group", 1)
        var result: [GraphValue?] = [nil, nil, nil]
        if node.op == "Conv" {
            let geometry = try ConvGeometry(sliding: node, from: input, to: output, kernel: kernel)
            if node.needs(0) { result[0] = spread(gradient, weights, geometry, group, input, &builder) }
            if node.needs(1) {
                result[1] = ConvWeights(large: input, small: gradient, geometry: geometry, group: group)
                    .gradient(like: weights, &builder)
            }
        } else {
            let geometry = try ConvGeometry(transposed: node, from: input, to: output, kernel: kernel)
            if node.needs(0) { result[0] = gather(gradient, weights, geometry, group, input, &builder) }
            if node.needs(1) {
                result[1] = ConvWeights(large: gradient, small: input, geometry: geometry, group: group)
                    .gradient(like: weights, &builder)
            }
        }
        if node.needs(2) { result[2] = builder.sum(gradient, [0] + Array(2..<gradient.rank), keepsAxes: false) }
        return result
    }

    /// The gradient of a convolution by its input.
    ///
    /// With a stride of 1 that is a convolution with turned weights, for which the engine has a blocked layout; it fills
    /// blocks of 16 channels, so few channels and larger strides are faster as a transposed convolution.
    private static func spread(
        _ gradient: GraphValue, _ weights: GraphValue, _ geometry: ConvGeometry, _ group: Int, _ input: GraphValue,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        let before = (0..<geometry.rank).map { geometry.span($0) - 1 - geometry.before[$0] }
        let after = (0..<geometry.rank).map { geometry.span($0) - 1 - geometry.after($0) }
        let isPlain = geometry.strides.allSatisfy { $0 == 1 } && (before + after).allSatisfy { $0 >= 0 }
        let fillsBlocks = group > 1 || (input.axes[1].length ?? 0) >= 32
        if isPlain, fillsBlocks, let turned = ConvWeights.turned(weights, group: group, &builder) {
            return builder.emit(
                "Conv", [gradient.name, turned.name], element: input.traced.element, axes: input.axes,
                attributes(geometry, group) + [.ints("pads", before + after)])
        }
        return builder.convTranspose(gradient, weights, geometry, group: group, axes: input.axes)
    }

    /// The gradient of a transposed convolution by its input: a convolution with the same weights.
    private static func gather(
        _ gradient: GraphValue, _ weights: GraphValue, _ geometry: ConvGeometry, _ group: Int, _ input: GraphValue,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        builder.emit(
            "Conv", [builder.reached(gradient, geometry).name, weights.name], element: input.traced.element,
            axes: input.axes,
            attributes(geometry, group) + [.ints("pads", geometry.before + geometry.after.map { max(0, $0) })])
    }

    /// What convolutions of both kinds share.
    static func attributes(_ geometry: ConvGeometry, _ group: Int) -> [OnnxAttributeProto] {
        [
            .ints("kernel_shape", geometry.kernel), .ints("strides", geometry.strides),
            .ints("dilations", geometry.dilations), .int("group", group),
        ]
    }
}

extension GraphBuilder {
    /// The large side without the places behind its last window, where there is room for one more window.
    mutating func reached(_ value: GraphValue, _ geometry: ConvGeometry) -> GraphValue {
        let cut = (0..<geometry.rank).map { -geometry.after($0) < geometry.strides[$0] ? 0 : geometry.after($0) }
        var axes = value.axes
        for (axis, count) in cut.enumerated() { axes[axis + 2] = .fixed(geometry.large[axis] + count) }
        return padded(value, before: axes.map { _ in 0 }, after: [0, 0] + cut, axes: axes)
    }
    /// A transposed convolution from the small side of a geometry to its large side.
    mutating func convTranspose(
        _ value: GraphValue, _ weights: GraphValue, _ geometry: ConvGeometry, group: Int, axes: [AxisLength]
    ) -> GraphValue {
        emit(
            "ConvTranspose", [value.name, weights.name], element: value.traced.element, axes: axes,
            ConvRule.attributes(geometry, group) + [
                .ints("pads", geometry.before + geometry.after.map { max(0, $0) }),
                .ints("output_padding", geometry.after.map { max(0, -$0) }),
            ])
    }
}
