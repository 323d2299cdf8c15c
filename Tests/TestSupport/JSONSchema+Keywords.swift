import Foundation

extension JSONSchema {
    /// Keywords about a value by itself.
    func scalar(_ keyword: String, _ check: Check) throws -> [String] {
        let value = JSONValue(check.value)
        switch keyword {
        case "type":
            let allowed = (check.rule as? [String]) ?? (check.rule as? String).map { [$0] } ?? []
            guard !allowed.isEmpty else { throw Failure.malformed(keyword, at: check.place) }
            let holds = allowed.contains(value.type) || (value.type == "integer" && allowed.contains("number"))
            return holds ? [] : ["\(check.place): is \(value.type), expected \(allowed.joined(separator: " or "))"]
        case "enum":
            guard let allowed = check.rule as? [Any] else { throw Failure.malformed(keyword, at: check.place) }
            let holds = allowed.contains { JSONValue($0).canonical == value.canonical }
            return holds ? [] : ["\(check.place): \(value.canonical) is none of the allowed values"]
        case "const":
            return JSONValue(check.rule).canonical == value.canonical
                ? [] : ["\(check.place): \(value.canonical) is not \(JSONValue(check.rule).canonical)"]
        case "pattern":
            guard let pattern = check.rule as? String else { throw Failure.malformed(keyword, at: check.place) }
            guard let text = value.text else { return [] }
            let range = NSRange(text.startIndex..., in: text)
            let expression = try NSRegularExpression(pattern: pattern)
            return expression.firstMatch(in: text, range: range) == nil
                ? ["\(check.place): does not match \(pattern)"] : []
        default: return try bound(keyword, check)
        }
    }

    private func bound(_ keyword: String, _ check: Check) throws -> [String] {
        guard let limit = JSONValue(check.rule).number else { throw Failure.malformed(keyword, at: check.place) }
        let value = JSONValue(check.value)
        let measured = keyword.hasSuffix("Length") ? value.text.map { Double($0.unicodeScalars.count) } : value.number
        guard let measured else { return [] }
        let holds =
            switch keyword {
            case "minimum", "minLength": measured >= limit
            case "maximum", "maxLength": measured <= limit
            case "exclusiveMinimum": measured > limit
            default: measured < limit
            }
        return holds ? [] : ["\(check.place): \(measured) breaks \(keyword) \(limit)"]
    }

    /// Keywords about members of an object.
    func object(_ keyword: String, _ check: Check) throws -> [String] {
        guard JSONValue(check.value).type == "object", let members = check.value as? [String: Any] else { return [] }
        switch keyword {
        case "required":
            guard let names = check.rule as? [String] else { throw Failure.malformed(keyword, at: check.place) }
            return names.filter { members[$0] == nil }.map { "\(check.place): member \($0) is missing" }
        case "minProperties":
            guard let limit = JSONValue(check.rule).number else { throw Failure.malformed(keyword, at: check.place) }
            return Double(members.count) < limit ? ["\(check.place): fewer than \(limit) members"] : []
        case "properties":
            guard let schemas = check.rule as? [String: Any] else { throw Failure.malformed(keyword, at: check.place) }
            return try members.sorted { $0.key < $1.key }.flatMap { name, member in
                try schemas[name].map { try inner(member, by: $0, name, check) } ?? []
            }
        case "patternProperties":
            guard let schemas = check.rule as? [String: Any] else { throw Failure.malformed(keyword, at: check.place) }
            return try members.sorted { $0.key < $1.key }.flatMap { name, member in
                try schemas.filter { Self.matches(name, $0.key) }.flatMap {
                    try inner(member, by: $0.value, name, check)
                }
            }
        default:
            let known = (check.keywords["properties"] as? [String: Any]) ?? [:]
            let patterns = ((check.keywords["patternProperties"] as? [String: Any]) ?? [:]).keys
            let others = members.filter { name, _ in
                known[name] == nil && !patterns.contains { Self.matches(name, $0) }
            }
            return try others.sorted { $0.key < $1.key }.flatMap { try inner($0.value, by: check.rule, $0.key, check) }
        }
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        name.range(of: pattern, options: .regularExpression) != nil
    }

    private func inner(_ value: Any, by schema: Any, _ name: String, _ check: Check) throws -> [String] {
        try violations(of: value, by: schema, at: check.place + "/" + name, depth: check.depth + 1)
    }

    /// Keywords about items of an array.
    func array(_ keyword: String, _ check: Check) throws -> [String] {
        guard JSONValue(check.value).type == "array", let items = check.value as? [Any] else { return [] }
        switch keyword {
        case "items":
            guard !(check.rule is [Any]) else { throw Failure.unknownKeyword("items as a list", at: check.place) }
            return try items.enumerated().flatMap { try inner($1, by: check.rule, String($0), check) }
        case "uniqueItems":
            guard JSONValue(check.rule).bool == true else { return [] }
            let distinct = Set(items.map { JSONValue($0).canonical })
            return distinct.count < items.count ? ["\(check.place): items are not unique"] : []
        default:
            guard let limit = JSONValue(check.rule).number else { throw Failure.malformed(keyword, at: check.place) }
            let holds = keyword == "minItems" ? Double(items.count) >= limit : Double(items.count) <= limit
            return holds ? [] : ["\(check.place): \(items.count) items break \(keyword) \(limit)"]
        }
    }

    /// Keywords that put schemas together.
    func combined(_ keyword: String, _ check: Check) throws -> [String] {
        func result(_ schema: Any) throws -> [String] {
            try violations(of: check.value, by: schema, at: check.place, depth: check.depth + 1)
        }
        if keyword == "$ref" {
            guard let reference = check.rule as? String else { throw Failure.malformed(keyword, at: check.place) }
            return try result(try resolved(reference))
        }
        if keyword == "not" {
            return try result(check.rule).isEmpty ? ["\(check.place): matches what is forbidden"] : []
        }
        if keyword == "if" {
            let branch = try result(check.rule).isEmpty ? check.keywords["then"] : check.keywords["else"]
            return try branch.map(result) ?? []
        }
        guard let schemas = check.rule as? [Any] else { throw Failure.malformed(keyword, at: check.place) }
        let results = try schemas.map(result)
        let matching = results.filter { $0.isEmpty }.count
        switch keyword {
        case "allOf": return results.flatMap { $0 }
        case "anyOf":
            return matching > 0
                ? [] : ["\(check.place): matches none of \(schemas.count) schemas"] + (results.first ?? [])
        default:
            return matching == 1 ? [] : ["\(check.place): matches \(matching) of \(schemas.count) schemas, expected 1"]
        }
    }
}
