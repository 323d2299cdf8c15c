import Foundation

/// Values of small constants that say something about a model: class names, shapes.
enum OnnxConstant {
    /// Little-endian 64-bit integers; bytes that make no whole number are left out.
    static func int64(raw: Data) -> [Int64] { values(raw, of: Int64.self).map { Int64(littleEndian: $0) } }

    /// The values as text, numbers in their shortest form; `nil` for types that name no classes.
    static func texts(_ tensor: OnnxTensorProto) -> [String]? {
        let raw = tensor.hasRawData ? tensor.rawData : nil
        return switch tensor.dataType {
        case 1:
            (raw.map { values($0, of: UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) } }
                ?? tensor.floatData).map { text(Double($0)) }
        case 11:
            (raw.map { values($0, of: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) } }
                ?? tensor.doubleData).map(text)
        case 6:
            (raw.map { values($0, of: Int32.self).map { Int32(littleEndian: $0) } } ?? tensor.int32Data)
                .map { String($0) }
        case 7: (raw.map(int64(raw:)) ?? tensor.int64Data).map { String($0) }
        case 8: tensor.stringData.map { String(decoding: $0, as: UTF8.self) }
        case 9: (raw.map { $0.map(Int32.init) } ?? tensor.int32Data).map { $0 == 0 ? "0" : "1" }
        default: nil
        }
    }

    /// A number in its shortest form: `1` for 1.0.
    static func text(_ value: Double) -> String {
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { String(whole) } else { String(value) }
    }

    private static func values<Value: BitwiseCopyable>(_ raw: Data, of type: Value.Type) -> [Value] {
        raw.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Value>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.size, as: Value.self)
            }
        }
    }
}
