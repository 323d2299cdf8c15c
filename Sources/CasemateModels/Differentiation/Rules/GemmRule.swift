import CasemateCore

/// `alpha · A' · B' + beta · C`, with `'` for an optional transpose.
enum GemmRule: DifferentiationRule {
    static let operators = ["Gemm"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (a, b) = (try node.input(0), try node.input(1))
        let (turnsA, turnsB) = (node.node.int("transA", 0) != 0, node.node.int("transB", 0) != 0)
        let alpha = node.node.float("alpha", 1)
        var result: [GraphValue?] = [nil, nil, nil]
        if node.needs(0) {
            result[0] =
                turnsA
                ? gemm(b, gradient, turnsB, true, alpha, a, &builder)
                : gemm(gradient, b, false, !turnsB, alpha, a, &builder)
        }
        if node.needs(1) {
            result[1] =
                turnsB
                ? gemm(gradient, a, true, turnsA, alpha, b, &builder)
                : gemm(a, gradient, !turnsA, false, alpha, b, &builder)
        }
        if node.needs(2), let c = node.inputs[2] {
            let beta = node.node.float("beta", 1)
            let scaled = beta == 1 ? gradient : builder.multiply(gradient, Double(beta))
            result[2] = builder.unbroadcast(scaled, to: c)
        }
        return result
    }

    private static func gemm(
        _ a: GraphValue, _ b: GraphValue, _ turnsA: Bool, _ turnsB: Bool, _ alpha: Float, _ like: GraphValue,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        builder.emit(
            "Gemm", [a.name, b.name], element: like.traced.element, axes: like.axes,
            [.int("transA", turnsA ? 1 : 0), .int("transB", turnsB ? 1 : 0), .float("alpha", alpha)])
    }
}
