/// Writes JSON into one growing buffer.
///
/// why not the writer of CasemateModels: that writes `null` for what is no number and whole floats as integers; an
/// answer must say neither.
package struct JSONWriter {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    /// Begins with room for so many bytes.
    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Text that is JSON already.
    package mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }
    /// One character that is JSON already.
    package mutating func raw(_ byte: UInt8) { bytes.append(byte) }
    /// A text in quotes; control characters, also those behind ASCII, and angle brackets are escaped.
    package mutating func text(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { content in
            var index = 0
            while index < content.count {
                let byte = content[index]
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    bytes.append(UInt8(ascii: "\\"))
                    bytes.append(byte)
                case 0..<0x20, 0x7F, UInt8(ascii: "<"), UInt8(ascii: ">"): escape(UInt16(byte))
                case 0xC2 where index + 1 < content.count && content[index + 1] < 0xA0:
                    escape(UInt16(content[index + 1]))
                    index += 1
                default: bytes.append(byte)
                }
                index += 1
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ unit: UInt16) {
        raw("\\u")
        for shift in [12, 8, 4, 0] as [UInt16] {
            let digit = UInt8(unit >> shift & 15)
            bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    /// A truth value.
    package mutating func flag(_ flag: Bool) { if flag { raw("true") } else { raw("false") } }

    /// A whole number.
    package mutating func integer(_ value: some FixedWidthInteger) {
        if value >= 0, value < 10 { return bytes.append(0x30 + UInt8(truncatingIfNeeded: value)) }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        // why: written from the end into 20 bytes, which hold the largest number of 64 bits; no text is made.
        var rest = UInt64(value.magnitude)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var at = 20
            while rest > 0 {
                at -= 1
                digits[at] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            bytes.append(contentsOf: digits[at...])
        }
    }

    /// A finite float32 as the shortest decimal that is that float32.
    /// - Returns: `false`, with nothing written, for NaN and infinities.
    package mutating func number(_ value: Float) -> Bool {
        guard value.isFinite else { return false }
        append(value.description)
        return true
    }
    /// A finite float64 as the shortest decimal that is that float64.
    /// - Returns: `false`, with nothing written, for NaN and infinities.
    package mutating func number(_ value: Double) -> Bool {
        guard value.isFinite else { return false }
        append(value.description)
        return true
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// Items with commas between them, in brackets.
    package mutating func list<Items: Collection>(
        _ items: Items, _ write: (inout JSONWriter, Items.Element) throws -> Void
    ) rethrows {
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for item in items {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            try write(&self, item)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}
