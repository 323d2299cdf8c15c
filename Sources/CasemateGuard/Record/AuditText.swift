import CasemateCore
import Crypto

/// Writes the records of the log: JSON with one spelling only (RFC 8785), so that the same event has the same bytes.
///
/// No white space, members in the order of their names, the shortest escapes, numbers as ECMAScript writes them. The
/// order of members is the caller's part; tests compare it with an independent implementation.
package struct AuditText {
    /// What was written.
    private(set) var bytes: [UInt8] = []
    private var isFirst = true
    /// Largest whole number that every reader of JSON keeps.
    static let largest: UInt64 = 1 << 53 - 1

    /// Begins an object.
    init(capacity: Int = 768) {
        bytes.reserveCapacity(capacity)
        bytes.append(UInt8(ascii: "{"))
    }
    /// Ends the object and gives its bytes.
    consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// A text.
    mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        quoted(text)
    }
    /// A text, left out where it is empty.
    mutating func memberUnlessEmpty(_ name: StaticString, _ text: String) {
        if !text.isEmpty { member(name, text) }
    }
    /// A truth value.
    mutating func member(_ name: StaticString, _ flag: Bool) {
        key(name)
        bytes += (flag ? "true" : "false").utf8
    }
    /// A whole number, cut to 53 bits.
    mutating func member(_ name: StaticString, _ number: Int64) {
        key(name)
        integer(min(Int64(Self.largest), max(-Int64(Self.largest), number)))
    }
    /// A number; what is not finite is a text.
    mutating func member(_ name: StaticString, _ number: Double) {
        key(name)
        bytes += Self.number(number).utf8
    }
    /// An object.
    mutating func object(_ name: StaticString, _ body: (inout AuditText) -> Void) {
        key(name)
        nested(body)
    }
    /// A list.
    mutating func list<Items: Collection>(
        _ name: StaticString, _ items: Items, _ body: (inout AuditText, Items.Element) -> Void
    ) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        var isNext = false
        for item in items {
            if isNext { bytes.append(UInt8(ascii: ",")) }
            isNext = true
            body(&self, item)
        }
        bytes.append(UInt8(ascii: "]"))
    }
    /// An object as an item of a list.
    mutating func nested(_ body: (inout AuditText) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        isFirst = false
    }
    /// A whole number as an item of a list.
    mutating func integer(_ number: Int64) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var (rest, digits) = (number.magnitude, [UInt8](repeating: 0, count: 0))
        guard rest >= 10 else { return bytes.append(UInt8(ascii: "0") + UInt8(rest)) }
        while rest > 0 {
            digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        bytes += digits.reversed()
    }
    /// A text as an item of a list.
    mutating func quoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { source in
            guard source.contains(where: Self.needsEscape) else { return bytes.append(contentsOf: source) }
            for byte in source { escaped(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func key(_ name: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
    private mutating func escaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x08: bytes += "\\b".utf8
        case 0x09: bytes += "\\t".utf8
        case 0x0a: bytes += "\\n".utf8
        case 0x0c: bytes += "\\f".utf8
        case 0x0d: bytes += "\\r".utf8
        case 0..<0x20: bytes += ("\\u00" + Hexadecimal.text(of: [byte])).utf8
        default: bytes.append(byte)
        }
    }

    /// A number as ECMAScript writes it: the shortest digits that read back the same; an exponent from 1e21 on and below
    /// 1e-6. Source: RFC 8785, section 3.2.2.3; ECMA-262, Number::toString.
    package static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"" }
        guard value != 0 else { return "0" }
        let shortest = "\(value.magnitude)".split(separator: "e", maxSplits: 1)
        let parts = shortest[0].split(separator: ".", maxSplits: 1)
        let whole = String(parts[0]), fraction = parts.count > 1 ? String(parts[1]) : ""
        var digits = whole + (fraction == "0" ? "" : fraction)
        // The value is 0.digits times ten to the `point`.
        var point = whole.utf8.count + (shortest.count > 1 ? Int(shortest[1]) ?? 0 : 0)
        while digits.hasPrefix("0") {
            digits.removeFirst()
            point -= 1
        }
        while digits.hasSuffix("0") { digits.removeLast() }
        return (value < 0 ? "-" : "") + written(digits, point)
    }
    private static func written(_ digits: String, _ point: Int) -> String {
        let count = digits.utf8.count
        if count <= point, point <= 21 { return digits + String(repeating: "0", count: point - count) }
        if 0 < point, point <= 21 { return digits.prefix(point) + "." + digits.dropFirst(point) }
        if -6 < point, point <= 0 { return "0." + String(repeating: "0", count: -point) + digits }
        let exponent = point - 1 < 0 ? "-\(1 - point)" : "+\(point - 1)"
        return digits.prefix(1) + (count > 1 ? "." : "") + digits.dropFirst() + "e" + exponent
    }

    /// A text of at most `limit` bytes: a longer one is cut and ends in 16 digits of its SHA-256, so that two that begin
    /// alike stay apart.
    static func clipped(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var (kept, size) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            size += UTF8.width(scalar)
            guard size <= limit else { break }
            kept.append(scalar)
        }
        let digest = Hexadecimal.text(of: SHA256.hash(data: Array(text.utf8)).prefix(8))
        return String(kept) + "…" + digest
    }
}
