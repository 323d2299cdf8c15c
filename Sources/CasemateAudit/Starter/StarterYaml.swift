import CasemateCore
import CasemateReport

/// Lines of a configuration that people read: values quoted where they need it, comments and lists wrapped.
package struct StarterYaml {
    /// Columns that a line should not exceed; a single long name may.
    static let width = 100
    /// The longest name that may stand as a key: YAML ends keys at 1,024 characters.
    static let longestKey = 250
    private(set) var lines: [String] = []

    /// The text, ended by a line feed.
    var text: String { lines.joined(separator: "\n") + "\n" }

    /// Puts one line; `isOff` turns it into a comment that is a setting again once `# ` is removed.
    mutating func line(_ text: String, indent: Int = 0, isOff: Bool = false) {
        lines.append(String(repeating: " ", count: indent) + (isOff ? "# " : "") + text)
    }

    /// Puts an empty line.
    mutating func gap() { lines.append("") }

    /// Puts a comment in sentences, wrapped.
    mutating func comment(_ text: String, indent: Int = 0) {
        for part in Self.wrapped(Self.harmless(text).split(separator: " ").map(String.init), indent + 2) {
            lines.append(String(repeating: " ", count: indent) + "# " + part)
        }
    }

    /// Puts `key: [a, b, …]`, wrapped below the key when it is long; items are written as they are.
    mutating func list(_ key: String, _ items: [String], indent: Int, isOff: Bool = false) {
        flow(key, items, ("[", "]"), indent: indent, isOff: isOff)
    }

    /// Puts `key: {a: 1, b: 2}`, wrapped below the key when it is long.
    mutating func mapping(_ key: String, _ pairs: [String], indent: Int, isOff: Bool = false, note: String = "") {
        flow(key, pairs, ("{", "}"), indent: indent, isOff: isOff, note: note)
    }

    private mutating func flow(
        _ key: String, _ items: [String], _ ends: (String, String), indent: Int, isOff: Bool, note: String = ""
    ) {
        let margin = isOff ? 2 : 0
        let behind = note.isEmpty ? "" : "  # " + Self.harmless(note)
        let short = "\(key): \(ends.0)\(items.joined(separator: ", "))\(ends.1)"
        if indent + margin + short.count + behind.count <= Self.width {
            return line(short + behind, indent: indent, isOff: isOff)
        }
        if indent + margin + short.count <= Self.width {
            if !note.isEmpty { comment(note, indent: indent) }
            return line(short, indent: indent, isOff: isOff)
        }
        if !note.isEmpty { comment(note, indent: indent) }
        line(key + ":", indent: indent, isOff: isOff)
        var words = items.dropLast().map { $0 + "," } + items.suffix(1)
        if let first = words.first { words[0] = ends.0 + first }
        if let last = words.last { words[words.count - 1] = last + ends.1 }
        let inner = String(repeating: " ", count: key.prefix { $0 == " " }.count + 2)
        for (number, part) in Self.wrapped(words, indent + margin + inner.count + 1).enumerated() {
            line(inner + (number == 0 ? "" : " ") + part, indent: indent, isOff: isOff)
        }
    }

    /// Fills lines with words that are not broken.
    private static func wrapped(_ words: [String], _ margin: Int) -> [String] {
        var lines: [String] = []
        for word in words {
            if let last = lines.last, last.count + 1 + word.count + margin <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    /// A comment that ends where its line ends; without signs that the reader takes for anchors.
    private static func harmless(_ text: String) -> String {
        text.inert.replacing("&", with: "+").replacing("*", with: "×")
    }

    /// A text as a YAML scalar that reads back the same wherever a scalar may stand, also within brackets.
    package static func scalar(_ text: String) -> String {
        isPlain(text) ? text : quoted(text)
    }

    /// A text in double quotes.
    static func quoted(_ text: String) -> String { "\"" + text.unicodeScalars.map(escaped).joined() + "\"" }

    /// A text as a scalar for a comment, cut when it is long.
    static func shown(_ text: String) -> String { scalar(text.shortened(to: 60)) }

    /// A canonical number as a text keeps its digits; any other text is a scalar.
    static func value(_ text: String) -> String {
        SettingScalar.number(text) != nil && text.count < 20 ? text : scalar(text)
    }

    /// A number as a person writes it.
    static func number(_ value: Double) -> String { SettingScalar.number(value) }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last else { return false }
        guard isLetter(first) || first == "_" || first == "/", last != " ", last != ".", !isWord(text),
            !text.contains("  ")
        else {
            return false
        }
        return text.unicodeScalars.allSatisfy {
            isLetter($0) || ("0"..."9").contains($0) || "_. -/".unicodeScalars.contains($0)
        }
    }

    /// Letters that look the same in every editor: no marks that combine, no direction.
    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter: scalar.value < 0x590
        default: false
        }
    }

    /// Words that some reader of YAML takes for something else than a text.
    private static func isWord(_ text: String) -> Bool {
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"].contains(text.lowercased())
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        // why: the reader refuses what could be an anchor with its alias, in quotes too.
        case "&": return "\\x26"
        case "*": return "\\x2A"
        default: break
        }
        let isMark: Bool
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark, .format, .unassigned, .privateUse: isMark = true
        default: isMark = false
        }
        guard scalar.isSteering || isMark || scalar.value == 0xA0 else { return String(scalar) }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        func padded(_ width: Int) -> String { String(repeating: "0", count: max(0, width - digits.count)) + digits }
        switch scalar.value {
        case ...0xFF: return "\\x" + padded(2)
        case ...0xFFFF: return "\\u" + padded(4)
        default: return "\\U" + padded(8)
        }
    }
}
