import CasemateModels

/// Makes tensors of little-endian bytes, and bytes of tensors.
///
/// Source: Triton, "Binary Tensor Data Extension".
struct TensorBytes {
    let port: ModelDescription.Port
    let count: Int
    /// Whether NaN stands for a missing value that the model takes.
    let takesMissing: Bool

    /// The values in the port's type.
    /// - Throws: `GuardRefusal` with `malformed`, with `unprocessable` for NaN and infinities.
    func storage(_ bytes: UnsafeRawBufferPointer) throws -> Tensor.Storage {
        if let width = TensorDatatype.width(port.type) {
            let (size, isOver) = count.multipliedReportingOverflow(by: width)
            guard !isOver, size == bytes.count else {
                throw refusal("the binary data do not have as many bytes as shape and datatype say")
            }
        }
        switch port.type {
        case .float: return .float(try checked(values(bytes, UInt32.self).map(Float.init(bitPattern:))))
        case .double: return .double(try checked(values(bytes, UInt64.self).map(Double.init(bitPattern:))))
        case .bfloat16: return .float(try checked(values(bytes, UInt16.self).map(BrainFloat.float)))
        case .float16:
            let halves = values(bytes, UInt16.self)
            _ = try checked(halves.map(HalfPrecision.float))
            return .float16(halves)
        case .int8: return .int8(values(bytes, Int8.self))
        case .int16: return .int16(values(bytes, Int16.self))
        case .int32: return .int32(values(bytes, Int32.self))
        case .int64: return .int64(values(bytes, Int64.self))
        case .uint8: return .uint8(values(bytes, UInt8.self))
        case .uint16: return .uint16(values(bytes, UInt16.self))
        case .uint32: return .uint32(values(bytes, UInt32.self))
        case .uint64: return .uint64(values(bytes, UInt64.self))
        case .bool:
            guard bytes.allSatisfy({ $0 < 2 }) else { throw refusal("a byte of BOOL is neither 0 nor 1") }
            return .bool(bytes.map { $0 == 1 })
        case .string: return .string(try texts(bytes))
        }
    }

    private func refusal(_ what: String) -> GuardRefusal {
        GuardRefusal(.malformed, what, field: port.name, reason: "tensor")
    }

    private func values<Value: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ type: Value.Type) -> [Value] {
        let width = MemoryLayout<Value>.size
        return [Value](unsafeUninitializedCapacity: bytes.count / width) { target, made in
            for index in 0..<bytes.count / width {
                let value = Value(littleEndian: bytes.loadUnaligned(fromByteOffset: index * width, as: Value.self))
                target.initializeElement(at: index, to: value)
            }
            made = bytes.count / width
        }
    }

    private func checked<Value: BinaryFloatingPoint>(_ values: [Value]) throws -> [Value] {
        for (index, value) in values.enumerated() where !value.isFinite && !(takesMissing && value.isNaN) {
            throw GuardRefusal(
                .unprocessable, "value \(index) is \(value.isNaN ? "NaN" : "infinite"), which the model does not take",
                field: port.name, reason: "not_finite")
        }
        return values
    }

    /// Texts, each behind its length in four bytes.
    private func texts(_ bytes: UnsafeRawBufferPointer) throws -> [String] {
        // why: no room is made for more texts than there are lengths in the bytes.
        guard count <= bytes.count / 4 else { throw refusal("the binary data hold fewer texts than the shape says") }
        var texts: [String] = []
        texts.reserveCapacity(count)
        var at = 0
        for index in 0..<count {
            guard bytes.count - at >= 4 else { throw refusal("the binary data end within text \(index)") }
            let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            at += 4
            guard bytes.count - at >= length else { throw refusal("the binary data end within text \(index)") }
            texts.append(try text(UnsafeRawBufferPointer(rebasing: bytes[at..<at + length]), index))
            at += length
        }
        guard at == bytes.count else { throw refusal("something follows the last text of the binary data") }
        return texts
    }

    /// One text; zero bytes are refused because engines that end texts with them would see another one than the checks.
    func text(_ bytes: UnsafeRawBufferPointer, _ index: Int) throws -> String {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw refusal("text \(index) is not UTF-8 without zero bytes")
        }
        return text
    }

    // MARK: Writing

    /// Appends values as bytes.
    /// - Throws: `GuardRefusal` with `upstreamFailed` for NaN and infinities.
    static func write(_ storage: Tensor.Storage, _ type: ModelSignature.ElementType, to bytes: inout [UInt8]) throws {
        func add<Value: FixedWidthInteger>(_ values: [Value]) {
            for value in values { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        switch storage {
        case .float(let values):
            guard values.allSatisfy(\.isFinite) else { throw GuardRefusal.notFiniteAnswer }
            if type == .bfloat16 { add(values.map(BrainFloat.bits)) } else { add(values.map(\.bitPattern)) }
        case .double(let values):
            guard values.allSatisfy(\.isFinite) else { throw GuardRefusal.notFiniteAnswer }
            add(values.map(\.bitPattern))
        case .float16(let values):
            guard values.allSatisfy({ $0 & 0x7C00 != 0x7C00 }) else { throw GuardRefusal.notFiniteAnswer }
            add(values)
        case .int8(let values): add(values)
        case .int16(let values): add(values)
        case .int32(let values): add(values)
        case .int64(let values): add(values)
        case .uint8(let values): add(values)
        case .uint16(let values): add(values)
        case .uint32(let values): add(values)
        case .uint64(let values): add(values)
        case .bool(let values): bytes += values.map { $0 ? 1 : 0 }
        case .string(let values):
            for value in values {
                add([UInt32(truncatingIfNeeded: value.utf8.count)])
                bytes += Array(value.utf8)
            }
        }
    }
}

extension GuardRefusal {
    /// The model answered NaN or an infinity, which has no form in JSON and means nothing to a caller.
    static let notFiniteAnswer = GuardRefusal(
        .upstreamFailed, "the model answered a value that is no finite number", reason: "answer_not_finite")
    /// The model's answer does not have the form that it declares.
    static let oddAnswer = GuardRefusal(
        .upstreamFailed, "the model's answer does not have the form that it declares", reason: "answer_form")
}
