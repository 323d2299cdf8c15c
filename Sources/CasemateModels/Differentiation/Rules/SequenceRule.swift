import CasemateCore

/// Linear operators along an axis that undo themselves: running sums, triangles, reversal of sequences.
enum SequenceRule: DifferentiationRule {
    static let operators = ["CumSum", "Trilu", "ReverseSequence"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        var attributes = node.node.attribute
        if node.op == "CumSum" {
            // A sum of what came before sends its gradient to what came before.
            attributes = [
                .int("exclusive", node.node.int("exclusive", 0)), .int("reverse", 1 - node.node.int("reverse", 0)),
            ]
        }
        let result = builder.emit(
            node.op, [gradient.name] + node.node.input.dropFirst(), element: gradient.traced.element,
            axes: gradient.axes, attributes)
        return [result]
    }
}
