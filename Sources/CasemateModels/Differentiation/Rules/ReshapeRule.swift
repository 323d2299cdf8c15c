import CasemateCore

/// Operators that keep the values and their order and change the axes.
enum ReshapeRule: DifferentiationRule {
    static let operators = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        return [builder.reshape(gradient, to: input.axes, like: input)]
    }
}
