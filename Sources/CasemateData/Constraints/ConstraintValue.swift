/// A value of a row that is given by itself, such as a request, for `ConstraintRule.bound(toValues:)`.
public enum ConstraintValue: Hashable, Sendable {
    /// A whole number.
    case int(Int)
    /// A number; NaN is a missing value.
    case double(Double)
    /// A text.
    case string(String)
    /// True or false.
    case bool(Bool)
    /// A date or a timestamp, in microseconds since 1970-01-01 00:00 UTC.
    case timestamp(microseconds: Int)
    /// No value.
    case null

    /// A date or timestamp written as `2024-02-29` or `2024-02-29T12:00:00Z`; `nil` for anything else.
    public static func timestamp(_ text: String) -> ConstraintValue? {
        ConstraintMoment.microseconds(text).map { .timestamp(microseconds: Int($0)) }
    }
}

extension ConstraintValue {
    /// The value that a canonical text has in a column of the given type; `nil` where it is none.
    static func of(_ text: String, as type: ColumnType) -> ConstraintValue? {
        let canonical = CanonicalText.of(text, as: type)
        switch type {
        case .integer: return Int(canonical).map { .int($0) }
        case .number: return Double(canonical).map { .double($0) }
        case .text: return .string(text)
        case .boolean: return canonical == "true" ? .bool(true) : canonical == "false" ? .bool(false) : nil
        case .date, .timestamp: return timestamp(canonical)
        }
    }

    var isMissing: Bool {
        switch self {
        case .null: true
        case .double(let value): value.isNaN
        case .int, .string, .bool, .timestamp: false
        }
    }
    /// As a whole number of a column of whole numbers.
    var whole: Int64? {
        switch self {
        case .int(let value): Int64(value)
        case .double(let value): Int64(exactly: value)
        case .string, .bool, .timestamp, .null: nil
        }
    }
    /// As a moment.
    var moment: Int64? { if case .timestamp(let value) = self { Int64(value) } else { nil } }
    /// As a number, NaN for anything else.
    var real: Double {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        case .string, .bool, .timestamp, .null: .nan
        }
    }
    var text: String? { if case .string(let value) = self { value } else { nil } }
    var truth: ConstraintRule.Verdict {
        if case .bool(let value) = self { ConstraintRule.Verdict(value) } else { .notApplicable }
    }
}

extension Float {
    /// The shortest decimal that reads back as this float32, as a double: `0.1` and not 0.10000000149.
    ///
    /// why: data files hold decimals; a rule that says `<= 0.1` means that decimal, whatever rounding came between.
    var decimal: Double {
        let exact = Double(self)
        if self == rounded(.towardZero) || !isFinite { return exact }
        var power = 10.0
        // why 22: 10^22 is the last power of ten that a double holds exactly.
        for _ in 1...22 {
            let scaled = (exact * power).rounded()
            if scaled.magnitude >= 0x1p53 { break }
            let decimal = scaled / power
            if Float(decimal) == self { return decimal }
            power *= 10
        }
        return exact
    }
}
