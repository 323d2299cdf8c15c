import CasemateCore
import CasemateData
import Foundation
import TestSupport

/// Rules, tables and random expressions for the tests of constraints.
enum ConstraintSupport {
    /// Columns of every type, as the tables of these tests have them.
    static let columns = [
        Column(name: "i", type: .integer, missing: 0), Column(name: "j", type: .integer, missing: 0),
        Column(name: "x", type: .number, missing: 0), Column(name: "y", type: .number, missing: 0),
        Column(name: "f", type: .number, missing: 0), Column(name: "s", type: .text, missing: 0),
        Column(name: "it's \"odd\"; --", type: .text, missing: 0), Column(name: "b", type: .boolean, missing: 0),
        Column(name: "c", type: .boolean, missing: 0), Column(name: "d", type: .date, missing: 0),
        Column(name: "t", type: .timestamp, missing: 0),
    ]

    static func rule(_ text: String, name: String? = nil, columns: [Column] = columns) throws -> ConstraintRule {
        try ConstraintRule(text, name: name, columns: columns, at: "casemate.yaml:12")
    }

    /// The error of a rule that is refused.
    static func failure(_ text: String, columns: [Column] = columns) -> CasemateError? {
        do { _ = try rule(text, columns: columns) } catch { return error as? CasemateError }
        return nil
    }

    /// The verdict on one row of values, which are missing unless they are given.
    static func verdict(_ text: String, _ values: [String: ConstraintValue] = [:]) throws -> ConstraintRule.Verdict {
        let bound = try rule(text).bound(toValues: columns.map(\.name))
        return bound?.verdict(columns.map { values[$0.name] ?? .null }) ?? .notApplicable
    }

    // MARK: Random rows

    static let texts = [
        "", "a", "b", "A", "ab", "abc", "ba", "aa", "Z", "é", "e\u{301}", "日本", "🦆", "🤦🏼‍♂️", " a", "a ", "a\nb", "it's",
        "\"", "\\", "%", "_", "a.b", "10", "-1", "null", "\u{FFFD}", "ß", "ÿ",
    ]

    /// Random rows over `columns`, a fifth of all values missing, extremes among them.
    static func rows(_ count: Int, seed: UInt64) -> [[ConstraintValue]] {
        var generator = SeededGenerator(seed: seed, stream: 1)
        return (0..<count).map { _ in
            columns.map { column in
                if generator.next() % 5 == 0 { return .null }
                switch (column.name, column.type) {
                case (_, .integer): return .int(whole(&generator))
                case ("f", _): return .double(Double("\(Float(real(&generator)))") ?? .infinity)
                case (_, .number): return .double(real(&generator))
                case (_, .text): return .string(texts[Int(generator.next() % UInt64(texts.count))])
                case (_, .boolean): return .bool(generator.next() % 2 == 0)
                case (_, .date): return .timestamp(microseconds: day(&generator) * 86_400_000_000)
                case (_, .timestamp):
                    return .timestamp(
                        microseconds: day(&generator) * 86_400_000_000 + Int(generator.next() % 3) * 1_500_000)
                }
            }
        }
    }

    static func whole(_ generator: inout SeededGenerator) -> Int {
        switch generator.next() % 12 {
        case 0: [Int.min, Int.max, Int.min + 1, 1 << 53 + 1, -1 << 31, 1 << 62][Int(generator.next() % 6)]
        default: Int(generator.next() % 13) - 6
        }
    }
    static func real(_ generator: inout SeededGenerator) -> Double {
        switch generator.next() % 12 {
        case 0:
            [.infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 0x1p53, -1e300, 0.1][
                Int(generator.next() % 8)]
        default: Double(Int(generator.next() % 25) - 12) / 4
        }
    }
    static func day(_ generator: inout SeededGenerator) -> Int {
        generator.next() % 10 == 0
            ? [-719_162, 2_932_896, 0, -1][Int(generator.next() % 4)]
            : 19_780 + Int(generator.next() % 6)
    }

