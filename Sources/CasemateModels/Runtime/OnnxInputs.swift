import CasemateCore

/// What a graph wants to be fed, as far as tables and images go.
struct OnnxInputs {
    /// Inputs as the signature shows them.
    let inputs: [ModelSignature.Input]
    /// ONNX's number of each input's element type.
    let types: [Int32]
    /// How they take columns.
    let layout: ModelSignature.Layout
    /// Whether the graph fixes the batch at this size.
    let fixedBatch: Int?
    /// Axes of one row of each input, without the batch.
    let rowShapes: [[Int]]
    /// Whether the first axis is the batch; false for a lone `[F]`.
    let hasBatchAxis: Bool

    private static let served: [String: (ModelSignature.ElementType, Int32)] = [
        "float": (.float, 1), "uint8": (.uint8, 2), "int8": (.int8, 3), "uint16": (.uint16, 4), "int16": (.int16, 5),
        "int32": (.int32, 6), "int64": (.int64, 7), "string": (.string, 8), "bool": (.bool, 9),
        "float16": (.float16, 10), "double": (.double, 11), "uint32": (.uint32, 12), "uint64": (.uint64, 13),
    ]

    /// Looks at the inputs of a checked file.
    /// - Throws: `unsupported` for what no layout fits.
    init(_ file: OnnxFile, _ overrides: ModelOverrides) throws(CasemateError) {
        guard !file.inputs.isEmpty else {
            throw CasemateError(
                .unsupported, at: file.path, "the graph has no input, its answer is a constant",
                help: "export the model with its inputs")
        }
        var inputs: [ModelSignature.Input] = []
        var types: [Int32] = []
        for input in file.inputs {
            guard case .tensor(let element, let axes) = input.type, let (type, number) = Self.served[element] else {
                throw Self.unsupported(file, "input '\(OnnxLook.printable(input.name))' is \(input.type)")
            }
            let shape = axes?.map(\.length) ?? [nil, nil]
            inputs.append(ModelSignature.Input(name: input.name, type: type, shape: shape))
            types.append(number)
        }
        let layout: ModelSignature.Layout
        if let given = overrides.layout { layout = given } else { layout = try Self.layout(inputs, file) }
        let hasBatch = !(layout == .matrix && inputs[0].shape.count == 1)
        hasBatchAxis = hasBatch
        var rows: [[Int]] = []
        for input in inputs { rows.append(try Self.row(input, layout, hasBatch, overrides, file)) }
        let batches = Set(inputs.compactMap { hasBatch ? $0.shape.first ?? 1 : 1 })
        guard batches.count <= 1, batches.first ?? 1 > 0 else {
            throw Self.unsupported(file, "the inputs fix different numbers of rows: \(batches.sorted())")
        }
        (self.inputs, self.types, self.layout, rowShapes) = (inputs, types, layout, rows)
        fixedBatch = batches.first
    }

    private static func layout(
        _ inputs: [ModelSignature.Input], _ file: OnnxFile
    ) throws(CasemateError) -> ModelSignature.Layout {
        func isColumn(_ input: ModelSignature.Input) -> Bool {
            input.shape.count <= 1 || (input.shape.count == 2 && (input.shape[1] ?? 1) == 1)
        }
        if inputs.count == 1 {
            let input = inputs[0]
            if input.type == .string {
                if !isColumn(input) { return .matrix }
                return OnnxTail(file.proto.graph).words(for: input.name).isEmpty ? .text : .columns
            }
            if input.shape.count > 2 { return .image }
            if input.shape.count == 1 { return input.shape[0] == nil ? .columns : .matrix }
            return .matrix
        }
        if let odd = inputs.first(where: { !isColumn($0) }) {
            let shape = odd.shape.map { $0.map { String($0) } ?? "?" }.joined(separator: ",")
            throw unsupported(
                file, "\(inputs.count) inputs, of which '\(OnnxLook.printable(odd.name))' takes [\(shape)]")
        }
        return .columns
    }

    private static func row(
        _ input: ModelSignature.Input, _ layout: ModelSignature.Layout, _ hasBatch: Bool, _ overrides: ModelOverrides,
        _ file: OnnxFile
    ) throws(CasemateError) -> [Int] {
        var axes = hasBatch ? Array(input.shape.dropFirst()) : input.shape
        if layout == .columns || layout == .text { return axes.isEmpty ? [] : [1] }
        if let given = overrides.rowShape {
            let fits = given.count == axes.count && zip(given, axes).allSatisfy { $0 > 0 && ($1 == nil || $1 == $0) }
            guard fits else {
                let shown = axes.map { $0.map { String($0) } ?? "?" }.joined(separator: ",")
                throw CasemateError(
                    .invalidSetting, at: file.path, "row shape \(given) does not fit the graph's [\(shown)]",
                    help: "state the axes of one row, without the batch")
            }
            axes = given
        }
        if axes == [nil], let width = OnnxTail(file.proto.graph).width(of: input.name) { axes = [width] }
        let known = axes.compactMap { $0 }
        var product = 1
        for axis in known {
            let (next, overflow) = product.multipliedReportingOverflow(by: axis)
            product = overflow ? Int.max : next
        }
        guard known.count == axes.count, product > 0, product <= 1 << 28 else {
            throw CasemateError(
                .unsupported, at: file.path,
                "input '\(OnnxLook.printable(input.name))' leaves the axes of a row open or makes them \(product) values",
                help: "state them with model.row_shape, such as [3, 224, 224]")
        }
        return known
    }

    private static func unsupported(_ file: OnnxFile, _ what: String) -> CasemateError {
        CasemateError(
            .unsupported, at: file.path, what,
            help: "supported are one numeric input [N,F], one input [N,1] or [N] for each column, one image input of "
                + "rank 3 or more, and one string input")
    }
}

extension OnnxTail {
    /// Values a row that the first operator behind an open input takes, by the constants it works with.
    func width(of input: String, depth: Int = 0) -> Int? {
        guard depth < 16 else { return nil }
        for node in graph.node where node.input.first == input {
            func list(_ name: String) -> OnnxAttributeProto? { node.attribute.first { $0.name == name } }
            switch node.opType {
            case "Cast", "Identity", "Dropout": return node.output.first.flatMap { width(of: $0, depth: depth + 1) }
            case "Scaler": return list("offset").map(\.floats.count)
            case "LinearRegressor":
                return list("coefficients").map { $0.floats.count / max(1, Int(clamping: list("targets")?.i ?? 1)) }
            case "LinearClassifier":
                let rows = list("intercepts")?.floats.count ?? 1
                return list("coefficients").map { $0.floats.count / max(1, rows) }
            case "TreeEnsembleClassifier", "TreeEnsembleRegressor":
                return list("nodes_featureids")?.ints.max().map { Int(clamping: $0) &+ 1 }
            case "MatMul", "Gemm", "Sub", "Div", "Mul", "Add":
                guard node.input.count > 1, let other = constant(node.input[1]) else { continue }
                let isTurned = node.opType == "Gemm" && list("transB")?.i == 1
                if node.opType == "MatMul" || (node.opType == "Gemm" && !isTurned) {
                    return other.dims.first.map(Int.init)
                }
                if let width = other.dims.last, width > 1 { return Int(width) }
            default: continue
            }
        }
        return nil
    }
}
