import Foundation

/// Numbers as people read them in reports of profiles.
enum Figure {
    /// A number with four significant digits: `0.01235`, `1234`, `1.2e+09`.
    static func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        if value == value.rounded(), abs(value) < 1e7 { return String(Int(value)) }
        return formatted("%.4g", value)
    }
    /// Three decimals.
    static func fixed(_ value: Double, digits: Int = 3) -> String {
        value.isFinite ? formatted("%.\(digits)f", value) : "–"
    }
    /// `1.25 %`.
    static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        let percent = share * 100
        return formatted(percent != 0 && percent < 1 ? "%.2f" : "%.1f", percent) + " %"
    }
    /// `= 0.013`, `< 0.001`.
    static func probability(_ p: Double) -> String { p < 0.001 ? "< 0.001" : "= \(fixed(p))" }
    /// `1 row`, `5 rows`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private static func formatted(_ format: String, _ value: Double) -> String {
        String(format: format, locale: Locale(identifier: "en_US_POSIX"), value)
    }
}
