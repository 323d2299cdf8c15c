import Foundation

/// Puts a text into the form that a filter should read: what looks the same becomes the same.
///
/// In this order: NFKC (Unicode Standard Annex 15); letters of other alphabets that look Latin become Latin, unless
/// most of the letters are of another alphabet; invisible characters go; digits and signs within words become letters.
/// Typing errors, added, removed, split and joined words stay: nothing in the text tells them apart.
public struct TextNormaliser: Hashable, Sendable {
    /// Whether digits and signs within words become letters; this one changes honest texts, too.
    public var foldsLeet = true

    /// Makes a normaliser that does everything.
    public init() {}

    /// The normalised text.
    public func normalise(_ text: String) -> String {
        let composed = Array(text.precomposedStringWithCompatibilityMapping.unicodeScalars)
        var scalars = Self.withoutInvisible(Self.folded(composed))
        if foldsLeet { Self.foldLeet(&scalars) }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }

    /// Look-alikes as Latin letters.
    private static func folded(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var (latin, foreign) = (0, 0)
        for scalar in scalars {
            if isLatinLetter(scalar) {
                latin += 1
            } else if LookAlikes.plain[scalar] == nil, scalar.properties.isAlphabetic {
                foreign += 1
            }
        }
        // why: a text in Russian is Russian, with all its letters that look Latin.
        guard latin >= foreign else { return scalars }
        return scalars.map { LookAlikes.plain[$0] ?? $0 }
    }

    /// Without characters that no reader sees; joiners and selectors stay where emoji and many scripts need them.
    private static func withoutInvisible(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count)
        var index = 0
        while index < scalars.count {
            guard scalars[index].properties.isDefaultIgnorableCodePoint else {
                result.append(scalars[index])
                index += 1
                continue
            }
            var end = index
            while end < scalars.count, scalars[end].properties.isDefaultIgnorableCodePoint { end += 1 }
            if let last = result.last, last.value >= complex {
                let isWithin = end < scalars.count && scalars[end].value >= complex
                result += scalars[index..<end].filter { isSelector($0) || isWithin && isJoiner($0) }
            }
            index = end
        }
        return result
    }

    /// Where scripts and symbols begin that need joiners and selectors: behind Latin, Greek and Cyrillic.
    private static let complex: UInt32 = 0x590
    private static func isJoiner(_ scalar: Unicode.Scalar) -> Bool { [0x200C, 0x200D].contains(scalar.value) }
    private static func isSelector(_ scalar: Unicode.Scalar) -> Bool { (0xFE00...0xFE0F).contains(scalar.value) }

    /// Digits and signs as letters in words of letters: at most two in a row, between letters, behind two
    /// letters, or before three.
    private static func foldLeet(_ scalars: inout [Unicode.Scalar]) {
        var index = 0
        while index < scalars.count {
            guard LookAlikes.plainOfLeet[scalars[index]] != nil else {
                index += 1
                continue
            }
            var end = index
            while end < scalars.count, LookAlikes.plainOfLeet[scalars[end]] != nil { end += 1 }
            let before = scalars[..<index].suffix(2).reversed().prefix(while: isLatinLetter).count
            let isDigitBeside =
                index > 0 && isDigit(scalars[index - 1]) || end < scalars.count && isDigit(scalars[end])
            let after = scalars[end...].prefix(3).prefix(while: isLatinLetter).count
            let isWithin = before > 0 && after > 0 || before == 2 && end - index == 1
            if end - index <= 2, !isDigitBeside, isWithin || before == 0 && end - index == 1 && after == 3 {
                for position in index..<end {
                    scalars[position] = LookAlikes.plainOfLeet[scalars[position]] ?? scalars[position]
                }
            }
            index = end
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { (48...57).contains(scalar.value) }
    private static func isLatinLetter(_ scalar: Unicode.Scalar) -> Bool {
        (65...90).contains(scalar.value) || (97...122).contains(scalar.value)
    }
}
