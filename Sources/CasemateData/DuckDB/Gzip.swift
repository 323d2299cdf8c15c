import CasemateCore

/// Expands gzip files to the end and checks lengths and CRC-32, so that a file that was cut short is never taken
/// for a shorter table. Source: RFC 1951 and RFC 1952.
package enum Gzip {
    /// Expands every member of the file behind `descriptor` and hands the content to `sink` in blocks.
    /// - Throws: `CasemateError` with code `malformed` that names `path`, `limitExceeded` above `limit` bytes of
    ///   content, and what `sink` throws.
    package static func expand(
        descriptor: Int32, path: String, limit: Int, sink: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        var input = BitInput(descriptor: descriptor, path: path)
        var output = InflateOutput(path: path, limit: limit)
        repeat {
            try readHeader(&input)
            output.beginMember()
            try Inflate.expand(&input, &output, sink)
            try output.flush(sink)
            input.alignToByte()
            let checksum = try input.read32(), length = try input.read32()
            guard checksum == output.checksum, length == UInt32(truncatingIfNeeded: output.memberLength) else {
                throw input.malformed("the gzip data do not match their checksum: the file is damaged")
            }
        } while try !input.isAtEnd()
    }

    private static func readHeader(_ input: inout BitInput) throws(CasemateError) {
        guard try input.read8() == 0x1f, try input.read8() == 0x8b else {
            throw input.malformed("bytes follow the end of the gzip data")
        }
        guard try input.read8() == 8 else { throw input.malformed("unknown gzip compression method") }
        let flags = try input.read8()
        guard flags & 0xe0 == 0 else { throw input.malformed("unknown gzip header flags") }
        for _ in 0..<6 { _ = try input.read8() }
        if flags & 4 != 0 {
            let low = try input.read8(), high = try input.read8()
            for _ in 0..<(Int(low) | Int(high) << 8) { _ = try input.read8() }
        }
        for flag: UInt8 in [8, 16] where flags & flag != 0 {
            while try input.read8() != 0 {}
        }
        if flags & 2 != 0 { for _ in 0..<2 { _ = try input.read8() } }
    }
}

/// Keeps the last 32 KiB that back references reach, and sums up length and checksum.
struct InflateOutput {
    private static let window = 1 << 15, capacity = 1 << 20
    private var bytes = [UInt8](repeating: 0, count: window + capacity)
    private var start = window, end = window
    private var sum = CRC32(), total = 0
    private let path: String, limit: Int
    private(set) var memberLength = 0

    init(path: String, limit: Int) { (self.path, self.limit) = (path, limit) }

    /// CRC-32 of the member so far; complete after `flush`.
    var checksum: UInt32 { sum.value }
    var needsFlush: Bool { end + 258 > bytes.count }

    mutating func beginMember() { (sum, memberLength, start, end) = (CRC32(), 0, Self.window, Self.window) }

    @inline(__always) mutating func append(_ byte: UInt8) {
        bytes[end] = byte
        end += 1
    }
    /// Repeats `length` bytes from `distance` back; false when that lies before the start of the member.
    @inline(__always) mutating func copy(distance: Int, length: Int) -> Bool {
        guard distance <= memberLength + end - start, distance <= Self.window else { return false }
        for index in end..<end + length { bytes[index] = bytes[index - distance] }
        end += length
        return true
    }
    mutating func flush(_ sink: (ArraySlice<UInt8>) throws -> Void) throws {
        guard end > start else { return }
        sum.update(bytes, start..<end)
        memberLength += end - start
        total += end - start
        guard total <= limit else {
            throw CasemateError(
                .limitExceeded, at: path, "expands to more than \(limit) bytes", help: "give it uncompressed")
        }
        try sink(bytes[start..<end])
        for index in 0..<Self.window { bytes[index] = bytes[end - Self.window + index] }
        (start, end) = (Self.window, Self.window)
    }
}

/// The checksum of gzip, four bytes at a time. Source: ISO 3309, polynomial 0xEDB88320.
struct CRC32 {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 1024)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
            tables[index] = value
        }
        for index in 256..<1024 {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 255)]
        }
        return tables
    }()
    private var state: UInt32 = .max
    var value: UInt32 { ~state }

    mutating func update(_ bytes: [UInt8], _ range: Range<Int>) {
        let tables = Self.tables
        var index = range.lowerBound
        var state = state
        while index + 4 <= range.upperBound {
            state ^= UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8
            state ^= UInt32(bytes[index + 2]) << 16 | UInt32(bytes[index + 3]) << 24
            state =
                tables[768 + Int(state & 255)] ^ tables[512 + Int(state >> 8 & 255)]
                ^ tables[256 + Int(state >> 16 & 255)] ^ tables[Int(state >> 24)]
            index += 4
        }
        while index < range.upperBound {
            state = state >> 8 ^ tables[Int((state ^ UInt32(bytes[index])) & 255)]
            index += 1
        }
        self.state = state
    }
}
