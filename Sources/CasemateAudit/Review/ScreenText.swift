import CasemateReport

/// Texts that must fit columns of a terminal.
enum ScreenText {
    /// Columns that a text takes: none for marks that combine, two for East Asian letters and pictures.
    static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

    private static func width(_ character: Character) -> Int {
        var widest = 0
        for scalar in character.unicodeScalars {
            switch scalar.value {
            case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97c, 0xac00...0xd7a3, 0xf900...0xfaff,
                0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f000...0x1faff,
                0x20000...0x3fffd:
                widest = 2
            default:
                switch scalar.properties.generalCategory {
                case .nonspacingMark, .enclosingMark, .format: break
                default: widest = max(widest, scalar.properties.isEmojiPresentation ? 2 : 1)
                }
            }
        }
        return widest
    }

    /// A text in one line without anything that steers, and with a sign where something is that nobody sees.
    static func shown(_ text: String) -> String {
        let inert = text.inert
        guard inert.unicodeScalars.contains(where: { $0.properties.generalCategory == .format }) else { return inert }
        var result = String.UnicodeScalarView()
        for scalar in inert.unicodeScalars {
            result.append(scalar.properties.generalCategory == .format ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

    /// A text that is shown, in at most so many characters.
    static func plain(_ text: String, _ limit: Int) -> String {
        // why cut first: a cell may be megabytes long.
        let start = text.unicodeScalars.prefix(limit * 2 + 16)
        let isCut = start.endIndex < text.unicodeScalars.endIndex
        let inert = shown(String(String.UnicodeScalarView(start)))
        return isCut || inert.count > limit ? inert.prefix(max(0, limit - 1)) + "…" : inert
    }

    /// At most so many columns, an ellipsis for the rest.
    static func fitted(_ text: String, to columns: Int) -> String {
        var result = ""
        var used = 0
        for character in plain(text, max(columns, 1) + 1) {
            let next = width(character)
            if used + next > columns {
                while used > columns - 1, let last = result.popLast() { used -= width(last) }
                return columns > 0 ? result + "…" : ""
            }
            result.append(character)
            used += next
        }
        return result
    }

    /// Exactly so many columns.
    static func padded(_ text: String, to columns: Int) -> String {
        let text = fitted(text, to: columns)
        return text + String(repeating: " ", count: max(0, columns - width(text)))
    }

    /// The end of a text that is being written.
    static func tail(_ text: String, _ columns: Int) -> String {
        let inert = shown(text)
        var used = 0
        let start = inert.reversed().prefix { character in
            used += width(character)
            return used < columns
        }
        return String(start.reversed())
    }

    /// A text over several lines, the second and later ones indented.
    static func wrapped(_ text: String, width columns: Int, indent: Int, limit: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        var used = 0
        for character in plain(text, columns * limit + columns) {
            let next = width(character)
            if used + next > columns {
                // Break at the last blank when there is one in the second half of the line.
                var rest = ""
                if let blank = line.lastIndex(of: " "), line.distance(from: blank, to: line.endIndex) < columns / 2 {
                    rest = String(line[blank...].dropFirst())
                    line = String(line[..<blank])
                }
                lines.append(line)
                if lines.count == limit { return lines.dropLast() + [fitted(line + " …", to: columns)] }
                line = String(repeating: " ", count: indent) + rest
                used = width(line)
            }
            line.append(character)
            used += next
        }
        return lines + [line]
    }
}
