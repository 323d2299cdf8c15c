public import Foundation

/// A small validator of JSON Schema, drafts 04 to 2020-12, for the keywords that the schemas of the tests use.
///
/// Annotations (`title`, `description`, `default`, `format`, names with `x-` in front, …) are passed over. An unknown keyword throws, so that a
/// schema is never taken for stricter than it is checked.
public struct JSONSchema {
    /// A schema that cannot be checked.
    public enum Failure: Error, Equatable {
        /// A keyword that the validator does not know, and where it stands.
        case unknownKeyword(String, at: String)
        /// A reference that leads nowhere or out of the document.
        case unresolvedReference(String)
        /// A keyword whose value has the wrong form.
        case malformed(String, at: String)
        /// References that never end.
        case tooDeep
    }
    let root: Any

    /// Reads a schema.
    public init(_ data: Data) throws {
        root = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    }

    /// Everything in the document that breaks the schema, each with its JSON pointer; empty when it is valid.
    public func violations(in document: Data) throws -> [String] {
        let value = try JSONSerialization.jsonObject(with: document, options: .fragmentsAllowed)
        return try violations(of: value, by: root, at: "", depth: 0)
    }

    /// The subschema that a local reference (`#/definitions/x`, `#/$defs/x`, `#`) names.
    func resolved(_ reference: String) throws -> Any {
        guard reference.hasPrefix("#") else { throw Failure.unresolvedReference(reference) }
        var place = root
        for part in reference.dropFirst().split(separator: "/") {
            let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
            guard let next = (place as? [String: Any])?[name] else { throw Failure.unresolvedReference(reference) }
            place = next
        }
        return place
    }

    func violations(of value: Any, by schema: Any, at place: String, depth: Int) throws -> [String] {
        guard depth < 200 else { throw Failure.tooDeep }
        if let allowed = JSONValue(schema).bool { return allowed ? [] : ["\(place): nothing is allowed here"] }
        guard let keywords = schema as? [String: Any] else { throw Failure.malformed("schema", at: place) }
        var found: [String] = []
        for (keyword, rule) in keywords.sorted(by: { $0.key < $1.key }) {
            let check = Check(value: value, rule: rule, keywords: keywords, place: place, depth: depth)
            found += try apply(keyword, check)
        }
        return found
    }

    /// One keyword at one place of the document.
    struct Check {
        let value: Any, rule: Any
        let keywords: [String: Any]
        let place: String, depth: Int
    }

    private static let annotations: Set<String> = [
        "$schema", "$id", "id", "$comment", "title", "description", "default", "examples", "format", "definitions",
        "$defs",
        "deprecated", "readOnly", "writeOnly", "$anchor", "then", "else",
    ]

    private func apply(_ keyword: String, _ check: Check) throws -> [String] {
        if Self.annotations.contains(keyword) || keyword.hasPrefix("x-") { return [] }
        switch keyword {
        case "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern",
            "minLength", "maxLength":
            return try scalar(keyword, check)
        case "properties", "patternProperties", "additionalProperties", "required", "minProperties":
            return try object(keyword, check)
        case "items", "minItems", "maxItems", "uniqueItems": return try array(keyword, check)
        case "$ref", "allOf", "anyOf", "oneOf", "not", "if": return try combined(keyword, check)
        default: throw Failure.unknownKeyword(keyword, at: check.place)
        }
    }
}

/// A JSON value as Foundation reads it, told apart: numbers from truth values above all.
struct JSONValue {
    let any: Any
    init(_ any: Any) { self.any = any }

    /// The truth value, if it is one.
    var bool: Bool? {
        guard let number = any as? NSNumber, String(cString: number.objCType) == "c" else { return nil }
        return number.boolValue
    }
    /// The number, if it is one.
    var number: Double? { bool == nil ? (any as? NSNumber)?.doubleValue : nil }
    /// The text, if it is one.
    var text: String? { any as? String }
    /// The name of its type in JSON Schema; whole numbers are `integer`.
    var type: String {
        if any is NSNull { return "null" }
        if bool != nil { return "boolean" }
        if let number { return number == number.rounded() ? "integer" : "number" }
        if text != nil { return "string" }
        return any is [Any] ? "array" : "object"
    }
    /// A text that two values share exactly when they are equal.
    var canonical: String {
        switch type {
        case "null": return "null"
        case "boolean": return bool == true ? "true" : "false"
        case "integer", "number": return "\(number ?? 0)"
        case "string": return "\"\(text?.debugDescription ?? "")\""
        case "array": return "[" + ((any as? [Any]) ?? []).map { JSONValue($0).canonical }.joined(separator: ",") + "]"
        default:
            let members = ((any as? [String: Any]) ?? [:]).sorted { $0.key < $1.key }
            return "{"
                + members.map { "\($0.key.debugDescription):\(JSONValue($0.value).canonical)" }.joined(separator: ",")
                + "}"
        }
    }
}
