import CasemateCore

/// Operators that pass values on: names, types, what only training uses.
enum IdentityRule: DifferentiationRule {
    static let operators = ["Identity", "Cast", "CastLike", "Dropout"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        // why: a gradient that goes straight through whole numbers stays a real number.
        return [input.traced.isReal ? builder.cast(gradient, to: input.traced.element) : gradient]
    }
}
