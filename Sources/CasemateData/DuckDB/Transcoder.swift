import CasemateCore

/// Turns text of another encoding into UTF-8, block by block. A byte order mark is dropped.
struct Transcoder {
    private let encoding: TextEncoding, path: String
    private var half: UInt8?, surrogate: UInt16?
    private var isFirst = true, position = 0

    init(_ encoding: TextEncoding, path: String) { (self.encoding, self.path) = (encoding, path) }

    /// The next bytes in UTF-8.
    /// - Throws: `malformed` for half a surrogate pair.
    mutating func convert(_ bytes: ArraySlice<UInt8>) throws(CasemateError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 2 + 8)
        if encoding == .windows1252 {
            for byte in bytes { Self.append(Self.scalar(byte), to: &result) }
            return result
        }
        for byte in bytes {
            guard let first = half else {
                half = byte
                continue
            }
            half = nil
            let (low, high) = encoding == .utf16LittleEndian ? (first, byte) : (byte, first)
            try take(UInt16(high) << 8 | UInt16(low), &result)
            position += 2
        }
        return result
    }

    /// Nothing may be open at the end.
    func finish() throws(CasemateError) {
        guard half == nil, surrogate == nil else { throw failure }
    }

    private mutating func take(_ unit: UInt16, _ result: inout [UInt8]) throws(CasemateError) {
        defer { isFirst = false }
        if isFirst, unit == 0xfeff { return }
        if let lead = surrogate {
            guard 0xdc00...0xdfff ~= unit else { throw failure }
            surrogate = nil
            Self.append(0x10000 + (UInt32(lead) - 0xd800) << 10 + (UInt32(unit) - 0xdc00), to: &result)
        } else if 0xd800...0xdbff ~= unit {
            surrogate = unit
        } else {
            guard !(0xdc00...0xdfff ~= unit) else { throw failure }
            Self.append(UInt32(unit), to: &result)
        }
    }

    private var failure: CasemateError {
        CasemateError(
            .malformed, at: "\(path):byte \(position)", "is not the \(encoding.title) text that it begins as",
            help: "save the file as UTF-8")
    }

    private static func append(_ scalar: UInt32, to result: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: 0x80 | scalar >> shift & 0x3f) }
        switch scalar {
        case ..<0x80: result.append(UInt8(truncatingIfNeeded: scalar))
        case ..<0x800: result += [UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6), tail(0)]
        case ..<0x10000: result += [UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12), tail(6), tail(0)]
        default: result += [UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18), tail(12), tail(6), tail(0)]
        }
    }

    private static func scalar(_ byte: UInt8) -> UInt32 {
        0x80...0x9f ~= byte ? punctuation[Int(byte) - 0x80] : UInt32(byte)
    }

    /// 0x80…0x9f of Windows-1252; the rest is Latin-1. Undefined bytes are refused before.
    private static let punctuation: [UInt32] = [
        0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd,
        0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
        0x0153, 0xfffd, 0x017e, 0x0178,
    ]
}
