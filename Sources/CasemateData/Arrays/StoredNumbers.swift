import CasemateCore

/// Numbers as a file holds them, of one type, one after the other.
struct StoredNumbers {
    let bytes: ArraySlice<UInt8>
    let element: SampleSet.Element
    let isBigEndian: Bool

    /// Number of values.
    var count: Int { bytes.count / element.bytes }

    /// The values as float32; `inexact` counts those that were rounded.
    func floats() -> (values: [Float], inexact: Int) {
        switch element {
        case .bool: convert(UInt8.self) { ($0 == 0 ? 0 : 1, true) }
        case .uint8: convert(UInt8.self) { (Float($0), true) }
        case .int8: convert(Int8.self) { (Float($0), true) }
        case .uint16: convert(UInt16.self) { (Float($0), true) }
        case .int16: convert(Int16.self) { (Float($0), true) }
        case .uint32: convert(UInt32.self) { (Float($0), UInt32(exactly: Float($0)) == $0) }
        case .int32: convert(Int32.self) { (Float($0), Int32(exactly: Float($0)) == $0) }
        case .uint64: convert(UInt64.self) { (Float($0), UInt64(exactly: Float($0)) == $0) }
        case .int64: convert(Int64.self) { (Float($0), Int64(exactly: Float($0)) == $0) }
        case .float16: convert(UInt16.self) { (Self.half($0), true) }
        case .float32: convert(UInt32.self) { (Float(bitPattern: $0), true) }
        case .float64:
            convert(UInt64.self) { bits in
                let value = Double(bitPattern: bits)
                return (Float(value), Double(Float(value)) == value || value.isNaN)
            }
        }
    }

    /// The values as whole numbers; `nil` when one is none, or does not fit 64 bits.
    func integers() -> [Int64]? {
        switch element {
        case .bool: whole(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .uint8: whole(UInt8.self) { Int64($0) }
        case .int8: whole(Int8.self) { Int64($0) }
        case .uint16: whole(UInt16.self) { Int64($0) }
        case .int16: whole(Int16.self) { Int64($0) }
        case .uint32: whole(UInt32.self) { Int64($0) }
        case .int32: whole(Int32.self) { Int64($0) }
        case .uint64: whole(UInt64.self) { Int64(exactly: $0) }
        case .int64: whole(Int64.self) { $0 }
        case .float16: whole(UInt16.self) { Int64(exactly: Self.half($0)) }
        case .float32: whole(UInt32.self) { Int64(exactly: Float(bitPattern: $0)) }
        case .float64: whole(UInt64.self) { Int64(exactly: Double(bitPattern: $0)) }
        }
    }

    @inline(__always)
    private func convert<Word: FixedWidthInteger>(
        _ type: Word.Type, _ change: (Word) -> (value: Float, isExact: Bool)
    ) -> (values: [Float], inexact: Int) {
        var inexact = 0
        let values = [Float](unsafeUninitializedCapacity: count) { target, done in
            bytes.withUnsafeBytes { source in
                for index in 0..<count {
                    let word = source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
                    let (value, isExact) = change(isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
                    target.initializeElement(at: index, to: value)
                    if !isExact { inexact += 1 }
                }
            }
            done = count
        }
        return (values, inexact)
    }

    private func whole<Word: FixedWidthInteger>(_ type: Word.Type, _ change: (Word) -> Int64?) -> [Int64]? {
        var result: [Int64] = []
        result.reserveCapacity(count)
        let isWhole = bytes.withUnsafeBytes { source in
            for index in 0..<count {
                let word = source.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
                guard let value = change(isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)) else {
                    return false
                }
                result.append(value)
            }
            return true
        }
        return isWhole ? result : nil
    }

    /// The value of an IEEE 754 binary16 pattern.
    static func half(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 31
        let fraction = UInt32(bits & 0x3ff)
        if exponent == 0 {
            let value = Float(fraction) * 0x1p-24
            return sign == 0 ? value : -value
        }
        return Float(bitPattern: sign | (exponent == 31 ? 0xff : exponent + 112) << 23 | fraction << 13)
    }
}
