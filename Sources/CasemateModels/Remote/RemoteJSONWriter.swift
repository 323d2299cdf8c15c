import Foundation

/// Writes the JSON of requests into one growing buffer.
package struct RemoteJSONWriter {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    /// Begins with room for so many bytes.
    package init(capacity: Int) { bytes.reserveCapacity(capacity) }

    /// Text that is JSON already.
    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// A float32 as the shortest decimal that is that float32; `null` for NaN.
    package mutating func number(_ value: Float) {
        if let whole = Int32(exactly: value) { return integer(Int(whole)) }
        guard value.isFinite else { return raw("null") }
        append(value.description)
    }

    /// A float64 as the shortest decimal that is that float64; `null` for NaN.
    package mutating func number(_ value: Double) {
        if let whole = Int32(exactly: value) { return integer(Int(whole)) }
        guard value.isFinite else { return raw("null") }
        append(value.description)
    }

    /// A whole number.
    package mutating func integer(_ value: Int) {
        if value >= 0, value < 10 { return bytes.append(0x30 + UInt8(value)) }
        append(value.description)
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// A text in quotes.
    package mutating func text(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { content in
            for byte in content {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    bytes.append(UInt8(ascii: "\\"))
                    bytes.append(byte)
                case 0..<0x20, 0x7F:
                    raw("\\u00")
                    bytes.append(Self.hexadecimal(byte >> 4))
                    bytes.append(Self.hexadecimal(byte & 15))
                default: bytes.append(byte)
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x57 + digit }

    /// Items with commas between them.
    package mutating func list(_ count: Int, _ item: (inout RemoteJSONWriter, Int) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for index in 0..<count {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            item(&self, index)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

/// Numbers that go over the wire.
protocol RemoteNumber: BinaryFloatingPoint {
    /// Writes the shortest decimal that is this number.
    func write(_ writer: inout RemoteJSONWriter)
}
extension Float: RemoteNumber { func write(_ writer: inout RemoteJSONWriter) { writer.number(self) } }
extension Double: RemoteNumber { func write(_ writer: inout RemoteJSONWriter) { writer.number(self) } }
