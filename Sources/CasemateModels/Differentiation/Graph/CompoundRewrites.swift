import CasemateCore

extension OperatorLowering {
    /// Operators that are short for others. Source: the function bodies in the ONNX operator reference.
    static let compoundRewrites: [String: Rewrite] = [
        "Gelu": gelu, "com.microsoft.Gelu": gelu, "com.microsoft.FastGelu": fastGelu,
        "com.microsoft.BiasGelu": fastGelu, "com.microsoft.QuickGelu": swish, "Swish": swish,
        "Mish": mish, "HardSwish": hardSwish, "Celu": celu,
        "MeanVarianceNormalization": meanVariance, "LpNormalization": lpNormalization,
        "RMSNormalization": rootMeanSquare, "SimplifiedLayerNormalization": rootMeanSquare,
        "com.microsoft.FusedMatMul": fusedMatMul, "Attention": attention,
    ]

    /// `x Φ(x)`, or its approximation by tanh.
    private static func gelu(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let isTanh = view.node.text("approximate", "none") == "tanh"
        builder.alias(isTanh ? builder.geluByTanh(x) : builder.gelu(x), as: name)
        return true
    }

    /// Gelu of a sum, as the engine's own optimiser writes it.
    private static func fastGelu(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        var (x, name) = try view.operand(&builder)
        if let bias = view.node.given(1).flatMap({ builder.value($0) }) { x = builder.add(x, bias) }
        builder.alias(view.node.opType == "FastGelu" ? builder.geluByTanh(x) : builder.gelu(x), as: name)
        return true
    }

    /// `x σ(α x)`.
    private static func swish(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let alpha = Double(view.node.float("alpha", view.node.opType == "QuickGelu" ? 1.702 : 1))
        let inner = alpha == 1 ? x : builder.multiply(x, alpha)
        builder.alias(builder.multiply(x, builder.unary("Sigmoid", inner)), as: name)
        return true
    }

    /// `x tanh(log(1 + exp x))`.
    private static func mish(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let gate = builder.unary("Tanh", builder.unary("Softplus", x))
        builder.alias(builder.multiply(x, gate), as: name)
        return true
    }

    /// `x max(0, min(1, x / 6 + 1 / 2))`.
    private static func hardSwish(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let gate = builder.unary("HardSigmoid", x, [.float("alpha", 1 / 6), .float("beta", 0.5)])
        builder.alias(builder.multiply(x, gate), as: name)
        return true
    }

    /// `α Elu(x / α)`.
    private static func celu(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let alpha = Double(view.node.float("alpha", 1))
        guard alpha > 0 else { throw view.unsupported("alpha \(alpha)") }
        let bend = builder.unary("Elu", builder.multiply(x, 1 / alpha), [.float("alpha", 1)])
        builder.alias(builder.multiply(bend, alpha), as: name)
        return true
    }

    /// Over the batch and places by default.
    private static func meanVariance(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let axes = view.node.ints("axes") ?? [0, 2, 3]
        guard axes.allSatisfy({ (-x.rank..<x.rank).contains($0) }) else { throw view.unsupported("axes \(axes)") }
        let centred = builder.subtract(x, builder.reduce("ReduceMean", x, axes, keepsAxes: true))
        let squares = builder.multiply(centred, centred)
        let variance = builder.reduce("ReduceMean", squares, axes, keepsAxes: true)
        builder.alias(builder.divide(centred, builder.add(builder.unary("Sqrt", variance), 1e-9)), as: name)
        return true
    }

    /// A norm of 0 divides by 1.
    private static func lpNormalization(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        let (axis, power) = (view.node.int("axis", -1), view.node.int("p", 2))
        guard power == 1 || power == 2, (-x.rank..<x.rank).contains(axis) else {
            throw view.unsupported("p \(power), axis \(axis)")
        }
        let norm = builder.reduce(power == 1 ? "ReduceL1" : "ReduceL2", x, [axis], keepsAxes: true)
        builder.alias(builder.quotient(x, norm), as: name)
        return true
    }

    private static func rootMeanSquare(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        guard view.node.output.dropFirst().allSatisfy(\.isEmpty) else {
            throw view.unsupported("its second output is used, which only training needs")
        }
        let axis = view.node.int("axis", -1)
        let first = axis < 0 ? axis + x.rank : axis
        guard first >= 0, first < x.rank else { throw view.unsupported("axis \(axis) of \(x.rank)") }
        let mean = builder.reduce("ReduceMean", builder.multiply(x, x), Array(first..<x.rank), keepsAxes: true)
        let root = builder.unary("Sqrt", builder.add(mean, Double(view.node.float("epsilon", 1e-5))))
        var result = builder.divide(x, root)
        if let scale = view.node.given(1).flatMap({ builder.value($0) }) { result = builder.multiply(result, scale) }
        builder.alias(result, as: name)
        return true
    }

    private static func fusedMatMul(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        var (a, name) = try view.operand(&builder)
        guard var b = view.node.given(1).flatMap({ builder.value($0) }), a.rank > 1, b.rank > 1,
            view.node.int("transBatchA", 0) == 0, view.node.int("transBatchB", 0) == 0
        else { throw view.unsupported("this form") }
        if view.node.int("transA", 0) != 0 { a = builder.swapLastAxes(a) }
        if view.node.int("transB", 0) != 0 { b = builder.swapLastAxes(b) }
        let product = builder.matmul(a, b)
        let alpha = Double(view.node.float("alpha", 1))
        builder.alias(alpha == 1 ? product : builder.multiply(product, alpha), as: name)
        return true
    }
}

extension LoweredNode {
    /// The first input, whose shape must be known, and the name of the first output.
    func operand(_ builder: inout GraphBuilder) throws(CasemateError) -> (GraphValue, String) {
        guard let input = node.given(0), let value = builder.value(input), let output = node.output.first else {
            throw unsupported("its input has no known shape")
        }
        return (value, output)
    }
}

extension GraphBuilder {
    /// `x Φ(x)`. Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    mutating func gelu(_ x: GraphValue) -> GraphValue {
        let bell = unary("Erf", multiply(x, 0.5.squareRoot()))
        return multiply(multiply(x, 0.5), add(bell, 1))
    }
    /// Its approximation by the hyperbolic tangent.
    mutating func geluByTanh(_ x: GraphValue) -> GraphValue {
        let cube = multiply(multiply(multiply(x, x), x), 0.044715)
        let inner = multiply(add(x, cube), (2 / Double.pi).squareRoot())
        return multiply(multiply(x, 0.5), add(unary("Tanh", inner), 1))
    }
    /// `a / b`, and `a` where `b` is 0.
    mutating func quotient(_ a: GraphValue, _ b: GraphValue) -> GraphValue {
        divide(a, select(compare("Equal", b, 0), scalar(1, like: b), b))
    }
}
