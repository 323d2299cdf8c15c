package import Foundation

/// Times in the log: text such as `2026-11-21T05:00:00.000123Z` in records, microseconds since 1970 in columns.
package enum AuditTime {
    /// The last microsecond of the year 9999.
    private static let last: Int64 = 253_402_300_799_999_999

    /// Microseconds since 1970, between 1970 and 9999.
    package static func microseconds(_ date: Date) -> Int64 {
        let value = (date.timeIntervalSince1970 * 1e6).rounded()
        return value >= Double(last) ? last : value > 0 ? Int64(value) : 0
    }
    /// The time of a number of microseconds.
    package static func date(_ microseconds: Int64) -> Date { Date(timeIntervalSince1970: Double(microseconds) / 1e6) }

    /// The text of a number of microseconds. Source of the calendar: H. Hinnant, "chrono-compatible low-level date
    /// algorithms", civil_from_days.
    package static func text(_ microseconds: Int64) -> String {
        let value = min(last, max(0, microseconds))
        let (seconds, fraction) = (Int(value / 1_000_000), Int(value % 1_000_000))
        let (days, second) = (seconds / 86_400, seconds % 86_400)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        var bytes = [UInt8]()
        bytes.reserveCapacity(27)
        func put(_ number: Int, _ width: Int, _ separator: Unicode.Scalar) {
            var divisor = [1, 10, 100, 1_000, 10_000, 100_000][width - 1]
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
            bytes.append(UInt8(ascii: separator))
        }
        put(year, 4, "-")
        put(month, 2, "-")
        put(day, 2, "T")
        put(second / 3_600, 2, ":")
        put(second / 60 % 60, 2, ":")
        put(second % 60, 2, ".")
        put(fraction, 6, "Z")
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The microseconds of a text in exactly that form; `nil` for anything else, days that do not exist included.
    package static func microseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 27 else { return nil }
        func number(_ start: Int, _ count: Int) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[start..<start + count] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), let fraction = number(20, 6),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let moved = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = (moved / 400, moved % 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let value = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction
        return self.text(value) == text ? value : nil
    }
}