    /// The rows as a table that DuckDB wrote to Parquet and Casemate opened.
    static func table(_ rows: [[ConstraintValue]]) throws -> DataTable {
        let types = [
            "BIGINT", "BIGINT", "DOUBLE", "DOUBLE", "FLOAT", "VARCHAR", "VARCHAR", "BOOLEAN", "BOOLEAN", "DATE",
            "TIMESTAMP",
        ]
        func sql(_ value: ConstraintValue, _ type: String) -> String {
            switch value {
            case .null: return "NULL"
            case .int(let value): return "CAST('\(value)' AS \(type))"
            case .double(let value): return "CAST('\(value)' AS \(type))"
            case .bool(let value): return value ? "TRUE" : "FALSE"
            case .string(let value): return "'\(value.replacing("'", with: "''"))'"
            case .timestamp(let value): return "CAST(make_timestamp(\(value)) AS \(type))"
            }
        }
        let select = zip(columns, types).enumerated()
            .map { "CAST(v\($0) AS \($1.1)) AS \(quoted($1.0.name))" }.joined(separator: ", ")
        let values = rows.map { row in "(" + zip(row, types).map { sql($0, $1) }.joined(separator: ", ") + ")" }
        let names = types.indices.map { "v\($0)" }.joined(separator: ", ")
        let bytes = try DataSupport.written(
            "COPY (SELECT \(select) FROM (VALUES \(values.joined(separator: ", "))) AS v(\(names))) TO TARGET "
                + "(FORMAT parquet)", as: "rows.parquet")
        return try DataSupport.open(bytes, as: "rows.parquet")
    }
}

