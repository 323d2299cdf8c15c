import CasemateCore

extension TextPatternParser {
    private static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
    private static let words: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
    private static let spaces: [ClosedRange<UInt32>] = [0x09...0x0A, 0x0C...0x0D, 0x20...0x20]

    /// Reads an assertion behind a backslash, if there is one.
    mutating func assertion() throws(ConstraintFault) -> TextPattern.Assertion? {
        let assertion: TextPattern.Assertion
        switch peek() {
        case "A": assertion = .start
        case "z": assertion = .end
        case "b": assertion = .boundary
        case "B":
            // why: RE2 looks between the bytes of a letter, too.
            throw unsupported("\\B", "write the letters that may stand there")
        default: return nil
        }
        index += 1
        return assertion
    }

    /// Reads what follows a backslash and stands for letters.
    mutating func escaped() throws(ConstraintFault) -> [ClosedRange<UInt32>] {
        guard let letter = peek() else { throw malformed("ends in a backslash", "write \\\\ for a backslash") }
        if let single = Self.controls[letter] {
            index += 1
            return [single...single]
        }
        switch letter {
        case "d": return named(Self.digits)
        case "D": return named(Self.digits, isNegated: true)
        case "w": return named(Self.words)
        case "W": return named(Self.words, isNegated: true)
        case "s": return named(Self.spaces)
        case "S": return named(Self.spaces, isNegated: true)
        case "x":
            let code = try hexadecimal()
            return [code...code]
        case "1"..."9": throw unsupported("back references", "compare two columns instead")
        case "p", "P": throw unsupported("classes of Unicode", "name the letters: [a-zäöü]")
        case "Z": throw unsupported("\\Z", "write $ for the end")
        case "Q", "E", "C", "G", "K", "R", "X", "h", "H", "N":
            throw unsupported("\\\(letter)", "write the letters themselves")
        default:
            guard letter.value < 0x80, !letter.isWordStart, !letter.isDigit else {
                throw malformed("has the unknown escape \\\(letter)", "leave the backslash out, or double it")
            }
            index += 1
            return [letter.value...letter.value]
        }
    }

    private static let controls: [Unicode.Scalar: UInt32] = ["a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11]

    private mutating func named(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) -> [ClosedRange<UInt32>] {
        index += 1
        return isNegated ? TextPattern.Letters(ranges, isNegated: true).ranges : ranges
    }

    /// `x41` or `x{10FFFF}`.
    private mutating func hexadecimal() throws(ConstraintFault) -> UInt32 {
        let start = index
        index += 1
        let isBraced = take("{")
        let first = index
        while peek()?.properties.isASCIIHexDigit == true, index < first + (isBraced ? 6 : 2) { index += 1 }
        let value = UInt32(String(String.UnicodeScalarView(letters[first..<index])), radix: 16)
        guard let value, value > 0, Unicode.Scalar(value) != nil, isBraced ? take("}") : index == first + 2 else {
            index = start
            throw malformed("has an escape \\x that is no character", "write \\x41 or \\x{41}")
        }
        return value
    }

    /// `[a-z_]`, `[^"]`, `[[:alpha:]]`.
    mutating func bracket() throws(ConstraintFault) -> TextPattern.Letters {
        let start = index
        index += 1
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let letter = peek() {
            if letter == "]" {
                guard !isFirst else {
                    throw malformed("has an empty class, or a ] in front", "write \\] for the letter")
                }
                index += 1
                return TextPattern.Letters(ranges, isNegated: isNegated)
            }
            if letter == "-", !isFirst, peek(1) != "]" {
                throw malformed("has a - in the middle of a class", "write it first or last, or \\-")
            }
            isFirst = false
            ranges += try item()
        }
        index = start
        throw malformed("opens a class that is not closed", "close it with ], or write \\[ for a bracket")
    }

    /// One item of a class: a letter, a range, a named class.
    private mutating func item() throws(ConstraintFault) -> [ClosedRange<UInt32>] {
        if peek() == "[", peek(1) == ":" { return try posix() }
        let low = try member()
        guard peek() == "-", let next = peek(1), next != "]" else { return low }
        guard let first = low.first, low.count == 1, first.lowerBound == first.upperBound else {
            throw malformed("has a range that starts with a class", "write \\- for the letter")
        }
        index += 1
        let high = try member()
        guard let last = high.first, high.count == 1, last.lowerBound == last.upperBound,
            first.lowerBound <= last.upperBound
        else { throw malformed("has a range that runs backwards or ends in a class", "write the smaller letter first") }
        return [first.lowerBound...last.upperBound]
    }

    private mutating func member() throws(ConstraintFault) -> [ClosedRange<UInt32>] {
        guard let letter = peek() else { throw malformed("ends too early", "complete it") }
        guard letter != "[" || peek(1) != ":" else { throw malformed("has a range that ends in a class", "write \\- ") }
        index += 1
        return letter == "\\" ? try escaped() : [letter.value...letter.value]
    }

    private mutating func posix() throws(ConstraintFault) -> [ClosedRange<UInt32>] {
        let start = index
        index += 2
        let isNegated = take("^")
        let first = index
        while peek()?.isWordStart == true { index += 1 }
        let name = String(String.UnicodeScalarView(letters[first..<index]))
        guard let ranges = Self.posixClasses[name], take(":"), take("]") else {
            index = start
            throw malformed(
                "has an unknown class", "known: \(Self.posixClasses.keys.sorted().joined(separator: ", "))")
        }
        return isNegated ? TextPattern.Letters(ranges, isNegated: true).ranges : ranges
    }

    private static let posixClasses: [String: [ClosedRange<UInt32>]] = [
        "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A], "alpha": [0x41...0x5A, 0x61...0x7A],
        "ascii": [0x00...0x7F], "blank": [0x09...0x09, 0x20...0x20], "cntrl": [0x00...0x1F, 0x7F...0x7F],
        "digit": digits, "graph": [0x21...0x7E], "lower": [0x61...0x7A], "print": [0x20...0x7E],
        "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E], "space": [0x09...0x0D, 0x20...0x20],
        "upper": [0x41...0x5A], "word": words,
        "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
    ]
}
