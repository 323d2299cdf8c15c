/// The type of a graph input or output.
public indirect enum OnnxType: Hashable, Sendable, CustomStringConvertible {
    /// An array: the name of its element type (`float`, `int64`, `string`, …) and its axes, `nil` without a shape.
    case tensor(element: String, axes: [Axis]?)
    /// An array of which only some values are stored.
    case sparseTensor(element: String)
    /// A list.
    case sequence(OnnxType?)
    /// A dictionary, as classifiers give one for each row.
    case map(key: String, value: OnnxType?)
    /// A value that may be absent.
    case optional(OnnxType?)
    /// A type of a custom domain, or none.
    case other(String)

    /// One axis of an array.
    public enum Axis: Hashable, Sendable, CustomStringConvertible {
        /// A fixed length.
        case fixed(Int)
        /// Any length, under a name that the file gives.
        case named(String)
        /// Any length.
        case free
        /// The fixed length.
        public var length: Int? {
            if case .fixed(let length) = self { length } else { nil }
        }
        /// As in a shape: `3`, `batch` or `?`.
        public var description: String {
            switch self {
            case .fixed(let length): String(length)
            case .named(let name): OnnxLook.printable(name)
            case .free: "?"
            }
        }
    }

    /// As in a message: `float [N,4]`.
    public var description: String {
        switch self {
        case .tensor(let element, let axes):
            element + (axes.map { " [" + $0.map(\.description).joined(separator: ",") + "]" } ?? "")
        case .sparseTensor(let element): "sparse tensor of \(element)"
        case .sequence(let inner): "sequence of \(inner?.description ?? "unknown")"
        case .map(let key, let value): "map from \(key) to \(value?.description ?? "unknown")"
        case .optional(let inner): "optional \(inner?.description ?? "unknown")"
        case .other(let name): name
        }
    }

    /// Reads the type from its message.
    package init(_ type: OnnxTypeProto) {
        switch type.value {
        case .tensorType(let tensor):
            self = .tensor(
                element: OnnxElement.name(tensor.elemType), axes: tensor.hasShape ? Self.axes(tensor.shape) : nil)
        case .sparseTensorType(let tensor): self = .sparseTensor(element: OnnxElement.name(tensor.elemType))
        case .sequenceType(let sequence):
            self = .sequence(sequence.hasElemType ? OnnxType(sequence.elemType) : nil)
        case .mapType(let map):
            self = .map(key: OnnxElement.name(map.keyType), value: map.hasValueType ? OnnxType(map.valueType) : nil)
        case .optionalType(let optional):
            self = .optional(optional.hasElemType ? OnnxType(optional.elemType) : nil)
        case .opaqueType(let opaque): self = .other("opaque type \(OnnxLook.printable(opaque.name))")
        case nil: self = .other("no type")
        }
    }

    private static func axes(_ shape: OnnxTensorShapeProto) -> [Axis] {
        shape.dim.map { axis in
            switch axis.value {
            case .dimValue(let length) where length >= 0: .fixed(Int(length))
            case .dimParam(let name) where !name.isEmpty: .named(name)
            default: .free
            }
        }
    }
}

/// Element types of tensors: names and sizes.
package enum OnnxElement {
    /// Name and size in bits, by ONNX's number; strings have no size.
    static let table: [Int32: (name: String, bits: Int)] = [
        1: ("float", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16), 6: ("int32", 32),
        7: ("int64", 64), 8: ("string", 0), 9: ("bool", 8), 10: ("float16", 16), 11: ("double", 64),
        12: ("uint32", 32), 13: ("uint64", 64), 14: ("complex64", 64), 15: ("complex128", 128), 16: ("bfloat16", 16),
        17: ("float8e4m3fn", 8), 18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8), 20: ("float8e5m2fnuz", 8),
        21: ("uint4", 4), 22: ("int4", 4), 23: ("float4e2m1", 4), 24: ("float8e8m0", 8), 25: ("uint2", 2),
        26: ("int2", 2), 27: ("float6e2m3", 6), 28: ("float6e3m2", 6),
    ]
    /// The name of a type, such as `float`.
    static func name(_ type: Int32) -> String { table[type]?.name ?? "type \(type)" }
}
