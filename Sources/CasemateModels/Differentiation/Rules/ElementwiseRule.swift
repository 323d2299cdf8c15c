import CasemateCore

/// Functions of one number each.
enum ElementwiseRule: DifferentiationRule {
    static let operators = [
        "Neg", "Sqrt", "Reciprocal", "Exp", "Log", "Abs", "Erf", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh",
        "Cosh", "Asinh", "Acosh", "Atanh", "Clip",
    ]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (x, y) = (try node.input(0), try node.output())
        switch node.op {
        case "Neg": return [builder.unary("Neg", gradient)]
        case "Clip": return [try clip(node, gradient, x, &builder)]
        case "Sqrt": return [builder.divide(builder.multiply(gradient, 0.5), y)]
        case "Abs": return [builder.multiply(gradient, builder.unary("Sign", x))]
        case "Log": return [builder.divide(gradient, x)]
        case "Exp": return [builder.multiply(gradient, y)]
        case "Reciprocal": return [builder.unary("Neg", builder.multiply(gradient, builder.multiply(y, y)))]
        case "Erf":
            let bell = builder.unary("Exp", builder.unary("Neg", builder.multiply(x, x)))
            return [builder.multiply(gradient, builder.multiply(bell, 2 / Double.pi.squareRoot()))]
        default: return [try trigonometric(node, gradient, x, y, &builder)]
        }
    }

    /// Inside the bounds the gradient passes; on a bound too, as a saturated pixel can move back inside.
    private static func clip(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ x: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        var result = gradient
        for (index, comparison) in [(1, "GreaterOrEqual"), (2, "LessOrEqual")] where node.node.given(index) != nil {
            result = builder.keep(result, where: builder.compare(comparison, x, try node.input(index)))
        }
        return result
    }

    private static func trigonometric(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ x: GraphValue, _ y: GraphValue,
        _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        func square(_ value: GraphValue) -> GraphValue { builder.multiply(value, value) }
        switch node.op {
        case "Sin": return builder.multiply(gradient, builder.unary("Cos", x))
        case "Cos": return builder.unary("Neg", builder.multiply(gradient, builder.unary("Sin", x)))
        case "Tan": return builder.multiply(gradient, builder.add(square(y), 1))
        case "Asin": return builder.divide(gradient, builder.unary("Sqrt", builder.subtract(1, square(x))))
        case "Acos":
            return builder.unary(
                "Neg", builder.divide(gradient, builder.unary("Sqrt", builder.subtract(1, square(x)))))
        case "Atan": return builder.divide(gradient, builder.add(square(x), 1))
        case "Sinh": return builder.multiply(gradient, builder.unary("Cosh", x))
        case "Cosh": return builder.multiply(gradient, builder.unary("Sinh", x))
        case "Asinh": return builder.divide(gradient, builder.unary("Sqrt", builder.add(square(x), 1)))
        case "Acosh": return builder.divide(gradient, builder.unary("Sqrt", builder.add(square(x), -1)))
        case "Atanh": return builder.divide(gradient, builder.subtract(1, square(x)))
        default: throw node.unsupported("has no gradient")
        }
    }
}
