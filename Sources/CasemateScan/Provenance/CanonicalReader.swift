extension CanonicalJSON {
    /// Reads the canonical spelling and nothing else: whatever passes is spelt as `bytes` would spell it.
    /// - Throws: `CanonicalFault` with the first byte that is not as it must be.
    package init(canonical bytes: some Collection<UInt8>) throws(CanonicalFault) {
        var reader = CanonicalReader(Array(bytes))
        self = try reader.document()
    }
}

/// A reader of one document, bounded in depth by 16.
private struct CanonicalReader {
    private let bytes: [UInt8]
    private var position = 0
    private static let depth = 16

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(CanonicalFault) -> CanonicalJSON {
        let value = try value(depth: 0)
        guard position == bytes.count else { throw fault("the end") }
        return value
    }

    private func fault(_ what: String) -> CanonicalFault { CanonicalFault(offset: position, what: what) }
    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }
    private mutating func expect(_ character: Unicode.Scalar) throws(CanonicalFault) {
        guard take(character) else { throw fault("'\(character)'") }
    }
    private mutating func word(_ word: String) throws(CanonicalFault) {
        guard bytes[position...].starts(with: word.utf8) else { throw fault("'\(word)'") }
        position += word.utf8.count
    }

    private mutating func value(depth: Int) throws(CanonicalFault) -> CanonicalJSON {
        guard depth < Self.depth else { throw fault("fewer than \(Self.depth) levels") }
        switch next {
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "t"):
            try word("true")
            return .flag(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .flag(false)
        default: return .integer(try integer())
        }
    }

    private mutating func object(depth: Int) throws(CanonicalFault) -> CanonicalJSON {
        try expect("{")
        var members: [String: CanonicalJSON] = [:]
        var last: String?
        while !take("}") {
            if last != nil { try expect(",") }
            let start = position
            let name = try text()
            let isAllowed = !name.isEmpty && name.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
            guard isAllowed, last.map({ $0.utf8.lexicographicallyPrecedes(name.utf8) }) ?? true else {
                position = start
                throw fault("member names in ASCII, sorted, each once")
            }
            try expect(":")
            members[name] = try value(depth: depth + 1)
            last = name
        }
        return .object(members)
    }

    private mutating func list(depth: Int) throws(CanonicalFault) -> CanonicalJSON {
        try expect("[")
        var values: [CanonicalJSON] = []
        while !take("]") {
            if !values.isEmpty { try expect(",") }
            values.append(try value(depth: depth + 1))
        }
        return .list(values)
    }

    private mutating func integer() throws(CanonicalFault) -> Int {
        let start = position
        let isNegative = take("-")
        var magnitude = 0, digits = 0
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 17 {
            magnitude = magnitude * 10 + Int(byte - UInt8(ascii: "0"))
            (digits, position) = (digits + 1, position + 1)
        }
        let first = start + (isNegative ? 1 : 0)
        let isPadded = digits > 1 && bytes[first] == UInt8(ascii: "0")
        guard digits > 0, !isPadded, magnitude <= CanonicalJSON.largest, !(isNegative && magnitude == 0) else {
            position = start
            throw fault("a whole number of at most 53 bits, a text, a list, an object, true or false")
        }
        return isNegative ? -magnitude : magnitude
    }

    private mutating func text() throws(CanonicalFault) -> String {
        try expect("\"")
        let start = position
        var content: [UInt8] = []
        while true {
            guard let byte = next else { throw fault("the end of a text") }
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let text = String(validating: content, as: UTF8.self) else {
                    position = start
                    throw fault("UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): content.append(try escape())
            case 0..<0x20: throw fault("an escape")
            default:
                content.append(byte)
                position += 1
            }
        }
    }

    private static let short: [UInt8: UInt8] = [
        UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"), UInt8(ascii: "b"): 0x08,
        UInt8(ascii: "t"): 0x09, UInt8(ascii: "n"): 0x0a, UInt8(ascii: "f"): 0x0c, UInt8(ascii: "r"): 0x0d,
    ]

    private mutating func escape() throws(CanonicalFault) -> UInt8 {
        let letter = position + 1 < bytes.count ? bytes[position + 1] : 0
        if let byte = Self.short[letter] {
            position += 2
            return byte
        }
        // Only control characters without a short escape have a long one: \u00 and two small digits.
        let rest = bytes[position...].prefix(6)
        if rest.count == 6, rest.starts(with: "\\u00".utf8) {
            let digits = String(decoding: rest.suffix(2), as: UTF8.self)
            if let byte = UInt8(digits, radix: 16), byte < 0x20, digits == digits.lowercased(),
                !Self.short.values.contains(byte)
            {
                position += 6
                return byte
            }
        }
        throw fault("a canonical escape")
    }
}
