import CasemateCore

/// The largest or smallest values along an axis.
enum TopKRule: DifferentiationRule {
    static let operators = ["TopK"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        let axis = try node.axis("axis", -1, of: input.rank)
        var places = node.outputs.count > 1 ? node.outputs[1] : nil
        if places == nil {
            let axes = gradient.axes
            places =
                builder.emit(
                    "TopK", node.node.input,
                    [TracedValue(element: input.traced.element, axes: axes), TracedValue(element: 7, axes: axes)],
                    node.node.attribute
                ).last
        }
        guard let places else { throw node.unsupported("has no indices") }
        return [builder.scattered(gradient, places, axis: axis, like: input)]
    }
}
