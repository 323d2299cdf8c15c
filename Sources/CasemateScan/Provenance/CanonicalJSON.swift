/// JSON with one spelling only, for hashing and signing: a subset of RFC 8785 (JSON Canonicalization Scheme).
///
/// No white space, members sorted by name, names in printable ASCII, whole numbers of at most 53 bits, no `null`, the
/// shortest escapes. Two values are the same exactly when their bytes are. Page: `docs/reference/provenance.md`.
package indirect enum CanonicalJSON: Hashable, Sendable, Encodable {
    case text(String)
    case integer(Int)
    case flag(Bool)
    case list([CanonicalJSON])
    case object([String: CanonicalJSON])

    /// The largest whole number that every reader of JSON keeps.
    package static let largest = 1 << 53 - 1

    /// The only spelling of the value, in UTF-8.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .text(let text): Self.write(text, to: &bytes)
        case .integer(let number): bytes += String(number).utf8
        case .flag(let flag): bytes += (flag ? "true" : "false").utf8
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x08: bytes += "\\b".utf8
            case 0x09: bytes += "\\t".utf8
            case 0x0a: bytes += "\\n".utf8
            case 0x0c: bytes += "\\f".utf8
            case 0x0d: bytes += "\\r".utf8
            case 0..<0x20: bytes += ("\\u00" + Self.twoDigits(byte)).utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func twoDigits(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.count < 2 ? "0" + digits : digits
    }

    // MARK: Encoding

    /// Writes the value as a part of another document, in that document's own layout.
    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .text(let text): try single(text, encoder)
        case .integer(let number): try single(number, encoder)
        case .flag(let flag): try single(flag, encoder)
        case .list(let values): try single(values, encoder)
        case .object(let members): try single(members, encoder)
        }
    }
    private func single(_ value: some Encodable, _ encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    // MARK: Members

    /// A member of an object; `nil` for anything else.
    package subscript(_ name: String) -> CanonicalJSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }
    /// The text, where it is one.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The number, where it is one.
    package var integer: Int? { if case .integer(let number) = self { number } else { nil } }
    /// The list, where it is one.
    package var list: [CanonicalJSON]? { if case .list(let values) = self { values } else { nil } }
    /// The same object without one member.
    package func without(_ name: String) -> CanonicalJSON {
        guard case .object(var members) = self else { return self }
        members[name] = nil
        return .object(members)
    }
    /// The same object with a member set.
    package func with(_ name: String, _ value: CanonicalJSON) -> CanonicalJSON {
        guard case .object(var members) = self else { return self }
        members[name] = value
        return .object(members)
    }
}

/// Where a text leaves the canonical spelling.
package struct CanonicalFault: Error, Hashable, Sendable {
    /// Offset of the byte, from 0.
    package let offset: Int
    /// What was expected there.
    package let what: String
}
