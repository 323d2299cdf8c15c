import CasemateCore

/// Softmax and its logarithm over one axis, as since opset 13.
enum SoftmaxRule: DifferentiationRule {
    static let operators = ["Softmax", "LogSoftmax"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (axis, y) = (node.node.int("axis", -1), try node.output())
        if node.op == "LogSoftmax" {
            let sum = builder.sum(gradient, [axis], keepsAxes: true)
            return [builder.subtract(gradient, builder.multiply(builder.unary("Exp", y), sum))]
        }
        let weighted = builder.multiply(gradient, y)
        let sum = builder.sum(weighted, [axis], keepsAxes: true)
        return [builder.subtract(weighted, builder.multiply(y, sum))]
    }
}
