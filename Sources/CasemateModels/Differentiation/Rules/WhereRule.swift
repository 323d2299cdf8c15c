import CasemateCore

/// A choice between two operands, number by number.
enum WhereRule: DifferentiationRule {
    static let operators = ["Where"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let condition = try node.input(0)
        var result: [GraphValue?] = [nil, nil, nil]
        if node.needs(1) {
            result[1] = builder.unbroadcast(builder.keep(gradient, where: condition), to: try node.input(1))
        }
        if node.needs(2) {
            let other = builder.select(condition, builder.scalar(0, like: gradient), gradient)
            result[2] = builder.unbroadcast(other, to: try node.input(2))
        }
        return result
    }
}
