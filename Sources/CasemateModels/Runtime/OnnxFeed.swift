import COnnxRuntime
import CasemateCore

/// The values of one graph input for all rows of a batch, cut into tensors for the engine piece by piece.
enum OnnxFeed {
    /// Numbers in the memory layout of the input's type, `stride` bytes a row.
    case raw(UnsafeRawPointer, type: Int32, stride: Int)
    /// Strings, `width` a row, as pointers to UTF-8 that ends in NUL.
    case strings([UnsafePointer<CChar>?], width: Int)

    /// The rows from `start` on as a tensor; where the batch has fewer than `rows` left, the last row is repeated.
    /// What lands in `scratch` is to be deallocated after the run.
    func value(
        library: OpaquePointer, start: Int, rows: Int, count: Int, shape: [Int64],
        scratch: inout [UnsafeMutableRawPointer]
    ) throws(CasemateError) -> OpaquePointer? {
        var result: OpaquePointer?
        let (code, message) = EngineMessage.quick { room, capacity in
            switch self {
            case .raw(let data, let type, let stride):
                var memory = data + start * stride
                if start + rows > count {
                    let copy = Self.padded(data, start: start, rows: rows, count: count, stride: stride)
                    scratch.append(copy)
                    memory = UnsafeRawPointer(copy)
                }
                // why: ONNX Runtime takes a mutable pointer for any tensor and never writes to an input.
                return cort_tensor_create(
                    library, type, shape, shape.count, UnsafeMutableRawPointer(mutating: memory), rows * stride,
                    &result, room, capacity)
            case .strings(let all, let width):
                var part = Array(all[start * width..<min(count, start + rows) * width])
                while part.count < rows * width, part.count >= width { part += part.suffix(width) }
                return cort_tensor_create_strings(
                    library, part, part.count, shape, shape.count, &result, room, capacity)
            }
        }
        guard code == 0, let result else {
            throw CasemateError(.engineFailed, at: "input", message, help: "check the model's input shapes")
        }
        return result
    }

    private static func padded(
        _ data: UnsafeRawPointer, start: Int, rows: Int, count: Int, stride: Int
    ) -> UnsafeMutableRawPointer {
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(1, rows * stride), alignment: 16)
        for row in 0..<rows {
            let source = data + min(start + row, count - 1) * stride
            (copy + row * stride).copyMemory(from: source, byteCount: stride)
        }
        return copy
    }
}

extension EngineMessage {
    /// Like `capture`, without the cost of a message where nothing goes wrong.
    static func quick(_ body: (UnsafeMutablePointer<CChar>?, Int) -> Int32) -> (Int32, String) {
        let code = body(nil, 0)
        return code == 0 ? (0, "") : (code, "error \(code) of ONNX Runtime while a tensor was made")
    }
}
