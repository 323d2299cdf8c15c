import COnnxRuntime
public import CasemateCore
import Foundation

/// A network as verification takes it: flat inputs to flat outputs, both row-major, one sample at a time, through plain
/// ONNX Runtime.
///
/// Open axes, of which the batch is one, have length 1. Several inputs and outputs are laid one behind the other.
public final class VnnNetwork: Sendable {
    /// Facts about the file.
    public let file: OnnxFile
    /// Number of values that go in.
    public let inputCount: Int
    private let session: OnnxSession
    private let shapes: [[Int64]]
    private let types: [Int32]

    /// Loads an ONNX file, gzip or not.
    /// - Throws: what `OnnxFile` throws; `unsupported` for inputs that are neither float32 nor float64.
    public init(path: String, runtime: OnnxRuntime) throws(CasemateError) {
        let bytes = try OnnxBytes.read(path, limits: .init())
        let file = try OnnxFile(bytes: bytes, path: path)
        var shapes: [[Int64]] = [], types: [Int32] = [], total = 0
        for input in file.inputs {
            guard case .tensor(let element, let axes?) = input.type, element == "float" || element == "double" else {
                throw CasemateError(
                    .unsupported, at: path, "input '\(OnnxLook.printable(input.name))' is \(input.type)",
                    help: "verification needs inputs of float32 or float64 with a shape")
            }
            let shape = axes.map { max(1, $0.length ?? 1) }
            var size = 1
            for axis in shape {
                let (product, overflow) = size.multipliedReportingOverflow(by: axis)
                size = overflow || product > 1 << 28 ? 1 << 28 : product
            }
            total += size
            shapes.append(shape.map { Int64($0) })
            types.append(element == "float" ? 1 : 11)
        }
        guard (1...1 << 24).contains(total) else {
            throw CasemateError(
                .unsupported, at: path, "takes \(total) values", help: "verification serves 1 to \(1 << 24) values")
        }
        // why: some files list an output twice.
        var seen: Set<String> = []
        let outputs = file.outputs.map(\.name).filter { seen.insert($0).inserted }
        let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
        session = try OnnxSession(
            runtime, bytes: bytes, path: path, folder: folder, options: ExecutionOptions(),
            inputs: file.inputs.map(\.name), outputs: outputs)
        (self.file, self.shapes, self.types, inputCount) = (file.withoutProto(), shapes, types, total)
    }

    /// The outputs for one input, in float32.
    /// - Throws: `mismatch` for another number of values, `engineFailed`.
    public func answer(_ input: [Float]) throws -> [Float] {
        guard input.count == inputCount else {
            throw CasemateError(
                .mismatch, at: file.path, "\(input.count) values are given, the network takes \(inputCount)",
                help: "take the property that was written for this network")
        }
        let wide = types.contains(11) ? input.map { Double($0) } : []
        return try input.withUnsafeBytes { narrow in
            try wide.withUnsafeBytes { wide in
                var values: [OpaquePointer?] = []
                defer { for value in values { cort_value_release(session.runtime.library, value) } }
                var scratch: [UnsafeMutableRawPointer] = [], start = 0
                for (shape, type) in zip(shapes, types) {
                    let size = Int(shape.reduce(1, *)), width = type == 1 ? 4 : 8
                    guard let base = (type == 1 ? narrow : wide).baseAddress else { break }
                    let feed = OnnxFeed.raw(base + start * width, type: type, stride: size * width)
                    values.append(
                        try feed.value(
                            library: session.runtime.library, start: 0, rows: 1, count: 1, shape: shape,
                            scratch: &scratch))
                    start += size
                }
                return try session.run(values, options: nil) { try Self.flat($0) } ?? []
            }
        }
    }

    private static func flat(_ outputs: OnnxOutputs) throws(CasemateError) -> [Float] {
        var result: [Float] = []
        for index in outputs.values.indices {
            let facts = try outputs.facts(index)
            var values = [Float](repeating: 0, count: facts.count)
            try values.withUnsafeMutableBufferPointer { (buffer) throws(CasemateError) in
                guard let base = buffer.baseAddress else { return }
                try outputs.floats(index, type: facts.type, count: facts.count, to: base)
            }
            result += values
        }
        return result
    }
}
