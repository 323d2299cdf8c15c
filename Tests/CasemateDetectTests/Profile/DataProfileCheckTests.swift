import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// What is planted is found, and the same data without it raise no alarm.
@Suite struct DataProfileCheckTests {
    /// Loans whose columns hang together; `%` rows with a seed.
    static func loans(_ count: Int, seed: Int, changed: String = "*") -> String {
        """
        SELECT \(changed) FROM (SELECT CAST(20 + u * 50 AS INTEGER) AS age, 1000 + 4000 * (u + v) AS income, \
        500 + 3000 * (u + v) + 800 * w AS amount, CASE WHEN w < 0.5 THEN 'car' WHEN w < 0.8 THEN 'home' ELSE 'study' END \
        AS purpose, CASE WHEN v < 0.06 THEN NULL ELSE CAST(v * 10 AS INTEGER) END AS years, \
        'branch ' || CAST(floor(x * 10) AS INTEGER) AS branch, DATE '2024-01-01' + CAST(floor(y * 365) AS INTEGER) AS day, \
        CASE WHEN 0.3 * u + z < 0.35 THEN 1 ELSE 0 END AS label FROM (SELECT \
        \(["u", "v", "w", "x", "y", "z"].enumerated().map {
            "(hash(range * 6 + \($0), \(seed)) >> 12) / 4503599627370496.0 AS \($1)"
        }.joined(separator: ", ")) FROM range(\(count))))
        """
    }

    static func roles() -> DataSubject.Roles {
        var roles = DataSubject.Roles()
        (roles.target, roles.source, roles.time) = ("label", "branch", "day")
        return roles
    }

    private func found(
        _ changed: String, rows: Int = 4000, severity: Severity = .low
    ) throws -> (rules: [String], result: DataCheckResult) {
        let tables = try ProfileSupport.tables([
            ("train", Self.loans(rows, seed: 1, changed: changed)), ("reference", Self.loans(rows, seed: 2)),
        ])
        let result = try ProfileSupport.check(tables[0], tables[1], roles: Self.roles())
        return (ProfileSupport.rules(result, from: severity), result)
    }

    @Test(arguments: 1...12) func cleanDataRaiseNoAlarm(seed: Int) throws {
        let tables = try ProfileSupport.tables([
            ("train", Self.loans(3000, seed: seed)), ("reference", Self.loans(2500, seed: 100 + seed)),
        ])
        let result = try ProfileSupport.check(tables[0], tables[1], roles: Self.roles(), rules: ["row.age >= 18"])
        #expect(ProfileSupport.rules(result).isEmpty)
        #expect(result.suspects.isEmpty && result.outcome.status == .tested)
    }

    @Test(arguments: [
        ("* REPLACE (income * 1.3 AS income)", "shift", Severity.medium),
        (
            "* REPLACE (CASE WHEN purpose = 'car' AND age > 40 THEN 'home' ELSE purpose END AS purpose)", "shift",
            .medium
        ),
        ("* REPLACE (CASE WHEN age % 9 = 0 THEN 'boat' ELSE purpose END AS purpose)", "new_values", .medium),
        ("* REPLACE (CASE WHEN amount > 6800 THEN amount * 100 ELSE amount END AS amount)", "out_of_range", .low),
        ("* REPLACE (CASE WHEN age % 5 = 0 THEN NULL ELSE years END AS years)", "missing_rate", .medium),
        ("* REPLACE (1000 + 4000 * (2 - (income - 1000) / 4000) AS income)", "correlation_change", .medium),
        ("* REPLACE (CASE WHEN age > 60 THEN 1 ELSE label END AS label)", "label_shift", .medium),
        ("* EXCLUDE (income)", "missing_columns", .medium), ("*, age % 2 AS extra", "new_columns", .low),
        ("* REPLACE ('about ' || age AS age)", "type_changed", .medium),
    ])
    func plantedDifferencesAreFound(changed: String, rule: String, severity: Severity) throws {
        let (_, result) = try found(changed)
        let finding = result.outcome.findings.filter { $0.id == "data_profile.\(rule)" }.max {
            $0.severity < $1.severity
        }
        #expect(finding?.severity == severity)
        #expect(finding.map { !$0.title.isEmpty && !$0.remedy.isEmpty } == true)
    }

    /// One branch of ten turns loans down; its rows with that label are put before a person.
    @Test(arguments: 1...10) func onePoisonedSourceIsNamed(seed: Int) throws {
        let flipped = "* REPLACE (CASE WHEN branch = 'branch 3' AND income > 4500 THEN 1 ELSE label END AS label)"
        let table = try ProfileSupport.tables([("train", Self.loans(4000, seed: seed, changed: flipped))])[0]
        let result = try ProfileSupport.check(table, roles: Self.roles())
        let sources = result.outcome.findings.filter { $0.id == "data_profile.source_differs" }
        let patterns = sources.flatMap(\.evidence).compactMap {
            if case .pattern(let pattern) = $0 { pattern } else { nil }
        }
        #expect(patterns.map(\.source) == ["branch 3"] && patterns[0].kind == .source)
        #expect(patterns[0].targetLabel == "1" && sources[0].severity == .medium)
        #expect((patterns[0].share ?? 0) > (patterns[0].expected ?? 1))
        let labels = try table.texts("label"), branches = try table.texts("branch")
        #expect(result.suspects.allSatisfy { labels[$0.row] == "1" && branches[$0.row] == "branch 3" })
        #expect(result.suspects.count > 50)
    }

