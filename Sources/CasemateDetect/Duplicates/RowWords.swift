import CasemateCore
import Foundation

/// Numbers as people read them, for checks of data.
enum RowWords {
    /// `8.5 %`, `0.03 %`.
    static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        let percent = share * 100
        let isRough = percent == 0 || percent == 100 || (percent >= 1 && percent <= 99)
        return fixed(percent, isRough ? 1 : 2) + " %"
    }
    /// A share of a count with Wilson's interval: `8.5 % [7.7 %, 9.3 %]`.
    static func share(_ successes: Int, of trials: Int) -> String {
        guard let interval = Intervals.wilson(successes: successes, trials: trials) else { return "–" }
        return "\(percent(Double(successes) / Double(trials))) [\(percent(interval.low)), \(percent(interval.high))]"
    }
    /// `1,392`.
    static func count(_ number: Int) -> String {
        var text = String(number.magnitude)
        var result = ""
        while text.count > 3 {
            result = "," + text.suffix(3) + result
            text.removeLast(3)
        }
        return (number < 0 ? "-" : "") + text + result
    }
    /// `1 row`, `1,392 rows`.
    static func count(_ number: Int, _ noun: String) -> String { "\(count(number)) \(noun)\(number == 1 ? "" : "s")" }
    /// `p = 0.013`, `p < 0.001`.
    static func p(_ value: Double) -> String { value < 0.001 ? "p < 0.001" : "p = \(fixed(value, 3))" }
    /// `0.83 [0.77, 0.90]`.
    static func number(_ value: Double?, _ interval: Interval? = nil, _ digits: Int = 2) -> String {
        guard let value, value.isFinite else { return "–" }
        let span = interval.map { " [\(fixed($0.low, digits)), \(fixed($0.high, digits))]" } ?? ""
        return fixed(value, digits) + span
    }
    /// The first numbers of rows: `3, 17, 40 and 12 more`.
    static func rows(_ rows: [Int], shown: Int = 10) -> String {
        let named = rows.prefix(shown).map(String.init).joined(separator: ", ")
        return rows.count > shown ? "\(named) and \(count(rows.count - shown)) more" : named
    }
    /// Fixed decimals without the locale of the machine.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        let text = String(format: "%.\(digits)f", locale: Locale(identifier: "en_US_POSIX"), value)
        return text.allSatisfy { "-0.".contains($0) } ? text.replacingOccurrences(of: "-", with: "") : text
    }
}
