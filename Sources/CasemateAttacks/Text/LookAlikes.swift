/// Characters that look like others, and keys beside others: facts that attacks use and normalisation undoes.
package enum LookAlikes {
    /// Letters of other alphabets that most typefaces draw like a Latin letter, from the shapes of the Cyrillic, Greek,
    /// Armenian and phonetic blocks.
    package static let letters: [Unicode.Scalar: [Unicode.Scalar]] = [
        "a": ["\u{430}", "\u{251}"], "b": ["\u{184}"], "c": ["\u{441}", "\u{3F2}"], "d": ["\u{501}"],
        "e": ["\u{435}", "\u{4BD}"], "g": ["\u{261}", "\u{581}"], "h": ["\u{4BB}"], "i": ["\u{456}", "\u{131}"],
        "j": ["\u{458}"], "k": ["\u{43A}"], "l": ["\u{4CF}"], "m": ["\u{43C}"], "n": ["\u{578}"],
        "o": ["\u{43E}", "\u{3BF}"], "p": ["\u{440}", "\u{3C1}"], "q": ["\u{51B}"], "r": ["\u{433}"],
        "s": ["\u{455}"], "t": ["\u{442}"], "u": ["\u{57D}", "\u{3C5}"], "v": ["\u{475}", "\u{3BD}"],
        "w": ["\u{51D}"], "x": ["\u{445}"], "y": ["\u{443}", "\u{4AF}"], "z": ["\u{1D22}"],
        "A": ["\u{410}", "\u{391}"], "B": ["\u{412}", "\u{392}"], "C": ["\u{421}"], "D": ["\u{13A0}"],
        "E": ["\u{415}", "\u{395}"], "F": ["\u{3DC}"], "G": ["\u{50C}"], "H": ["\u{41D}", "\u{397}"],
        "I": ["\u{406}", "\u{399}"], "J": ["\u{408}"], "K": ["\u{41A}", "\u{39A}"], "L": ["\u{216C}"],
        "M": ["\u{41C}", "\u{39C}"], "N": ["\u{39D}"], "O": ["\u{41E}", "\u{39F}"], "P": ["\u{420}", "\u{3A1}"],
        "Q": ["\u{51A}"], "R": ["\u{13A1}"], "S": ["\u{405}"], "T": ["\u{422}", "\u{3A4}"], "U": ["\u{54D}"],
        "V": ["\u{474}"], "W": ["\u{51C}"], "X": ["\u{425}", "\u{3A7}"], "Y": ["\u{4AE}", "\u{3A5}"],
        "Z": ["\u{396}"],
    ]
    /// The Latin letter that a look-alike stands for.
    package static let plain: [Unicode.Scalar: Unicode.Scalar] = {
        var table: [Unicode.Scalar: Unicode.Scalar] = [:]
        for (letter, others) in letters { for other in others { table[other] = letter } }
        return table
    }()

    /// What draws the same as a letter or digit; digits are mathematical monospace ones, U+1D7F6 to U+1D7FF.
    package static func of(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        if let first = letters[scalar]?.first { return first }
        guard (48...57).contains(scalar.value) else { return nil }
        return Unicode.Scalar(0x1D7F6 + scalar.value - 48)
    }

    /// Digits and signs for letters.
    package static let leet: [Unicode.Scalar: [Unicode.Scalar]] = [
        "a": ["4", "@"], "e": ["3"], "i": ["1"], "o": ["0"], "s": ["5", "$"], "t": ["7"],
    ]
    /// The letter that a digit or sign stands for.
    package static let plainOfLeet: [Unicode.Scalar: Unicode.Scalar] = [
        "4": "a", "@": "a", "3": "e", "1": "i", "0": "o", "5": "s", "$": "s", "7": "t",
    ]

    /// Characters without width that attacks insert: zero width space and non-joiner, word joiner, soft hyphen.
    package static let invisible: [Unicode.Scalar] = ["\u{200B}", "\u{200C}", "\u{2060}", "\u{AD}"]

    /// Letters on the keys beside a letter, QWERTY.
    package static let keys: [Unicode.Scalar: [Unicode.Scalar]] = {
        let rows = ["qwertyuiop", "asdfghjkl", "zxcvbnm"].map { Array($0.unicodeScalars) }
        var table: [Unicode.Scalar: [Unicode.Scalar]] = [:]
        for (line, row) in rows.enumerated() {
            for (column, key) in row.enumerated() {
                // why two below: rows are shifted by half a key.
                let near = [(line, column - 1), (line, column + 1), (line + 1, column - 1), (line + 1, column)]
                for (otherLine, otherColumn) in near where rows.indices.contains(otherLine) {
                    guard rows[otherLine].indices.contains(otherColumn) else { continue }
                    let other = rows[otherLine][otherColumn]
                    table[key, default: []].append(other)
                    table[other, default: []].append(key)
                }
            }
        }
        return table.mapValues { Array(Set($0)).sorted { $0.value < $1.value } }
    }()
}
