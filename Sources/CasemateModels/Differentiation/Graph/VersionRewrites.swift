import CasemateCore

extension OperatorLowering {
    /// Operators whose meaning or form changed between versions: attributes that became inputs, softmax over several
    /// axes, `Upsample`. Source: the change log of the ONNX operators.
    static let versionRewrites: [String: Rewrite] = [
        "Softmax": softmax, "LogSoftmax": softmax, "Hardmax": softmax,
        "Squeeze": squeeze, "Unsqueeze": axesToInput,
        "ReduceSum": axesToInput, "ReduceMean": axesToInput,
        "ReduceMax": axesToInput, "ReduceMin": axesToInput,
        "ReduceProd": axesToInput, "ReduceL1": axesToInput,
        "ReduceL2": axesToInput, "ReduceLogSum": axesToInput,
        "ReduceLogSumExp": axesToInput, "ReduceSumSquare": axesToInput,
        "Clip": clip, "Dropout": dropout, "Slice": slice,
        "Pad": pad, "Split": split, "Upsample": upsample,
        "Resize": resize, "TopK": topK, "Scatter": scatter,
        "BatchNormalization": batchNormalization,
        "GridSample": gridSample, "RoiAlign": roiAlign,
    ]

    /// Before opset 13 the axes from `axis` on were taken together.
    private static func softmax(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        guard view.version < 13 else { return false }
        guard let input = view.node.given(0), let value = builder.value(input), let output = view.node.output.first
        else {
            throw view.unsupported("its input has no known shape")
        }
        let axis = view.node.int("axis", 1)
        let first = axis < 0 ? axis + value.rank : axis
        guard first >= 0, first < value.rank else { throw view.unsupported("axis \(axis) of \(value.rank)") }
        if value.axes[(first + 1)...].allSatisfy(\.isOne) {
            builder.append(OnnxNodeProto(view.node.opType, [input], [output], [.int("axis", first)]))
            return true
        }
        let rest = value.axes[first...].compactMap(\.length)
        guard rest.count == value.rank - first else { throw view.unsupported("the batch stands among its axes") }
        let flat = Array(value.axes[..<first]) + [.fixed(rest.reduce(1, *))]
        let even = builder.unary(view.node.opType, builder.reshape(value, to: flat), [.int("axis", -1)])
        builder.alias(builder.reshape(even, to: value.axes, like: value), as: output)
        return true
    }

    /// Axes as an attribute become an input; already in the new form, the node stays.
    private static func axesToInput(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard let axes = view.node.ints("axes") else { return false }
        var node = view.node.without("axes")
        node.input = [node.input.first ?? "", builder.wholes(axes).name]
        builder.append(node)
        return true
    }

    /// Without axes, a batch of one would lose its axis: those that are always 1 are stated.
    private static func squeeze(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        if axesToInput(view, &builder) { return true }
        guard view.node.given(1) == nil, let value = view.node.given(0).flatMap({ builder.value($0) }) else {
            return false
        }
        let ones = value.axes.indices.filter { value.axes[$0].isOne }
        let (input, output) = (view.node.input.first ?? "", view.node.output.first ?? "")
        builder.append(
            ones.isEmpty
                ? OnnxNodeProto("Identity", [input], [output])
                : OnnxNodeProto("Squeeze", [input, builder.wholes(ones).name], [output]))
        return true
    }

    private static func clip(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard view.version < 11, let input = view.node.given(0), let value = builder.value(input) else { return false }
        var node = view.node.without("min", "max")
        node.input = [
            input, builder.scalar(Double(view.node.float("min", -.greatestFiniteMagnitude)), like: value).name,
            builder.scalar(Double(view.node.float("max", .greatestFiniteMagnitude)), like: value).name,
        ]
        builder.append(node)
        return true
    }

