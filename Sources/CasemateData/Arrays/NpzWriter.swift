public import CasemateCore
public import Foundation

/// Writes arrays as an `.npz` archive that NumPy reads: stored, without time stamps, the same bytes for the same arrays.
public enum NpzWriter {
    /// An array to write.
    public struct Array: Sendable {
        /// The values, row-major.
        public enum Values: Sendable {
            /// Written as little-endian float32.
            case float32([Float])
            /// Written as little-endian int64.
            case int64([Int64])
        }
        let name: String, shape: [Int], values: Values
        /// Names an array; `shape` must have as many values as there are.
        public init(_ name: String, shape: [Int], _ values: Values) {
            let count: Int
            switch values {
            case .float32(let values): count = values.count
            case .int64(let values): count = values.count
            }
            precondition(shape.reduce(1, *) == count, "\(count) values do not fit \(shape)")
            (self.name, self.shape, self.values) = (name, shape, values)
        }
    }

    /// The bytes of the archive.
    /// - Throws: `limitExceeded` for 4 GiB and more, `invalidSetting` for names that NumPy cannot address.
    public static func bytes(_ arrays: [Array]) throws(CasemateError) -> Data {
        let names = Set(arrays.map(\.name))
        guard names.count == arrays.count, arrays.count < 1_000,
            !names.contains(where: { $0.isEmpty || $0.utf8.count > 200 || $0.contains("/") || $0.contains("\0") })
        else {
            throw CasemateError(
                .invalidSetting, at: "archive", "its arrays have no good names", help: "give each a name of its own")
        }
        let total = arrays.reduce(0) { $0 + $1.bytes + 1_024 }
        guard total < 1 << 32 else {
            throw CasemateError(
                .limitExceeded, at: "archive", "takes \(total) bytes, 4 GiB are the limit", help: "save fewer samples")
        }
        var file: [UInt8] = [], directory: [UInt8] = []
        file.reserveCapacity(total)
        for array in arrays {
            let content = array.npy
            let name = Swift.Array((array.name + ".npy").utf8)
            let size = little(UInt32(content.count))
            // why: version 2.0, UTF-8 names, stored, 1980-01-01 00:00, which is how zip writes "no time".
            var common = little(UInt16(20)) + little(UInt16(0x0800)) + little(UInt16(0))
            common += little(UInt16(0)) + little(UInt16(0x21)) + little(ZipArchive.crc(content)) + size + size
            common += little(UInt16(name.count)) + little(UInt16(0))
            let offset = UInt32(file.count)
            file += little(UInt32(0x0403_4b50)) + common + name + content
            directory += little(UInt32(0x0201_4b50)) + little(UInt16(20)) + common
            directory += [UInt8](repeating: 0, count: 10) + little(offset) + name
        }
        let start = UInt32(file.count)
        let count = little(UInt16(arrays.count))
        file += directory + little(UInt32(0x0605_4b50)) + [0, 0, 0, 0] + count + count
        file += little(UInt32(directory.count)) + little(start) + [0, 0]
        return Data(file)
    }

    /// Writes the archive under `path`; a reader sees the old file or the whole new one.
    /// - Throws: as `bytes`, and `unwritable`.
    public static func write(_ arrays: [Array], to path: String) throws(CasemateError) {
        let url = URL(fileURLWithPath: path)
        try OutputFolder(url.deletingLastPathComponent().path).write([(url.lastPathComponent, bytes(arrays))])
    }

    /// A number as little-endian bytes.
    static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Swift.Array($0) }
    }
}

extension NpzWriter.Array {
    /// Bytes of the values.
    fileprivate var bytes: Int {
        switch values {
        case .float32(let values): 4 * values.count
        case .int64(let values): 8 * values.count
        }
    }

    /// The array in NumPy's format 1.0; the values begin at a multiple of 64.
    fileprivate var npy: [UInt8] {
        let type: String
        switch values {
        case .float32: type = "<f4"
        case .int64: type = "<i8"
        }
        let axes = shape.map { "\($0)," }.joined(separator: " ")
        var header = Array<UInt8>("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(axes)), }".utf8)
        header += [UInt8](repeating: 32, count: 63 - (10 + header.count) % 64) + [10]
        var result = ArrayHeader.npySignature + [1, 0] + NpzWriter.little(UInt16(header.count)) + header
        result.reserveCapacity(result.count + bytes)
        switch values {
        case .float32(let values): for value in values { NpzWriter.append(value.bitPattern, to: &result) }
        case .int64(let values): for value in values { NpzWriter.append(value, to: &result) }
        }
        return result
    }
}

extension NpzWriter {
    @inline(__always)
    fileprivate static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
