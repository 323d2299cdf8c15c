import CasemateCore

/// Operators that exchange channels for pixels.
enum BlockRule: DifferentiationRule {
    static let operators = ["DepthToSpace", "SpaceToDepth"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (input, size) = (try node.input(0), node.node.int("blocksize", 1))
        let setting = OnnxAttributeProto.int("blocksize", size)
        let isPlain = node.node.text("mode", "DCR") == "DCR"
        if isPlain {
            let inverse = node.op == "DepthToSpace" ? "SpaceToDepth" : "DepthToSpace"
            return [
                builder.emit(inverse, [gradient.name], element: input.traced.element, axes: input.axes, [setting])
            ]
        }
        guard node.op == "DepthToSpace", input.rank == 4, gradient.rank == 4 else {
            throw node.unsupported("mode '\(OnnxLook.printable(node.node.text("mode")))'")
        }
        // why: in this order channels come before the places inside a block.
        let apart = [gradient.axes[0], gradient.axes[1], input.axes[2], .fixed(size), input.axes[3], .fixed(size)]
        let split = builder.reshape(gradient, to: apart)
        return [builder.reshape(builder.transpose(split, [0, 1, 3, 5, 2, 4]), to: input.axes, like: input)]
    }
}
