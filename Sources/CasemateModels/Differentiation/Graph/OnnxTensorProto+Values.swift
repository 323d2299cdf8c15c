import CasemateCore
package import Foundation

extension OnnxTensorProto {
    /// Number of values that the shape asks for; the reader has checked that it does not overflow.
    var elementCount: Int { dims.reduce(1) { $0 * Int($1) } }

    /// Makes a constant of float32 values.
    package init(name: String, shape: [Int], floats: [Float]) {
        self.init(name: name, shape: shape, type: 1, raw: floats.withUnsafeBytes { Data($0) })
    }

    /// Makes a constant of float64 values.
    package init(name: String, shape: [Int], doubles: [Double]) {
        self.init(name: name, shape: shape, type: 11, raw: doubles.withUnsafeBytes { Data($0) })
    }

    /// Makes a constant of 64-bit integers; without a shape, a list.
    package init(name: String, shape: [Int]? = nil, wholes: [Int64]) {
        self.init(name: name, shape: shape ?? [wholes.count], type: 7, raw: wholes.withUnsafeBytes { Data($0) })
    }

    /// Makes a constant from its bytes, little-endian.
    package init(name: String, shape: [Int], type: Int32, raw: Data) {
        self.init()
        self.name = name
        dims = shape.map { Int64($0) }
        dataType = type
        rawData = raw
    }

    /// The values as numbers of float64, from raw bytes or typed lists; `nil` for strings, complex and packed types.
    package var numbers: [Double]? {
        if hasRawData { return rawNumbers }
        return switch dataType {
        case 1: floatData.map { Double($0) }
        case 11: doubleData
        case 7: int64Data.map { Double($0) }
        case 12, 13: uint64Data.map { Double($0) }
        case 10: int32Data.map { Double(HalfPrecision.float(UInt16(truncatingIfNeeded: $0))) }
        case 16: int32Data.map { Double(Float(bitPattern: UInt32(UInt16(truncatingIfNeeded: $0)) << 16)) }
        case 2, 3, 4, 5, 6, 9: int32Data.map { Double($0) }
        default: nil
        }
    }

    /// The values as whole numbers, for shapes and axes; `nil` for other types.
    package var wholes: [Int64]? {
        switch dataType {
        case 7: hasRawData ? OnnxConstant.int64(raw: rawData) : int64Data
        case 2, 3, 4, 5, 6, 9, 12: numbers?.map { Int64($0) }
        default: nil
        }
    }

    private var rawNumbers: [Double]? {
        switch dataType {
        case 1: raw(UInt32.self) { Double(Float(bitPattern: $0)) }
        case 11: raw(UInt64.self) { Double(bitPattern: $0) }
        case 10: raw(UInt16.self) { Double(HalfPrecision.float($0)) }
        case 16: raw(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
        case 2, 9: raw(UInt8.self) { Double($0) }
        case 3: raw(UInt8.self) { Double(Int8(bitPattern: $0)) }
        case 4: raw(UInt16.self) { Double($0) }
        case 5: raw(UInt16.self) { Double(Int16(bitPattern: $0)) }
        case 6: raw(UInt32.self) { Double(Int32(bitPattern: $0)) }
        case 12: raw(UInt32.self) { Double($0) }
        case 7: raw(UInt64.self) { Double(Int64(bitPattern: $0)) }
        case 13: raw(UInt64.self) { Double($0) }
        default: nil
        }
    }

    private func raw<Bits: FixedWidthInteger & BitwiseCopyable>(_ type: Bits.Type, _ value: (Bits) -> Double)
        -> [Double]
    {
        let size = MemoryLayout<Bits>.size
        return rawData.withUnsafeBytes { bytes in
            (0..<bytes.count / size).map {
                value(Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: Bits.self)))
            }
        }
    }

    /// The same constant with its values as raw bytes, whatever list they stood in; strings stay as they are.
    /// - Throws: `malformed` when the values do not fill the shape.
    func normalised(at place: String) throws(CasemateError) -> OnnxTensorProto {
        if hasRawData || dataType == 8 { return self }
        let raw: Data
        switch dataType {
        case 1: raw = floatData.withUnsafeBytes { Data($0) }
        case 11: raw = doubleData.withUnsafeBytes { Data($0) }
        case 7: raw = int64Data.withUnsafeBytes { Data($0) }
        case 13: raw = uint64Data.withUnsafeBytes { Data($0) }
        case 12: raw = uint64Data.map { UInt32(truncatingIfNeeded: $0) }.withUnsafeBytes { Data($0) }
        case 6: raw = int32Data.withUnsafeBytes { Data($0) }
        case 4, 5, 10, 16: raw = int32Data.map { UInt16(truncatingIfNeeded: $0) }.withUnsafeBytes { Data($0) }
        case 2, 3, 9: raw = Data(int32Data.map { UInt8(truncatingIfNeeded: $0) })
        default: return self
        }
        let size = (OnnxElement.table[dataType]?.bits ?? 0) / 8
        guard raw.count == elementCount * size else {
            throw CasemateError(
                .malformed, at: place,
                "constant '\(OnnxLook.printable(name))' holds \(raw.count / max(1, size)) of "
                    + "\(elementCount) values", help: "export the model again")
        }
        return OnnxTensorProto(name: name, shape: dims.map { Int($0) }, type: dataType, raw: raw)
    }
}
