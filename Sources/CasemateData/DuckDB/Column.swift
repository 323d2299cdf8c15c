/// What the values of a column are, whatever the file stores them as.
public enum ColumnType: String, Hashable, Sendable, CaseIterable, Codable {
    /// Whole numbers of 64 bits.
    case integer
    /// Numbers of 64-bit floating point.
    case number
    /// Anything else that can be written.
    case text
    /// True or false.
    case boolean
    /// A day, `2024-02-29`.
    case date
    /// A day and a time without time zone (UTC where the file states one), `2024-02-29 12:00:00`.
    case timestamp
    /// Whether `DataTable.numbers` serves it.
    public var isNumeric: Bool { self == .integer || self == .number || self == .boolean }
}

/// A column of a table.
public struct Column: Hashable, Sendable {
    /// Name as the file has it.
    public let name: String
    /// What its values are.
    public let type: ColumnType
    /// Number of rows without a value.
    public let missing: Int
    /// Makes a description.
    public init(name: String, type: ColumnType, missing: Int) {
        (self.name, self.type, self.missing) = (name, type, missing)
    }
}

/// A file to be opened as a table.
public struct DataSource: Hashable, Sendable {
    /// Path of the file.
    public var path: String
    /// What the table is called in SQL and messages.
    public var name: String
    /// Types that replace the inferred ones, by column.
    public var types: [String: ColumnType]
    /// Cells that stand for a missing value, besides empty ones, such as `NA` and `?`.
    public var missing: [String]
    /// Makes a description; nothing is read.
    public init(path: String, name: String, types: [String: ColumnType] = [:], missing: [String] = []) {
        (self.path, self.name, self.types, self.missing) = (path, name, types, missing)
    }
}

/// A column name or other SQL identifier, quoted so that nothing in it can end it.
public func quoted(_ identifier: String) -> String { enclosed(identifier, in: "\"") }

/// A text as an SQL literal.
func literal(_ text: String) -> String { enclosed(text, in: "'") }

// why scalars: a quote followed by a combining mark is one character that does not equal the quote.
private func enclosed(_ text: String, in quote: Unicode.Scalar) -> String {
    var result = String.UnicodeScalarView([quote])
    for scalar in text.unicodeScalars where scalar.value != 0 {
        if scalar == quote { result.append(quote) }
        result.append(scalar)
    }
    result.append(quote)
    return String(result)
}

/// The one way a value is written: without `.0` behind whole numbers, the shortest decimal that reads back the same.
package enum CanonicalText {
    /// Writes a double.
    package static func of(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        if abs(value) < 1e15, let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }
    /// Writes a float32.
    package static func of(_ value: Float) -> String {
        if !value.isFinite || (abs(value) < 1e15 && value == value.rounded()) { return of(Double(value)) }
        return value.description
    }
    /// The text that a value of `type` written as `text` has in a table; `text` itself where it is none.
    package static func of(_ text: String, as type: ColumnType) -> String {
        let bare = text.trimmed
        switch type {
        case .integer:
            if let whole = Int64(bare) { return String(whole) }
            return Double(bare).flatMap { Int64(exactly: $0) }.map { String($0) } ?? bare
        case .number: return Double(bare).map { of($0) } ?? bare
        case .boolean:
            switch bare.lowercased() {
            case "true", "1", "1.0", "yes", "t", "y": return "true"
            case "false", "0", "0.0", "no", "f", "n": return "false"
            default: return bare
            }
        case .text: return text
        case .date, .timestamp: return bare
        }
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    var trimmed: String {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
    /// At most `count` characters, with an ellipsis where something is left out.
    func shortened(to count: Int) -> String { self.count <= count ? self : prefix(count) + "…" }
}
