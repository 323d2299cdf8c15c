import CasemateCore

/// Cuts a property file into brackets and words.
struct VnnLexer {
    /// A piece of the text.
    enum Token: Hashable {
        case open, close, end
        /// A name, number or text, by its place.
        case word(Range<Int>)
    }

    let bytes: [UInt8]
    let path: String
    /// Where the next token is looked for, and where the last one began.
    private(set) var position = 0, start = 0

    init(_ bytes: [UInt8], path: String) {
        (self.bytes, self.path) = (bytes, path)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    /// The next token; blanks and comments are passed over.
    /// - Throws: `malformed` for a quoted name or text without end.
    mutating func next() throws(CasemateError) -> Token {
        skip()
        start = position
        guard position < bytes.count else { return .end }
        let first = bytes[position]
        position += 1
        switch first {
        case UInt8(ascii: "("): return .open
        case UInt8(ascii: ")"): return .close
        case UInt8(ascii: "|"), UInt8(ascii: "\""):
            while position < bytes.count, bytes[position] != first { position += 1 }
            guard position < bytes.count else { throw malformed("a quoted text has no end") }
            position += 1
            return .word(first == UInt8(ascii: "|") ? start + 1..<position - 1 : start..<position)
        default:
            while position < bytes.count, !Self.isBorder(bytes[position]) { position += 1 }
            return .word(start..<position)
        }
    }

    private mutating func skip() {
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: ";") {
                while position < bytes.count, bytes[position] != 10 { position += 1 }
            } else if Self.isBlank(bytes[position]) {
                position += 1
            } else {
                return
            }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func isBorder(_ byte: UInt8) -> Bool {
        isBlank(byte) || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") || byte == UInt8(ascii: ";")
    }

    /// The text of a word, fit for a message.
    func shown(_ word: Range<Int>) -> String {
        OnnxLook.printable(String(decoding: bytes[word.prefix(200)], as: UTF8.self))
    }

    /// Whether a word is `name`.
    func matches(_ word: Range<Int>, _ name: StaticString) -> Bool {
        guard word.count == name.utf8CodeUnitCount else { return false }
        return bytes[word].elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// `path:line:column` of a place, both from 1, columns in bytes; of the last token without one.
    func place(_ position: Int? = nil) -> String {
        let before = bytes.prefix(position ?? start)
        let line = before.count { $0 == 10 } + 1
        let column = before.count - (before.lastIndex(of: 10) ?? -1)
        return "\(path):\(line):\(column)"
    }

    func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: place(), what, help: "docs/reference/vnnlib.md says what is read")
    }

    func unsupported(_ what: String, at position: Int? = nil) -> CasemateError {
        CasemateError(
            .unsupported, at: place(position), what,
            help: "VNN-LIB 1.0 is read: 'and' and 'or' over linear inequalities of X_i and Y_i")
    }
}
