import CasemateCore

/// Operators that write values into an array by index.
enum ScatterRule: DifferentiationRule {
    static let operators = ["ScatterElements", "ScatterND"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (data, indices, updates) = (try node.input(0), try node.input(1), try node.input(2))
        let reduction = node.node.text("reduction", "none")
        guard reduction == "none" || reduction == "add" else { throw node.unsupported("reduction '\(reduction)'") }
        let isElements = node.op == "ScatterElements"
        let axis = isElements ? try node.axis("axis", 0, of: data.rank) : 0
        let attributes: [OnnxAttributeProto] = isElements ? [.int("axis", axis)] : []
        var result: [GraphValue?] = [nil, nil, nil]
        if node.needs(0) {
            // What is overwritten gets nothing.
            result[0] =
                reduction == "add"
                ? gradient
                : builder.emit(
                    node.op, [gradient.name, indices.name, builder.filled(0, like: updates).name],
                    element: data.traced.element, axes: data.axes, attributes)
        }
        if node.needs(2) {
            result[2] = builder.emit(
                isElements ? "GatherElements" : "GatherND", [gradient.name, indices.name],
                element: updates.traced.element, axes: updates.axes, attributes)
        }
        return result
    }
}