/// Random expressions of the right types, as text.
struct ConstraintGenerator {
    var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed, stream: 2) }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(generator.next() % UInt64(values.count))] }
    private mutating func chance(_ share: Int) -> Bool { generator.next() % 100 < UInt64(share) }

    mutating func truth(_ depth: Int) -> String {
        guard depth > 0 else {
            return pick(["row.b", "row.c", "has(row.x)", "(row.s == null)", "(row[\"i\"] != null)", "true"])
        }
        let next = depth - 1
        switch generator.next() % 16 {
        case 0: return "!(\(truth(next)))"
        case 1, 2: return (0..<2 + Int(generator.next() % 2)).map { _ in truth(next) }.joined(separator: " && ").wrapped
        case 3, 4: return (0..<2 + Int(generator.next() % 2)).map { _ in truth(next) }.joined(separator: " || ").wrapped
        case 5: return "(\(truth(next)) ? \(truth(next)) : \(truth(next)))"
        case 6: return "\(whole(next)) \(relation()) \(whole(next))".wrapped
        case 7: return "\(real(next)) \(relation()) \(real(next))".wrapped
        case 8: return "\(whole(next)) \(relation()) \(real(next))".wrapped
        case 9: return "\(text(next)) \(relation()) \(text(next))".wrapped
        case 10: return "\(truth(next)) \(relation()) \(truth(next))".wrapped
        case 11:
            let right = chance(50) ? moment(next) : pick(["'2024-02-29'", "\"2024-02-28T12:00:00Z\""])
            return "\(moment(next)) \(relation()) \(right)".wrapped
        case 12: return membership(next)
        case 13: return "\(text(next)).\(pick(["startsWith", "endsWith", "contains"]))(\(text(next)))"
        case 14: return "\(text(next)).matches(\(Self.quoted(pattern())))"
        default: return truth(0)
        }
    }

    private mutating func relation() -> String { pick(["<", "<=", ">", ">=", "==", "!="]) }

    private mutating func membership(_ depth: Int) -> String {
        let count = Int(generator.next() % 9)
        switch generator.next() % 4 {
        case 0:
            return
                "\(whole(depth)) in [\((0..<count).map { _ in whole(chance(70) ? 0 : depth) }.joined(separator: ", "))]"
                .wrapped
        case 1:
            return
                "\(real(depth)) in [\((0..<count).map { _ in real(chance(70) ? 0 : depth) }.joined(separator: ", "))]"
                .wrapped
        case 2: return "\(moment(depth)) in [\((0..<count).map { _ in moment(0) }.joined(separator: ", "))]".wrapped
        default:
            return
                "\(text(depth)) in [\((0..<count).map { _ in text(chance(70) ? 0 : depth) }.joined(separator: ", "))]"
                .wrapped
        }
    }

    mutating func whole(_ depth: Int) -> String {
        guard depth > 0, chance(60) else {
            return chance(50)
                ? pick(["row.i", "row.j", "row['i']"])
                : pick([
                    "0", "1", "2", "-3", "7", "0x10", "9223372036854775807", "-9223372036854775808", "9007199254740993",
                ])
        }
        let next = depth - 1
        switch generator.next() % 6 {
        case 0: return "-\(whole(next).wrapped)"
        case 1: return "size(\(text(next)))"
        case 2: return "(\(truth(next)) ? \(whole(next)) : \(whole(next)))"
        default: return "(\(whole(next)) \(pick(["+", "-", "*", "/", "%"])) \(whole(next)))"
        }
    }

    mutating func real(_ depth: Int) -> String {
        guard depth > 0, chance(60) else {
            return chance(50)
                ? pick(["row.x", "row.y", "row.f"])
                : pick([
                    "0.0", "0.1", "1.5", "-2.25", ".5", "1e308", "-0.0", "3.0", "0.10000000149011612",
                    "9007199254740992.0", "9.3e18",
                ])
        }
        let next = depth - 1
        switch generator.next() % 7 {
        case 0: return "-\(real(next).wrapped)"
        case 1: return "double(\(whole(next)))"
        case 2: return "(\(truth(next)) ? \(real(next)) : \(real(next)))"
        case 3: return "(\(real(next)) \(pick(["+", "-", "*", "/"])) \(whole(next)))"
        default: return "(\(real(next)) \(pick(["+", "-", "*", "/"])) \(real(next)))"
        }
    }

    mutating func text(_ depth: Int) -> String {
        guard depth > 0, chance(30) else {
            return chance(50)
                ? pick(["row.s", "row[\"it's \\\"odd\\\"; --\"]"]) : Self.quoted(pick(ConstraintSupport.texts))
        }
        let next = depth - 1
        return chance(50) ? "(\(text(next)) + \(text(next)))" : "(\(truth(next)) ? \(text(next)) : \(text(next)))"
    }

    mutating func moment(_ depth: Int) -> String {
        guard depth > 0, chance(25) else {
            return pick(["row.d", "row.t", "row.d", "timestamp('2024-02-29T00:00:01.5Z')", "date('2024-02-28')"])
        }
        return "(\(truth(depth - 1)) ? \(moment(depth - 1)) : \(moment(depth - 1)))"
    }

    /// A pattern of the subset.
    mutating func pattern(_ depth: Int = 2) -> String {
        let start = chance(15) ? pick(["^", "\\A", "(^|b)"]) : ""
        let parts = (0..<1 + Int(generator.next() % 3)).map { _ in piece(depth) }.joined()
        return start + parts + (chance(15) ? pick(["$", "\\z", "(?:a|$)"]) : "")
    }
    private mutating func inner(_ depth: Int) -> String {
        (0..<1 + Int(generator.next() % 3)).map { _ in piece(depth) }.joined()
    }
    private mutating func piece(_ depth: Int) -> String {
        var part = pick([
            "a", "b", "é", ".", "[a-c]", "[^a]", "\\d", "\\w", "\\s", "\\D", "[[:alpha:]]", "\\.", "[A-Zé]", "[\\d-]",
            "\\x41",
            "[^\\w]", "\\S", "\\n", "🦆",
        ])
        if depth > 0, chance(25) {
            part = "(\(chance(50) ? "?:" : "")\(inner(depth - 1))|\(chance(20) ? "" : inner(depth - 1)))"
        } else if chance(15) {
            return "\\b"
        }
        return chance(40) ? part + pick(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?"]) : part
    }

    /// A text as CEL writes it.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value > 0xFFFF: result += "\\U000" + String(scalar.value, radix: 16)
            case _ where scalar.value == 0xE9: result += "\\u00e9"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension String {
    fileprivate var wrapped: String { "(\(self))" }
}
