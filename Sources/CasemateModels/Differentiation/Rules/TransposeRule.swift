import CasemateCore

/// Axes in another order.
enum TransposeRule: DifferentiationRule {
    static let operators = ["Transpose"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let order = node.node.ints("perm") ?? Array((0..<gradient.rank).reversed())
        guard Set(order) == Set(0..<gradient.rank) else { throw node.unsupported("perm \(order) is no order of axes") }
        var back = order
        for (place, axis) in order.enumerated() { back[axis] = place }
        return [builder.transpose(gradient, back)]
    }
}
