import CasemateCore

/// Sums, products and quotients of operands that broadcast.
enum ArithmeticRule: DifferentiationRule {
    static let operators = ["Add", "Sub", "Mul", "Div", "Sum", "Mean", "Min", "Max", "Pow"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        switch node.op {
        case "Sum", "Mean":
            let share = node.op == "Mean" ? builder.multiply(gradient, 1 / Double(max(1, node.inputs.count))) : gradient
            return node.inputs.indices.map { index in
                node.needs(index) ? node.inputs[index].map { builder.unbroadcast(share, to: $0) } : nil
            }
        case "Min", "Max": return try extremes(node, gradient, &builder)
        default: return try pair(node, gradient, &builder)
        }
    }

    private static func pair(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        let (a, b) = (try node.input(0), try node.input(1))
        func left() -> GraphValue {
            switch node.op {
            case "Add", "Sub": gradient
            case "Mul": builder.multiply(gradient, b)
            default: builder.divide(gradient, b)
            }
        }
        if node.op == "Pow" { return try power(node, gradient, &builder) }
        var result: [GraphValue?] = [nil, nil]
        if node.needs(0) { result[0] = builder.unbroadcast(left(), to: a) }
        if node.needs(1) {
            let right: GraphValue
            switch node.op {
            case "Add": right = gradient
            case "Sub": right = builder.unary("Neg", gradient)
            case "Mul": right = builder.multiply(gradient, a)
            default: right = builder.unary("Neg", builder.divide(builder.multiply(gradient, try node.output()), b))
            }
            result[1] = builder.unbroadcast(right, to: b)
        }
        return result
    }

    /// `a^b`: `b·a^(b-1)` and `a^b·log a`. A constant exponent of 2 stays a product.
    private static func power(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        let a = try node.input(0)
        let exponent = builder.cast(try node.input(1), to: a.traced.element)
        var result: [GraphValue?] = [nil, nil]
        if node.needs(0) {
            let slope: GraphValue
            if node.constant(1)?.numbers == [2] {
                slope = builder.multiply(a, 2)
            } else {
                slope = builder.multiply(exponent, builder.binary("Pow", a, builder.add(exponent, -1)))
            }
            // why: a power of 0 is flat, and 0 · 0^-1 would be undefined.
            let mayBeFlat = node.constant(1)?.numbers?.contains(0) ?? true
            let part = builder.multiply(gradient, slope)
            let moved =
                mayBeFlat
                ? builder.select(builder.compare("Equal", exponent, 0), builder.scalar(0, like: part), part) : part
            result[0] = builder.unbroadcast(moved, to: a)
        }
        if node.needs(1) {
            // why: 0^b does not move with b, and log 0 would make the product undefined.
            let isPositive = builder.compare("Greater", a, 0)
            let logarithm = builder.unary("Log", builder.select(isPositive, a, builder.scalar(1, like: a)))
            let right = builder.multiply(gradient, builder.multiply(try node.output(), logarithm))
            result[1] = builder.unbroadcast(right, to: try node.input(1))
        }
        return result
    }

    /// The gradient goes to the operand that was chosen; the first of equals gets it.
    private static func extremes(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        let output = try node.output()
        var left = gradient
        var result: [GraphValue?] = []
        for (index, input) in node.inputs.enumerated() {
            guard let input else {
                result.append(nil)
                continue
            }
            let isChosen = builder.compare("Equal", input, output)
            result.append(node.needs(index) ? builder.unbroadcast(builder.keep(left, where: isChosen), to: input) : nil)
            if index + 1 < node.inputs.count { left = builder.select(isChosen, builder.scalar(0, like: left), left) }
        }
        return result
    }
}
