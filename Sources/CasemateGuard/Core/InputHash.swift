import CasemateCore
import CasemateModels
import Crypto
import Foundation

/// A keyed hash of what was asked, so that equal inputs can be found in the log and none can be guessed from it.
struct InputHash: Sendable {
    /// The code with the key already in it.
    private let keyed: HMAC<SHA256>

    /// Makes a hash of a key.
    init(key: SymmetricKey) { keyed = HMAC<SHA256>(key: key) }

    /// HMAC-SHA-256 over names, shapes and values of the tensors, in hexadecimal digits.
    func text(of request: InferenceRequest) -> String {
        var code = keyed
        for input in request.inputs {
            var start = Array("\(input.name.utf8.count):".utf8)
            start += input.name.utf8
            start.append(UInt8(ascii: "["))
            for (index, size) in input.tensor.shape.enumerated() {
                start += (index == 0 ? "\(size)" : ", \(size)").utf8
            }
            start.append(UInt8(ascii: "]"))
            code.update(data: start)
            Self.update(&code, input.tensor.storage)
        }
        return code.finalize().withUnsafeBytes { Hexadecimal.text(of: $0) }
    }

    private static func update(_ code: inout HMAC<SHA256>, _ storage: Tensor.Storage) {
        func raw<Value>(_ values: [Value]) {
            values.withUnsafeBytes { code.update(data: $0) }
        }
        switch storage {
        case .float(let values): raw(values)
        case .double(let values): raw(values)
        case .float16(let values), .uint16(let values): raw(values)
        case .int8(let values): raw(values)
        case .int16(let values): raw(values)
        case .int32(let values): raw(values)
        case .int64(let values): raw(values)
        case .uint8(let values): raw(values)
        case .uint32(let values): raw(values)
        case .uint64(let values): raw(values)
        case .bool(let values): raw(values.map { $0 ? UInt8(1) : 0 })
        case .string(let values):
            for value in values { code.update(data: Data("\(value.utf8.count):\(value)".utf8)) }
        }
    }
}