    @Test func aWindowOfTimeIsNamed() throws {
        let flipped = """
            * REPLACE (CASE WHEN day BETWEEN DATE '2024-05-01' AND DATE '2024-05-30' AND income > 4000 THEN 1 ELSE label END \
            AS label)
            """
        let table = try ProfileSupport.tables([("train", Self.loans(6000, seed: 4, changed: flipped))])[0]
        let result = try ProfileSupport.check(table, roles: Self.roles())
        let finding = try #require(result.outcome.findings.first { $0.id == "data_profile.window_differs" })
        guard case .pattern(let pattern)? = finding.evidence.first else {
            Issue.record("no pattern")
            return
        }
        #expect(pattern.kind == .segment && pattern.conditions.count == 1 && pattern.conditions[0].column == "day")
        #expect(pattern.conditions[0].low != nil && pattern.conditions[0].high != nil)
    }

    @Test func brokenRulesNameTheirRows() throws {
        let broken = "* REPLACE (CASE WHEN years = 9 AND age < 30 THEN -1 ELSE age END AS age)"
        let table = try ProfileSupport.tables([("train", Self.loans(4000, seed: 1, changed: broken))])[0]
        let result = try ProfileSupport.check(
            table, roles: Self.roles(), rules: ["row.age >= 18", "row.income > 0.0", "row.amount < 0.0"])
        let ages = try table.numbers("age")
        #expect(result.suspects.map(\.row) == ages.indices.filter { ages[$0] < 18 })
        #expect(result.suspects.allSatisfy { $0.reason == "breaks the rule 'row.age >= 18'" && $0.strength > 0.5 })
        #expect(ProfileSupport.rules(result) == ["broken_rule", "rule_never_kept"])
        let metric = try #require(result.outcome.metrics.first { $0.name == "data_profile.broken_rows" })
        #expect(metric.n == 4000 && metric.value == Double(result.suspects.count) / 4000)
        #expect(result.outcome.summary.contains { $0.hasPrefix("There is no reference") })
    }

    /// A saved profile finds what the table behind it finds.
    @Test func aSavedProfileStandsForItsTable() throws {
        let tables = try ProfileSupport.tables([
            ("train", Self.loans(4000, seed: 1, changed: "* REPLACE (income * 1.3 AS income, 'boat' AS purpose)")),
            ("reference", Self.loans(4000, seed: 2)), ("clean", Self.loans(4000, seed: 3)),
        ])
        let profile = try DataProfile(of: tables[1], roles: Self.roles(), context: RunContext(seed: 9))
        let found = try ProfileSupport.check(tables[0], roles: Self.roles(), profile: profile)
        let other = try ProfileSupport.check(tables[0], tables[1], roles: Self.roles())
        #expect(ProfileSupport.rules(found).sorted() == ProfileSupport.rules(other).sorted())
        #expect(ProfileSupport.rules(found).contains("shift"))
        let clean = try ProfileSupport.check(tables[2], roles: Self.roles(), profile: profile)
        #expect(ProfileSupport.rules(clean).isEmpty)
        let exact = try #require(
            other.outcome.metrics.first { $0.name == "data_profile.ks" && $0.group == "column=income" })
        let binned = try #require(
            found.outcome.metrics.first { $0.name == "data_profile.ks" && $0.group == "column=income" })
        #expect(abs((exact.value ?? 0) - (binned.value ?? 1)) < 0.005)
    }

    /// A large file is compared without holding it, with the same findings.
    @Test func aLargeScannedFile() throws {
        let made = [
            ("train", Self.loans(300_000, seed: 1, changed: "* REPLACE (income * 1.1 AS income)")),
            ("reference", Self.loans(300_000, seed: 2)),
        ]
        func result(threads: Int) throws -> DataCheckResult {
            try ProfileSupport.withTables(made, threads: threads) {
                try ProfileSupport.check(
                    $0[0], $0[1], roles: Self.roles(), context: RunContext(seed: 1, threads: threads))
            }
        }
        let found = try result(threads: 3)
        let shifts = found.outcome.findings.filter { $0.id == "data_profile.shift" }
        #expect(shifts.map(\.title) == ["Column 'income' shifted against the reference"])
        let alone = try result(threads: 1)
        #expect(alone.outcome.findings == found.outcome.findings && alone.outcome.metrics == found.outcome.metrics)
    }

    @Test func outOfTimeIsPartial() throws {
        let table = try ProfileSupport.tables([("train", Self.loans(1000, seed: 1))])[0]
        let result = try ProfileSupport.check(
            table, roles: Self.roles(), rules: ["row.age >= 18"], context: RunContext(deadline: .now))
        #expect(result.outcome.status == .partial && result.outcome.reason?.contains("columns") == true)
    }
}
