/// How single values are written: numbers, percentages, durations, truth values. Nothing is guessed: `yes`, `0x10`,
/// `1_000` and `.inf` are no numbers and no truth values.
package enum SettingScalar {
    /// A decimal number such as `0.5`, `-3`, `1e-6`; `nil` for anything else, also for what overflows.
    package static func number(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard let last = bytes.last, isDigit(last) || last == UInt8(ascii: "."), bytes.contains(where: isDigit),
            bytes.allSatisfy({ isDigit($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) })
        else { return nil }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }
    /// A whole number, `nil` for anything else.
    package static func integer(_ text: String) -> Int? { text.hasPrefix("+") ? nil : Int(text) }
    /// A share, `0.8` or `80 %`.
    package static func share(_ text: String) -> Double? {
        guard text.hasSuffix("%") else { return number(text) }
        var digits = text.dropLast()
        while digits.last == " " { digits.removeLast() }
        return number(String(digits)).map { $0 / 100 }
    }
    /// Seconds: `90`, `30s`, `2m`, `1h30m`, `500ms`; `nil` for anything else.
    package static func seconds(_ text: String) -> Double? {
        if let plain = number(text) { return plain >= 0 ? plain : nil }
        let units: [(name: String, seconds: Double)] = [("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001)]
        var (rest, total, smallest) = (Substring(text), 0.0, -1)
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let count = number(String(digits)), let index = units.firstIndex(where: { $0.name == unit }),
                index > smallest
            else { return nil }
            total += count * units[index].seconds
            smallest = index
        }
        return smallest >= 0 && total.isFinite ? total : nil
    }
    /// `2m`, `1h30m`, `0.5s`: what `seconds` reads back.
    package static func duration(_ seconds: Double) -> String {
        guard seconds >= 60, seconds == seconds.rounded(), seconds < 1e9 else { return "\(number(seconds))s" }
        let whole = Int(seconds)
        let parts = [(whole / 3600, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")]
        return parts.filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }.joined()
    }
    /// A number as a person writes it: no `.0` behind whole ones.
    package static func number(_ value: Double) -> String {
        if abs(value) < 1e15, let whole = Int(exactly: value) { return String(whole) }
        return "\(value)"
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
