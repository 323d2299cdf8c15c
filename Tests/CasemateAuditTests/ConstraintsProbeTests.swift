import CasemateAudit
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

@Suite struct ConstraintsProbeTests {
    /// 100 rows: x0 counts 0.00, 0.01, …; x1 is 0.1 (decided favourably) in the first `favoured` rows, else 0.9.
    private func rows(favoured: Int) -> [String] {
        ["x0,x1,group,age,start,note,y"]
            + (0..<100).map { row in
                "\(Double(row) / 100),\(row < favoured ? 0.1 : 0.9),\(row % 2 == 0 ? "a" : "b"),"
                    + "\(row < 5 ? 10 : 40),\(row % 4 == 0 ? "" : "20"),,\(row < 50 ? 1 : 0)"
            }
    }

    private func outcome(
        _ rules: String, favoured: Int = 50,
        change: (inout AuditConfiguration, inout ConstraintsProbe) -> Void = { _, _ in }
    ) throws -> ProbeOutcome {
        try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(
                rows(favoured: favoured), in: folder, extra: "constraints: \(rules)")
            configuration.model.features = ["x0", "x1"]
            var probe = ConstraintsProbe()
            change(&configuration, &probe)
            let subject = try SubjectSupport.subject(configuration)
            #expect(probe.reasonNotToRun(on: subject) == nil)
            return try probe.run(on: subject, context: RunContext())
        }
    }

    private func metric(_ outcome: ProbeOutcome, _ name: String, _ rule: String? = nil) -> Metric? {
        outcome.metrics.first { $0.name == "constraints.\(name)" && $0.group == rule.map { "rule=\($0)" } }
    }

    /// Five of 100 rows are too young; a quarter has no start: 3 of the 75 others are among the first five.
    @Test func violationsAreCountedPerRule() throws {
        let found = try outcome("[{name: adult, rule: row.age >= 14}, {name: work, rule: row.start <= row.age - 14}]")
        let adult = try #require(metric(found, "violation_share", "adult"))
        #expect(adult.value == 0.05 && adult.n == 100)
        // Wilson 95 % of 5 in 100: the published example values 0.0215 and 0.1118.
        #expect(agree(adult.low, 0.02154, tolerance: 1e-4) && agree(adult.high, 0.11175, tolerance: 1e-4))
        let work = try #require(metric(found, "train_violation_share", "work"))
        #expect(work.n == 75 && agree(work.value, 3.0 / 75))
        #expect(metric(found, "not_applicable", "work")?.value == 25)
        #expect(metric(found, "violations", "work")?.value == 3)
        #expect(metric(found, "broken_rows")?.value == 0.05)
        #expect(found.headlines.map(\.name) == ["constraints.broken_rows"])
        #expect(found.tables.first?.rows.count == 2 && found.plots.first?.series.count == 2)
        let training = try #require(found.findings.first { $0.id == "constraints.broken_in_training" })
        #expect(training.severity == .medium && training.title == "5 training rows (5.0 %) break the rule 'adult'")
        #expect(listed(training) == ["1, 2, 3, 4, 5"])
    }

    /// All five broken rows are decided favourably, as half of the others are: an open door.
    @Test func brokenRowsThatAreFavouredAreFound() throws {
        let found = try outcome("[row.age >= 14]")
        let finding = try #require(found.findings.first { $0.id == "constraints.impossible_rows_favoured" })
        #expect(finding.severity == .medium && finding.title.hasPrefix("5 of 5 test rows"))
        #expect(metric(found, "favoured_broken_rows")?.value == 1)
        #expect(found.attacker.count == 1 && found.attacker[0].contains("5 of 5 test rows"))
        // Two rows are a fact and no rate.
        let few = try outcome("[\"row.x0 >= 0.02\"]")
        #expect(few.findings.first { $0.id == "constraints.impossible_rows_favoured" }?.severity == .low)
        #expect(few.attacker.isEmpty)
        // None of the broken rows is favoured: nothing to say.
        let closed = try outcome("[\"row.age >= 14 || row.x0 < 0\"]", favoured: 0)
        #expect(!closed.findings.contains { $0.id == "constraints.impossible_rows_favoured" })
        #expect(closed.attacker.isEmpty && metric(closed, "favoured_broken_rows")?.value == 0)
        // Broken rows that are turned away significantly oftener than others: low.
        let guarded = try outcome("[\"row.x0 < 0.4 || row.x0 == 0.99\"]", favoured: 42)
        #expect(guarded.findings.first { $0.id == "constraints.impossible_rows_favoured" }?.severity == .low)
    }

    @Test func severityFollowsTheLowerEnd() throws {
        func severity(_ rule: String) throws -> Severity? {
            try outcome("[\"\(rule)\"]").findings.first { $0.id == "constraints.broken_in_training" }?.severity
        }
        #expect(try severity("row.x0 < 0.99") == .low, "1 of 100: the interval begins below 1 %")
        #expect(try severity("row.x0 < 0.9") == .medium, "10 of 100: the interval begins at 5.5 %")
        #expect(try severity("row.x0 < 0.7") == .high, "30 of 100")
        let test = try outcome("[row.x0 < 0.7]").findings.first { $0.id == "constraints.broken_in_test" }
        #expect(test?.severity == .medium)
        let strict = try outcome("[row.x0 < 0.7]") { $1.high = 0.5 }
        #expect(!strict.findings.contains { $0.severity == .high })
    }

    @Test func faultsOfRulesAreFindings() throws {
        let found = try outcome(
            "[{name: a, rule: row.age < 0}, {name: b, rule: row.note == 'x'}, {name: c, rule: 1 < 2}, "
                + "{name: d, rule: row.x0 >= 0.6}, {name: e, rule: row.x0 < 0.5}, {name: f, rule: row.age >= 14}]")
        let ids = found.findings.map { "\($0.id) \($0.severity)" }
        #expect(ids.contains("constraints.never_kept medium") && ids.contains("constraints.never_applies low"))
        #expect(ids.contains("constraints.always_true info") && ids.contains("constraints.clash medium"))
        let applies = found.findings.first { $0.id == "constraints.never_applies" }
        #expect(applies?.evidence.contains(.text("'note' is missing in every row.")) == true)
        // A rule that nothing keeps says nothing about rows.
        #expect(metric(found, "broken_rows")?.value == 0.05)
        #expect(found.findings.count { $0.id == "constraints.broken_in_training" } == 1)
        #expect(Set(found.findings.map(\.fingerprint)).count == found.findings.count)
    }

    @Test func whatIsNotDeclaredIsSaid() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(rows(favoured: 50), in: folder)
            configuration.model.features = ["x0", "x1"]
            let reason = ConstraintsProbe().reasonNotToRun(on: try SubjectSupport.subject(configuration))
            #expect(reason?.contains("constraints: [\"row.years_on_job <= row.age - 14\"]") == true)
        }
        let found = try outcome("[row.age >= 14]") { configuration, _ in configuration.data.favourable = nil }
        #expect(metric(found, "favoured_broken_rows") == nil && found.attacker.isEmpty)
        #expect(found.summary.joined().contains("add `favourable:`"))
        var probe = ConstraintsProbe()
        probe.medium = 0.5
        #expect(throws: CasemateError.self) { try probe.prepared(for: AuditConfiguration()) }
    }

    /// The rows a finding lists are bounded, and no value of a row is in the outcome.
    @Test func listsAreBounded() throws {
        let found = try outcome("[row.x0 < 0.7]") { $1.rows = 3 }
        #expect(found.findings.flatMap { listed($0) }.contains("71, 72, 73 and 27 more"))
        let silent = try outcome("[row.x0 < 0.7]") { $1.rows = 0 }
        #expect(silent.findings.flatMap { listed($0) }.isEmpty)
        // Row numbers are personal: masked like values.
        let masked = found.redacted().findings.flatMap { listed($0) }
        #expect(!masked.contains { $0.contains("71") })
    }

    /// Row numbers that a finding lists.
    private func listed(_ finding: Finding) -> [String] {
        finding.evidence.flatMap { if case .table(let table) = $0 { table.rows.flatMap { $0 } } else { [String]() } }
    }

    /// The rules on the reference page are rules.
    @Test func theExamplesOfThePageAreTaken() throws {
        let page = try String(contentsOfFile: Repository.path("docs/reference/constraints.md"), encoding: .utf8)
        let block = try #require(page.firstMatch(of: /```yaml\n((?:.|\n)*?)```/)).1
        let configuration = try AuditConfiguration(yaml: String(block), file: "page.yaml")
        #expect(configuration.constraints.count == 6)
        let types: [String: ColumnType] = [
            "age": .integer, "years_on_job": .integer, "purpose": .text, "loan number": .text, "closed": .date,
            "opened": .date, "type": .text, "debt": .number, "income": .integer,
        ]
        let columns = types.map { Column(name: $0.key, type: $0.value, missing: 0) }
        for constraint in configuration.constraints {
            #expect(throws: Never.self) { try ConstraintRule(constraint.rule, columns: columns, at: constraint.place) }
        }
    }

    /// Two rules may read one column, one of them as it is in each file and the other widened.
    @Test func wholeNumbersInOneFileMayBeFractionsInTheOther() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(
                rows(favoured: 50), in: folder, extra: "constraints: [row.age / 4 == 2.5 || row.age >= 14]")
            configuration.model.features = ["x0", "x1"]
            try rows(favoured: 50).joined(separator: "\n").replacing(",40,", with: ",40.5,")
                .write(toFile: folder + "/other.csv", atomically: true, encoding: .utf8)
            configuration.data.test = folder + "/other.csv"
            let subject = try SubjectSupport.subject(configuration)
            let found = try ConstraintsProbe().run(on: subject, context: RunContext())
            #expect(found.metrics.filter { $0.name.hasSuffix("violations") }.allSatisfy { $0.value == 0 })
        }
    }
}
