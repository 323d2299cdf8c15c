/// Signs in a text that nobody sees, or that look like others.
///
/// Sources: Boucher and Anderson, "Trojan Source", 2021; Unicode Technical Standard 39 (confusables, mixed scripts);
/// Unicode Technical Standard 51 (sequences of emoji).
enum UnseenText {
    /// Kinds found in a text.
    static func kinds(_ text: String) -> Set<PayloadKind> {
        let scalars = Array(text.unicodeScalars.prefix(1 << 16))
        var found: Set<PayloadKind> = []
        let hasRightToLeft = scalars.contains { isRightToLeft($0.value) }
        for index in scalars.indices {
            let value = scalars[index].value
            let before = index > 0 ? scalars[index - 1] : nil
            let after = index + 1 < scalars.count ? scalars[index + 1] : nil
            switch value {
            case 0x202D, 0x202E: found.insert(.bidirectional)
            case 0x202A...0x202C, 0x2066...0x2069, 0x200E, 0x200F, 0x061C:
                if !hasRightToLeft { found.insert(.bidirectional) }
            case 0x200C, 0x200D:
                if !joins(before, after, value) { found.insert(.invisible) }
            case 0x200B, 0x2060...0x2064, 0x180E, 0x034F, 0xFFF9...0xFFFB, 0x00AD, 0xFEFF:
                // why: a mark at the very beginning says how the file was encoded; soft hyphens and breaks stand between
                // words of scripts without blanks.
                if isInsideWord(before, after) { found.insert(.invisible) }
            case 0x115F, 0x1160, 0x3164, 0xFFA0:
                if !isHangul(before) && !isHangul(after) { found.insert(.invisible) }
            case 0xE0000...0xE007F:
                if !isFlag(scalars, index) { found.insert(.invisible) }
            case 0xE0100...0xE01EF:
                if !isIdeograph(before) { found.insert(.invisible) }
            case 0xFE00...0xFE0E:
                // why: one selector chooses a form of a sign; several in a row carry something else.
                if let before, (0xFE00...0xFE0F).contains(before.value) { found.insert(.invisible) }
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F: found.insert(.control)
            default: break
            }
        }
        if hasLookalikes(scalars) { found.insert(.lookalike) }
        return found
    }

    private static func isRightToLeft(_ value: UInt32) -> Bool {
        (0x0590...0x08FF).contains(value) && value != 0x061C || (0xFB1D...0xFDFF).contains(value)
            || (0xFE70...0xFEFC).contains(value) || (0x10800...0x10FFF).contains(value)
            || (0x1E800...0x1EFFF).contains(value)
    }
    private static func isHangul(_ scalar: Unicode.Scalar?) -> Bool {
        guard let value = scalar?.value else { return false }
        return (0x1100...0x11FF).contains(value) || (0x3130...0x318F).contains(value)
            || (0xAC00...0xD7FF).contains(value)
    }
    private static func isIdeograph(_ scalar: Unicode.Scalar?) -> Bool {
        guard let value = scalar?.value else { return false }
        return (0x3400...0x9FFF).contains(value) || (0xF900...0xFAFF).contains(value)
            || (0x20000...0x323AF).contains(value)
            || (0x1820...0x18AA).contains(value)
    }
    /// Whether a joiner stands where scripts need one: between letters of a script that joins, or in an emoji sequence.
    private static func joins(_ before: Unicode.Scalar?, _ after: Unicode.Scalar?, _ value: UInt32) -> Bool {
        guard let before else { return false }
        if value == 0x200D,
            before.properties.isEmoji && before.value > 0xFF || before.value == 0xFE0F
                || (0x1F3FB...0x1F3FF).contains(before.value)
        {
            return after.map { $0.properties.isEmoji && $0.value > 0xFF } ?? false
        }
        // Arabic, Syriac and relatives; Indic scripts to Myanmar and Khmer; Mongolian.
        return (0x0600...0x08FF).contains(before.value) || (0x0900...0x109F).contains(before.value)
            || (0x1780...0x18AF).contains(before.value) || (0xFB50...0xFEFC).contains(before.value)
            || (0xA840...0xABFF).contains(before.value)
    }
    /// Whether letters or digits of alphabets stand on both sides, or another unseen sign beside it.
    private static func isInsideWord(_ before: Unicode.Scalar?, _ after: Unicode.Scalar?) -> Bool {
        guard let before, let after else { return false }
        func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
            (0x200B...0x200D).contains(scalar.value) || (0x2060...0x2064).contains(scalar.value)
        }
        func isWord(_ scalar: Unicode.Scalar) -> Bool {
            scalar.value < 0x0590 && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
        }
        return isWord(before) && isWord(after) || isUnseen(before) || isUnseen(after)
    }
    /// Tags behind a black flag are the flag of a region; they end with a cancel tag.
    private static func isFlag(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        var start = index
        while start > 0, (0xE0020...0xE007F).contains(scalars[start].value), index - start < 10 { start -= 1 }
        guard scalars[start].value == 0x1F3F4 else { return false }
        var end = index
        while end + 1 < scalars.count, (0xE0020...0xE007F).contains(scalars[end + 1].value), end - start < 10 {
            end += 1
        }
        return scalars[end].value == 0xE007F
    }

    /// Letters that look like Latin ones, by alphabet.
    private static let confusable = Set(
        // Cyrillic, Greek, Armenian, Cherokee
        ("\u{430}\u{435}\u{43E}\u{440}\u{441}\u{443}\u{445}\u{456}\u{458}\u{455}\u{501}\u{51B}\u{4BB}\u{51D}\u{410}\u{412}"
            + "\u{415}\u{41A}\u{41C}\u{41D}\u{41E}\u{420}\u{421}\u{422}\u{425}\u{406}\u{408}\u{405}\u{3BF}\u{3BD}\u{3C1}"
            + "\u{3B1}\u{3B9}\u{3C5}\u{391}\u{392}\u{395}\u{396}\u{397}\u{399}\u{39A}\u{39C}\u{39D}\u{39F}\u{3A1}\u{3A4}"
            + "\u{3A5}\u{3A7}\u{585}\u{578}\u{57D}\u{581}\u{566}\u{13A0}\u{13A1}\u{13A2}\u{13AA}\u{13B3}\u{13BB}\u{13C0}"
            + "\u{13DA}\u{13DE}\u{13E2}")
            .unicodeScalars)

    /// Whether a word of Latin letters holds others that look like Latin ones, and no other letters.
    private static func hasLookalikes(_ scalars: [Unicode.Scalar]) -> Bool {
        var (latin, alike, other) = (0, 0, 0)
        func isTrick() -> Bool { alike > 0 && latin >= 2 && other == 0 && latin + alike >= 4 }
        for scalar in scalars {
            if scalar.properties.isAlphabetic {
                let value = scalar.value
                if scalar.isASCII || (0xC0...0x24F).contains(value) {
                    latin += 1
                } else if confusable.contains(scalar) || (0xFF21...0xFF5A).contains(value)
                    || (0x1D400...0x1D7FF).contains(value)
                {
                    alike += 1
                } else {
                    other += 1
                }
            } else {
                if isTrick() { return true }
                (latin, alike, other) = (0, 0, 0)
            }
        }
        return isTrick()
    }
}
