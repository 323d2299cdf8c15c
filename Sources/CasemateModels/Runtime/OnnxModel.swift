public import CasemateCore
import Foundation

/// An ONNX file that answers batches through ONNX Runtime.
///
/// The file passes `OnnxFile` before the engine sees it. What its outputs mean is read off the graph and checked on a
/// small probe; `signature` says what was found. Rows are spread over threads in pieces of a fixed size, so that
/// answers are the same bytes for every number of threads. Any number of threads may call `predict` at a time.
public final class OnnxModel: Model {
    /// What goes in and what comes out.
    public let signature: ModelSignature
    /// Facts about the file.
    public let file: OnnxFile
    /// How it runs.
    public let options: ExecutionOptions
    let session: OnnxSession
    let inputs: OnnxInputs
    let reading: OutputReading
    let includesRawScores: Bool

    /// Checks, loads and probes a file.
    /// - Throws: what `OnnxFile` throws; `unsupported` with the graph's inputs or outputs when no form fits them;
    ///   `invalidSetting` for options and overrides that do not fit; `malformed` when the engine does not load it.
    public init(
        path: String, runtime: OnnxRuntime, options: ExecutionOptions = .init(), overrides: ModelOverrides = .init()
    ) throws {
        let bytes = try OnnxBytes.read(path, limits: .init())
        let file = try OnnxFile(bytes: bytes, path: path)
        let inputs = try OnnxInputs(file, overrides)
        let plan = try OutputPlan(file, overrides)
        let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
        session = try OnnxSession(
            runtime, bytes: plan.rewritten(file.proto) ?? bytes, path: path, folder: folder, options: options,
            inputs: inputs.inputs.map(\.name), outputs: plan.fetched)
        let tail = OnnxTail(file.proto.graph)
        let probe = try OnnxProbe(session, inputs, plan, tail)
        reading = try OutputReading(plan, probe, tail, overrides, path: path)
        (self.file, self.inputs, self.options) = (file.withoutProto(), inputs, options)
        includesRawScores = overrides.includesRawScores
        signature = ModelSignature(
            inputs: inputs.inputs, layout: inputs.layout, task: reading.task, kind: reading.kind,
            classes: reading.classes, fixedBatch: inputs.fixedBatch)
    }

    /// Values a row that a matrix or image input takes; `nil` for other layouts.
    public var rowSize: Int? {
        guard signature.layout == .matrix || signature.layout == .image else { return nil }
        return inputs.rowShapes.first?.reduce(1, *)
    }

    /// The engine that runs it.
    package var runtime: OnnxRuntime { session.runtime }

    /// Axes of one row of the first input, without the batch.
    package var rowShape: [Int] { inputs.rowShapes.first ?? [] }

    /// Answers a batch; see `Model`.
    public func predict(_ tensors: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
        let converted = try OnnxTensors(tensors, for: inputs, path: file.path)
        return try converted.withFeeds { feeds in
            try predict(feeds, count: converted.count, cancellation: cancellation)
        }
    }

    /// Answers rows of float32 for a model with one numeric input, without a copy where the graph takes float32.
    /// - Throws: `mismatch` when the values do not make `count` rows of `rowSize`.
    public func predict(rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions {
        let size = rowSize ?? 1
        guard inputs.inputs.count == 1, count >= 0, rows.count == count * size else {
            throw CasemateError(
                .mismatch, at: file.path, "\(rows.count) values do not make \(count) rows of \(size)",
                help: "give every row \(size) values")
        }
        if inputs.types[0] == 1 {
            return try rows.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return try predict([], count: 0, cancellation: cancellation) }
                let feed = OnnxFeed.raw(base, type: 1, stride: size * 4)
                return try predict([feed], count: count, cancellation: cancellation)
            }
        }
        let tensor = Tensor(shape: [count] + inputs.rowShapes[0], .float(rows))
        return try predict([NamedTensor(inputs.inputs[0].name, tensor)], cancellation: cancellation)
    }
}
