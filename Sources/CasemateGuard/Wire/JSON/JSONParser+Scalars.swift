extension JSONParser {
    /// Checks a number; gives whether it is written without fraction and exponent.
    mutating func number() throws(JSONFault) -> Bool {
        let start = at
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        guard at < bytes.count, JSONDecimal.isDigit(bytes[at]) else {
            at = start
            throw fault("a value is missing; NaN and Infinity have no form in JSON")
        }
        let first = at
        skipDigits()
        guard at == first + 1 || bytes[first] != 0x30 else { throw fault("a number begins with a zero") }
        var isWhole = true
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            try digits("behind a point")
            isWhole = false
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") { at += 1 }
            try digits("in an exponent")
            isWhole = false
        }
        guard at - start <= limits.number else {
            at = start
            throw fault("a number is longer than \(limits.number) bytes")
        }
        return isWhole
    }

    private mutating func skipDigits() { while at < bytes.count, JSONDecimal.isDigit(bytes[at]) { at += 1 } }

    private mutating func digits(_ where_: StaticString) throws(JSONFault) {
        let first = at
        skipDigits()
        guard at > first else { throw fault("digits are missing \(where_)") }
    }

    /// Checks a text, from its first quote to behind its last.
    mutating func text() throws(JSONFault) -> JSONDocument.Token {
        at += 1
        let start = at
        var hasEscapes = false
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "\""):
                at += 1
                return .init(kind: .text, mark: hasEscapes, start: Int32(start), end: Int32(at - 1))
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try escape()
            case 0..<0x20: throw fault("a control character in a text")
            case 0x20..<0x80: at += 1
            default: try multibyte(byte)
            }
        }
        throw fault("it ends early")
    }

    /// Checks a character of more than one byte. Source: Unicode 16, table 3-7.
    private mutating func multibyte(_ lead: UInt8) throws(JSONFault) {
        let (count, second): (Int, ClosedRange<UInt8>)
        switch lead {
        case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (count, second) = (3, 0x80...0xBF)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw fault("bytes that are not UTF-8")
        }
        guard at + count <= bytes.count, second.contains(bytes[at + 1]) else { throw fault("bytes that are not UTF-8") }
        for index in 2..<max(2, count) where bytes[at + index] & 0xC0 != 0x80 {
            throw fault("bytes that are not UTF-8")
        }
        at += count
    }

    private mutating func escape() throws(JSONFault) {
        guard at + 1 < bytes.count else { throw fault("it ends early") }
        switch bytes[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 2
        case UInt8(ascii: "u"):
            guard let unit = Self.unit(bytes, at + 2) else { throw fault("an escape without four hexadecimal digits") }
            guard unit & 0xF800 == 0xD800 else {
                at += 6
                return
            }
            guard unit < 0xDC00, at + 7 < bytes.count, bytes[at + 6] == UInt8(ascii: "\\"),
                bytes[at + 7] == UInt8(ascii: "u"), let low = Self.unit(bytes, at + 8), low & 0xFC00 == 0xDC00
            else { throw fault("half of a surrogate pair") }
            at += 12
        default: throw fault("an unknown escape")
        }
    }

    /// Four hexadecimal digits from `place`.
    private static func unit(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt32? {
        guard place + 4 <= bytes.count else { return nil }
        var unit: UInt32 = 0
        for index in place..<place + 4 {
            let byte = bytes[index]
            switch byte {
            case 0x30...0x39: unit = unit << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: unit = unit << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: unit = unit << 4 | UInt32(byte - 0x57)
            default: return nil
            }
        }
        return unit
    }

    /// The content of a checked text, escapes resolved.
    static func content(_ bytes: UnsafeBufferPointer<UInt8>, _ token: JSONDocument.Token) -> [UInt8] {
        let range = Int(token.start)..<Int(token.end)
        guard token.mark else { return Array(bytes[range]) }
        var content: [UInt8] = []
        content.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            guard bytes[at] == UInt8(ascii: "\\"), at + 1 < range.upperBound else {
                content.append(bytes[at])
                at += 1
                continue
            }
            let letter = bytes[at + 1]
            at += 2
            switch letter {
            case UInt8(ascii: "n"): content.append(0x0A)
            case UInt8(ascii: "t"): content.append(0x09)
            case UInt8(ascii: "r"): content.append(0x0D)
            case UInt8(ascii: "b"): content.append(0x08)
            case UInt8(ascii: "f"): content.append(0x0C)
            case UInt8(ascii: "u"):
                var code = unit(bytes, at) ?? 0xFFFD
                at += 4
                if code & 0xFC00 == 0xD800, let low = unit(bytes, at + 2) {
                    code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
                    at += 6
                }
                content += Array(String(Character(Unicode.Scalar(code) ?? "\u{FFFD}")).utf8)
            default: content.append(letter)
            }
        }
        return content
    }
}
