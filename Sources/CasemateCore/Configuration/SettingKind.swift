/// What may be written for a setting. One grammar serves reader, JSON Schema and reference page.
public indirect enum SettingKind: Hashable, Sendable {
    /// A text; numbers and truth values are taken as written.
    case text
    /// A path; relative ones are taken from the folder of the file that names them.
    case path
    /// `true` or `false`.
    case flag
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    /// A number within bounds, the ends included; `above` excludes the lower one.
    case number(ClosedRange<Double>, isLowExcluded: Bool = false)
    /// A share in 0…1, also written as a percentage.
    case share
    /// A time such as `30s` or `2m`, more than nothing.
    case duration
    /// A day, `2027-01-31`.
    case day
    /// One of the words; those of `later` are fixed and not yet served.
    case choice([String], later: [String] = [])
    /// A list with at least `minimum` items.
    case list(SettingKind, minimum: Int = 1)
    /// A mapping with the given keys; a bare scalar stands for the key `short`.
    case mapping([SettingKey], short: String? = nil)
    /// A mapping with free keys, which are names of `what`.
    case table(SettingKind, of: String)
    /// The first form that fits.
    case either([SettingKind])
    /// Anything; used for settings that are not yet served.
    case anything
}

/// One key of a mapping.
public struct SettingKey: Hashable, Sendable {
    /// The key.
    public let name: String
    /// What may stand behind it.
    public let kind: SettingKind
    /// What it does, a clause for the reference page.
    public let meaning: String
    /// Whether it must be there.
    public let isRequired: Bool
    /// Whether this release serves it; if not, it is refused with "not yet".
    public let isServed: Bool
    /// The value that holds when it is left out, if there is one to name.
    public let fallback: SettingValue?
    /// Makes a key.
    public init(
        _ name: String, _ kind: SettingKind, _ meaning: String, isRequired: Bool = false, isServed: Bool = true,
        fallback: SettingValue? = nil
    ) {
        (self.name, self.kind, self.meaning) = (name, kind, meaning)
        (self.isRequired, self.isServed, self.fallback) = (isRequired, isServed, fallback)
    }
}

/// A value as it is shown: in `config show`, as a default in page and schema.
public indirect enum SettingValue: Hashable, Sendable {
    case text(String), flag(Bool), integer(Int), number(Double), list([SettingValue])
    case mapping([String: SettingValue])

    /// The value in YAML's flow form, on one line.
    public var yaml: String {
        switch self {
        case .text(let text): return Self.quoted(text)
        case .flag(let flag): return flag ? "true" : "false"
        case .integer(let number): return "\(number)"
        case .number(let number): return SettingScalar.number(number)
        case .list(let items): return "[" + items.map(\.yaml).joined(separator: ", ") + "]"
        case .mapping(let entries):
            let pairs = entries.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)): \($0.value.yaml)" }
            return "{" + pairs.joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.first.map { $0.isLetter || $0 == "/" || $0 == "." || $0.isNumber } ?? false
        let isSafe = text.allSatisfy { $0.isLetter || $0.isNumber || "._/-+@=<> ()".contains($0) } && text.last != " "
        if isPlain && isSafe && !text.contains(" #") { return text }
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\u{0}"..."\u{1F}": "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }
}

extension SettingKind {
    /// What is expected, for messages: `a whole number from 1 to 10`.
    var expectation: String {
        switch self {
        case .text: "a text"
        case .path: "a path"
        case .flag: "true or false"
        case .integer(let range) where range.lowerBound == range.upperBound: "the number \(range.lowerBound)"
        case .integer(let range): "a whole number" + Self.bounds(range.lowerBound, range.upperBound, .max)
        case .number(let range, let isLowExcluded): "a number" + Self.bounds(range, isLowExcluded)
        case .share: "a share from 0 to 1, or a percentage"
        case .duration: "a time such as 30s or 2m"
        case .day: "a day such as 2027-01-31"
        case .choice(let words, _): "one of \(words.joined(separator: ", "))"
        case .list(let item, _): "a list, each item \(item.expectation)"
        case .mapping(let keys, let short):
            (short == nil ? "" : "a text or ") + "a mapping with \(Self.names(keys))"
        case .table(let value, let what): "a mapping from \(what) to \(value.brief)"
        case .either(let kinds): kinds.map(\.expectation).joined(separator: ", or ")
        case .anything: "a value"
        }
    }
    private var brief: String {
        if case .mapping = self { "settings" } else { expectation }
    }
    private static func bounds(_ low: Int, _ high: Int, _ most: Int) -> String {
        high == most ? " of at least \(low)" : " from \(low) to \(high)"
    }
    private static func bounds(_ range: ClosedRange<Double>, _ isLowExcluded: Bool) -> String {
        let (low, high) = (range.lowerBound, range.upperBound)
        let isOpenBelow = low <= -Double.greatestFiniteMagnitude
        let isOpenAbove = high >= Double.greatestFiniteMagnitude
        let above = isLowExcluded ? "above" : "of at least"
        switch (isOpenBelow, isOpenAbove) {
        case (true, true): return ""
        case (false, true): return " \(above) \(SettingScalar.number(low))"
        case (true, false): return " of at most \(SettingScalar.number(high))"
        case (false, false):
            let start = isLowExcluded ? "above" : "from"
            let end = isLowExcluded ? "and at most" : "to"
            return " \(start) \(SettingScalar.number(low)) \(end) \(SettingScalar.number(high))"
        }
    }
    static func names(_ keys: [SettingKey]) -> String {
        let served = keys.filter(\.isServed).map(\.name)
        return served.prefix(16).joined(separator: ", ") + (served.count > 16 ? ", …" : "")
    }
    /// Whether a list, a mapping or a scalar can be of this kind at all.
    func fits(_ content: YamlNode.Content) -> Bool {
        switch (self, content) {
        case (.anything, _), (.list, .list), (.mapping, .mapping), (.table, .mapping): true
        case (.mapping(_, let short), .scalar): short != nil
        case (.either(let kinds), _): kinds.contains { $0.fits(content) }
        case (.list, _), (.mapping, _), (.table, _), (_, .list), (_, .mapping): false
        default: true
        }
    }
}
