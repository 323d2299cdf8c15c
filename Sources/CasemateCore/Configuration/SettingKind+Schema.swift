/// A JSON value with ordered members, written so that the same grammar gives the same bytes.
indirect enum SchemaValue {
    case text(String), number(Double), flag(Bool), list([SchemaValue]), object([(String, SchemaValue)])

    init(_ value: SettingValue) {
        switch value {
        case .text(let text): self = .text(text)
        case .flag(let flag): self = .flag(flag)
        case .integer(let number): self = .number(Double(number))
        case .number(let number): self = .number(number)
        case .list(let items): self = .list(items.map { SchemaValue($0) })
        case .mapping(let entries):
            self = .object(entries.sorted { $0.key < $1.key }.map { ($0.key, SchemaValue($0.value)) })
        }
    }
    func written(indent: String = "") -> String {
        let inner = indent + "  "
        switch self {
        case .text(let text): return Self.quoted(text)
        case .number(let number): return SettingScalar.number(number)
        case .flag(let flag): return flag ? "true" : "false"
        case .list(let items): return "[" + items.map { $0.written(indent: inner) }.joined(separator: ", ") + "]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let lines = members.map { "\(inner)\(Self.quoted($0.0)): \($0.1.written(indent: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }
    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\n": "\\n"
            default: scalar.value < 32 ? " " : String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }
}

extension SettingKind {
    /// The JSON Schema (draft 2020-12) of a file whose root is a mapping with `keys`.
    public static func schema(keys: [SettingKey], identifier: String, title: String) -> String {
        let head: [(String, SchemaValue)] = [
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")), ("$id", .text(identifier)),
            ("title", .text(title)),
        ]
        return SchemaValue.object(head + object(keys)).written() + "\n"
    }

    private static func object(_ keys: [SettingKey]) -> [(String, SchemaValue)] {
        var members: [(String, SchemaValue)] = [
            ("type", .text("object")), ("additionalProperties", .flag(false)),
            (
                "properties",
                .object(
                    keys.map { key in
                        var members = [("description", SchemaValue.text(key.meaning))] + key.kind.schema
                        if let fallback = key.fallback { members.append(("default", SchemaValue(fallback))) }
                        if !key.isServed { members.append(("x-casemate-status", .text("not yet"))) }
                        return (key.name, .object(members))
                    })
            ),
        ]
        let required = keys.filter(\.isRequired).map { SchemaValue.text($0.name) }
        if !required.isEmpty { members.append(("required", .list(required))) }
        return members
    }

    private var schema: [(String, SchemaValue)] {
        switch self {
        case .text: return [("type", .list([.text("string"), .text("number"), .text("boolean")]))]
        case .path: return [("type", .text("string")), ("minLength", .number(1))]
        case .flag: return [("type", .text("boolean"))]
        case .integer(let range):
            let top: [(String, SchemaValue)] =
                range.upperBound == .max ? [] : [("maximum", .number(Double(range.upperBound)))]
            return [("type", .text("integer")), ("minimum", .number(Double(range.lowerBound)))] + top
        case .number(let range, let isLowExcluded):
            var members: [(String, SchemaValue)] = [("type", .text("number"))]
            if range.lowerBound > -Double.greatestFiniteMagnitude {
                members.append((isLowExcluded ? "exclusiveMinimum" : "minimum", .number(range.lowerBound)))
            }
            if range.upperBound < Double.greatestFiniteMagnitude {
                members.append(("maximum", .number(range.upperBound)))
            }
            return members
        case .share:
            return [
                (
                    "anyOf",
                    .list([
                        .object([("type", .text("number")), ("minimum", .number(0)), ("maximum", .number(1))]),
                        .object([("type", .text("string")), ("pattern", .text("^[0-9.]+ *%$"))]),
                    ])
                )
            ]
        case .duration:
            return [
                (
                    "anyOf",
                    .list([
                        .object([("type", .text("number")), ("exclusiveMinimum", .number(0))]),
                        .object([
                            ("type", .text("string")),
                            ("pattern", .text("^([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?([0-9.]+ms)?$")),
                        ]),
                    ])
                )
            ]
        case .day: return [("type", .text("string")), ("format", .text("date"))]
        case .choice(let words, let later): return [("enum", .list((words + later).map { .text($0) }))]
        case .list(let item, let minimum):
            return [("type", .text("array")), ("items", .object(item.schema))]
                + (minimum > 0 ? [("minItems", .number(Double(minimum)))] : [])
        case .mapping(let keys, let short):
            guard let short, let key = keys.first(where: { $0.name == short }) else { return Self.object(keys) }
            return [("anyOf", .list([.object(key.kind.schema), .object(Self.object(keys))]))]
        case .table(let value, _):
            return [("type", .text("object")), ("additionalProperties", .object(value.schema))]
        case .either(let kinds): return [("anyOf", .list(kinds.map { .object($0.schema) }))]
        case .anything: return []
        }
    }
}
