import CasemateCore

/// Activation functions.
enum ActivationRule: DifferentiationRule {
    static let operators = [
        "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "HardSigmoid", "Softplus", "Softsign", "Sigmoid", "Tanh",
        "ThresholdedRelu", "Shrink",
    ]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (x, y) = (try node.input(0), try node.output())
        switch node.op {
        // why: the output tells where the input was positive, so that the engine may fuse the operator before it.
        case "Relu": return [builder.keep(gradient, where: builder.compare("Greater", y, 0))]
        case "Sigmoid": return [builder.multiply(gradient, builder.multiply(y, builder.subtract(1, y)))]
        case "Tanh": return [builder.multiply(gradient, builder.subtract(1, builder.multiply(y, y)))]
        case "Softplus": return [builder.multiply(gradient, builder.unary("Sigmoid", x))]
        case "Softsign":
            let width = builder.add(builder.unary("Abs", x), 1)
            return [builder.divide(gradient, builder.multiply(width, width))]
        case "LeakyRelu":
            let slope = Double(node.node.float("alpha", 0.01))
            let isPositive = builder.compare("Greater", x, 0)
            return [builder.select(isPositive, gradient, builder.multiply(gradient, slope))]
        case "ThresholdedRelu":
            let limit = Double(node.node.float("alpha", 1))
            return [builder.keep(gradient, where: builder.compare("Greater", x, limit))]
        case "Shrink":
            let limit = Double(node.node.float("lambd", 0.5))
            return [builder.keep(gradient, where: builder.compare("Greater", builder.unary("Abs", x), limit))]
        case "HardSigmoid":
            let inside = builder.compare("Greater", y, 0)
            let below = builder.compare("Less", y, 1)
            let slope = builder.multiply(gradient, Double(node.node.float("alpha", 0.2)))
            return [builder.keep(builder.keep(slope, where: inside), where: below)]
        case "PRelu": return try prelu(node, gradient, x, &builder)
        default: return [exponential(node, gradient, x, y, &builder)]
        }
    }

    /// `Elu` and `Selu`: on the left the slope is the value plus the scale.
    private static func exponential(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ x: GraphValue, _ y: GraphValue,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        let isSelu = node.op == "Selu"
        let alpha = Double(node.node.float("alpha", isSelu ? 1.673_263_2 : 1))
        let gamma = isSelu ? Double(node.node.float("gamma", 1.050_701)) : 1
        let left = builder.multiply(gradient, builder.add(y, alpha * gamma))
        let right = isSelu ? builder.multiply(gradient, gamma) : gradient
        return builder.select(builder.compare("Greater", x, 0), right, left)
    }

    private static func prelu(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ x: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        let slope = try node.input(1)
        guard slope.rank <= x.rank else { throw node.unsupported("a slope of more axes than the input") }
        let isPositive = builder.compare("Greater", x, 0)
        let product = builder.multiply(gradient, slope)
        let left = builder.unbroadcast(builder.select(isPositive, gradient, product), to: x)
        guard node.needs(1) else { return [left, nil] }
        let bySlope = builder.select(isPositive, builder.scalar(0, like: x), builder.multiply(gradient, x))
        return [node.needs(0) ? left : nil, builder.unbroadcast(bySlope, to: slope)]
    }
}
