import COnnxRuntime
package import CasemateCore
import Foundation

/// A graph of ours loaded into ONNX Runtime: arrays in, arrays out, on the calling thread.
package final class GraphSession: Sendable {
    private let session: OnnxSession
    /// Names of the inputs in the order in which `run` takes them.
    package let inputs: [String]
    /// Names of the outputs in the order in which `run` hands them on.
    package let outputs: [String]

    /// Loads a graph.
    /// - Parameter isOptimised: Whether the engine may rewrite the graph; not when inner values are looked at.
    package init(_ graph: WorkGraph, runtime: OnnxRuntime, isOptimised: Bool = true) throws(CasemateError) {
        let model = graph.model()
        (inputs, outputs) = (graph.inputs.map(\.name), graph.outputs)
        session = try OnnxSession(
            runtime, bytes: try model.fileBytes(), path: graph.path, folder: "", options: .init(), inputs: inputs,
            outputs: outputs, optimisation: isOptimised ? CORT_OPTIMISE_ALL : CORT_OPTIMISE_NONE)
    }

    /// One input: the element type, the shape and the bytes, which stay the caller's.
    struct Feed {
        let type: Int32
        let shape: [Int]
        let bytes: UnsafeRawBufferPointer
    }

    /// Runs the graph; `body` sees the outputs, which are gone afterwards.
    /// - Throws: `engineFailed`; `Cancelled` when the token is cancelled.
    func run<Result>(
        _ feeds: [Feed], cancellation: Cancellation, _ body: (OnnxOutputs) throws -> Result
    ) throws -> Result {
        var values: [OpaquePointer?] = []
        defer { for value in values { cort_value_release(session.runtime.library, value) } }
        for feed in feeds {
            var value: OpaquePointer?
            let code = cort_tensor_create(
                session.runtime.library, feed.type, feed.shape.map { Int64($0) }, feed.shape.count,
                UnsafeMutableRawPointer(mutating: feed.bytes.baseAddress), feed.bytes.count, &value, nil, 0)
            guard code == 0, value != nil else {
                throw CasemateError(
                    .engineFailed, at: session.path, "a tensor of shape \(feed.shape) cannot be made",
                    help: "check the shapes")
            }
            values.append(value)
        }
        let options = try session.makeRunOptions()
        let result = try cancellation.whileRunning(onCancel: { options.terminate() }) {
            try session.run(values, options: options.pointer, body)
        }
        guard let result else {
            try cancellation.check()
            throw CasemateError(
                .engineFailed, at: session.path, "ONNX Runtime ended a run by itself", help: "run it again")
        }
        return result
    }
}
