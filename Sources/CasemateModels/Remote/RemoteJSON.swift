import CasemateCore
import Foundation

/// JSON of a response. Lists of numbers are kept flat, which is what answers are made of.
package indirect enum RemoteJSON: Hashable, Sendable {
    case null, flag(Bool), number(Double), text(String)
    /// A list of numbers, at least one; `areWhole` when all were written without a fraction or an exponent.
    case numbers([Double], areWhole: Bool)
    case list([RemoteJSON])
    case object([Member])

    /// A name and its value.
    package struct Member: Hashable, Sendable {
        /// The name.
        package let name: String
        /// The value.
        package let value: RemoteJSON
        /// Makes a member.
        package init(name: String, value: RemoteJSON) { (self.name, self.value) = (name, value) }
    }

    /// The value of a name; the first where a name is there twice.
    subscript(name: String) -> RemoteJSON? {
        if case .object(let members) = self { members.first { $0.name == name }?.value } else { nil }
    }
    /// The text, `nil` for another kind.
    var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The items of a list; `nil` for another kind.
    var items: [RemoteJSON]? {
        switch self {
        case .list(let items): items
        case .numbers(let numbers, _): numbers.map { .number($0) }
        default: nil
        }
    }
    /// The members of an object; `nil` for another kind.
    var members: [Member]? { if case .object(let members) = self { members } else { nil } }
    /// The whole numbers of a list, `nil` where it holds anything else.
    var wholes: [Int]? {
        switch self {
        case .numbers(let numbers, _):
            let wholes = numbers.compactMap { Int(exactly: $0) }
            return wholes.count == numbers.count ? wholes : nil
        case .list(let items): return items.isEmpty ? [] : nil
        default: return nil
        }
    }

    /// What is wrong with a text that is no JSON.
    package struct Problem: Error, Hashable {
        /// What is wrong.
        package let what: String
        /// Where.
        package let byte: Int
    }

    /// Reads one JSON value.
    ///
    /// `NaN`, `Infinity` and `-Infinity`, which some servers write, are read as the numbers they mean.
    /// - Parameter depth: Deepest nesting that is read.
    /// - Throws: `Problem` with the byte.
    package static func read(_ bytes: UnsafeRawBufferPointer, depth: Int = 16) throws(Problem) -> RemoteJSON {
        var reader = RemoteJSONReader(bytes: bytes, deepest: depth)
        return try reader.document()
    }
}

/// Reads JSON without recursion beyond a fixed depth and without a look behind the end.
private struct RemoteJSONReader {
    let bytes: UnsafeRawBufferPointer
    let deepest: Int
    var at = 0

    init(bytes: UnsafeRawBufferPointer, deepest: Int) { (self.bytes, self.deepest) = (bytes, deepest) }

    mutating func document() throws(RemoteJSON.Problem) -> RemoteJSON {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { at = 3 }
        let value = try value(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw problem("there is something behind the end") }
        return value
    }

    private func problem(_ what: String) -> RemoteJSON.Problem { RemoteJSON.Problem(what: what, byte: at) }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 {
            at += 1
        }
    }

    private mutating func value(depth: Int) throws(RemoteJSON.Problem) -> RemoteJSON {
        skipSpace()
        guard at < bytes.count else { throw problem("it ends early") }
        guard depth <= deepest else { throw problem("it is nested deeper than \(deepest) levels") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number().value)
        }
    }

    private mutating func word(_ word: StaticString, _ value: RemoteJSON) throws(RemoteJSON.Problem) -> RemoteJSON {
        guard take(word) else { throw problem("unexpected letters") }
        return value
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard at + count <= bytes.count else { return false }
        for index in 0..<count where bytes[at + index] != word.utf8Start[index] { return false }
        at += count
        return true
    }

    private mutating func object(depth: Int) throws(RemoteJSON.Problem) -> RemoteJSON {
        at += 1
        var members: [RemoteJSON.Member] = []
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
            at += 1
            return .object([])
        }
        while true {
            skipSpace()
            guard at < bytes.count else { throw problem("it ends early") }
            guard bytes[at] == UInt8(ascii: "\"") else { throw problem("a name is missing") }
            let name = try string()
            skipSpace()
            guard at < bytes.count else { throw problem("it ends early") }
            guard bytes[at] == UInt8(ascii: ":") else { throw problem("a colon is missing") }
            at += 1
            members.append(RemoteJSON.Member(name: name, value: try value(depth: depth + 1)))
            if try ends(with: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    /// Whether a list or object ends here; if not, a comma has been taken.
    private mutating func ends(with end: UInt8) throws(RemoteJSON.Problem) -> Bool {
        skipSpace()
        guard at < bytes.count else { throw problem("it ends early") }
        guard bytes[at] == end || bytes[at] == UInt8(ascii: ",") else { throw problem("a comma is missing") }
        at += 1
        return bytes[at - 1] == end
    }

    private mutating func list(depth: Int) throws(RemoteJSON.Problem) -> RemoteJSON {
        at += 1
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
            at += 1
            return .list([])
        }
        var numbers: [Double] = []
        var areWhole = true
        while true {
            skipSpace()
            guard at < bytes.count else { throw problem("it ends early") }
            guard Self.beginsNumber(bytes[at]) else { break }
            let found = try number()
            numbers.append(found.value)
            areWhole = areWhole && found.isWhole
            if try ends(with: UInt8(ascii: "]")) { return .numbers(numbers, areWhole: areWhole) }
        }
        var items = numbers.map { RemoteJSON.number($0) }
        while true {
            items.append(try value(depth: depth + 1))
            if try ends(with: UInt8(ascii: "]")) { return .list(items) }
        }
    }

    private static func beginsNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || isDigit(byte) || byte == UInt8(ascii: "N") || byte == UInt8(ascii: "I")
    }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
}

