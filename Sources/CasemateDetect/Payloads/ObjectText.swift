/// Whether a text carries a serialised object or a program: written out, in base64 or in hexadecimal digits.
///
/// Nothing is ever loaded. At most 64 KiB are decoded, and opcodes of pickles are stepped over, not carried out.
/// Sources: Python's pickletools; Java Object Serialization Specification, chapter 6; MS-NRBF; the YAML tags of PyYAML,
/// SnakeYAML and Psych.
enum ObjectText {
    private static let limit = 1 << 16

    /// The format; `nil` for ordinary texts.
    static func format(_ text: String) -> String? {
        let bytes = Array(text.utf8.prefix(limit))
        if let marked = marked(bytes) { return marked }
        if isTextPickle(bytes) { return "pickle, protocol 0" }
        if Array(text.unicodeScalars.prefix(limit)).containsPickleScalars { return "pickle, written out" }
        for run in runs(bytes, isBase64) where run.count >= 12 {
            if let name = binary(base64(run)) { return "\(name) in base64" }
        }
        for run in runs(bytes.filter { $0 != 0x5C && $0 != 0x78 && $0 != 0x20 }, isHexadecimal) where run.count >= 16 {
            if let name = binary(hexadecimal(run)) { return "\(name) in hexadecimal digits" }
        }
        return nil
    }

    /// Formats that are known by words that no data hold by chance.
    private static func marked(_ bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let marks = [
            ("!!python/", "YAML tag of Python"), ("!!java", "YAML tag of Java"), ("!ruby/object", "YAML tag of Ruby"),
            ("!ruby/hash", "YAML tag of Ruby"), ("_$$ND_FUNC$$_", "JavaScript function"),
            ("\"py/object\"", "jsonpickle object"), ("\"py/reduce\"", "jsonpickle object"),
            ("\"py/type\"", "jsonpickle object"), ("\"$type\":\"System.", ".NET type in JSON"),
            ("\"$type\": \"System.", ".NET type in JSON"),
        ]
        if let found = marks.first(where: { text.contains($0.0) }) { return found.1 }
        return isPhpObject(text) ? "PHP object" : nil
    }

    /// `O:8:"stdClass":1:{…`
    private static func isPhpObject(_ text: String) -> Bool {
        var rest = text[...]
        while let start = rest.firstIndex(of: "O") {
            rest = rest[start...].dropFirst()
            var part = rest
            guard part.popFirst() == ":" else { continue }
            let length = part.prefix { $0.isASCII && $0.isNumber }
            guard let count = Int(length), count > 0, count < 200 else { continue }
            part = part.dropFirst(length.count)
            guard part.popFirst() == ":", part.popFirst() == "\"" else { continue }
            let name = part.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "\\") }
            part = part.dropFirst(name.count)
            guard name.count == count, part.hasPrefix("\":") else { continue }
            let members = part.dropFirst(2).prefix { $0.isASCII && $0.isNumber }
            if !members.isEmpty, part.dropFirst(2 + members.count).hasPrefix(":{") { return true }
        }
        return false
    }

    /// A pickle of protocol 0: `c`, module and name on lines of their own, later `R` or `i`, and a full stop at the end.
    private static func isTextPickle(_ bytes: [UInt8]) -> Bool {
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        for index in lines.indices.dropLast() {
            guard let first = lines[index].first, first == 0x63 || (lines[index].starts(with: [0x28, 0x63])) else {
                continue
            }
            let module = lines[index].drop { $0 == 0x28 }.dropFirst()
            let name = lines[index + 1]
            guard isName(module), isName(name) else { continue }
            let rest = lines[(index + 2)...].joined()
            if rest.contains(0x52), rest.last == 0x2E || rest.dropLast().last == 0x2E { return true }
        }
        return false
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= 100, !(0x30...0x39).contains(first) else { return false }
        return bytes.allSatisfy {
            (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
                || $0 == 0x2E
        }
    }

    /// The format of decoded bytes.
    private static func binary(_ bytes: [UInt8]) -> String? {
        if PickleText.isPickle(bytes) { return "pickle" }
        if bytes.starts(with: [0xAC, 0xED, 0x00, 0x05]) { return "Java object" }
        if bytes.starts(with: [0x00, 0x01, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF]) { return ".NET object" }
        if bytes.starts(with: [0x04, 0x08, 0x6F]) { return "Ruby object" }
        if bytes.starts(with: [0x4D, 0x5A, 0x90, 0x00, 0x03]) { return "Windows program" }
        if bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), bytes.count > 16, bytes[4] == 1 || bytes[4] == 2 {
            return "Linux program"
        }
        return nil
    }

    private static func runs(_ bytes: [UInt8], _ belongs: (UInt8) -> Bool) -> [ArraySlice<UInt8>] {
        bytes.split { !belongs($0) }
    }
    private static func isBase64(_ byte: UInt8) -> Bool { sextet(byte) != nil }
    private static func isHexadecimal(_ byte: UInt8) -> Bool { nibble(byte) != nil }

    private static func sextet(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte - 0x41)
        case 0x61...0x7A: UInt32(byte - 0x61 + 26)
        case 0x30...0x39: UInt32(byte - 0x30 + 52)
        case 0x2B, 0x2D: 62
        case 0x2F, 0x5F: 63
        default: nil
        }
    }
    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    private static func base64(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var (bits, held): (UInt32, Int) = (0, 0)
        for byte in text {
            bits = bits << 6 | (sextet(byte) ?? 0)
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
                bits &= (1 << UInt32(held)) - 1
            }
        }
        return bytes
    }
    private static func hexadecimal(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let digits = text.compactMap(nibble)
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

extension [Unicode.Scalar] {
    /// Whether bytes of a pickle stand here as letters of Latin-1.
    fileprivate var containsPickleScalars: Bool {
        guard let start = firstIndex(where: { $0.value == 0x80 }), allSatisfy({ $0.value < 256 }) else { return false }
        return PickleText.isPickle(self[start...].map { UInt8(truncatingIfNeeded: $0.value) })
    }
}
