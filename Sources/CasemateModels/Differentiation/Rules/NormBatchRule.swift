import CasemateCore

/// Normalisation of each channel by stored statistics, as at inference.
enum NormBatchRule: DifferentiationRule {
    static let operators = ["BatchNormalization"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (x, scale, mean, variance) = (try node.input(0), try node.input(1), try node.input(3), try node.input(4))
        let epsilon = Double(node.node.float("epsilon", 1e-5))
        let width = builder.unary("Sqrt", builder.add(variance, epsilon))
        let slope = builder.divide(scale, width)
        var result: [GraphValue?] = [GraphValue?](repeating: nil, count: 5)
        if node.needs(0) { result[0] = builder.multiply(gradient, builder.perChannel(slope, rank: x.rank)) }
        guard (1..<5).contains(where: node.needs) else { return result }
        let others = (0..<x.rank).filter { $0 != 1 }
        let total = builder.sum(gradient, others, keepsAxes: false)
        if node.needs(2) { result[2] = total }
        if node.needs(3) { result[3] = builder.unary("Neg", builder.multiply(total, slope)) }
        guard node.needs(1) || node.needs(4) else { return result }
        let centred = builder.subtract(x, builder.perChannel(mean, rank: x.rank))
        let moved = builder.sum(builder.multiply(gradient, centred), others, keepsAxes: false)
        let byScale = builder.divide(moved, width)
        if node.needs(1) { result[1] = byScale }
        if node.needs(4) {
            let square = builder.multiply(builder.add(variance, epsilon), -2)
            result[4] = builder.divide(builder.multiply(byScale, scale), square)
        }
        return result
    }
}

extension GraphBuilder {
    /// A list with one number a channel, in axes that broadcast over rows and places.
    mutating func perChannel(_ list: GraphValue, rank: Int) -> GraphValue {
        guard rank > 2, let length = list.axes.first else { return list }
        return reshape(list, to: [length] + [AxisLength](repeating: .fixed(1), count: rank - 2))
    }
}
