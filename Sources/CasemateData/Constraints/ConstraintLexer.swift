import CasemateCore

/// Cuts the text of a rule into tokens.
struct ConstraintLexer {
    enum Token: Hashable {
        case identifier(String), whole(UInt64), real(Double), text(String), symbol(String), end

        /// How it is shown in messages.
        var shown: String {
            switch self {
            case .identifier(let name): "'\(name.shortened(to: 40))'"
            case .whole, .real: "a number"
            case .text: "a text"
            case .symbol(let symbol): "'\(symbol)'"
            case .end: "the end"
            }
        }
    }
    let scalars: [Unicode.Scalar]
    var index = 0

    /// Cuts a whole text; offsets count code points. The last token is `end`.
    static func tokens(of text: String) throws(ConstraintFault) -> [(token: Token, offset: Int)] {
        guard text.utf8.count <= ConstraintRule.lengthLimit else {
            throw ConstraintFault(
                .limitExceeded, at: 0, "is longer than \(ConstraintRule.lengthLimit) bytes",
                help: "split it into several rules")
        }
        var lexer = ConstraintLexer(scalars: Array(text.unicodeScalars))
        var tokens: [(token: Token, offset: Int)] = []
        while true {
            lexer.skipBlanks()
            let offset = lexer.index
            let token = try lexer.next()
            tokens.append((token, offset))
            if token == .end { return tokens }
        }
    }

    /// The code point `ahead` of the next one, `nil` behind the end.
    func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        index + ahead < scalars.count ? scalars[index + ahead] : nil
    }

    private mutating func skipBlanks() {
        while let scalar = peek() {
            if scalar == "/", peek(1) == "/" {
                while let scalar = peek(), scalar != "\n" { index += 1 }
            } else if [" ", "\t", "\n", "\r", "\u{C}"].contains(scalar) {
                index += 1
            } else {
                return
            }
        }
    }

    private mutating func next() throws(ConstraintFault) -> Token {
        guard let scalar = peek() else { return .end }
        if scalar.isDigit || scalar == "." && peek(1)?.isDigit == true { return try number() }
        if scalar == "\"" || scalar == "'" { return .text(try literal(isRaw: false)) }
        if scalar.isWordStart { return try word() }
        return try symbol(scalar)
    }

    private mutating func word() throws(ConstraintFault) -> Token {
        let start = index
        while let scalar = peek(), scalar.isWordStart || scalar.isDigit { index += 1 }
        let name = text(from: start)
        guard let quote = peek(), quote == "\"" || quote == "'", name.count <= 2 else { return .identifier(name) }
        switch name.lowercased() {
        case "r": return .text(try literal(isRaw: true))
        case "b", "br", "rb":
            throw .unsupported("bytes", at: start, help: "leave the 'b' out, texts are compared by code points")
        default: return .identifier(name)
        }
    }

    private mutating func symbol(_ first: Unicode.Scalar) throws(ConstraintFault) -> Token {
        let pair = peek(1).map { "\(first)\($0)" } ?? ""
        if ["<=", ">=", "==", "!=", "&&", "||"].contains(pair) {
            index += 2
            return .symbol(pair)
        }
        if "+-*/%<>!?:.,()[]{}".unicodeScalars.contains(first) {
            index += 1
            return .symbol(String(first))
        }
        let meant = [
            "=": "==", "&": "&&", "|": "||", "≤": "<=", "≥": ">=", "≠": "!=", "¬": "!", "“": "\"", "”": "\"", "’": "'",
        ]
        let shown = first.properties.isWhitespace || first.value < 0x20 ? "a character" : "'\(first)'"
        throw ConstraintFault(
            .malformed, at: index, "\(shown) does not belong here",
            help: meant[String(first)].map { "write \($0)" } ?? "see docs/reference/constraints.md for the grammar")
    }

    func text(from start: Int) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[start..<index])
        return String(text)
    }

    private mutating func number() throws(ConstraintFault) -> Token {
        let start = index
        if peek() == "0", peek(1) == "x" || peek(1) == "X" { return try hexadecimal() }
        skipDigits()
        var isReal = false
        if peek() == ".", peek(1)?.isDigit == true {
            isReal = true
            index += 1
            skipDigits()
        }
        if peek() == "e" || peek() == "E" {
            let sign = peek(1) == "+" || peek(1) == "-" ? 1 : 0
            if peek(1 + sign)?.isDigit == true {
                isReal = true
                index += 1 + sign
                skipDigits()
            }
        }
        let written = text(from: start)
        try endNumber(start)
        guard isReal else {
            guard let value = UInt64(written), value <= 1 << 63 else { throw outOfRange(start, "64 bits") }
            return .whole(value)
        }
        guard let value = Double(written.hasPrefix(".") ? "0" + written : written), value.isFinite else {
            throw outOfRange(start, "64-bit floating point")
        }
        return .real(value)
    }

    private mutating func hexadecimal() throws(ConstraintFault) -> Token {
        let start = index
        index += 2
        while peek()?.properties.isASCIIHexDigit == true { index += 1 }
        let digits = text(from: start).dropFirst(2)
        try endNumber(start)
        guard !digits.isEmpty else {
            throw ConstraintFault(.malformed, at: start, "has no digits behind 0x", help: "write a number such as 0x1F")
        }
        guard let value = UInt64(digits, radix: 16), value <= 1 << 63 else { throw outOfRange(start, "64 bits") }
        return .whole(value)
    }

    /// What may not stand right behind a number.
    private func endNumber(_ start: Int) throws(ConstraintFault) {
        guard let scalar = peek() else { return }
        if scalar == "u" || scalar == "U" {
            throw .unsupported("unsigned numbers", at: start, help: "leave the 'u' out")
        }
        if scalar.isWordStart || scalar == "." {
            throw ConstraintFault(
                .malformed, at: start, "is no number", help: "write 18, 0.5, .5, 1e-3 or 0x1F; no unit, no separator")
        }
    }

    private func outOfRange(_ start: Int, _ type: String) -> ConstraintFault {
        ConstraintFault(.limitExceeded, at: start, "the number does not fit \(type)", help: "write a smaller number")
    }

    private mutating func skipDigits() { while peek()?.isDigit == true { index += 1 } }
}

extension Unicode.Scalar {
    /// 0 to 9.
    var isDigit: Bool { ("0"..."9").contains(self) }
    /// A letter of ASCII or an underscore.
    var isWordStart: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_" }
}
