import CasemateCore

extension OperatorLowering {
    /// Normalisations that are others under another name.
    static let normRewrites: [String: Rewrite] = ["GroupNormalization": groupNormalization]

    /// Over the places and channels of a group; scale and bias belong to groups before opset 21, to channels since.
    private static func groupNormalization(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let groups = view.node.int("num_groups", 0)
        guard groups > 0, x.rank > 2, let channels = x.axes[1].length, channels % groups == 0,
            let scale = view.node.given(1).flatMap({ builder.value($0) }),
            let bias = view.node.given(2).flatMap({ builder.value($0) })
        else { throw view.unsupported("num_groups \(groups)") }
        let places = x.axes.dropFirst(2).compactMap(\.length)
        guard places.count == x.rank - 2 else {
            throw view.unsupported("an axis behind the channels depends on the batch")
        }
        let count = channels / groups * places.reduce(1, *)
        let flat = builder.reshape(x, to: [x.axes[0], .fixed(groups), .fixed(count)])
        let ones = builder.numbers([Double](repeating: 1, count: count), shape: [count], like: x)
        let even = builder.emit(
            "LayerNormalization", [flat.name, ones.name], element: x.traced.element, axes: flat.axes,
            [.int("axis", 2), .float("epsilon", view.node.float("epsilon", 1e-5))])
        if view.version < 21 {
            let scaled = builder.multiply(even, builder.perChannel(scale, rank: 3))
            let moved = builder.add(scaled, builder.perChannel(bias, rank: 3))
            builder.alias(builder.reshape(moved, to: x.axes, like: x), as: name)
        } else {
            let whole = builder.reshape(even, to: x.axes, like: x)
            let scaled = builder.multiply(whole, builder.perChannel(scale, rank: x.rank))
            builder.alias(builder.add(scaled, builder.perChannel(bias, rank: x.rank)), as: name)
        }
        return true
    }
}
