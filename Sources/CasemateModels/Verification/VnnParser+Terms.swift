import CasemateCore

/// Linear terms.
extension VnnParser {
    mutating func term(_ token: VnnLexer.Token) throws(CasemateError) -> VnnTerm {
        switch token {
        case .word(let word): return try atom(word)
        case .open: break
        default: throw lexer.malformed("a number, a variable or a term must stand there")
        }
        try enter()
        defer { depth -= 1 }
        guard case .word(let name) = try lexer.next() else { throw lexer.malformed("an operator must stand there") }
        let place = lexer.start
        var terms: [VnnTerm] = []
        while true {
            let token = try lexer.next()
            if case .close = token { break }
            terms.append(try term(token))
        }
        guard var result = terms.first else { throw lexer.malformed("an operator needs a term") }
        for (sign, isSum) in [("+", true), ("-", true), ("*", false), ("/", false)] as [(StaticString, Bool)]
        where lexer.matches(name, sign) {
            if terms.count == 1, lexer.matches(name, "-") { return result.scaled(by: -1) }
            for other in terms.dropFirst() {
                if isSum {
                    result.add(other, times: lexer.matches(name, "-") ? -1 : 1)
                } else {
                    result = try product(result, other, isQuotient: lexer.matches(name, "/"), place)
                }
            }
            return result
        }
        throw lexer.unsupported("'\(lexer.shown(name))' is no operator of linear terms", at: place)
    }

    private func product(
        _ one: VnnTerm, _ other: VnnTerm, isQuotient: Bool, _ place: Int
    ) throws(CasemateError) -> VnnTerm {
        if isQuotient {
            guard let divisor = other.value, divisor != 0 else {
                throw lexer.unsupported("a division by a variable or by 0", at: place)
            }
            return VnnTerm(
                constant: one.constant / divisor,
                parts: one.parts.map { VnnInequality.Term($0.variable, $0.coefficient / divisor) })
        }
        if let factor = other.value { return one.scaled(by: factor) }
        if let factor = one.value { return other.scaled(by: factor) }
        throw lexer.unsupported("a product of variables", at: place)
    }

    /// A variable or a number.
    private func atom(_ word: Range<Int>) throws(CasemateError) -> VnnTerm {
        if let variable = variable(word) {
            let isDeclared =
                switch variable {
                case .input(let index): inputs.contains(index)
                case .output(let index): outputs.contains(index)
                }
            guard isDeclared else { throw lexer.malformed("'\(lexer.shown(word))' is not declared") }
            return VnnTerm(parts: [VnnInequality.Term(variable, 1)])
        }
        let bytes = lexer.bytes[word]
        let isNumber = bytes.allSatisfy { byte in
            (48...57).contains(byte) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains(byte)
        }
        guard isNumber, let value = Double(String(decoding: bytes, as: UTF8.self)) else {
            throw lexer.malformed("'\(lexer.shown(word))' is neither a number nor a declared variable")
        }
        guard value.isFinite else { throw lexer.malformed("'\(lexer.shown(word))' exceeds float64") }
        return VnnTerm(constant: value)
    }
}
