import CasemateCore

/// Operators that put arrays together along an axis or cut one into several.
enum JoinRule: DifferentiationRule {
    static let operators = ["Concat", "Split"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        node.op == "Concat" ? try concat(node, gradients, &builder) : [try split(node, gradients, &builder)]
    }

    private static func concat(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let axis = try node.axis("axis", of: gradient.rank)
        var start: Int? = 0
        var result: [GraphValue?] = []
        for index in node.inputs.indices {
            let input = try node.input(index)
            let length = input.axes[axis].length
            if !node.needs(index) {
                result.append(nil)
            } else if input.axes == gradient.axes {
                result.append(gradient)
            } else if let first = start, length != nil || index + 1 == node.inputs.count {
                let end = length.map { first + $0 } ?? Int.max
                result.append(builder.slice(gradient, axis: axis, from: first, to: end, length: input.axes[axis]))
            } else {
                throw node.unsupported("several inputs whose lengths on axis \(axis) depend on the batch")
            }
            start = length.flatMap { length in start.map { $0 + length } }
        }
        return result
    }

    /// Parts that nothing was derived from count as zeros.
    private static func split(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let input = try node.input(0)
        let axis = try node.axis("axis", 0, of: input.rank)
        var parts: [GraphValue] = []
        for (index, gradient) in gradients.enumerated() {
            let output = try node.output(index)
            parts.append(gradient ?? builder.filled(0, like: output))
        }
        if parts.count == 1 { return parts[0] }
        return builder.emit(
            "Concat", parts.map(\.name), element: input.traced.element, axes: input.axes, [.int("axis", axis)])
    }
}

extension DifferentiatedNode {
    /// An attribute that names an axis, counted from the front.
    func axis(_ name: String, _ value: Int? = nil, of rank: Int) throws(CasemateError) -> Int {
        guard let axis = node.int(name) ?? value else { throw unsupported("attribute '\(name)' is missing") }
        return try place(axis, of: rank)
    }
    /// An axis counted from the front.
    func place(_ axis: Int, of rank: Int) throws(CasemateError) -> Int {
        let place = axis < 0 ? axis + rank : axis
        guard place >= 0, place < rank else { throw unsupported("axis \(axis) of \(rank)") }
        return place
    }
}
