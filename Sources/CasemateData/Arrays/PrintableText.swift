/// Texts from files, fit for a terminal.
enum PrintableText {
    /// Control and other invisible characters escaped, at most 80 characters.
    static func of(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(80) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return text.unicodeScalars.count > 80 ? result + "…" : result
    }

    /// A shape as NumPy shows it, such as `[300, 32, 32, 3]`.
    static func shape(_ shape: [Int]) -> String { "[" + shape.map { String($0) }.joined(separator: ", ") + "]" }
}
