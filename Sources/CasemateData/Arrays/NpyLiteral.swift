/// The subset of Python literals in which NumPy writes its headers: texts, whole numbers, truth values, tuples, lists
/// and dictionaries. Nothing is ever run.
indirect enum NpyLiteral: Hashable, Sendable {
    case text(String), number(Int), truth(Bool), none
    case list([NpyLiteral])
    case mapping([Pair])

    /// One entry of a dictionary.
    struct Pair: Hashable, Sendable { let key: String, value: NpyLiteral }

    /// Why a text is no literal of this subset.
    struct Failure: Error { let offset: Int, what: String }

    /// Reads one literal with blanks around it.
    static func parse(_ bytes: ArraySlice<UInt8>) throws(Failure) -> NpyLiteral {
        var reader = NpyLiteralReader(bytes: bytes, position: bytes.startIndex)
        let value = try reader.value(depth: 0)
        reader.skipBlanks()
        guard reader.position == bytes.endIndex else { throw reader.failure("more text follows") }
        return value
    }
}

/// Walks over a header's text.
struct NpyLiteralReader {
    let bytes: ArraySlice<UInt8>
    var position: Int

    func failure(_ what: String) -> NpyLiteral.Failure {
        NpyLiteral.Failure(offset: position - bytes.startIndex, what: what)
    }

    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    mutating func skipBlanks() {
        while let byte = next, byte == 32 || (9...13).contains(byte) { position += 1 }
    }

    private mutating func take(_ byte: Character) -> Bool {
        skipBlanks()
        guard next == byte.asciiValue else { return false }
        position += 1
        return true
    }

    mutating func value(depth: Int) throws(NpyLiteral.Failure) -> NpyLiteral {
        guard depth < 16 else { throw failure("is nested too deeply") }
        skipBlanks()
        switch next {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "("): return .list(try list(until: ")", depth: depth))
        case UInt8(ascii: "["): return .list(try list(until: "]", depth: depth))
        case UInt8(ascii: "{"): return .mapping(try mapping(depth: depth))
        case let byte? where byte == UInt8(ascii: "-") || (48...57).contains(byte): return .number(try number())
        default: return try word()
        }
    }

    private mutating func text() throws(NpyLiteral.Failure) -> String {
        let quote = bytes[position]
        position += 1
        let start = position
        while let byte = next, byte != quote {
            guard byte != UInt8(ascii: "\\"), byte != 10 else { throw failure("a text holds an escape or a line end") }
            position += 1
        }
        guard position < bytes.endIndex else { throw failure("a text has no end") }
        position += 1
        return String(decoding: bytes[start..<position - 1], as: UTF8.self)
    }

    private mutating func number() throws(NpyLiteral.Failure) -> Int {
        let isNegative = take("-")
        var value = 0, digits = 0
        while let byte = next, (48...57).contains(byte) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = product.addingReportingOverflow(Int(byte - 48))
            guard !overflow, !more else { throw failure("a number does not fit 64 bits") }
            (value, digits, position) = (sum, digits + 1, position + 1)
        }
        guard digits > 0 else { throw failure("a number has no digits") }
        // why: Python 2 wrote its long numbers with this letter.
        if next == UInt8(ascii: "L") { position += 1 }
        return isNegative ? -value : value
    }

    private mutating func list(until end: Character, depth: Int) throws(NpyLiteral.Failure) -> [NpyLiteral] {
        position += 1
        var items: [NpyLiteral] = []
        while !take(end) {
            guard items.count < 4_096 else { throw failure("a list is too long") }
            items.append(try value(depth: depth + 1))
            if !take(",") {
                guard take(end) else { throw failure("a comma or '\(end)' must stand there") }
                return items
            }
        }
        return items
    }

    private mutating func mapping(depth: Int) throws(NpyLiteral.Failure) -> [NpyLiteral.Pair] {
        position += 1
        var pairs: [NpyLiteral.Pair] = []
        while !take("}") {
            guard pairs.count < 64 else { throw failure("has too many keys") }
            guard case .text(let key) = try value(depth: depth + 1) else { throw failure("a key is no text") }
            guard take(":") else { throw failure("':' must stand there") }
            pairs.append(NpyLiteral.Pair(key: key, value: try value(depth: depth + 1)))
            if !take(",") {
                guard take("}") else { throw failure("a comma or '}' must stand there") }
                return pairs
            }
        }
        return pairs
    }

    private mutating func word() throws(NpyLiteral.Failure) -> NpyLiteral {
        for (name, value) in [("True", NpyLiteral.truth(true)), ("False", .truth(false)), ("None", .none)]
        where bytes[position...].starts(with: name.utf8) {
            position += name.utf8.count
            return value
        }
        throw failure("no literal stands there")
    }
}
