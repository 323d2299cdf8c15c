/// A dense array of one element type, row-major.
public struct Tensor: Hashable, Sendable {
    /// The values. `float16` holds IEEE 754 binary16 bit patterns.
    public enum Storage: Hashable, Sendable {
        case float([Float]), double([Double]), float16([UInt16])
        case int8([Int8]), int16([Int16]), int32([Int32]), int64([Int64])
        case uint8([UInt8]), uint16([UInt16]), uint32([UInt32]), uint64([UInt64])
        case bool([Bool]), string([String])
    }
    /// Length of each axis.
    public let shape: [Int]
    /// The values, the product of `shape` of them.
    public let storage: Storage
    /// Makes a tensor; the number of values must be the product of `shape`.
    public init(shape: [Int], _ storage: Storage) { (self.shape, self.storage) = (shape, storage) }
}

/// A tensor with the name of the graph input or output it belongs to.
public struct NamedTensor: Hashable, Sendable {
    /// Name in the graph.
    public let name: String
    /// The values.
    public let tensor: Tensor
    /// Makes a named tensor.
    public init(_ name: String, _ tensor: Tensor) { (self.name, self.tensor) = (name, tensor) }
}

extension Tensor.Storage {
    /// The type of the values as they are held; brain floats are held as float32.
    package var elementType: ModelSignature.ElementType {
        switch self {
        case .float: .float
        case .double: .double
        case .float16: .float16
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .bool: .bool
        case .string: .string
        }
    }

    /// Number of values.
    public var count: Int {
        switch self {
        case .float(let values): values.count
        case .double(let values): values.count
        case .float16(let values): values.count
        case .int8(let values): values.count
        case .int16(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .uint8(let values): values.count
        case .uint16(let values): values.count
        case .uint32(let values): values.count
        case .uint64(let values): values.count
        case .bool(let values): values.count
        case .string(let values): values.count
        }
    }

    /// The values as float64, `nil` for strings; integers beyond 2^53 are rounded.
    public var doubles: [Double]? {
        switch self {
        case .float(let values): values.map { Double($0) }
        case .double(let values): values
        case .float16(let values): values.map { Double(HalfPrecision.float($0)) }
        case .int8(let values): values.map { Double($0) }
        case .int16(let values): values.map { Double($0) }
        case .int32(let values): values.map { Double($0) }
        case .int64(let values): values.map { Double($0) }
        case .uint8(let values): values.map { Double($0) }
        case .uint16(let values): values.map { Double($0) }
        case .uint32(let values): values.map { Double($0) }
        case .uint64(let values): values.map { Double($0) }
        case .bool(let values): values.map { $0 ? 1 : 0 }
        case .string: nil
        }
    }
}
