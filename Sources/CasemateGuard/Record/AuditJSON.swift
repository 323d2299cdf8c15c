import Foundation

/// A JSON value of a record, read back within bounds: at most 1 MiB, 8 levels, 10,000 values.
///
/// Reads what records may hold (RFC 8259 without surrogate escapes) and nothing else; hostile bytes give `nil`.
indirect enum AuditJSON: Hashable, Sendable {
    case text(String), number(Double), flag(Bool), list([AuditJSON]), object([String: AuditJSON])

    /// Reads a text; `nil` for anything that is no JSON value within the bounds.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= 1 << 20 else { return nil }
        var reader = Reader(bytes: Array(bytes))
        guard let value = reader.value(depth: 0), reader.index == reader.bytes.count else { return nil }
        self = value
    }

    /// A member of an object.
    subscript(_ name: String) -> AuditJSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }
    /// The text, where it is one.
    var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The truth value, where it is one.
    var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
    /// The whole number, where it is one of at most 53 bits.
    var integer: Int64? {
        if case .number(let number) = self, number.magnitude <= Double(AuditText.largest) {
            Int64(exactly: number)
        } else {
            nil
        }
    }
    /// The list, where it is one.
    var list: [AuditJSON] { if case .list(let items) = self { items } else { [] } }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0
        var budget = 10_000

        mutating func value(depth: Int) -> AuditJSON? {
            budget -= 1
            guard depth <= 8, budget >= 0, index < bytes.count else { return nil }
            switch bytes[index] {
            case UInt8(ascii: "{"): return object(depth)
            case UInt8(ascii: "["): return list(depth)
            case UInt8(ascii: "\""): return string().map(AuditJSON.text)
            case UInt8(ascii: "t"): return word("true") ? .flag(true) : nil
            case UInt8(ascii: "f"): return word("false") ? .flag(false) : nil
            default: return number()
            }
        }
        private mutating func take(_ byte: Unicode.Scalar) -> Bool {
            guard index < bytes.count, bytes[index] == UInt8(ascii: byte) else { return false }
            index += 1
            return true
        }
        private mutating func word(_ word: String) -> Bool {
            guard bytes[index...].starts(with: word.utf8) else { return false }
            index += word.utf8.count
            return true
        }
        private mutating func object(_ depth: Int) -> AuditJSON? {
            index += 1
            var members: [String: AuditJSON] = [:]
            if take("}") { return .object(members) }
            repeat {
                guard let name = string(), take(":"), let value = value(depth: depth + 1), members[name] == nil
                else { return nil }
                members[name] = value
            } while take(",")
            return take("}") ? .object(members) : nil
        }
        private mutating func list(_ depth: Int) -> AuditJSON? {
            index += 1
            var items: [AuditJSON] = []
            if take("]") { return .list(items) }
            repeat {
                guard let value = value(depth: depth + 1) else { return nil }
                items.append(value)
            } while take(",")
            return take("]") ? .list(items) : nil
        }
        private mutating func number() -> AuditJSON? {
            let start = index
            while index < bytes.count, index - start < 32,
                (48...57).contains(bytes[index]) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(bytes[index])
            { index += 1 }
            let text = String(decoding: bytes[start..<index], as: UTF8.self)
            guard !text.isEmpty, let value = Double(text), value.isFinite else { return nil }
            return .number(value)
        }
        private mutating func string() -> String? {
            guard take("\"") else { return nil }
            var text: [UInt8] = []
            let start = index
            while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\") {
                index += 1
            }
            text += bytes[start..<index]
            while index < bytes.count {
                let byte = bytes[index]
                index += 1
                switch byte {
                case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
                case UInt8(ascii: "\\"): guard escape(&text) else { return nil }
                case 0..<0x20: return nil
                default: text.append(byte)
                }
            }
            return nil
        }
        private mutating func escape(_ text: inout [UInt8]) -> Bool {
            guard index < bytes.count else { return false }
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "u"):
                guard index + 4 <= bytes.count,
                    let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16),
                    let scalar = Unicode.Scalar(code)
                else { return false }
                index += 4
                text += UTF8.encode(scalar).map(Array.init) ?? []
            default: return false
            }
            return true
        }
    }
}
