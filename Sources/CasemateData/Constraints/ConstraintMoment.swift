import CasemateCore

/// Moments in microseconds since 1970-01-01 00:00 UTC, as DuckDB counts them.
enum ConstraintMoment {
    /// Microseconds of a day.
    static let day: Int64 = 86_400_000_000

    /// Reads `2024-02-29`, or that with a time: `T` or a blank, hours and minutes, seconds with at most six decimals,
    /// `Z` or an offset such as `+02:00`; without either it is UTC. `nil` for anything else.
    static func microseconds(_ text: String) -> Int64? {
        guard text.utf8.count <= 40, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let letters = Array(text.utf8)
        guard letters.count >= 10, let date = CalendarDay(String(decoding: letters[..<10], as: UTF8.self)) else {
            return nil
        }
        let midnight = days(of: date) * day
        guard letters.count > 10 else { return midnight }
        guard [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(letters[10]) else { return nil }
        return clock(Array(letters[11...])).map { midnight + $0 }
    }

    /// Days since 1970-01-01. Source: Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
    static func days(of date: CalendarDay) -> Int64 {
        let year = Int64(date.month <= 2 ? date.year - 1 : date.year)
        let era = year / 400, yearOfEra = year % 400
        let month = Int64(date.month > 2 ? date.month - 3 : date.month + 9)
        let dayOfYear = (153 * month + 2) / 5 + Int64(date.day) - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func clock(_ letters: [UInt8]) -> Int64? {
        var rest = letters[...]
        guard let hour = two(&rest, below: 24), take(":", &rest), let minute = two(&rest, below: 60) else { return nil }
        var total = (hour * 60 + minute) * 60_000_000
        if take(":", &rest) {
            guard let second = two(&rest, below: 60) else { return nil }
            total += second * 1_000_000
            if take(".", &rest) {
                let digits = rest.prefix { (0x30...0x39).contains($0) }
                guard (1...6).contains(digits.count), let value = Int64(String(decoding: digits, as: UTF8.self)) else {
                    return nil
                }
                total += (digits.count..<6).reduce(value) { scaled, _ in scaled * 10 }
                rest = rest.dropFirst(digits.count)
            }
        }
        guard let sign = rest.first else { return total }
        rest = rest.dropFirst()
        if sign == UInt8(ascii: "Z") || sign == UInt8(ascii: "z") { return rest.isEmpty ? total : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let hours = two(&rest, below: 24) else {
            return nil
        }
        var minutes: Int64 = 0
        if take(":", &rest) {
            guard let value = two(&rest, below: 60) else { return nil }
            minutes = value
        }
        let offset = (hours * 60 + minutes) * 60_000_000
        return rest.isEmpty ? (sign == UInt8(ascii: "+") ? total - offset : total + offset) : nil
    }

    private static func two(_ rest: inout ArraySlice<UInt8>, below limit: Int64) -> Int64? {
        let digits = rest.prefix(2)
        guard digits.count == 2, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int64(String(decoding: digits, as: UTF8.self)), value < limit
        else { return nil }
        rest = rest.dropFirst(2)
        return value
    }

    private static func take(_ sign: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: sign) else { return false }
        rest = rest.dropFirst()
        return true
    }
}
