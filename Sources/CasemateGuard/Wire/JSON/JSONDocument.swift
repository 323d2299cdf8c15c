/// A checked JSON text: the bytes, and where in them each value stands.
///
/// why: neither Foundation's reader nor the two in CasemateModels serve here. Foundation rounds integers beyond 2^53
/// and cannot be bounded; `RemoteJSON` reads answers of servers, takes `NaN`, doubled names and byte order marks, and makes
/// every number a `Double`; `TreeJSON` does the same for model files. Here the text comes from anybody, and what a
/// number is depends on the type of the tensor, which may stand behind the data. So the text is checked once, lists of
/// numbers are kept as one token whatever their length, and numbers are made from the text when their type is known.
package final class JSONDocument: Sendable {
    /// Bounds of a text.
    package struct Limits: Sendable, Hashable {
        /// Deepest nesting of lists and objects.
        package var depth = 32
        /// Most values, numbers in lists of numbers not counted.
        package var values = 1 << 22
        /// Longest number in bytes.
        package var number = 512
        /// Makes the usual bounds.
        package init() {}
    }
    /// A value, or the name of a member, in the order of the text.
    struct Token: Sendable {
        enum Kind: UInt8, Sendable { case null, yes, no, number, text, numbers, list, object }
        let kind: Kind
        /// For texts, whether escapes are in it; for numbers, whether all are written without fraction and exponent.
        var mark = false
        /// First byte of the content, without quotes and brackets.
        let start: Int32
        /// One behind the last byte of the content.
        var end: Int32
        /// Items or members; for names, a hash of the content.
        var count: Int32 = 0
        /// Index of the first token behind this value.
        var next: Int32 = 0
    }

    /// The text.
    let bytes: [UInt8]
    let tokens: [Token]

    /// Reads one JSON value that fills `bytes[..<count]`.
    /// - Parameter count: Length of the text within `bytes`; `nil` for all of them.
    /// - Throws: `JSONFault`. Takes time and memory in proportion to the text.
    package init(_ bytes: [UInt8], count: Int? = nil, limits: Limits = .init()) throws(JSONFault) {
        let length = min(count ?? bytes.count, bytes.count)
        guard length < Int(Int32.max) else { throw JSONFault("it is too long", at: 0, isTooLarge: true) }
        // why: an error thrown through the closure would lose its type.
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<[Token], JSONFault> in
            var parser = JSONParser(UnsafeBufferPointer(rebasing: buffer[..<length]), limits: limits)
            return Result { () throws(JSONFault) in try parser.document() }
        }
        (self.bytes, tokens) = (bytes, try result.get())
    }

    /// The value.
    package var root: JSONValue { JSONValue(document: self, index: 0) }

    /// The content of a text token, escapes resolved.
    func content(_ token: Token) -> [UInt8] {
        bytes.withUnsafeBufferPointer { JSONParser.content($0, token) }
    }

    /// The text of a token.
    func text(_ token: Token) -> String {
        guard token.mark else {
            return String(decoding: bytes[Int(token.start)..<Int(token.end)], as: UTF8.self)
        }
        return String(decoding: content(token), as: UTF8.self)
    }

    /// Whether a text token is exactly `name`, byte by byte.
    func isText(_ token: Token, _ name: String) -> Bool {
        if token.mark { return content(token).elementsEqual(name.utf8) }
        var name = name
        return name.withUTF8 { wanted in
            let count = Int(token.end - token.start)
            guard wanted.count == count else { return false }
            for index in 0..<count where bytes[Int(token.start) + index] != wanted[index] { return false }
            return true
        }
    }
}
