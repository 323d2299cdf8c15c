import CasemateCore
import CasemateData
import TestSupport
import Testing

@Suite struct ConstraintErrorTests {
    private static let columns = [
        Column(name: "age", type: .integer, missing: 0), Column(name: "income", type: .number, missing: 0),
        Column(name: "job", type: .text, missing: 0), Column(name: "opened", type: .date, missing: 0),
        Column(name: "owner", type: .boolean, missing: 0), Column(name: "years on job", type: .integer, missing: 0),
    ]

    private func message(_ text: String) -> String {
        ConstraintSupport.failure(text, columns: Self.columns)?.description ?? "accepted"
    }

    @Test func theMessageNamesPlaceRuleAndColumn() throws {
        let error = try #require(throws: CasemateError.self) {
            try ConstraintRule("row.age >= row.incme", name: "adult", columns: Self.columns, at: "casemate.yaml:12")
        }
        #expect(
            error.description
                == """
                casemate.yaml:12: rule 'adult', column 12: no column 'incme', did you mean 'income'? [not-found]
                  help: columns: age, income, job, opened, owner, years on job
                """)
    }

    /// Code, position from 1, and a part of the message or its help.
    @Test(arguments: [
        ("", CasemateError.Code.malformed, 1, "is empty"),
        ("row.age >", .malformed, 10, "expected a value, found the end"),
        ("row.age = 18", .malformed, 9, "write =="), ("row.age >= 18 and row.owner", .malformed, 15, "write &&"),
        ("row.age >= 18 &", .malformed, 15, "write &&"), ("row.age <> 18", .malformed, 10, "expected a value"),
        ("(row.age > 1", .malformed, 13, "expected ')'"), ("row.job == 'a", .malformed, 12, "not closed"),
        ("row.job == 'a\nb'", .malformed, 12, "not closed"), ("row.job == '\\q'", .malformed, 13, "no escape"),
        ("row.job == '\\u12'", .malformed, 13, "4 hexadecimal digits"),
        ("row.job == '\\ud800'", .malformed, 13, "NUL and"),
        ("row.job == '\\0'", .malformed, 13, "3 octal digits"), ("row.job == '\\000'", .malformed, 13, "NUL"),
        ("row.age > 18u", .unsupported, 11, "unsigned"), ("row.age > 18y", .malformed, 11, "is no number"),
        ("row.age > 1.2.3", .malformed, 11, "is no number"),
        ("row.age > 9223372036854775808", .limitExceeded, 11, "64 bits"),
        ("row.age > 1e999", .limitExceeded, 11, "floating point"), ("row.age > 0x", .malformed, 11, "digits behind 0x"),
        ("b'a' == row.job", .unsupported, 1, "bytes"), ("age >= 18", .notFound, 1, "did you mean 'row.age'?"),
        ("row.years_on_job > 1", .notFound, 1, "did you mean 'years on job'?"),
        ("row.in > 1", .malformed, 5, "row[\"in\"]"), ("row > 1", .malformed, 1, "row.column"),
        ("row[0] > 1", .malformed, 5, "column name in quotes"), ("row.job.size > 1", .unsupported, 9, "row[\"a.b\"]"),
        ("row.job[0] == 'a'", .unsupported, 8, "nothing goes deeper"), ("{'a': 1}", .unsupported, 1, "maps"),
        ("row.?age == 1", .unsupported, 5, "optional"), ("row.age", .mismatch, 1, "gives a whole number"),
        ("row.age && row.owner", .mismatch, 1, "compare it: == 1"), ("!row.job", .mismatch, 1, "needs true or false"),
        ("row.age == 'a'", .mismatch, 9, "between a whole number and a text"),
        ("row.owner == 1", .mismatch, 11, "0 or 1"), ("row.age == null && row.age > null", .mismatch, 28, "null"),
        ("row.age + 1 == null", .mismatch, 13, "only a column"), ("null == null", .mismatch, 6, "only a column"),
        ("row.age in 18", .mismatch, 12, "needs a list"), ("row.age in [1, 'a']", .mismatch, 16, "between"),
        ("row.age in [1, null]", .mismatch, 16, "null in a list"), ("[1] == [1]", .mismatch, 1, "behind 'in' only"),
        ("row.income % 2 == 0", .mismatch, 12, "whole numbers"), ("row.job - 'a' == ''", .mismatch, 9, "numbers"),
        ("-row.job == 'a'", .mismatch, 1, "before a text"), ("row.opened + 1 > row.opened", .unsupported, 12, "dates"),
        ("row.opened > '2024-02-30'", .mismatch, 12, "2024-02-29"),
        ("row.opened > date('x')", .malformed, 19, "calendar"),
        ("date('2024-01-01T00:00:00Z') < row.opened", .malformed, 6, "date("),
        ("row.opened > 5", .mismatch, 12, "moment"),
        ("row.age.startsWith('a')", .mismatch, 1, "takes texts"),
        ("startsWith(row.job, 'a')", .malformed, 1, "follows a text"),
        ("row.startsWith('a')", .malformed, 5, "needs a column before"),
        ("row.job.has()", .malformed, 9, "has(row.column)"),
        ("row.job.startsWith()", .malformed, 9, "number of arguments"),
        ("size(row.age) > 1", .mismatch, 6, "takes texts"),
        ("size([1]) == 1", .unsupported, 6, "size of a list"),
        ("row.job.startWith('a')", .notFound, 9, "'startsWith'?"),
        ("has(row.age + 1)", .mismatch, 13, "needs a column"), ("double(row.job) > 1", .mismatch, 8, "takes a number"),
        ("row.job.all(x, x > 1)", .unsupported, 9, "macro 'all'"),
        ("int(row.income) > 1", .unsupported, 1, "conversion"),
        ("row.opened.getFullYear() > 2000", .unsupported, 12, "function"),
        ("row.owner ? row.age : row.job", .mismatch, 11, "between"),
        ("row.age > 1 row.owner", .malformed, 13, "operator"),
        ("row.job.matches(row.job)", .unsupported, 17, "computed"), ("1 < 2 < 3", .mismatch, 7, "between"),
        ("row.age >= 18 ≤ 2", .malformed, 15, "write <="), ("row.age.foo(", .notFound, 9, "no function"),
    ]) func mistakesAreExplained(text: String, code: CasemateError.Code, column: Int, part: String) {
        let error = ConstraintSupport.failure(text, columns: Self.columns)
        #expect(error?.code == code && error?.description.contains(part) == true, "\(message(text))")
        #expect(error?.place.hasSuffix(", column \(column)") == true, "\(message(text))")
    }

    @Test(arguments: [
        "(?=a)", "(?!a)", "(?<=a)b", "(?i)a", "(?P<n>a)", "(a)\\1", "\\pL", "\\p{Greek}", "a**", "a{2}{3}", "*a", "a|*",
        "(a",
        "a)", "[a", "[]a]", "[b-a]", "[a-\\d]", "[a-c-e]", "[[:nope:]]", "a{", "a{,3}", "a{3,2}", "a{1001}", "a\\",
        "\\Q.\\E",
        "\\Z", "\\B", "\\_", "\\é", "\\x4", "\\x{110000}", "a^b", "a$b", "(^a)*", "^*", "\\b+", "((a{100}){100}){100}",
        "(((()*){1000}){1000})", "[^\\b]", "(?", "(?:", "\\x{d800}", "(a{30}b{30}){20}",
    ]) func patternsThatEnginesReadDifferentlyAreRefused(pattern: String) throws {
        let error = try #require(
            ConstraintSupport.failure("row.job.matches(r\"\(pattern)\")", columns: Self.columns),
            "'\(pattern)' is accepted")
        #expect([.malformed, .unsupported, .limitExceeded].contains(error.code), "\(error)")
        #expect(error.place.hasSuffix("column 17") && !error.help.isEmpty, "\(error)")
    }

    /// Depth, length and entanglement are bounded; each is refused within milliseconds.
    @Test func hostileRulesAreRefused() {
        let deep = 200_000
        let hostile = [
            String(repeating: "(", count: 16_000) + "true" + String(repeating: ")", count: 200),
            String(repeating: "!", count: 16_000) + "true", String(repeating: "-", count: 16_000) + "1 > 0",
            String(repeating: "true ? true : ", count: 1_000) + "true", String(repeating: "[", count: 8_000),
            String(repeating: "has(", count: 3_000), String(repeating: "a", count: deep),
            "true" + String(repeating: " && (true", count: 1_600), "1" + String(repeating: "+1", count: 7_000) + " > 0",
            "row.job" + String(repeating: ".size()", count: 2_000) + " > 0",
            "row.job.matches('" + String(repeating: "(", count: 900) + "')",
            "row.job.matches('" + String(repeating: "a?", count: 450) + String(repeating: "a", count: 450) + "')",
            "row.job == '" + String(repeating: "\\", count: 15_000),
        ]
        for text in hostile {
            let error = ConstraintSupport.failure(text, columns: Self.columns)
            #expect(error != nil, "\(text.prefix(30))… is accepted")
            #expect((error?.description.count ?? 0) < 1_000)
        }
        // Choices inside comparisons inside choices would double the SQL each time.
        var text = "row.owner"
        for _ in 0..<24 { text = "((\(text)) ? row.age : 1) > (row.owner ? 1 : row.age)" }
        #expect(ConstraintSupport.failure(text, columns: Self.columns)?.code == .limitExceeded)
    }

    /// What is long and sound is taken: a thousand texts in a list, sixty brackets, eighty terms.
    @Test func longRulesAreTaken() throws {
        let list = (0..<1_500).map { "'v\($0)'" }.joined(separator: ", ")
        let sum = (0..<80).map { "\($0)" }.joined(separator: " + ")
        let brackets = String(repeating: "(", count: 60) + "row.owner" + String(repeating: ")", count: 60)
        for text in ["row.job in [\(list)]", "row.age < \(sum)", brackets, "row.job.matches('^(a|b)*c{1,300}$')"] {
            let rule = try ConstraintSupport.rule(text, columns: Self.columns)
            let table = try DataSupport.open("age,job,owner\n3160,v1499,true\n3159,accc,false\n")
            let counts = try rule.count(in: table)
            #expect(counts.holds == 1 && counts.violated == 1, "\(text.prefix(30))")
        }
    }

    /// Random bytes, random tokens and mutilated rules: an error or a rule, never a trap, never an endless search.
    @Test func randomTextsNeverTrap() {
        var generator = SeededGenerator(seed: 9)
        let tokens = [
            "row", ".", "age", "job", "[", "]", "(", ")", "\"", "'", "&&", "||", "!", "-", "+", "*", "/", "%", "<",
            "<=", "==",
            "!=", "?", ":", ",", "in", "null", "true", "1", "0.5", "9223372036854775808", "1e5", "'a'", "r'\\d+'",
            "has",
            "size", "matches", "startsWith", "date", "double", " ", "\\", "row.age", "row.job", "row.owner", "//", "\n",
            "0x",
            "row[\"", "é", "\u{0}", "'[a-'", "'(a|'", "'a{2'", "🦆", "timestamp", "'2024-02-29'",
        ]
        var accepted = 0
        for round in 0..<30_000 {
            var text = ""
            switch round % 3 {
            case 0:
                let bytes = (0..<Int(generator.next() % 40)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                text = String(decoding: bytes, as: UTF8.self)
            case 1:
                for _ in 0..<1 + generator.next() % 20 { text += tokens[Int(generator.next() % UInt64(tokens.count))] }
            default:
                var expressions = ConstraintGenerator(seed: generator.next())
                var scalars = Array(expressions.truth(2).unicodeScalars)
                for _ in 0..<generator.next() % 3 where !scalars.isEmpty {
                    let place = Int(generator.next() % UInt64(scalars.count))
                    if generator.next() % 2 == 0 {
                        scalars.remove(at: place)
                    } else {
                        let token = tokens[Int(generator.next() % UInt64(tokens.count))]
                        scalars.replaceSubrange(place...place, with: token.unicodeScalars)
                    }
                }
                text = String(String.UnicodeScalarView(scalars))
            }
            if ConstraintSupport.failure(text) == nil { accepted += 1 }
        }
        #expect(accepted > 1_000, "\(accepted) accepted")
    }

    /// Nothing in a name or a text ends the SQL.
    @Test func sqlCannotBeInjected() throws {
        let name = "a\"); DROP TABLE data; --"
        let table = try DataSupport.open("\"a\"\"); DROP TABLE data; --\",s\n1,x\n2,\"'); DROP TABLE data; --\"\n")
        #expect(table.columns.first?.name == name)
        let rule = try ConstraintSupport.rule(
            "row['\(name)'] == 2 && row.s == \"'); DROP TABLE data; --\" && row.s.matches(r\"^'\\)\")",
            columns: table.columns)
        let counts = try rule.count(in: table)
        #expect(counts.holds == 1 && counts.violated == 1 && counts.firstViolations == [0])
        #expect(try table.numbers(name) == [1, 2])
    }

    /// A table with another type is refused, one whose column is empty is not.
    @Test func tablesAreCheckedAgain() throws {
        let rule = try ConstraintSupport.rule("row.age > 18", columns: Self.columns)
        let wrong = try #require(throws: CasemateError.self) { try rule.count(in: DataSupport.open("age,b\nx,1\n")) }
        #expect(wrong.code == .mismatch && wrong.what.contains("age"))
        let lacking = try #require(throws: CasemateError.self) { try rule.count(in: DataSupport.open("a,b\n1,1\n")) }
        #expect(lacking.code == .notFound)
        #expect(try rule.count(in: DataSupport.open("age,b\n,1\n")).notApplicable == 1)
        let wide = try ConstraintSupport.rule("row.income / 2 == 1.5", columns: Self.columns)
        #expect(try wide.count(in: DataSupport.open("income,b\n3,1\n,2\n")).holds == 1, "whole numbers are numbers")
    }
}
