/// Whether a text would be computed by a spreadsheet.
///
/// A text that begins with `=`, `+`, `-` or `@` is not enough: numbers, telephone numbers, names of users, lines and
/// smileys begin so. Source: OWASP, "CSV injection"; Microsoft's documentation of DDE links.
enum FormulaText {
    /// The kind of formula; `nil` for ordinary texts.
    static func kind(_ text: String) -> PayloadKind? {
        var rest = text.unicodeScalars.prefix(4096)
        while let first = rest.first, first == " " || first == "\"" || first == "'" || first.value < 32 {
            rest.removeFirst()
        }
        guard let sign = rest.popFirst(), "=+-@".unicodeScalars.contains(sign) else { return nil }
        let body = String(String.UnicodeScalarView(rest))
        if isDynamicExchange(body) { return .activeFormula }
        guard let call = firstCall(body) else {
            return sign == "=" && isExpression(rest) ? .formula : nil
        }
        let calls = names(body)
        if call.isAtStart || isExpression(rest), !calls.isDisjoint(with: active) { return .activeFormula }
        if sign == "=" { return call.isAtStart || isExpression(rest) ? .formula : nil }
        // why known names only: people and remarks begin with these signs too.
        return call.isAtStart && !calls.isDisjoint(with: usual) ? .formula : nil
    }

    /// Functions that reach out of the sheet or run something.
    private static let active: Set<String> = [
        "HYPERLINK", "WEBSERVICE", "IMPORTXML", "IMPORTDATA", "IMPORTHTML", "IMPORTRANGE", "IMPORTFEED", "IMAGE", "DDE",
        "EXEC", "CALL", "REGISTER", "REGISTER.ID", "RTD", "SHELL", "FILTERXML", "GOOGLETRANSLATE", "INDIRECT",
    ]

    /// Functions that formulas often begin with.
    private static let usual: Set<String> = [
        "SUM", "IF", "AVERAGE", "COUNT", "COUNTIF", "SUMIF", "MAX", "MIN", "ROUND", "ABS", "CONCATENATE", "CONCAT",
        "VLOOKUP", "HLOOKUP", "LOOKUP", "INDEX", "MATCH", "CHAR", "LEN", "LEFT", "RIGHT", "MID", "TEXT", "VALUE", "NOW",
        "TODAY", "DATE", "RAND", "CELL", "INFO", "IFERROR", "SUBSTITUTE", "REPT",
    ]

    /// `cmd|' /C calc'!A0`: program, topic and item of a DDE link.
    private static func isDynamicExchange(_ body: String) -> Bool {
        guard let bar = body.firstIndex(of: "|") else { return false }
        let program = body[..<bar].reversed().prefix {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "_")
        }
        let behind = body[body.index(after: bar)...].drop { $0 == " " }
        return program.count >= 2 && (behind.first == "'" || behind.first == "\"") && behind.contains("!")
    }

    /// The first function call, `NAME(`, and whether nothing stands before it.
    private static func firstCall(_ body: String) -> (name: String, isAtStart: Bool)? {
        guard let open = body.firstIndex(of: "(") else { return nil }
        let name = body[..<open].reversed().prefix {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "_")
        }
        guard let first = name.last, first.isLetter, name.count >= 2, body.contains(")") else { return nil }
        return (String(name.reversed()).uppercased(), body.distance(from: body.startIndex, to: open) == name.count)
    }

    /// Names of all functions that are called.
    private static func names(_ body: String) -> Set<String> {
        var result: Set<String> = []
        var current = ""
        for character in body.uppercased() {
            if character.isASCII, character.isLetter || character.isNumber || character == "." || character == "_" {
                current.append(character)
            } else {
                if character == "(", current.count >= 2 { result.insert(current) }
                current = ""
            }
        }
        return result
    }

    /// Cells, numbers and operators only, with at least one operator between two operands: `1+1`, `A1*B2`.
    private static func isExpression(_ scalars: Substring.UnicodeScalarView) -> Bool {
        isExpression(String(String.UnicodeScalarView(scalars)))
    }
    private static func isExpression(_ body: String) -> Bool {
        var (operands, operators, isInOperand) = (0, 0, false)
        var operand = ""
        func isOperand(_ text: String) -> Bool {
            let letters = text.prefix { $0.isLetter && $0.isASCII }
            let digits = text.dropFirst(letters.count)
            return letters.count <= 3 && (letters.isEmpty || !digits.isEmpty)
                && digits.allSatisfy { $0.isNumber || $0 == "." }
                || text.count <= 20 && letters.count == text.count && letters.count > 1
        }
        for character in body.prefix(200) where character != " " && character != "$" {
            if character.isASCII, character.isLetter || character.isNumber || character == "." {
                if !isInOperand { operand = "" }
                operand.append(character)
                isInOperand = true
                continue
            }
            if isInOperand {
                guard isOperand(operand) else { return false }
                operands += 1
                isInOperand = false
            }
            guard "+-*/^&!:(),|'\"<>".contains(character) else { return false }
            if "+-*/^&:!".contains(character) { operators += 1 }
        }
        if isInOperand {
            guard isOperand(operand) else { return false }
            operands += 1
        }
        return operands >= 2 && operators >= 1 && body.contains { $0.isNumber }
    }
}
