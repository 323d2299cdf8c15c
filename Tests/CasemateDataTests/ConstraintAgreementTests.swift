import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// SQL and closures come from one parse; here they meet on random rows.
@Suite struct ConstraintAgreementTests {
    /// Every rule on every row: 400 rules on 2,000 rows.
    @Test func sqlAndClosureAgree() throws {
        let rows = ConstraintSupport.rows(2_000, seed: 7)
        let table = try ConstraintSupport.table(rows)
        #expect(table.columns.map(\.type) == ConstraintSupport.columns.map(\.type))
        var generator = ConstraintGenerator(seed: 11)
        let rules = try (0..<400).map { try ConstraintSupport.rule(generator.truth(1 + $0 % 4)) }
        let found = try ConstraintVerdicts(of: rules, in: table)
        let names = ConstraintSupport.columns.map(\.name)
        var seen: [ConstraintRule.Verdict: Int] = [:]
        for (index, rule) in rules.enumerated() {
            let bound = try #require(rule.bound(toValues: names))
            var differences = 0
            for (row, values) in rows.enumerated() {
                let (closure, sql) = (bound.verdict(values), found.verdict(rule: index, row: row))
                seen[sql, default: 0] += 1
                if closure != sql { differences += 1 }
                if closure != sql, differences == 1 {
                    Issue.record("\(rule.text) on \(values): SQL \(sql), closure \(closure)")
                }
            }
        }
        let total = Double(rows.count * rules.count)
        for verdict in [ConstraintRule.Verdict.holds, .violated, .notApplicable] {
            #expect(Double(seen[verdict] ?? 0) / total > 0.1, "\(seen)")
        }
    }

    /// A rule's standalone condition says the same as the shared pass over many.
    @Test func theConditionStandsByItself() throws {
        let table = try ConstraintSupport.table(ConstraintSupport.rows(300, seed: 8))
        var generator = ConstraintGenerator(seed: 12)
        for index in 0..<30 {
            let rule = try ConstraintSupport.rule(generator.truth(1 + index % 4))
            let counts = try rule.count(in: table)
            let answer = try table.query(
                "SELECT count(*) FILTER (WHERE \(rule.sql)), count(*) FILTER (WHERE NOT (\(rule.sql))) FROM {table}")
            #expect(
                answer.columns.map(\.numbers) == [[Double(counts.holds)], [Double(counts.violated)]], "\(rule.text)")
            #expect(counts.holds + counts.violated + counts.notApplicable == table.count)
        }
    }

    /// Regular expressions by themselves, as RE2 inside DuckDB reads them.
    @Test func patternsMatchAsInTheEngine() throws {
        let rows = ConstraintSupport.rows(400, seed: 9)
        let table = try ConstraintSupport.table(rows)
        var generator = ConstraintGenerator(seed: 13)
        let rules = try (0..<384).map { _ in
            let pattern = ConstraintGenerator.quoted(generator.pattern(3))
            return try ConstraintSupport.rule("(row.s + row[\"it's \\\"odd\\\"; --\"]).matches(\(pattern))")
        }
        let found = try ConstraintVerdicts(of: rules, in: table)
        let names = ConstraintSupport.columns.map(\.name)
        for (index, rule) in rules.enumerated() {
            let bound = try #require(rule.bound(toValues: names))
            for (row, values) in rows.enumerated() {
                let (closure, sql) = (bound.verdict(values), found.verdict(rule: index, row: row))
                guard closure != sql else { continue }
                Issue.record("\(rule.text) on \(values): SQL \(sql), closure \(closure)")
                break
            }
        }
    }

    /// Float32 rows give the verdicts of the table where values have at most six digits.
    @Test func featureRowsAgreeWithTheTable() throws {
        var generator = SeededGenerator(seed: 3)
        let levels = ["a", "b", "ab", "é", "Z"]
        var text = "i,j,x,y,f,s,b,c,d\n"
        for _ in 0..<1_500 {
            func cell(_ value: String) -> String { generator.next() % 6 == 0 ? "" : value }
            let decimal = { (value: UInt64) in "\(Double(Int(value % 2_001) - 1_000) / 100)" }
            text += cell("\(Int(generator.next() % 40) - 20)") + "," + cell("\(generator.next() % 100_000)") + ","
            text += cell(decimal(generator.next())) + "," + cell(decimal(generator.next())) + ","
            text += cell("\(Double(generator.next() % 1_000) / 1_000)") + ","
            text += cell(levels[Int(generator.next() % 5)]) + ","
            text += cell(generator.next() % 2 == 0 ? "true" : "false") + ","
            text += cell(generator.next() % 2 == 0 ? "true" : "false") + ","
            text += cell("2024-02-2\(generator.next() % 10)") + "\n"
        }
        let table = try DataSupport.open(text)
        let features = table.columns.map { column in
            Feature(column.name, column.name == "s" ? .categorical(levels: levels) : .numeric)
        }
        let matrix = try table.matrix(features)
        var expressions = ConstraintGenerator(seed: 5)
        var rules: [ConstraintRule] = []
        let names = Set(table.columns.map(\.name))
        while rules.count < 300 {
            let rule = try ConstraintSupport.rule(expressions.truth(1 + rules.count % 4))
            if Set(rule.columns).isSubset(of: names) { rules.append(rule) }
        }
        rules.append(try ConstraintSupport.rule("row.x <= 0.1 || row.f == 0.3 || row.y * 3.0 > 0.3"))
        let found = try ConstraintVerdicts(of: rules, in: table)
        for (index, rule) in rules.enumerated() {
            let bound = try #require(rule.bound(to: features))
            for row in 0..<matrix.count {
                let (closure, sql) = (bound.verdict(matrix[row: row]), found.verdict(rule: index, row: row))
                guard closure != sql else { continue }
                Issue.record("\(rule.text), row \(row + 1): SQL \(sql), closure \(closure)")
                break
            }
        }
    }

    /// The same counts whatever the number of threads, over several chunks.
    @Test func countsAreInFileOrder() throws {
        let text = "a,b\n" + (0..<10_000).map { "\($0 % 7),\($0 % 11 == 0 ? "" : "\($0)")\n" }.joined()
        let rule = try ConstraintRule(
            "row.a != 3 || row.b < 9000",
            columns: [
                Column(name: "a", type: .integer, missing: 0), Column(name: "b", type: .integer, missing: 0),
            ], at: "t")
        let expected = (0..<10_000).filter { $0 % 7 == 3 && $0 % 11 != 0 && $0 >= 9_000 }
        let unknown = (0..<10_000).count { $0 % 7 == 3 && $0 % 11 == 0 }
        for threads in [1, 2] {
            let table = try DataSupport.open(Array(text.utf8), engine: try DataSupport.engine(threads: threads))
            let counts = try rule.count(in: table)
            #expect(counts.violated == expected.count && counts.notApplicable == unknown)
            #expect(counts.firstViolations == Array(expected.prefix(100)))
            #expect(try ConstraintVerdicts(of: [rule], in: table).rowsBreaking() == expected)
        }
    }
}
