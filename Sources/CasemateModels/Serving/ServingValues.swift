/// Reads the values of an output, flat or nested row by row, in exactly its type.
enum ServingValues {
    /// Whether a prediction is made of texts.
    static func isText(_ value: RemoteJSON) -> Bool {
        switch value {
        case .text: true
        case .list(let items): items.first.map(isText) ?? false
        default: false
        }
    }

    /// Values of a type.
    /// - Throws: `ServingLie` for values of another kind, out of the type's range, or of another number.
    static func read(
        _ json: RemoteJSON, as type: ModelSignature.ElementType, count: Int
    ) throws(ServingLie) -> Tensor.Storage {
        switch type {
        case .string:
            var texts: [String] = []
            try gather(json, depth: 0) { (value) throws(ServingLie) in
                guard case .text(let text) = value else { throw ServingLie("a value is no text") }
                texts.append(text)
            }
            guard texts.count == count else { throw miscounted() }
            return .string(texts)
        case .bool:
            var flags: [Bool] = []
            try gather(json, depth: 0) { (value) throws(ServingLie) in
                switch value {
                case .flag(let flag): flags.append(flag)
                // why: some servers write 0 and 1.
                case .number(let number) where number == 0 || number == 1: flags.append(number == 1)
                default: throw ServingLie("a value is no truth value")
                }
            }
            guard flags.count == count else { throw miscounted() }
            return .bool(flags)
        case .bfloat16: throw ServingLie("an output has a datatype that JSON cannot carry")
        default: return try numbers(json, as: type, count: count)
        }
    }

    private static func numbers(
        _ json: RemoteJSON, as type: ModelSignature.ElementType, count: Int
    ) throws(ServingLie) -> Tensor.Storage {
        var numbers: [Double] = []
        if case .numbers(let flat, _) = json {
            numbers = flat
        } else {
            try gather(json, depth: 0) { (value) throws(ServingLie) in
                switch value {
                case .number(let number): numbers.append(number)
                case .null: throw ServingLie("an answer is no number", isNotNumber: true)
                default: throw ServingLie("a value is no number")
                }
            }
        }
        guard numbers.count == count else { throw miscounted() }
        guard numbers.allSatisfy(\.isFinite) else { throw ServingLie("an answer is no number", isNotNumber: true) }
        switch type {
        case .double: return .double(numbers)
        case .float: return .float(numbers.map { Float($0) })
        case .float16: return .float16(numbers.map { HalfPrecision.bits(Float($0)) })
        case .int8: return .int8(try whole(numbers))
        case .int16: return .int16(try whole(numbers))
        case .int32: return .int32(try whole(numbers))
        case .uint8: return .uint8(try whole(numbers))
        case .uint16: return .uint16(try whole(numbers))
        case .uint32: return .uint32(try whole(numbers))
        case .uint64: return .uint64(try whole(numbers))
        default: return .int64(try whole(numbers))
        }
    }

    private static func whole<Value: FixedWidthInteger>(_ numbers: [Double]) throws(ServingLie) -> [Value] {
        var result: [Value] = []
        result.reserveCapacity(numbers.count)
        for number in numbers {
            // why 2^53: beyond it the number that was written may have been another one.
            guard abs(number) <= 0x1p53, let value = Value(exactly: number) else {
                throw ServingLie("a whole number is out of range, or beyond 2^53, which needs `encoding: binary`")
            }
            result.append(value)
        }
        return result
    }

    private static func miscounted() -> ServingLie {
        ServingLie("an output has another number of values than its shape")
    }

    private static func gather(
        _ json: RemoteJSON, depth: Int, _ body: (RemoteJSON) throws(ServingLie) -> Void
    ) throws(ServingLie) {
        switch json {
        case .numbers(let numbers, _): for number in numbers { try body(.number(number)) }
        case .list(let items):
            for item in items { try gather(item, depth: depth + 1, body) }
        default:
            guard depth > 0 else { throw ServingLie("the values are no list") }
            try body(json)
        }
    }
}

/// Reads values that stand in a body as in memory, little-endian.
enum ServingBinary {
    /// Values of a type.
    /// - Throws: `ServingLie` where the size is not that of `count` values, or a text is none.
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ type: ModelSignature.ElementType, count: Int
    ) throws(ServingLie) -> Tensor.Storage {
        func all<Value: BitwiseCopyable>(_ type: Value.Type) throws(ServingLie) -> [Value] {
            let (size, isTooLarge) = count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
            guard !isTooLarge, size == bytes.count else { throw ServingLie("binary values have another size") }
            return (0..<count).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: type)
            }
        }
        switch type {
        case .float: return .float(try all(Float.self))
        case .double: return .double(try all(Double.self))
        case .float16: return .float16(try all(UInt16.self))
        case .int8: return .int8(try all(Int8.self))
        case .int16: return .int16(try all(Int16.self))
        case .int32: return .int32(try all(Int32.self))
        case .int64: return .int64(try all(Int64.self))
        case .uint8: return .uint8(try all(UInt8.self))
        case .uint16: return .uint16(try all(UInt16.self))
        case .uint32: return .uint32(try all(UInt32.self))
        case .uint64: return .uint64(try all(UInt64.self))
        case .bool:
            let values = try all(UInt8.self)
            guard values.allSatisfy({ $0 <= 1 }) else { throw ServingLie("a value is no truth value") }
            return .bool(values.map { $0 == 1 })
        case .string: return .string(try texts(bytes, count: count))
        case .bfloat16: throw ServingLie("an output has a datatype that is not served")
        }
    }

    private static func texts(_ bytes: UnsafeRawBufferPointer, count: Int) throws(ServingLie) -> [String] {
        guard count <= bytes.count / 4 else { throw ServingLie("binary values have another size") }
        var (texts, at) = ([String](), 0)
        texts.reserveCapacity(count)
        for _ in 0..<count {
            guard bytes.count - at >= 4 else { throw ServingLie("binary values have another size") }
            let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            at += 4
            guard length <= bytes.count - at, let text = String(validating: bytes[at..<at + length], as: UTF8.self)
            else { throw ServingLie("a text is cut, or no UTF-8") }
            texts.append(text)
            at += length
        }
        guard at == bytes.count else { throw ServingLie("binary values have another size") }
        return texts
    }
}
