import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

@Suite struct ConstraintRuleTests {
    /// Verdicts of two other implementations of CEL: 137 rules on six rows, by closure and by SQL.
    @Test func verdictsAreThoseOfOtherImplementations() throws {
        let figures = try Figures("figures/constraints.json")
        let types: [(String, ColumnType)] = [
            ("i", .integer), ("j", .integer), ("x", .number), ("y", .number), ("s", .text), ("u", .text),
            ("b", .boolean), ("c", .boolean), ("t", .timestamp),
        ]
        func value(_ row: Figures, _ name: String, _ type: ColumnType) -> ConstraintValue {
            if row[name].isNull { return .null }
            return switch type {
            case .integer: row[name].text.flatMap { Int($0) }.map { .int($0) } ?? .null
            case .number: row[name].double.map { .double($0) } ?? .null
            case .boolean: row[name].bool.map { .bool($0) } ?? .null
            case .timestamp, .date: row[name].text.flatMap { ConstraintValue.timestamp($0) } ?? .null
            case .text: row[name].text.map { .string($0) } ?? .null
            }
        }
        // why JSON: it tells empty texts from missing ones.
        let lines = figures["rows"].list.map { row in
            let cells = types.map { name, type -> String in
                let json = row[name].text.map { ConstraintGenerator.json($0) }
                switch type {
                case .integer: return "\"\(name)\": \(row[name].text ?? "null")"
                case .number: return "\"\(name)\": \(row[name].double.map { "\($0)" } ?? "null")"
                case .boolean: return "\"\(name)\": \(row[name].bool.map { "\($0)" } ?? "null")"
                case .text, .date, .timestamp: return "\"\(name)\": \(json ?? "null")"
                }
            }
            return "{\(cells.joined(separator: ", "))}"
        }
        let table = try DataSupport.open(lines.joined(separator: "\n") + "\n", as: "rows.jsonl")
        #expect(table.columns.map(\.type) == types.map(\.1))
        let cases = figures["cases"].list
        #expect(cases.count > 130)
        let rules = try cases.map { try ConstraintSupport.rule($0["rule"].text ?? "", columns: table.columns) }
        let found = try ConstraintVerdicts(of: rules, in: table)
        var compared = 0
        for (index, rule) in rules.enumerated() {
            let bound = try #require(rule.bound(toValues: types.map(\.0)))
            for (row, expected) in cases[index]["verdicts"].list.enumerated() where expected.text == nil {
                let wanted: ConstraintRule.Verdict = expected.bool.map { $0 ? .holds : .violated } ?? .notApplicable
                let values = types.map { value(figures["rows"][row], $0.0, $0.1) }
                #expect(bound.verdict(values) == wanted, "\(rule.text) on row \(row)")
                #expect(found.verdict(rule: index, row: row) == wanted, "\(rule.text) on row \(row), SQL")
                compared += 1
            }
        }
        #expect(compared > 780)
    }

    /// Missing values: touched or not.
    @Test(
        arguments: [
            ("row.i > 1", nil), ("row.i > 1 && row.b", nil), ("row.c && row.i > 1", false),
            ("row.i > 1 || row.b", true),
            ("row.b ? row.x > 0 : row.i > 0", true), ("row.c ? row.x > 0 : row.i > 0", nil), ("row.i == null", true),
            ("row.i != null", false), ("has(row.i) && row.i > 0", false), ("row.i == null || row.i > 0", true),
            ("!(row.i > 0)", nil), ("1 in [1, row.i]", nil), ("row.i in []", nil), ("row.b in [true, row.i > 0]", nil),
            ("row.s + 'x' == 'x'", nil), ("row.x / 0 > 1e308", true), ("0.0 / 0 == 1", nil),
            ("1 / 0 == 1 || row.b", true),
            ("row.x - row.x / 0.0 + 1 / 0.0 != 0", nil), ("9223372036854775807 + 1 > 0", nil), ("1 % 0 == 0", nil),
            ("-9223372036854775808 / -1 > 0", nil), ("-9223372036854775808 % -1 == 0", nil), ("1.0 / -0.0 > 0", true),
            ("9007199254740993 == 9007199254740992.0", true), ("9007199254740993 == 9007199254740992", false),
        ] as [(String, Bool?)]) func missingValuesAreAbsorbed(text: String, expected: Bool?) throws
    {
        let verdict = try ConstraintSupport.verdict(text, ["b": .bool(true), "c": .bool(false), "x": .double(0.5)])
        #expect(verdict == (expected.map { $0 ? .holds : .violated } ?? .notApplicable))
        let table = try DataSupport.open("i,b,c,x,s\n,true,false,0.5,\n,,,,a\n", types: ["i": .integer])
        let rule = try ConstraintSupport.rule(text, columns: table.columns)
        #expect(try ConstraintVerdicts(of: [rule], in: table).verdict(rule: 0, row: 0) == verdict)
    }

