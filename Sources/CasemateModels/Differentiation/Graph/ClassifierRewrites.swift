import CasemateCore

extension OperatorLowering {
    /// Operators of `ai.onnx.ml` that are linear algebra under another name. Source: the ONNX-ML operator reference;
    /// where it is silent, ONNX Runtime 1.31.
    static let classifierRewrites: [String: Rewrite] = [
        "ai.onnx.ml.Scaler": scaler, "ai.onnx.ml.Normalizer": normalizer, "ai.onnx.ml.Imputer": imputer,
        "ai.onnx.ml.LinearClassifier": linearClassifier, "ai.onnx.ml.LinearRegressor": linearRegressor,
        "ai.onnx.ml.FeatureVectorizer": featureVectorizer, "ai.onnx.ml.ArrayFeatureExtractor": featureExtractor,
    ]

    private static func scaler(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (input, name) = try view.operand(&builder)
        var x = builder.cast(input, to: 1)
        for (attribute, op) in [("offset", "Sub"), ("scale", "Mul")] {
            guard let list = view.node.floats(attribute), !list.isEmpty else { continue }
            guard list.count == 1 || list.count == x.axes.last?.length else {
                throw view.unsupported("\(list.count) values of \(attribute)")
            }
            let values = builder.numbers(list.map { Double($0) }, shape: [list.count], like: x)
            x = builder.binary(op, x, values)
        }
        builder.alias(x, as: name)
        return true
    }

    /// The maximum keeps its sign, as the engine computes it; a row whose measure is 0 stays as it is.
    private static func normalizer(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (input, name) = try view.operand(&builder)
        let measures = ["MAX": "ReduceMax", "L1": "ReduceL1", "L2": "ReduceL2"]
        let norm = view.node.text("norm", "MAX")
        guard let measure = measures[norm], input.rank > 0 else {
            throw view.unsupported("norm '\(OnnxLook.printable(norm))'")
        }
        let x = builder.cast(input, to: 1)
        let size = builder.reduce(measure, x, [x.rank > 1 ? 1 : 0], keepsAxes: true)
        builder.alias(builder.quotient(x, size), as: name)
        return true
    }

    private static func imputer(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        guard x.traced.isReal else { return false }
        let list = view.node.floats("imputed_value_floats") ?? []
        guard list.count == 1 || list.count == x.axes.last?.length else {
            throw view.unsupported("\(list.count) imputed values")
        }
        let filling = builder.numbers(list.map { Double($0) }, shape: [list.count], like: x)
        let missing = Double(view.node.float("replaced_value_float", 0))
        let isMissing =
            missing.isNaN
            ? builder.emit("IsNaN", [x.name], element: 9, axes: x.axes) : builder.compare("Equal", x, missing)
        builder.alias(builder.select(isMissing, filling, x), as: name)
        return true
    }

    /// The scores become plain algebra; the label is still made by the operator itself.
    private static func linearClassifier(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (input, label) = try view.operand(&builder)
        guard view.node.output.count > 1, !view.node.output[1].isEmpty else { return false }
        let names = max(
            view.node.ints("classlabels_ints")?.count ?? 0,
            view.node.attribute("classlabels_strings")?.strings.count ?? 0)
        let rows = view.node.floats("intercepts")?.count ?? names
        let z = try linear(view, input, rows: rows, &builder)
        let scores: GraphValue
        if rows == 1, names == 2 {
            scores = try bothClasses(view, z, &builder)
        } else {
            scores = try transformed(view, z, &builder)
        }
        builder.alias(scores, as: view.node.output[1])
        if !label.isEmpty {
            var node = view.node
            node.output[1] = builder.graph.freshName("scores")
            builder.append(node)
        }
        return true
    }

