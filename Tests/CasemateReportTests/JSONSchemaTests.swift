import Foundation
import TestSupport
import Testing

/// The validator says yes and no where the drafts do; a case is a schema, a valid and an invalid document.
struct JSONSchemaTests {
    static let cases: [(schema: String, good: String, bad: String)] = [
        (#"{"type": "integer"}"#, "3", "3.5"),
        (#"{"type": "integer"}"#, "3.0", "true"),
        (#"{"type": ["string", "null"]}"#, "null", "1"),
        (#"{"type": "number"}"#, "1", "false"),
        (#"{"enum": ["a", 1]}"#, "1", "\"1\""),
        (#"{"const": {"a": [1, 2]}}"#, #"{"a": [1, 2]}"#, #"{"a": [2, 1]}"#),
        (#"{"minimum": 1, "maximum": 2}"#, "2", "2.01"),
        (#"{"exclusiveMinimum": 0}"#, "0.1", "0"),
        (#"{"pattern": "^[a-z]+$"}"#, "\"ab\"", "\"aB\""),
        (#"{"minLength": 2, "maxLength": 3}"#, "\"ab\"", "\"a\""),
        (#"{"required": ["a"]}"#, #"{"a": null}"#, "{}"),
        (#"{"properties": {"a": {"type": "string"}}}"#, #"{"b": 1}"#, #"{"a": 1}"#),
        (#"{"properties": {"a": true}, "additionalProperties": false}"#, #"{"a": 1}"#, #"{"a": 1, "b": 2}"#),
        (
            #"{"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": false}"#, #"{"xa": ""}"#,
            #"{"xa": 1}"#
        ),
        (#"{"additionalProperties": {"type": "string"}}"#, #"{"a": "b"}"#, #"{"a": null}"#),
        (#"{"items": {"type": "string"}, "minItems": 1, "maxItems": 2}"#, #"["a"]"#, "[]"),
        (#"{"items": {"type": "string"}}"#, "[]", #"["a", 1]"#),
        (#"{"uniqueItems": true}"#, #"[1, "1", {"a": 1}]"#, #"[{"a": 1}, {"a": 1}]"#),
        (##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}"##, "1", "\"\""),
        (
            ##"{"properties": {"a": {"$ref": "#"}}, "additionalProperties": false}"##, #"{"a": {"a": {}}}"#,
            #"{"a": {"b": 1}}"#
        ),
        (#"{"allOf": [{"minimum": 1}, {"maximum": 3}]}"#, "2", "4"),
        (#"{"anyOf": [{"type": "string"}, {"minimum": 3}]}"#, "3", "2"),
        (#"{"oneOf": [{"minimum": 1}, {"minimum": 3}]}"#, "2", "4"),
        (#"{"not": {"type": "string"}}"#, "1", "\"\""),
        (
            #"{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}"#, #"{"c": 1}"#,
            #"{"a": 1}"#
        ),
        ("true", "1", "x"),
    ]

    @Test(arguments: cases.indices)
    func agreesWithTheDrafts(index: Int) throws {
        let sample = Self.cases[index]
        let schema = try JSONSchema(Data(sample.schema.utf8))
        #expect(try schema.violations(in: Data(sample.good.utf8)) == [])
        guard sample.bad != "x" else { return }
        #expect(
            try !schema.violations(in: Data(sample.bad.utf8)).isEmpty, "\(sample.schema) lets \(sample.bad) through")
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        let unknown = try JSONSchema(Data(#"{"properties": {"a": {"unevaluatedProperties": false}}}"#.utf8))
        #expect(throws: JSONSchema.Failure.unknownKeyword("unevaluatedProperties", at: "/a")) {
            try unknown.violations(in: Data(#"{"a": {}}"#.utf8))
        }
        let elsewhere = try JSONSchema(Data(#"{"$ref": "other.json"}"#.utf8))
        #expect(throws: JSONSchema.Failure.unresolvedReference("other.json")) {
            try elsewhere.violations(in: Data("1".utf8))
        }
        let endless = try JSONSchema(Data(##"{"$ref": "#"}"##.utf8))
        #expect(throws: JSONSchema.Failure.tooDeep) { try endless.violations(in: Data("1".utf8)) }
    }

    @Test func namesThePlace() throws {
        let schema = try JSONSchema(Data(#"{"properties": {"a": {"items": {"type": "string"}}}}"#.utf8))
        #expect(try schema.violations(in: Data(#"{"a": ["", 1]}"#.utf8)) == ["/a/1: is integer, expected string"])
    }
}
