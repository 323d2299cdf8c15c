import CasemateCore

/// The remainder of a division.
enum ModRule: DifferentiationRule {
    static let operators = ["Mod"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (a, b) = (try node.input(0), try node.input(1))
        var result: [GraphValue?] = [nil, nil]
        if node.needs(0) { result[0] = builder.unbroadcast(gradient, to: a) }
        if node.needs(1) {
            // `a - b · trunc(a / b)`: the quotient's whole part stands still.
            let quotient = builder.divide(a, b)
            let isPositive = builder.compare("Greater", quotient, 0)
            let whole = builder.select(isPositive, builder.unary("Floor", quotient), builder.unary("Ceil", quotient))
            result[1] = builder.unbroadcast(builder.unary("Neg", builder.multiply(gradient, whole)), to: b)
        }
        return result
    }
}