    /// One row of coefficients for two classes: the engine answers `1 - z` and `z` unless they are probabilities.
    private static func bothClasses(
        _ view: LoweredNode, _ z: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let transform = view.node.text("post_transform", "NONE")
        guard transform != "PROBIT" else { throw view.unsupported("post_transform PROBIT") }
        let second = transform == "LOGISTIC" ? builder.unary("Sigmoid", z) : z
        let first = builder.subtract(1, second)
        return builder.emit(
            "Concat", [first.name, second.name], element: 1, axes: [z.axes[0], .fixed(2)], [.int("axis", 1)])
    }

    private static func linearRegressor(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (input, name) = try view.operand(&builder)
        let z = try linear(view, input, rows: view.node.int("targets", 1), &builder)
        builder.alias(try transformed(view, z, &builder), as: name)
        return true
    }

    /// `x Wᵀ + b`, in single precision as the engine computes it.
    private static func linear(
        _ view: LoweredNode, _ input: GraphValue, rows: Int, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let weights = view.node.floats("coefficients") ?? []
        guard rows > 0, weights.count % rows == 0, input.rank == 2, weights.count / rows == input.axes[1].length else {
            throw view.unsupported("\(weights.count) coefficients in \(rows) rows for \(input.rank) axes")
        }
        let x = builder.cast(input, to: 1)
        let matrix = builder.numbers(weights.map { Double($0) }, shape: [rows, weights.count / rows], like: x)
        var inputs = [x.name, matrix.name]
        if let bias = view.node.floats("intercepts"), !bias.isEmpty {
            guard bias.count == rows else { throw view.unsupported("\(bias.count) intercepts for \(rows) rows") }
            inputs.append(builder.numbers(bias.map { Double($0) }, shape: [rows], like: x).name)
        }
        return builder.emit("Gemm", inputs, element: 1, axes: [x.axes[0], .fixed(rows)], [.int("transB", 1)])
    }

    private static func transformed(
        _ view: LoweredNode, _ z: GraphValue, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let transform = view.node.text("post_transform", "NONE")
        // why: the engine leaves a single score as it is, whatever is asked for.
        if z.axes[1].isOne, transform != "PROBIT" { return z }
        switch transform {
        case "NONE": return z
        case "LOGISTIC": return builder.unary("Sigmoid", z)
        // why: a score of exactly 0, which SOFTMAX_ZERO leaves out, is met nowhere but by accident.
        case "SOFTMAX", "SOFTMAX_ZERO": return builder.unary("Softmax", z, [.int("axis", 1)])
        default: throw view.unsupported("post_transform \(OnnxLook.printable(transform))")
        }
    }

    /// Columns side by side, each input cut or filled with zeros to its stated width.
    private static func featureVectorizer(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (_, name) = try view.operand(&builder)
        let widths = view.node.ints("inputdimensions") ?? []
        var parts: [GraphValue] = []
        for (index, input) in view.node.input.enumerated() {
            guard let value = builder.value(input), value.rank == 2, index < widths.count,
                value.axes[1].length == widths[index]
            else { throw view.unsupported("input \(index) is not of the stated width") }
            parts.append(builder.cast(value, to: 1))
        }
        let axes = [parts.first?.axes[0] ?? .fixed(1), .fixed(widths.prefix(parts.count).reduce(0, +))]
        builder.alias(
            builder.emit("Concat", parts.map(\.name), element: 1, axes: axes, [.int("axis", 1)]), as: name)
        return true
    }

    /// Picks along the last axis; labels, which are no real numbers, are left to the operator itself.
    private static func featureExtractor(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        let (x, name) = try view.operand(&builder)
        guard x.traced.isReal, x.rank > 1, let places = view.node.given(1).flatMap({ builder.value($0) }),
            let count = AxisLength.product(places.axes)
        else { return false }
        let list = builder.reshape(places, to: [count])
        let axes = Array(x.axes.dropLast()) + [count]
        builder.alias(
            builder.emit("Gather", [x.name, list.name], element: x.traced.element, axes: axes, [.int("axis", -1)]),
            as: name)
        return true
    }
}
