import CasemateModels

/// Element types by the names of the Open Inference Protocol.
enum TensorDatatype {
    private static let names: [ModelSignature.ElementType: String] = [
        .bool: "BOOL", .uint8: "UINT8", .uint16: "UINT16", .uint32: "UINT32", .uint64: "UINT64", .int8: "INT8",
        .int16: "INT16", .int32: "INT32", .int64: "INT64", .float16: "FP16", .bfloat16: "BF16", .float: "FP32",
        .double: "FP64", .string: "BYTES",
    ]
    /// The protocol's name of a type.
    static func name(_ type: ModelSignature.ElementType) -> String { names[type] ?? "BYTES" }

    /// Bytes of a value in binary form; `nil` for texts, whose length varies.
    static func width(_ type: ModelSignature.ElementType) -> Int? {
        switch type {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float: 4
        case .uint64, .int64, .double: 8
        case .string: nil
        }
    }

    /// The type of values as they are held. Those of a port of brain floats are held as float32.
    static func type(_ storage: Tensor.Storage, port: ModelDescription.Port?) -> ModelSignature.ElementType {
        let type = storage.elementType
        return type == .float && port?.type == .bfloat16 ? .bfloat16 : type
    }
}

/// Brain floats, the upper half of a float32.
package enum BrainFloat {
    /// The float32 with the same value.
    package static func float(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
    /// The nearest, ties to even; beyond the range infinity.
    package static func bits(_ value: Float) -> UInt16 {
        if value.isNaN { return 0x7FC0 }
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }
}

extension ModelSignature.ElementType {
    /// Whether finite numbers that were made for this type are still finite in it: half precision and brain floats round
    /// the largest numbers of their makers to infinity.
    func holds(_ storage: Tensor.Storage) -> Bool {
        switch storage {
        case .float16(let values): !values.contains { $0 & 0x7FFF == 0x7C00 }
        case .float(let values) where self == .bfloat16:
            !values.contains { BrainFloat.bits($0) & 0x7FFF == 0x7F80 }
        default: true
        }
    }
}
