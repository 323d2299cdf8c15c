import CasemateCore
import Foundation

/// Tensors that callers give, checked against a graph's inputs and turned into their element types.
struct OnnxTensors {
    /// Number of rows.
    let count: Int
    private var values: [Values]

    /// The values of one input in the layout that the engine reads.
    enum Values {
        case bytes(ContiguousArray<UInt8>, type: Int32, stride: Int)
        case floats([Float], stride: Int)
        case strings([String], width: Int)
        case pool(StringPool, [UnsafePointer<CChar>?], width: Int)
    }

    /// Takes values that are in the graph's types already.
    init(count: Int, values: [Values]) { (self.count, self.values) = (count, values) }

    /// Takes the tensors by name; each must have the input's axes behind the batch.
    /// - Throws: `mismatch` naming the input.
    init(_ tensors: [NamedTensor], for inputs: OnnxInputs, path: String) throws(CasemateError) {
        var rows: Int?
        var values: [Values] = []
        for (index, input) in inputs.inputs.enumerated() {
            let place = "\(path): input '\(OnnxLook.printable(input.name))'"
            guard let tensor = tensors.first(where: { $0.name == input.name })?.tensor else {
                throw Self.mismatch(place, "was not given")
            }
            let width = inputs.rowShapes[index].reduce(1, *)
            let cells = tensor.storage.count
            let found = tensor.shape.first ?? 1
            guard found >= 0, cells == found * width, tensor.shape.reduce(1, *) == cells else {
                let wanted = (["N"] + inputs.rowShapes[index].map { String($0) }).joined(separator: ",")
                throw Self.mismatch(place, "takes [\(wanted)], got \(tensor.shape) with \(cells) values")
            }
            guard rows == nil || rows == found else {
                throw Self.mismatch(place, "has \(found) rows, not \(rows ?? 0)")
            }
            rows = found
            values.append(try Self.convert(tensor.storage, to: inputs.types[index], width: width, at: place))
        }
        (count, self.values) = (rows ?? 0, values)
    }

    /// Lends the values to `body`.
    func withFeeds<Result>(_ body: ([OnnxFeed]) throws -> Result) throws -> Result {
        try lend(0, [], body)
    }

    private func lend<Result>(
        _ index: Int, _ feeds: [OnnxFeed], _ body: ([OnnxFeed]) throws -> Result
    ) throws -> Result {
        guard index < values.count, count > 0 else { return try body(feeds) }
        switch values[index] {
        case .bytes(let bytes, let type, let stride):
            return try bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return try body(feeds) }
                return try lend(index + 1, feeds + [.raw(base, type: type, stride: stride)], body)
            }
        case .floats(let floats, let stride):
            return try floats.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return try body(feeds) }
                return try lend(index + 1, feeds + [.raw(base, type: 1, stride: stride)], body)
            }
        case .strings(let strings, let width):
            let pool = StringPool(strings)
            defer { withExtendedLifetime(pool) {} }
            return try lend(index + 1, feeds + [.strings(pool.pointers, width: width)], body)
        case .pool(let pool, let pointers, let width):
            defer { withExtendedLifetime(pool) {} }
            return try lend(index + 1, feeds + [.strings(pointers, width: width)], body)
        }
    }

    /// Turns values into the element type that ONNX numbers `type`.
    static func convert(
        _ storage: Tensor.Storage, to type: Int32, width: Int, at place: String
    ) throws(CasemateError) -> Values {
        if type == 8 {
            if case .string(let strings) = storage { return .strings(strings, width: width) }
            guard let numbers = storage.doubles else { throw mismatch(place, "takes strings") }
            return .strings(numbers.map { $0.isNaN ? "" : OnnxConstant.text($0) }, width: width)
        }
        if case .float(let floats) = storage, type == 1 { return .floats(floats, stride: width * 4) }
        if case .int64(let whole) = storage, type == 7 { return bytes(whole, type, width) }
        guard let numbers = storage.doubles else { throw mismatch(place, "takes numbers, got strings") }
        switch type {
        case 1: return .floats(numbers.map { Float($0) }, stride: width * 4)
        case 11: return bytes(numbers, type, width)
        case 10: return bytes(numbers.map { HalfPrecision.bits(Float($0)) }, type, width)
        case 9: return bytes(numbers.map { $0 == 0 ? UInt8(0) : 1 }, type, width)
        case 2: return bytes(try whole(numbers, UInt8.self, place), type, width)
        case 3: return bytes(try whole(numbers, Int8.self, place), type, width)
        case 4: return bytes(try whole(numbers, UInt16.self, place), type, width)
        case 5: return bytes(try whole(numbers, Int16.self, place), type, width)
        case 6: return bytes(try whole(numbers, Int32.self, place), type, width)
        case 12: return bytes(try whole(numbers, UInt32.self, place), type, width)
        case 13: return bytes(try whole(numbers, UInt64.self, place), type, width)
        default: return bytes(try whole(numbers, Int64.self, place), type, width)
        }
    }

    /// Whole numbers, rounded to the nearest; what attacks try between them lands on one of them.
    private static func whole<Value: FixedWidthInteger>(
        _ numbers: [Double], _ type: Value.Type, _ place: String
    ) throws(CasemateError) -> [Value] {
        var result: [Value] = []
        result.reserveCapacity(numbers.count)
        for (index, number) in numbers.enumerated() {
            guard let value = Value(exactly: number.rounded()) else {
                let what = number.isNaN ? "a missing value" : "a value out of range"
                throw mismatch(place, "value \(index) is \(what), the graph takes \(type) only")
            }
            result.append(value)
        }
        return result
    }

    private static func bytes<Value: BitwiseCopyable>(_ values: [Value], _ type: Int32, _ width: Int) -> Values {
        .bytes(
            values.withUnsafeBytes { ContiguousArray($0) }, type: type, stride: width * MemoryLayout<Value>.stride)
    }

    private static func mismatch(_ place: String, _ what: String) -> CasemateError {
        CasemateError(.mismatch, at: place, what, help: "compare with the model's inputs")
    }
}

/// Strings as UTF-8 that ends in NUL, kept as long as the pool.
// why: the memory is written once in the initialiser and only read afterwards.
final class StringPool: @unchecked Sendable {
    let pointers: [UnsafePointer<CChar>?]
    private let memory: UnsafeMutablePointer<CChar>

    /// Copies the strings.
    init(_ strings: some Collection<String>) {
        let total = strings.reduce(0) { $0 + $1.utf8.count + 1 }
        let memory = UnsafeMutablePointer<CChar>.allocate(capacity: max(1, total))
        var at = 0
        pointers = strings.map { string in
            let start = memory + at
            for byte in string.utf8 {
                // why: a NUL would end the string early; it cannot stand in a class or category.
                (memory + at).initialize(to: byte == 0 ? 32 : CChar(bitPattern: byte))
                at += 1
            }
            (memory + at).initialize(to: 0)
            at += 1
            return UnsafePointer(start)
        }
        self.memory = memory
    }
    deinit { memory.deallocate() }
}
