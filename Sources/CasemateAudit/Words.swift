import CasemateCore
import CasemateReport
import Foundation

/// Numbers as people read them.
enum Words {
    /// `83.5 %`, or a dash.
    static func percent(_ share: Double?) -> String {
        guard let share, share.isFinite else { return "–" }
        let percent = share * 100
        let digits = percent != 0 && percent != 100 && (percent < 1 || percent > 99) ? 2 : 1
        return fixed(percent, digits: digits) + " %"
    }
    /// `0.83 [0.77, 0.90]`, or a dash.
    static func number(_ value: Double?, _ interval: Interval? = nil, digits: Int = 3) -> String {
        guard let value, value.isFinite else { return "–" }
        guard let interval else { return fixed(value, digits: digits) }
        return "\(fixed(value, digits: digits)) [\(fixed(interval.low, digits: digits)), "
            + "\(fixed(interval.high, digits: digits))]"
    }
    /// A distance with enough digits to tell it from 0: `0.12`, `0.0013`, or a dash.
    static func distance(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "–" }
        return Numerals.distance(value)
    }
    /// `0.013`, `< 0.001`, or a dash.
    static func pValue(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "–" }
        return value < 0.001 ? "< 0.001" : fixed(value, digits: 3)
    }
    /// `1,392`.
    static func grouped(_ number: Int) -> String { Numerals.count(number) }
    /// `1 row`, `5 rows`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// Fixed decimals, without the locale of the machine; `-0.0` loses its sign.
    static func fixed(_ value: Double, digits: Int) -> String {
        let text = String(format: "%.\(digits)f", locale: Locale(identifier: "en_US_POSIX"), value)
        return text.allSatisfy { "-0.".contains($0) } ? text.replacingOccurrences(of: "-", with: "") : text
    }
}
