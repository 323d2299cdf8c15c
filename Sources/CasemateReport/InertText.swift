extension String {
    /// The text in one line, without anything that steers a terminal, a parser or the eye.
    ///
    /// Tabs and line ends become spaces; control characters, bidirectional overrides, invisible tags and
    /// noncharacters become U+FFFD, so that a reader sees that something stood there.
    package var inert: String {
        guard unicodeScalars.contains(where: { $0.isSteering }) else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            text.append(!scalar.isSteering ? scalar : scalar.isLineSpace ? " " : "\u{FFFD}")
        }
        return String(text)
    }

    /// The text cut to `limit` characters, with an ellipsis where something is missing.
    package func shortened(to limit: Int) -> String {
        guard count > max(1, limit) else { return self }
        return prefix(max(1, limit) - 1) + "…"
    }

    /// The text escaped for XML and HTML, scalar by scalar, in content as well as in quoted attributes.
    package var markupEscaped: String {
        var text = String.UnicodeScalarView()
        for scalar in inert.unicodeScalars {
            switch scalar {
            case "<": text.append(contentsOf: "&lt;".unicodeScalars)
            case ">": text.append(contentsOf: "&gt;".unicodeScalars)
            case "&": text.append(contentsOf: "&amp;".unicodeScalars)
            case "\"": text.append(contentsOf: "&quot;".unicodeScalars)
            case "'": text.append(contentsOf: "&#39;".unicodeScalars)
            default: text.append(scalar)
            }
        }
        return String(text)
    }

    /// The text with every markup character alone in its grapheme cluster.
    ///
    /// why: swift-mustache escapes character by character and would overlook `"` with a combining mark behind it.
    package var withoutFusedMarkup: String {
        let special: Set<Unicode.Scalar> = ["<", ">", "&", "\"", "'"]
        func isFused(_ character: Character) -> Bool {
            character.unicodeScalars.count > 1 && character.unicodeScalars.contains { special.contains($0) }
        }
        guard contains(where: isFused) else { return self }
        var text = String.UnicodeScalarView()
        for character in self {
            for scalar in character.unicodeScalars {
                guard isFused(character), special.contains(scalar) else {
                    text.append(scalar)
                    continue
                }
                text.append(contentsOf: ["\u{200B}", scalar, "\u{200B}"])
            }
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    /// Whether the scalar ends a line or jumps a column.
    var isLineSpace: Bool { (0x09...0x0D).contains(value) || value == 0x85 || (0x2028...0x2029).contains(value) }

    /// Whether the scalar could steer a terminal, a parser or the direction of text.
    package var isSteering: Bool {
        switch value {
        case 0...0x1F, 0x7F...0x9F, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: true
        case 0xFDD0...0xFDEF, 0xFFF9...0xFFFB, 0xE0000...0xE0FFF: true
        default: value & 0xFFFE == 0xFFFE
        }
    }
}
