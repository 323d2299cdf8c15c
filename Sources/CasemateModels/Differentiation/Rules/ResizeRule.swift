import CasemateCore

/// Other numbers of places along axes, by copying or interpolation of any kind.
///
/// Every value of the result is a fixed mean of values of the input, axis by axis, so that the gradient is a product with
/// one transposed matrix an axis. The engine itself makes the matrices: they are its answers to unit vectors.
enum ResizeRule: DifferentiationRule {
    static let operators = ["Resize"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        guard ["", "stretch"].contains(node.node.text("keep_aspect_ratio_policy")) else {
            throw node.unsupported("keep_aspect_ratio_policy other than stretch")
        }
        let axes = try (node.node.ints("axes") ?? Array(0..<input.rank)).map { axis throws(CasemateError) in
            try node.place(axis, of: input.rank)
        }
        let scales = try scales(node, count: axes.count)
        let changed = axes.indices.filter { index in
            let axis = axes[index]
            let isWhole = crops(node) ? region(node, index, of: axes.count).map { $0 == (0, 1) } ?? false : true
            return input.axes[axis] != gradient.axes[axis] || (scales.map { $0[index] != 1 } ?? false) || !isWhole
        }
        if let blocks = blocks(node, input, gradient, axes, scales) {
            return [summed(gradient, blocks, input, &builder)]
        }
        var result = gradient
        for index in changed {
            let axis = axes[index]
            guard let (before, after) = lengths(input, gradient, axis) else {
                throw node.unsupported("axis \(axis), whose length depends on the batch")
            }
            let matrix = try matrix(node, before, after, scales?[index], place: index, of: axes.count, &builder)
            result = contracted(result, axis, matrix, &builder)
        }
        return [result]
    }

    private static func lengths(_ input: GraphValue, _ output: GraphValue, _ axis: Int) -> (Int, Int)? {
        guard let before = input.axes[axis].length, let after = output.axes[axis].length else { return nil }
        return (before, after)
    }

    /// Whether only a part of the input is looked at.
    private static func crops(_ node: DifferentiatedNode) -> Bool {
        node.node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    }

    /// The part of an axis that is looked at.
    private static func region(_ node: DifferentiatedNode, _ place: Int, of count: Int) -> (Float, Float)? {
        guard let list = node.constant(1)?.numbers, list.count == 2 * count else { return nil }
        return (Float(list[place]), Float(list[place + count]))
    }

    /// Factors, one an axis; `nil` when lengths are given instead.
    private static func scales(_ node: DifferentiatedNode, count: Int) throws(CasemateError) -> [Float]? {
        guard node.node.given(2) != nil, node.node.given(3) == nil else { return nil }
        guard let list = node.constant(2)?.numbers else {
            throw node.unsupported("scales are computed while the graph runs")
        }
        if list.isEmpty { return nil }
        guard list.count == count else { throw node.unsupported("\(list.count) scales for \(count) axes") }
        return list.map { Float($0) }
    }

    /// Whole factors by which the places behind the channels are copied; `nil` for all else.
    private static func blocks(
        _ node: DifferentiatedNode, _ input: GraphValue, _ output: GraphValue, _ axes: [Int], _ scales: [Float]?
    ) -> [Int]? {
        let transformation = node.node.text("coordinate_transformation_mode", "half_pixel")
        let rounding = node.node.text("nearest_mode", "round_prefer_floor")
        let isEven =
            transformation == "asymmetric" && rounding == "floor"
            || transformation == "half_pixel" && rounding.hasPrefix("round_prefer")
        guard node.node.text("mode", "nearest") == "nearest", isEven, input.traced.element == 1,
            (3...5).contains(input.rank),
            input.axes[0] == output.axes[0], input.axes[1] == output.axes[1]
        else { return nil }
        var result: [Int] = []
        for axis in 2..<input.rank {
            guard let (before, after) = lengths(input, output, axis), before > 0, after % before == 0 else {
                return nil
            }
            result.append(after / before)
        }
        for (index, axis) in axes.enumerated() {
            let factor: Float = axis < 2 ? 1 : Float(result[axis - 2])
            guard scales.map({ $0[index] == factor }) ?? true else { return nil }
        }
        return result
    }

    /// The sum over each block.
    private static func summed(
        _ gradient: GraphValue, _ blocks: [Int], _ input: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let mean = builder.emit(
            "AveragePool", [gradient.name], element: input.traced.element, axes: input.axes,
            [.ints("kernel_shape", blocks), .ints("strides", blocks)])
        return builder.multiply(mean, Double(blocks.reduce(1, *)))
    }

    /// What each place of an axis adds to each place of the result, `[before, after]`.
    private static func matrix(
        _ node: DifferentiatedNode, _ before: Int, _ after: Int, _ scale: Float?, place: Int, of count: Int,
        _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        guard before * max(before, after) <= 1 << 26 else { throw node.unsupported("\(before) places on an axis") }
        var units = [Float](repeating: 0, count: before * before)
        for index in 0..<before { units[index * before + index] = 1 }
        let rows = builder.constant(OnnxTensorProto(name: "", shape: [1, 1, before, before], floats: units))
        var inputs = [rows.name, "", "", ""]
        if crops(node) {
            guard let (start, end) = region(node, place, of: count) else {
                throw node.unsupported("a region that is computed while the graph runs")
            }
            let part: [Float] = [0, 0, 0, start, 1, 1, 1, end]
            inputs[1] = builder.constant(OnnxTensorProto(name: "", shape: [8], floats: part)).name
        }
        if let scale {
            inputs[2] = builder.constant(OnnxTensorProto(name: "", shape: [4], floats: [1, 1, 1, scale])).name
            inputs.removeLast()
        } else {
            inputs[3] = builder.wholes([1, 1, before, after]).name
        }
        let answer = builder.emit(
            "Resize", inputs, element: 1, axes: [.fixed(1), .fixed(1), .fixed(before), .fixed(after)],
            node.node.without("axes", "keep_aspect_ratio_policy", "extrapolation_value").attribute)
        return builder.reshape(answer, to: [.fixed(before), .fixed(after)])
    }

    /// The product with the matrix along an axis.
    private static func contracted(
        _ value: GraphValue, _ axis: Int, _ matrix: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        if axis == value.rank - 2 { return builder.matmul(matrix, value) }
        var order = Array(0..<value.rank)
        order.swapAt(axis, value.rank - 1)
        let turned = builder.transpose(value, order)
        return builder.transpose(builder.matmul(turned, builder.swapLastAxes(matrix)), order)
    }
}
