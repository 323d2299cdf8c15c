import CasemateCore

extension ConstraintLexer {
    /// Reads a text in single, double, triple single or triple double quotes; the next sign is the quote.
    mutating func literal(isRaw: Bool) throws(ConstraintFault) -> String {
        let start = index
        guard let quote = peek() else { return "" }
        let isTriple = peek(1) == quote && peek(2) == quote
        index += isTriple ? 3 : 1
        var content = String.UnicodeScalarView()
        while let scalar = peek() {
            if scalar == quote, !isTriple || peek(1) == quote && peek(2) == quote {
                index += isTriple ? 3 : 1
                return String(content)
            }
            if scalar == "\n" || scalar == "\r", !isTriple { break }
            index += 1
            if scalar == "\\", !isRaw {
                content.append(try escape())
            } else if scalar == "\0" {
                throw noCharacter(at: index - 1)
            } else {
                content.append(scalar)
            }
        }
        throw ConstraintFault(
            .malformed, at: start, "a text is not closed", help: "end it with \(isTriple ? "three " : "")\(quote)")
    }

    /// Reads what follows a backslash.
    private mutating func escape() throws(ConstraintFault) -> Unicode.Scalar {
        let start = index - 1
        guard let scalar = peek() else {
            throw ConstraintFault(
                .malformed, at: start, "a text ends in a backslash", help: "write \\\\ for one backslash")
        }
        index += 1
        switch scalar {
        case "a": return "\u{7}"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{B}"
        case "\\", "'", "\"", "`", "?": return scalar
        case "x", "X": return try code(digits: 2, radix: 16, from: start)
        case "u": return try code(digits: 4, radix: 16, from: start)
        case "U": return try code(digits: 8, radix: 16, from: start)
        case "0"..."3":
            index -= 1
            return try code(digits: 3, radix: 8, from: start)
        default:
            throw ConstraintFault(
                .malformed, at: start, "'\\\(scalar)' is no escape of CEL",
                help: "double the backslash, or write a raw text r\"…\"")
        }
    }

    private mutating func code(digits: Int, radix: Int, from start: Int) throws(ConstraintFault) -> Unicode.Scalar {
        let first = index
        while index < first + digits, peek()?.properties.isASCIIHexDigit == true { index += 1 }
        guard index == first + digits, let value = UInt32(text(from: first), radix: radix) else {
            let kind = radix == 8 ? "octal" : "hexadecimal"
            throw ConstraintFault(
                .malformed, at: start, "the escape needs \(digits) \(kind) digits",
                help: radix == 8 ? "write \\101 for A" : "write \\x41, \\u0041 or \\U00000041 for A")
        }
        guard value != 0, let scalar = Unicode.Scalar(value) else { throw noCharacter(at: start) }
        return scalar
    }

    private func noCharacter(at offset: Int) -> ConstraintFault {
        ConstraintFault(
            .malformed, at: offset, "is no character that a text may hold", help: "NUL and surrogates are left out")
    }
}
