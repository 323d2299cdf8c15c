import CasemateCore

/// Normalisation of each sample by its own mean and variance: over the last axes, or over the places of a channel.
enum NormLayerRule: DifferentiationRule {
    static let operators = ["LayerNormalization", "InstanceNormalization"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        node.op == "LayerNormalization"
            ? try layer(node, gradients, &builder) : try instance(node, gradients, &builder)
    }

    private static func layer(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        let (x, scale) = (try node.input(0), try node.input(1))
        let axis = try node.axis("axis", -1, of: x.rank)
        let standard = try Standardised(x, from: axis, node, &builder)
        var result: [GraphValue?] = [nil, nil, nil]
        var parts: [GraphValue] = []
        if let gradient = gradients[0] {
            if node.needs(0) { parts.append(standard.back(builder.multiply(gradient, scale), &builder)) }
            if node.needs(1) {
                result[1] = builder.unbroadcast(builder.multiply(gradient, standard.value), to: scale)
            }
            if node.needs(2) { result[2] = builder.unbroadcast(gradient, to: try node.input(2)) }
        }
        // why: the mean and the reciprocal deviation are outputs too, which some exports read.
        if node.needs(0), gradients.count > 1, let byMean = gradients[1] {
            parts.append(builder.expand(builder.multiply(byMean, 1 / Double(standard.count)), like: x))
        }
        if node.needs(0), gradients.count > 2, let byWidth = gradients[2] {
            let square = builder.multiply(standard.reciprocal, standard.reciprocal)
            let slope = builder.multiply(builder.multiply(byWidth, square), -1 / Double(standard.count))
            parts.append(builder.multiply(slope, standard.value))
        }
        result[0] = builder.total(parts)
        return result
    }

    private static func instance(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (x, scale) = (try node.input(0), try node.input(1))
        let count = try ConvGeometry.spatial(x, node).reduce(1, *)
        let flat = [x.axes[0], x.axes[1], AxisLength.fixed(count)]
        let flatGradient = builder.reshape(gradient, to: flat)
        let standard = try Standardised(builder.reshape(x, to: flat), from: 2, node, &builder)
        var result: [GraphValue?] = [nil, nil, nil]
        if node.needs(0) {
            let scaled = builder.multiply(flatGradient, builder.perChannel(scale, rank: 3))
            result[0] = builder.reshape(standard.back(scaled, &builder), to: x.axes, like: x)
        }
        if node.needs(1) {
            result[1] = builder.sum(builder.multiply(flatGradient, standard.value), [0, 2], keepsAxes: false)
        }
        if node.needs(2) { result[2] = builder.sum(flatGradient, [0, 2], keepsAxes: false) }
        return result
    }
}

/// Values less their mean, divided by their deviation, computed by the engine in one step.
private struct Standardised {
    /// The standardised values.
    let value: GraphValue
    /// 1 / deviation, with axes of length 1.
    let reciprocal: GraphValue
    /// Number of values that share a mean.
    let count: Int
    private let axes: [Int]

    /// Over the axes from `first` on.
    init(
        _ x: GraphValue, from first: Int, _ node: DifferentiatedNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) {
        let lengths = x.axes[first...].compactMap(\.length)
        axes = Array(first..<x.rank)
        guard lengths.count == axes.count else { throw node.unsupported("a normalised axis depends on the batch") }
        count = max(1, lengths.reduce(1, *))
        let ones = builder.numbers([Double](repeating: 1, count: lengths.reduce(1, *)), shape: lengths, like: x)
        let single = x.axes[..<first] + axes.map { _ in .fixed(1) }
        // why: single precision is what the engine keeps these two in unless all is double.
        let facts = TracedValue(element: x.traced.element, axes: Array(single))
        let made = builder.emit(
            "LayerNormalization", [x.name, ones.name], [x.traced, facts, facts],
            [.int("axis", first), .float("epsilon", node.node.float("epsilon", 1e-5))])
        (value, reciprocal) = (made[0], made[2])
    }

    /// The gradient by the values, from that by the standardised ones.
    func back(_ gradient: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let mean = builder.reduce("ReduceMean", gradient, axes, keepsAxes: true)
        let along = builder.reduce("ReduceMean", builder.multiply(gradient, value), axes, keepsAxes: true)
        let rest = builder.subtract(builder.subtract(gradient, mean), builder.multiply(value, along))
        return builder.multiply(rest, reciprocal)
    }
}
