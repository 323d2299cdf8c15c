public import CasemateCore
public import CasemateData
import Foundation

/// The trees inside a model that is bound to a table: their nodes, what their columns are, and the way from rows of
/// the table to leaves.
///
/// What stands in front of the trees (scalers, encoders, imputers) is run by ONNX Runtime; trees that read the table
/// as it is are walked without it. What stands behind them is left out.
public struct TreeModel: Sendable {
    /// The trees.
    public let ensemble: TreeEnsemble
    /// What each column of the trees' input is, `.unknown` where the graph does not tell.
    public let columns: [TreeColumn]
    private let front: TreeFront?
    private let file: TreeFileModel?
    private let width: Int

    /// Reads the trees of a model; `nil` when it has none.
    /// - Throws: `unsupported` for several operators of trees that read different values, trees inside `If` or `Loop`,
    ///   and inputs that cannot be followed; what `OnnxFile` and `TreeEnsemble` throw.
    public init?(_ model: TableModel) throws {
        if let file = model.model as? TreeFileModel {
            (ensemble, front, self.file) = (file.ensemble, nil, file)
            (columns, width) = (model.features.indices.map { .plain($0) }, model.features.count)
            return
        }
        guard let onnx = model.model as? OnnxModel else { return nil }
        guard onnx.file.operators.contains(where: { TreeEnsemble.operators.contains($0.name) }) else { return nil }
        let path = onnx.file.path
        let file = try OnnxFile(path: path)
        let nodes = file.proto.graph.node.filter { TreeEnsemble.operators.contains($0.opType) }
        guard nodes.count == 1, let node = nodes.first, let input = node.input.first else {
            throw CasemateError(
                .unsupported, at: path, "\(nodes.count) operators in the main graph hold trees",
                help: "leaves are read from models with one tree operator")
        }
        var tracer = TreeColumnTracer(onnx, graph: file.proto.graph, features: model.features)
        let traced = tracer.columns(of: input)
        let isDouble = TreeFront.isDouble(input, file.proto.graph)
        ensemble = try TreeEnsemble(node, isDouble: isDouble, path: path)
        let isPlain = traced == model.features.indices.map { TreeColumn.plain($0) }
        let isReal = onnx.signature.inputs.allSatisfy { $0.type == .float || $0.type == .double }
        front = isPlain && isReal ? nil : try TreeFront(onnx, file: file, value: input, features: model.features)
        columns = traced ?? [TreeColumn](repeating: .unknown, count: ensemble.width)
        (width, self.file) = (model.features.count, nil)
        guard isPlain && isReal ? ensemble.width <= width : true else {
            throw CasemateError(
                .mismatch, at: path, "its trees read \(ensemble.width) columns, a row has \(width)",
                help: "export the model again")
        }
    }

    /// The leaf that each row ends in: `[count, ensemble.trees]` indices into the ensemble's nodes.
    /// - Throws: `mismatch` for rows of another width, what the engine throws, `Cancelled`.
    public func leaves(_ matrix: FeatureMatrix, cancellation: Cancellation) throws -> [Int32] {
        guard let front else {
            let rows = file?.prepare(matrix.values) ?? matrix.values
            return try ensemble.leaves(rows, width: width, cancellation: cancellation)
        }
        let input = try front.run(matrix.values, count: matrix.count, cancellation: cancellation)
        return try ensemble.leaves(input.values, width: input.width, cancellation: cancellation)
    }
}

/// The part of a graph in front of its trees, run by ONNX Runtime.
struct TreeFront: Sendable {
    private let session: OnnxSession
    private let inputs: OnnxInputs
    private let columns: TableColumns

    /// Loads the model once more with `value` as its only output.
    init(_ model: OnnxModel, file: OnnxFile, value: String, features: [Feature]) throws {
        var proto = file.proto
        var output = OnnxValueInfoProto()
        output.name = value
        if let known = (proto.graph.valueInfo + proto.graph.input).first(where: { $0.name == value }) {
            output = known
        } else {
            output.type.tensorType.elemType = Self.isDouble(value, proto.graph) ? 11 : 1
        }
        proto.graph.output = [output]
        let folder = URL(fileURLWithPath: file.path).resolvingSymlinksInPath().deletingLastPathComponent().path
        session = try OnnxSession(
            model.session.runtime, bytes: proto.fileBytes(), path: file.path, folder: folder,
            options: ExecutionOptions(threads: 1), inputs: model.inputs.inputs.map(\.name), outputs: [value])
        (inputs, columns) = (model.inputs, TableColumns(features))
        guard inputs.layout == .columns || (inputs.layout == .matrix && inputs.types[0] != 8) else {
            throw CasemateError(
                .unsupported, at: file.path, "its trees read text or images",
                help: "leaves are read from models of numbers or of one input a column")
        }
    }

    /// Whether a value of the graph is float64, by the casts and inputs it comes from.
    static func isDouble(_ value: String, _ graph: OnnxGraphProto) -> Bool {
        let tail = OnnxTail(graph)
        var name = value
        for _ in 0..<64 {
            if let input = (graph.input + graph.valueInfo).first(where: { $0.name == name }) {
                return input.type.tensorType.elemType == 11
            }
            guard let node = tail.node(at: name), let next = node.input.first else { return false }
            if node.opType == "Cast" { return node.attribute.first { $0.name == "to" }?.i == 11 }
            if ["Scaler", "OneHotEncoder", "Imputer", "Normalizer", "FeatureVectorizer"].contains(node.opType) {
                return false
            }
            name = next
        }
        return false
    }

    /// The values of the trees' input, `[count, width]` row-major.
    func run(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> (values: [Float], width: Int) {
        let tensors: OnnxTensors
        if inputs.layout == .columns {
            tensors = try columns.tensors(rows, count: count, for: inputs)
        } else {
            try columns.checkMissing(rows, count: count, for: inputs.inputs)
            let tensor = Tensor(shape: [count] + inputs.rowShapes[0], .float(rows))
            tensors = try OnnxTensors([NamedTensor(inputs.inputs[0].name, tensor)], for: inputs, path: session.path)
        }
        let step = inputs.fixedBatch ?? 4_096
        return try tensors.withFeeds { feeds in
            var (values, width) = ([Float](), 0)
            for start in stride(from: 0, to: count, by: step) {
                try cancellation.check()
                let real = min(step, count - start)
                let padded = inputs.fixedBatch ?? real
                let part = try session.withValues(feeds, inputs, start: start, rows: padded, count: count) {
                    try session.run($0, options: nil) { try read($0, rows: real, padded: padded) }
                }
                guard let part, width == 0 || part.width == width else { throw broken() }
                width = part.width
                values += part.values
            }
            return (values, width)
        }
    }

    private func read(_ outputs: OnnxOutputs, rows: Int, padded: Int) throws -> (values: [Float], width: Int) {
        let facts = try outputs.facts(0)
        guard facts.count.isMultiple(of: padded), facts.shape.first == padded, facts.count > 0 else { throw broken() }
        var values = [Float](repeating: 0, count: facts.count)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try outputs.floats(0, type: facts.type, count: facts.count, to: base)
        }
        let width = facts.count / padded
        return (Array(values.prefix(rows * width)), width)
    }

    private func broken() -> CasemateError {
        CasemateError(
            .unsupported, at: session.path, "what its trees read does not stay one row a row",
            help: "leaves are read from models that keep rows apart")
    }
}
