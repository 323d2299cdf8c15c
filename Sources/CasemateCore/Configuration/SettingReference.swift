/// The reference tables of the documentation, made from the grammar so that page and reader agree.
public enum SettingReference {
    /// A Markdown table of keys, one row each, nested ones with dots, items of lists with `[]`.
    public static func table(_ keys: [SettingKey], prefix: String = "") -> String {
        var lines = ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
        for row in rows(keys, prefix: prefix) {
            let cells = [
                "`\(row.name)`", row.key.isServed ? row.key.kind.summary : "*not yet*" + row.key.kind.outlook,
                row.key.fallback.map { "`\($0.yaml)`" } ?? (row.key.isRequired ? "required" : "–"), row.key.meaning,
            ]
            lines.append("| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    /// All keys below `keys` by dotted name, in order; sections themselves are left out.
    public static func rows(_ keys: [SettingKey], prefix: String = "") -> [(name: String, key: SettingKey)] {
        keys.flatMap { key -> [(name: String, key: SettingKey)] in
            let name = prefix.isEmpty ? key.name : "\(prefix).\(key.name)"
            switch key.kind {
            case .mapping(let inner, _) where key.isServed: return rows(inner, prefix: name)
            case .list(.mapping(let inner, _), _) where key.isServed:
                return [(name, key)] + rows(inner, prefix: "\(name)[]")
            case .table(.mapping(let inner, _), let what) where key.isServed:
                return [(name, key)] + rows(inner, prefix: "\(name).<\(what.dropLast())>")
            default: return [(name, key)]
            }
        }
    }
}

extension SettingKind {
    /// What will be written for a setting that is not yet served.
    var outlook: String { self == .anything ? "" : ": \(summary)" }
    /// A short form of what may be written, for tables.
    var summary: String {
        switch self {
        case .text: return "text"
        case .path: return "path"
        case .flag: return "`true`, `false`"
        case .integer(let range) where range.lowerBound == range.upperBound: return "`\(range.lowerBound)`"
        case .integer: return expectation.replacing("a whole number", with: "integer")
        case .number: return expectation.replacing("a number", with: "number")
        case .share: return "share or percentage"
        case .duration: return "time (`30s`, `2m`)"
        case .day: return "day"
        case .choice(let words, let later):
            let now = words.map { "`\($0)`" }.joined(separator: ", ")
            return later.isEmpty ? now : now + "; not yet: " + later.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let item, _):
            if case .mapping(_, let short) = item {
                return short == nil ? "list of mappings" : "list of texts or mappings"
            }
            return "list of \(item.plural)"
        case .mapping(let keys, let short):
            let members = keys.map { "`\($0.name)`" }.joined(separator: ", ")
            return (short == nil ? "" : "text or ") + "mapping of \(members)"
        case .table(.mapping, let what): return "mapping by \(what)"
        case .table(let value, let what): return "\(what): \(value.summary)"
        case .either(let kinds): return kinds.map(\.summary).joined(separator: ", or ")
        case .anything: return "anything"
        }
    }
    private var plural: String {
        switch self {
        case .text: "texts"
        case .path: "paths"
        case .integer(let range): range.lowerBound > .min ? "integers of at least \(range.lowerBound)" : "integers"
        case .number: expectation.replacing("a number", with: "numbers")
        default: summary
        }
    }
}
