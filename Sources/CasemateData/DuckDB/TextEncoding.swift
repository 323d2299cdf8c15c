/// How a text file is written, where it is not UTF-8.
enum TextEncoding: Hashable, Sendable {
    case utf16LittleEndian, utf16BigEndian, windows1252

    /// The name in messages.
    var title: String {
        switch self {
        case .utf16LittleEndian: "UTF-16 (little endian)"
        case .utf16BigEndian: "UTF-16 (big endian)"
        case .windows1252: "Windows-1252"
        }
    }

    /// UTF-16 by its byte order mark, or by where the zeros of its ASCII letters stand; `nil` for anything else.
    static func wide(_ prefix: [UInt8]) -> TextEncoding? {
        if prefix.starts(with: [0xff, 0xfe]) { return .utf16LittleEndian }
        if prefix.starts(with: [0xfe, 0xff]) { return .utf16BigEndian }
        let pairs = min(prefix.count, 4096) / 2
        guard pairs >= 2 else { return nil }
        var even = 0, odd = 0
        for pair in 0..<pairs {
            if prefix[2 * pair] == 0 { even += 1 }
            if prefix[2 * pair + 1] == 0 { odd += 1 }
        }
        // why 40 %: headers, digits and delimiters are ASCII in any language; other text brings no zeros at all.
        if odd * 5 >= pairs * 2, even * 50 <= pairs { return .utf16LittleEndian }
        if even * 5 >= pairs * 2, odd * 50 <= pairs { return .utf16BigEndian }
        return nil
    }
}

/// What the bytes above ASCII say about the encoding of a text, block by block.
struct EncodingCensus {
    /// Characters of several bytes that are valid UTF-8.
    private(set) var characters = 0
    /// Bytes that cannot stand where they stand in UTF-8.
    private(set) var misfits = 0
    /// Bytes that Windows-1252 does not define.
    private(set) var undefined = 0
    private var pending = 0, low: UInt8 = 0x80, high: UInt8 = 0xbf

    /// Whether the text is UTF-8 so far; a character may be open at the end.
    var isUTF8: Bool { misfits == 0 }
    /// Whether the text is no UTF-8 and reads as Windows-1252: what is valid UTF-8 is so by accident.
    var isWindows1252: Bool { misfits > 0 && undefined == 0 && misfits > 10 * characters }

    /// Looks at the next bytes.
    mutating func add(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBufferPointer { buffer in
            var index = 0
            while index < buffer.count {
                let byte = buffer[index]
                index += 1
                if byte < 0x80, pending == 0 { continue }
                look(at: byte)
            }
        }
    }

    private mutating func look(at byte: UInt8) {
        if [0x81, 0x8d, 0x8f, 0x90, 0x9d].contains(byte) { undefined += 1 }
        if pending > 0 {
            if byte >= low, byte <= high {
                pending -= 1
                (low, high) = (0x80, 0xbf)
                if pending == 0 { characters += 1 }
                return
            }
            misfits += 1
            (pending, low, high) = (0, 0x80, 0xbf)
            if byte < 0x80 { return }
        }
        switch byte {
        case 0xc2...0xdf: pending = 1
        case 0xe0: (pending, low) = (2, 0xa0)
        case 0xed: (pending, high) = (2, 0x9f)
        case 0xe1...0xef: pending = 2
        case 0xf0: (pending, low) = (3, 0x90)
        case 0xf4: (pending, high) = (3, 0x8f)
        case 0xf1...0xf3: pending = 3
        default: misfits += byte < 0x80 ? 0 : 1
        }
    }
}
