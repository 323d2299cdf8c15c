public import CasemateCore
import Foundation
import Synchronization

/// A network whose parameters can be changed: outputs, gradients by parameters and by the input, and the file with the
/// present values.
///
/// The file's graph is differentiated once; the parameters are inputs of the new graph, over memory in which they are
/// changed in place. Samples are spread over threads in pieces of a fixed size, and the gradients of the pieces are added
/// in the order of the samples, so that the same calls give the same bytes at every number of threads. One call at a
/// time.
public final class TrainableNetwork {
    /// An initialiser of the file that is trained.
    public struct Parameter: Hashable, Sendable {
        /// Its name in the file.
        public let name: String
        /// Length of each axis.
        public let shape: [Int]
        /// Number of values.
        public var count: Int { shape.reduce(1, *) }
    }

    /// The file, for messages.
    public let path: String
    /// The loss whose gradients are taken.
    public let loss: TrainingLoss
    /// Axes of one sample.
    public let sampleShape: [Int]
    /// Numbers a sample that the loss takes: classes, or values of the output.
    public let outputSize: Int
    /// What is trained, in the order of the file.
    public var parameters: [Parameter] { store.parameters }
    /// Values of one sample.
    public var rowSize: Int { sampleShape.reduce(1, *) }

    let store: ParameterStore
    let workers: WorkerThreads
    let graph: TrainingGraph
    let file: OnnxFile
    private let runtime: OnnxRuntime
    private var programs: [TrainingGraph.Purpose: TrainingProgram] = [:]

    /// Differentiates a file.
    /// - Parameter context: Seed of a new initialisation, threads, cancellation.
    /// - Throws: `unsupported` for networks without float32 parameters, without rows, quantised or of 16-bit floats, and
    ///   for operators that no gradient goes through; `invalidSetting`; `limitExceeded` for constants above 2 GB.
    public init(_ file: OnnxFile, runtime: OnnxRuntime, settings: TrainingSettings, context: RunContext) throws {
        try settings.check()
        graph = try TrainingGraph(file, runtime: runtime, settings: settings, cancellation: context.cancellation)
        (self.file, self.runtime, path, loss) = (file, runtime, file.path, settings.loss)
        (sampleShape, outputSize) = (graph.sampleShape, graph.width)
        store = ParameterStore(graph.parameters.map { Parameter(name: $0.name, shape: $0.dims.map { Int($0) }) })
        workers = WorkerThreads(threads: context.threads)
        for (tensor, range) in zip(graph.parameters, store.ranges) {
            UnsafeMutableRawBufferPointer(start: store.values.base + range.lowerBound, count: range.count * 4)
                .copyBytes(from: tensor.rawData)
        }
        if settings.initialisation != .file {
            ParameterFilling(graph.source, settings.initialisation, seed: context.seed).fill(store)
        }
    }

    /// The compiled graph for a purpose; made once.
    func program(_ purpose: TrainingGraph.Purpose) throws -> TrainingProgram {
        if let known = programs[purpose] { return known }
        let made = try TrainingProgram(self, try graph.graph(purpose, loss), runtime: runtime)
        programs[purpose] = made
        return made
    }

    /// The present values of a parameter; `nil` for an unknown name.
    public func values(of name: String) -> [Float]? { store.index(name).map { store.values.array(store.ranges[$0]) } }

    /// The gradient that was taken last by a parameter, in its shape; `nil` for an unknown name.
    public func gradient(of name: String) -> [Float]? {
        store.index(name).map { store.gradient.array(store.ranges[$0]) }
    }

    /// Changes the values of a parameter.
    /// - Throws: `mismatch` for an unknown name or another number of values.
    public func set(_ name: String, to values: [Float]) throws(CasemateError) {
        guard let index = store.index(name), values.count == store.ranges[index].count else {
            throw CasemateError(
                .mismatch, at: path, "no parameter '\(OnnxLook.printable(name))' of \(values.count) values",
                help: "use a name and a size out of 'parameters'")
        }
        (store.values.base + store.ranges[index].lowerBound).update(from: values, count: values.count)
    }

    /// Adds to every value of the gradient what `noise` gives, parameter by parameter, for private training.
    public func addToGradient(_ noise: (UnsafeMutableBufferPointer<Float>) -> Void) {
        for range in store.ranges {
            let part = UnsafeMutableBufferPointer(start: store.gradient.base + range.lowerBound, count: range.count)
            var added = [Float](repeating: 0, count: range.count)
            added.withUnsafeMutableBufferPointer { added in
                noise(added)
                for index in 0..<range.count { part[index] += added[index] }
            }
        }
    }

    /// The file with the present values.
    public func model() throws(CasemateError) -> TrainedModel {
        var changed: [String: OnnxTensorProto] = [:]
        for tensor in graph.replaced { changed[tensor.name] = tensor }
        for (parameter, range) in zip(parameters, store.ranges) {
            changed[parameter.name] = OnnxTensorProto(
                name: parameter.name, shape: parameter.shape, type: 1, raw: Data(store.values.bytes(range)))
        }
        return TrainedModel(bytes: try file.bytes(replacing: changed))
    }
}
