import CasemateCore

/// How the inputs of an endpoint take a table's columns.
struct RemoteLayout {
    let layout: ModelSignature.Layout
    /// Inputs as the callers see them.
    let signature: [ModelSignature.Input]
    /// Inputs as they go over the wire.
    let inputs: [OpenInferenceWire.Input]
    let rowSize: Int?
    let fixedBatch: Int?

    /// MLflow takes a table: one matrix where all columns are numbers, else column by column.
    init(mlflow columns: [RemoteDraft.Column], _ overrides: ModelOverrides) {
        let hasText = columns.contains(where: \.isText)
        inputs = []
        fixedBatch = nil
        if hasText || overrides.layout == .columns {
            (layout, rowSize) = (.columns, nil)
            signature = columns.map {
                ModelSignature.Input(name: $0.name, type: $0.isText ? .string : .float, shape: [nil])
            }
        } else {
            (layout, rowSize) = (.matrix, columns.count)
            signature = [ModelSignature.Input(name: "columns", type: .float, shape: [nil, columns.count])]
        }
    }

    /// The Open Inference Protocol: what the metadata say, else one matrix, or columns where there are texts.
    static func openInference(
        _ stated: [OpenInferenceWire.Input], _ columns: [RemoteDraft.Column], _ overrides: ModelOverrides, place: String
    ) throws(CasemateError) -> RemoteLayout {
        stated.isEmpty
            ? RemoteLayout(unstated: columns, overrides) : try RemoteLayout(stated: stated, overrides, place: place)
    }

    private init(
        stated: [OpenInferenceWire.Input], _ overrides: ModelOverrides, place: String
    ) throws(CasemateError) {
        for input in stated where Self.types[input.datatype] == nil {
            throw CasemateError(
                .unsupported, at: place,
                "the input '\(OnnxLook.printable(input.name))' takes \(OnnxLook.printable(input.datatype)), which has "
                    + "no form in JSON", help: "serve the model with FP32, FP64, whole numbers, BOOL or BYTES")
        }
        let batches = Set(
            stated.compactMap { $0.shape.first.flatMap { $0 > 0 && stated[0].shape.count > 1 ? $0 : nil } })
        fixedBatch = batches.count == 1 ? batches.first : nil
        inputs = stated
        signature = stated.map { input in
            let axes = input.shape.map { $0 > 0 ? $0 : nil }
            // why: a first axis that is there is the batch, of any size here: rows are split.
            return ModelSignature.Input(
                name: input.name, type: Self.types[input.datatype] ?? .float,
                shape: axes.count > 1 ? [nil] + axes.dropFirst() : axes.map { _ in nil })
        }
        let axes = overrides.rowShape.map { $0.map { Optional($0) } } ?? Array(signature[0].shape.dropFirst())
        let isOne = stated.count == 1 && overrides.layout != .columns
        if isOne, stated[0].datatype == "BYTES", axes.isEmpty || axes == [1] {
            (layout, rowSize) = (.text, nil)
        } else if isOne, stated[0].datatype == "BYTES" {
            throw CasemateError(
                .unsupported, at: place,
                "the input '\(OnnxLook.printable(stated[0].name))' takes a matrix of texts",
                help: "serve one input a column")
        } else if isOne, stated[0].shape.count > 1 || overrides.layout != nil || stated[0].shape.first ?? -1 > 1 {
            layout = overrides.layout ?? (axes.count > 1 ? .image : .matrix)
            let isKnown = !axes.isEmpty && axes.allSatisfy { $0 != nil }
            rowSize = isKnown ? axes.compactMap { $0 }.reduce(1, *) : nil
        } else {
            for input in stated where input.shape.count > 2 || (input.shape.count == 2 && input.shape[1] > 1) {
                throw CasemateError(
                    .unsupported, at: place,
                    "of \(stated.count) inputs '\(OnnxLook.printable(input.name))' takes \(input.shape) and no column",
                    help: "serve one matrix, or one input a column")
            }
            (layout, rowSize) = (.columns, nil)
        }
    }

    /// A server that says nothing takes one matrix of float64, as scikit-learn's runtimes do.
    private init(unstated columns: [RemoteDraft.Column], _ overrides: ModelOverrides) {
        fixedBatch = nil
        if overrides.layout == .columns || (overrides.layout == nil && columns.contains(where: \.isText)) {
            (layout, rowSize) = (.columns, nil)
            inputs = columns.map {
                OpenInferenceWire.Input(name: $0.name, datatype: $0.isText ? "BYTES" : "FP64", shape: [-1, 1])
            }
        } else {
            (layout, rowSize) = (.matrix, overrides.rowShape?.reduce(1, *))
            inputs = [OpenInferenceWire.Input(name: "input-0", datatype: "FP64", shape: [-1, rowSize ?? -1])]
        }
        signature = inputs.map {
            ModelSignature.Input(
                name: $0.name, type: $0.datatype == "BYTES" ? .string : .double,
                shape: [nil] + $0.shape.dropFirst().map { $0 > 0 ? $0 : nil })
        }
    }

    /// Datatypes that have a form in JSON.
    static let types: [String: ModelSignature.ElementType] = [
        "FP32": .float, "FP64": .double, "BOOL": .bool, "BYTES": .string, "INT8": .int8, "INT16": .int16,
        "INT32": .int32, "INT64": .int64, "UINT8": .uint8, "UINT16": .uint16, "UINT32": .uint32, "UINT64": .uint64,
    ]
}
