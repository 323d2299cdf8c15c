import Foundation

/// Numbers as people read them; the same everywhere, in no locale.
package enum Numerals {
    /// A measured number with about three significant digits: `0.871`, `12.3`, `1,989`, `4.2e-05`.
    package static func number(_ value: Double) -> String {
        let size = abs(value)
        if value == 0 { return "0" }
        if !value.isFinite { return "not a number" }
        if size >= 1e15 || size < 0.0005 { return minus(String(format: "%.1e", value)) }
        if size >= 1000 { return grouped(value) }
        if value == value.rounded() && size >= 2 { return minus(String(format: "%.0f", value)) }
        return minus(String(format: size < 10 ? "%.3f" : size < 100 ? "%.2f" : "%.1f", value))
    }

    /// A distance with enough digits to tell it from 0: `0.12`, `0.0013`.
    package static func distance(_ value: Double) -> String {
        guard value.isFinite, value > 0, value < 0.1 else { return number(value) }
        return value >= 0.01
            ? String(format: "%.3f", value) : value >= 0.0005 ? String(format: "%.4f", value) : number(value)
    }

    /// A number on an axis, as short as the step between ticks allows.
    package static func tick(_ value: Double, step: Double, isPercent: Bool) -> String {
        let (shown, width) = isPercent ? (value * 100, step * 100) : (value, step)
        let suffix = isPercent ? " %" : ""
        if abs(shown) < width * 1e-6 { return "0" + suffix }
        if abs(shown) >= 1e6 || width < 1e-5 { return minus(String(format: "%.3g", shown)) + suffix }
        let decimals = max(0, min(6, Int((-log10(width) + 1 - 1e-9).rounded(.down))))
        return minus(String(format: "%.\(decimals)f", shown)) + suffix
    }

    /// A number on a logarithmic axis: `0.001`, `0.1 %`, `10 %`, `1,000`.
    package static func decade(_ value: Double, isPercent: Bool) -> String {
        let (shown, suffix) = isPercent ? (value * 100, " %") : (value, "")
        if shown >= 1000, shown < 1e7 { return grouped(shown) + suffix }
        return minus(String(format: "%.3g", shown)) + suffix
    }

    /// A share as a percentage with three significant digits: `0.0123 %`, `59.3 %`.
    package static func smallPercent(_ value: Double) -> String { minus(String(format: "%.3g", value * 100)) + " %" }

    /// A share as a percentage with one decimal: `59.3 %`.
    package static func percent(_ value: Double) -> String { minus(String(format: "%.1f", value * 100)) + " %" }

    /// A whole number with thousands set apart: `1,989`.
    package static func count(_ value: Int) -> String { grouped(Double(value)) }

    /// A number of things with the right noun: `1 finding`, `3 findings`.
    package static func count(_ value: Int, _ noun: String) -> String {
        "\(count(value)) \(noun)\(value == 1 ? "" : "s")"
    }

    /// Wall time: `0.42 s`, `12.3 s`, `3 min 20 s`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown" }
        if seconds < 10 { return String(format: "%.2f s", seconds) }
        if seconds < 60 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds.rounded())
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// A size in bytes: `812 bytes`, `1.4 MB`.
    package static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1000: "\(count) bytes"
        case ..<1_000_000: String(format: "%.1f kB", Double(count) / 1e3)
        case ..<1_000_000_000: String(format: "%.1f MB", Double(count) / 1e6)
        default: String(format: "%.2f GB", Double(count) / 1e9)
        }
    }

    /// ASCII minus becomes the minus sign, in front and in no exponent.
    private static func minus(_ text: String) -> String { text.hasPrefix("-") ? "−" + text.dropFirst() : text }

    private static func grouped(_ value: Double) -> String {
        var digits = String(format: "%.0f", abs(value))
        var text = ""
        while digits.count > 3 {
            text = "," + digits.suffix(3) + text
            digits = String(digits.dropLast(3))
        }
        return (value < 0 ? "−" : "") + digits + text
    }
}
