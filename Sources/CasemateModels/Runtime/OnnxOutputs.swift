import COnnxRuntime
import CasemateCore
import Foundation

/// The outputs of one run, valid inside the closure that is given them.
struct OnnxOutputs {
    let library: OpaquePointer
    let values: [OpaquePointer?]
    let session: OnnxSession

    /// Element type, shape and number of values of an output tensor.
    struct Facts {
        let type: Int32
        let shape: [Int]
        let count: Int
        /// Values a row; 1 for a vector.
        func width(rows: Int) -> Int { rows > 0 ? count / rows : 0 }
    }

    /// Looks at an output.
    func facts(_ index: Int) throws(CasemateError) -> Facts {
        var (type, rank, count) = (Int32(0), 0, 0)
        guard cort_tensor_info(library, values[index], &type, &rank, &count, nil, 0) == 0, rank <= 64 else {
            throw unreadable(index)
        }
        var shape = [Int64](repeating: 0, count: rank)
        guard cort_tensor_shape(library, values[index], &shape, rank, nil, 0) == 0 else { throw unreadable(index) }
        return Facts(type: type, shape: shape.map { Int($0) }, count: count)
    }

    /// Copies `count` numbers as float32 to `target`; float, double, float16 and integers are read.
    func floats(
        _ index: Int, type: Int32, count: Int, to target: UnsafeMutablePointer<Float>
    ) throws(CasemateError) {
        var data: UnsafeRawPointer?
        guard cort_tensor_data(library, values[index], &data, nil, 0) == 0, let data else {
            if count == 0 { return }
            throw unreadable(index)
        }
        switch type {
        case 1: target.update(from: data.assumingMemoryBound(to: Float.self), count: count)
        case 11: convert(data, Double.self, count, target) { Float($0) }
        case 10: convert(data, UInt16.self, count, target, HalfPrecision.float)
        case 16: convert(data, UInt16.self, count, target) { Float(bitPattern: UInt32($0) << 16) }
        case 6: convert(data, Int32.self, count, target) { Float($0) }
        case 7: convert(data, Int64.self, count, target) { Float($0) }
        case 2, 9: convert(data, UInt8.self, count, target) { Float($0) }
        case 3: convert(data, Int8.self, count, target) { Float($0) }
        default: throw unreadable(index)
        }
    }

    /// The bytes of an output of numbers.
    func bytes(_ index: Int, count: Int) throws(CasemateError) -> Data {
        var data: UnsafeRawPointer?
        guard cort_tensor_data(library, values[index], &data, nil, 0) == 0, let data else {
            if count == 0 { return Data() }
            throw unreadable(index)
        }
        return Data(bytes: data, count: count)
    }

    /// Lends the float32 values of an output, without a copy.
    func withFloats<Result>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        let facts = try facts(index)
        var data: UnsafeRawPointer?
        guard facts.type == 1, cort_tensor_data(library, values[index], &data, nil, 0) == 0, let data else {
            throw unreadable(index)
        }
        return try body(UnsafeBufferPointer(start: data.assumingMemoryBound(to: Float.self), count: facts.count))
    }

    /// Whole numbers of an output; `nil` for one that has another type.
    func integers(_ index: Int, type: Int32, count: Int) throws(CasemateError) -> [Int64]? {
        var data: UnsafeRawPointer?
        guard [2, 3, 4, 5, 6, 7, 9, 12].contains(type) else { return nil }
        guard cort_tensor_data(library, values[index], &data, nil, 0) == 0, let data else { throw unreadable(index) }
        func all<Value: FixedWidthInteger>(_ type: Value.Type) -> [Int64] {
            UnsafeBufferPointer(start: data.assumingMemoryBound(to: type), count: count).map { Int64($0) }
        }
        return switch type {
        case 2, 9: all(UInt8.self)
        case 3: all(Int8.self)
        case 4: all(UInt16.self)
        case 5: all(Int16.self)
        case 6: all(Int32.self)
        case 12: all(UInt32.self)
        default: all(Int64.self)
        }
    }

    /// Whole numbers of an output of floats, as some exporters write classes.
    func wholes(_ index: Int, type: Int32, count: Int) throws(CasemateError) -> [Int64] {
        var values = [Float](repeating: 0, count: count)
        try values.withUnsafeMutableBufferPointer { (buffer) throws(CasemateError) in
            if let base = buffer.baseAddress { try floats(index, type: type, count: count, to: base) }
        }
        return values.map { Int64(exactly: $0) ?? Int64.min }
    }

    /// Runs `body` with each string of an output, as bytes.
    func strings(
        _ index: Int, count: Int, _ body: (Int, UnsafeBufferPointer<UInt8>) throws(CasemateError) -> Void
    ) throws(CasemateError) {
        var length = 0
        guard cort_tensor_strings_length(library, values[index], &length, nil, 0) == 0 else { throw unreadable(index) }
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, length))
        defer { bytes.deallocate() }
        bytes.initialize(repeating: 0)
        var starts = [Int](repeating: 0, count: count)
        guard cort_tensor_strings(library, values[index], bytes.baseAddress, length, &starts, count, nil, 0) == 0 else {
            throw unreadable(index)
        }
        for item in 0..<count {
            let end = item + 1 < count ? starts[item + 1] : length
            guard starts[item] >= 0, starts[item] <= end, end <= length else { throw unreadable(index) }
            try body(item, UnsafeBufferPointer(rebasing: bytes[starts[item]..<end]))
        }
    }

    private func convert<Value>(
        _ data: UnsafeRawPointer, _ type: Value.Type, _ count: Int, _ target: UnsafeMutablePointer<Float>,
        _ change: (Value) -> Float
    ) {
        let values = data.assumingMemoryBound(to: type)
        for index in 0..<count { target[index] = change(values[index]) }
    }

    private func unreadable(_ index: Int) -> CasemateError {
        CasemateError(
            .engineFailed, at: session.path, "output '\(OnnxLook.printable(session.outputs[index]))' cannot be read",
            help: "name another output")
    }
}

/// IEEE 754 binary16 as bit patterns; the conversion in software, for machines without the type.
package enum HalfPrecision {
    /// The float32 with the same value.
    package static func float(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 31
        let fraction = UInt32(bits & 0x3FF)
        if exponent == 0 {
            let value = Float(fraction) * 0x1p-24
            return sign == 0 ? value : -value
        }
        let shifted = exponent == 31 ? 0xFF : exponent + 112
        return Float(bitPattern: sign | shifted << 23 | fraction << 13)
    }
    /// The nearest binary16, ties to even; beyond its range infinity.
    package static func bits(_ value: Float) -> UInt16 {
        let sign = UInt16(value.bitPattern >> 16 & 0x8000)
        let size = value.magnitude
        if size.isNaN { return sign | 0x7E00 }
        if size >= 65_520 { return sign | 0x7C00 }
        if size < 0x1p-14 { return sign | UInt16((size * 0x1p24).rounded(.toNearestOrEven)) }
        let bits = size.bitPattern
        let kept = bits >> 13
        let rest = bits & 0x1FFF
        let up: UInt32 = rest > 0x1000 || (rest == 0x1000 && kept & 1 == 1) ? 1 : 0
        return sign | UInt16(kept + up - (112 << 10))
    }
}