    /// At run time nothing is dropped; a graph that drops all the same is left in training mode.
    private static func dropout(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let isTraining = view.constant(2)?.numbers?.first ?? (view.node.given(2) == nil ? 0 : 1)
        let ratio = view.constant(1)?.numbers?.first ?? (view.node.given(1) == nil ? 0.5 : 1)
        guard isTraining == 0 || ratio == 0 else {
            throw CasemateError(
                .unsupported, at: "node \(OnnxGraphCheck.label(view.node))",
                "Dropout is in training mode: every run drops other values",
                help: "export the model for inference (model.eval())")
        }
        guard view.node.output.count < 2 || view.node.output[1].isEmpty else { return false }
        builder.append(OnnxNodeProto("Identity", [view.node.input.first ?? ""], [view.node.output.first ?? ""]))
        return true
    }

    private static func slice(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard view.version < 10, let starts = view.node.ints("starts"), let ends = view.node.ints("ends") else {
            return false
        }
        var node = view.node.without("starts", "ends", "axes")
        let axes = view.node.ints("axes") ?? Array(starts.indices)
        node.input = [node.input.first ?? ""] + [starts, ends, axes].map { builder.wholes($0).name }
        builder.append(node)
        return true
    }

    private static func pad(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard view.version < 11, let pads = view.node.ints("pads"), let input = view.node.given(0),
            let value = builder.value(input)
        else { return false }
        let filling = Double(view.node.float("value", 0))
        var node = view.node.without("pads", "value")
        node.input = [input, builder.wholes(pads).name, builder.scalar(filling, like: value).name]
        builder.append(node)
        return true
    }

    private static func split(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        var node = view.node.without("split")
        if let lengths = view.node.ints("split") {
            node.input = [node.input.first ?? "", builder.wholes(lengths).name]
        } else if view.node.given(1) == nil, view.node.int("num_outputs") == nil {
            // why: since opset 18 a split into equal parts has to say how many.
            node.attribute.append(.int("num_outputs", view.node.output.count))
        } else {
            return false
        }
        builder.append(node)
        return true
    }

    private static func upsample(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        var node = view.node.without("scales", "mode")
        node.opType = "Resize"
        let scales =
            view.node.floats("scales").map {
                builder.constant(OnnxTensorProto(name: "", shape: [$0.count], floats: $0)).name
            } ?? view.node.given(1) ?? ""
        node.input = [node.input.first ?? "", "", scales]
        node.attribute = [
            .text("mode", view.node.text("mode", "nearest")), .text("coordinate_transformation_mode", "asymmetric"),
            .text("nearest_mode", "floor"),
        ]
        builder.append(node)
        return true
    }

    /// The first form, of opset 10, works like `Upsample`.
    private static func resize(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        view.version < 11 ? upsample(view, &builder) : false
    }

    private static func topK(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard let count = view.node.int("k") else { return false }
        var node = view.node.without("k")
        node.input = [node.input.first ?? "", builder.wholes([count]).name]
        builder.append(node)
        return true
    }

    /// The first name of `ScatterElements`.
    private static func scatter(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        var node = view.node
        node.opType = "ScatterElements"
        builder.append(node)
        return true
    }

    /// Old exports state attributes that the present version does not know.
    private static func batchNormalization(
        _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> Bool {
        guard view.node.int("training_mode", 0) == 0, view.node.int("spatial", 1) == 1 else {
            throw view.unsupported("it is in training mode, or not over channels: export the model for inference")
        }
        var node = view.node.without("spatial", "momentum", "is_test", "consumed_inputs", "training_mode")
        node.output = Array(node.output.prefix(1))
        builder.append(node)
        return true
    }

    /// Before opset 20 the modes had other names.
    private static func gridSample(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard view.version < 20 else { return false }
        let names = ["bilinear": "linear", "bicubic": "cubic"]
        let mode = view.node.text("mode", "bilinear")
        var node = view.node.without("mode")
        node.attribute.append(.text("mode", names[mode] ?? mode))
        builder.append(node)
        return true
    }

    /// Before opset 16 there was one way to place boxes.
    private static func roiAlign(_ view: LoweredNode, _ builder: inout GraphBuilder) -> Bool {
        guard view.version < 16 else { return false }
        var node = view.node
        node.attribute.append(.text("coordinate_transformation_mode", "output_half_pixel"))
        builder.append(node)
        return true
    }
}