    /// Where a value has more digits than float32 keeps, a feature row can say something else than the table.
    @Test func narrowingToFloat32IsBounded() throws {
        let columns = [
            Column(name: "n", type: .integer, missing: 0), Column(name: "x", type: .number, missing: 0),
            Column(name: "k", type: .text, missing: 0),
        ]
        let features = [Feature("n"), Feature("x"), Feature("k", .categorical(levels: ["a", "b"]))]
        func verdict(_ text: String, _ row: [Float]) throws -> ConstraintRule.Verdict? {
            try ConstraintSupport.rule(text, columns: columns).bound(to: features)?.verdict(row[...])
        }
        #expect(try verdict("row.x == 0.1 && row.x <= 0.1 && row.x >= 0.1", [0, 0.1, 0]) == .holds)
        #expect(try verdict("row.x * 3 == 0.3", [0, 0.1, 0]) == .violated, "0.1 * 3 is no 0.3 in float64 either")
        #expect(
            try verdict("row.n == 16777217", [Float(Int(16_777_217)), 0, 0]) == .violated, "float32 holds 16777216")
        // A fraction in a column of whole numbers: read as a number.
        #expect(try verdict("row.n / 2 == 1", [3, 0, 0]) == .holds)
        #expect(try verdict("row.n / 2 == 1.5", [3.5, 0, 0]) == .violated)
        #expect(try verdict("row.n >= 3", [2.5, 0, 0]) == .violated)
        #expect(try verdict("row.n % 2 == 0", [2.5, 0, 0]) == .notApplicable)
        #expect(try verdict("row.n % 2 == 0", [.nan, 0, 0]) == .notApplicable)
        // Levels: the index, unknown and missing.
        #expect(try verdict("row.k == 'b' || row.k == null", [0, 0, 1]) == .holds)
        #expect(try verdict("row.k == 'b' || row.k == null", [0, 0, .nan]) == .holds)
        #expect(try verdict("row.k == 'b' || row.k == null", [0, 0, -1]) == .notApplicable)
        #expect(try verdict("size(row.k) == 1 && row.k < 'b' && row.n < 5", [0, 0, 0]) == .holds)
        #expect(try verdict("row.k in ['a'] ? row.n > 0 : row.x > 0", [0, 1, 1]) == .holds)
        // Not among the features, or of another kind.
        #expect(try ConstraintSupport.rule("row.b").bound(to: features) == nil)
        #expect(try ConstraintSupport.rule("row.s == ''").bound(to: [Feature("s")]) == nil)
    }

    @Test func categoriesTakeTheTypeOfTheirColumn() throws {
        let columns = [
            Column(name: "code", type: .integer, missing: 0), Column(name: "flag", type: .boolean, missing: 0),
            Column(name: "day", type: .date, missing: 0),
        ]
        let features = [
            Feature("code", .categorical(levels: ["1", "20", "x"])),
            Feature("flag", .categorical(levels: ["false", "true"])),
            Feature("day"),
        ]
        func verdict(_ text: String, _ row: [Float]) throws -> ConstraintRule.Verdict? {
            try ConstraintSupport.rule(text, columns: columns).bound(to: features)?.verdict(row[...])
        }
        #expect(try verdict("row.code * 2 == 40 && row.flag", [1, 1, 0]) == .holds)
        #expect(try verdict("row.code > 1", [2, 0, 0]) == .notApplicable, "the level is no number")
        #expect(try verdict("row.code + 1 > row.code && !row.flag", [0, 0, 0]) == .holds)
        #expect(try verdict("row.day >= '2024-02-29' && row.day < date('2024-03-01')", [0, 0, 19_782]) == .holds)
        #expect(try verdict("row.day > '2024-02-29'", [0, 0, 19_782]) == .violated)
    }
}

extension ConstraintGenerator {
    /// A text as JSON writes it.
    static func json(_ text: String) -> String {
        (try? String(decoding: JSONEncoder().encode(text), as: UTF8.self)) ?? "null"
    }
}