extension RemoteJSONReader {
    /// Powers of ten that a float64 holds exactly.
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    private mutating func digits(_ mantissa: inout UInt64, _ count: inout Int) {
        while at < bytes.count, Self.isDigit(bytes[at]) {
            if count < 19 { mantissa = mantissa &* 10 &+ UInt64(bytes[at] &- 0x30) }
            if mantissa != 0 { count += 1 }
            at += 1
        }
    }

    fileprivate mutating func number() throws(RemoteJSON.Problem) -> (value: Double, isWhole: Bool) {
        let start = at
        if take("NaN") { return (.nan, false) }
        if take("Infinity") { return (.infinity, false) }
        if take("-Infinity") { return (-.infinity, false) }
        let isNegative = at < bytes.count && bytes[at] == UInt8(ascii: "-")
        if isNegative { at += 1 }
        var (mantissa, count) = (UInt64(0), 0)
        let first = at
        digits(&mantissa, &count)
        guard at > first else { throw problem(at < bytes.count ? "unexpected character" : "it ends early") }
        guard at == first + 1 || bytes[first] != 0x30 else { throw problem("a number begins with a zero") }
        var isWhole = true
        var exponent = 0
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            let point = at
            isWhole = false
            digits(&mantissa, &count)
            guard at > point else { throw problem("digits are missing behind a point") }
            exponent = point - at
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            exponent += try self.exponent()
        }
        if count <= 19, mantissa <= 1 << 53, abs(exponent) <= 22 {
            let value =
                exponent < 0 ? Double(mantissa) / Self.powers[-exponent] : Double(mantissa) * Self.powers[exponent]
            return (isNegative ? -value : value, isWhole)
        }
        return (slow(start), isWhole)
    }

    private mutating func exponent() throws(RemoteJSON.Problem) -> Int {
        at += 1
        var isNegative = false
        if at < bytes.count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") {
            isNegative = bytes[at] == UInt8(ascii: "-")
            at += 1
        }
        let first = at
        var size = 0
        while at < bytes.count, Self.isDigit(bytes[at]) {
            if size < 100_000 { size = size * 10 + Int(bytes[at] &- 0x30) }
            at += 1
        }
        guard at > first else { throw problem("digits are missing in an exponent") }
        return isNegative ? -size : size
    }

    /// The number between `start` and here, correctly rounded; its form has been checked.
    private func slow(_ start: Int) -> Double {
        let count = at - start
        guard count < 400 else {
            return Double(String(decoding: bytes[start..<at], as: UTF8.self)) ?? .nan
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { copy in
            for index in 0..<count { copy[index] = CChar(bitPattern: bytes[start + index]) }
            copy[count] = 0
            return copy.baseAddress.map { strtod($0, nil) } ?? .nan
        }
    }
}

extension RemoteJSONReader {
    fileprivate mutating func string() throws(RemoteJSON.Problem) -> String {
        at += 1
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 0x20 {
            at += 1
        }
        guard at < bytes.count else { throw problem("it ends early") }
        var content = [UInt8](bytes[start..<at])
        while bytes[at] != UInt8(ascii: "\"") {
            guard bytes[at] >= 0x20 else { throw problem("a control character in a text") }
            if bytes[at] == UInt8(ascii: "\\") {
                try escape(&content)
            } else {
                content.append(bytes[at])
                at += 1
            }
            guard at < bytes.count else { throw problem("it ends early") }
        }
        at += 1
        guard let text = String(validating: content, as: UTF8.self) else { throw problem("a text that is no UTF-8") }
        return text
    }

    private mutating func escape(_ content: inout [UInt8]) throws(RemoteJSON.Problem) {
        guard at + 1 < bytes.count else { throw problem("it ends early") }
        let letter = bytes[at + 1]
        at += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(letter)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "u"):
            var unit = try hexadecimal()
            if (0xD800..<0xDC00).contains(unit), take("\\u") {
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw problem("half a character") }
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw problem("half a character") }
            content += Array(String(Character(scalar)).utf8)
        default: throw problem("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(RemoteJSON.Problem) -> UInt32 {
        guard at + 4 <= bytes.count else { throw problem("it ends early") }
        var value: UInt32 = 0
        for byte in bytes[at..<at + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw problem("no hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
        }
        at += 4
        return value
    }
}
