import CasemateAudit
import CasemateCore
import Foundation
import TestSupport
import Testing

@Suite struct FairnessProbeTests {
    /// Rows whose decision is favourable with the given share in each group; the label equals the decision mostly.
    private func rows(_ shares: [(String, Int, Double)], seed: UInt64) -> [String] {
        var generator = SeededGenerator(seed: seed)
        var rows = ["x0,x1,group,y"]
        for (group, count, share) in shares {
            for _ in 0..<count {
                // linear_2 says 1 where 0.375 x0 − 1.046875 x1 + 0.34375 ≥ 0.
                let isFavourable = generator.uniformDouble() < share
                let label = generator.uniformDouble() < 0.9 ? isFavourable : !isFavourable
                rows.append("\(generator.uniform()),\(isFavourable ? 0.1 : 0.9),\(group),\(label ? 1 : 0)")
            }
        }
        return rows
    }

    private func findings(_ rows: [String]) throws -> [Finding] {
        try Repository.withTemporaryFolder { folder in
            let off = "probes: {evasion: {enabled: false}, performance: {enabled: false}, file: {enabled: false}}"
            let configuration = try SubjectSupport.configuration(rows, in: folder, extra: off)
            return try SubjectSupport.audit(configuration).findings
        }
    }

    /// Planted: 80 % against 40 % of 300 rows each is found on every seed.
    @Test func aPlantedDisparityIsFound() throws {
        for seed in 0..<10 as Range<UInt64> {
            let found = try findings(rows([("a", 300, 0.8), ("b", 300, 0.4)], seed: seed))
            #expect(found.contains { $0.id == "fairness.adverse_impact" && $0.severity == .high }, "seed \(seed)")
        }
    }

    /// False alarms on fair decisions, three groups: at most the level of 5 % (one-sided 99 % bound for 100 draws: 11).
    @Test func fairDecisionsRaiseFewAlarms() throws {
        var alarms = 0
        for seed in 0..<100 as Range<UInt64> {
            let found = try findings(rows([("a", 60, 0.5), ("b", 60, 0.5), ("c", 60, 0.5)], seed: 1_000 + seed))
            if found.contains(where: { $0.id == "fairness.adverse_impact" }) { alarms += 1 }
        }
        #expect(alarms <= 11, "\(alarms) alarms in 100 fair draws")
    }

    /// A large gap in a group of nine is shown and raises nothing.
    @Test func aTinyGroupIsShownAndRaisesNothing() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = rows([("a", 300, 0.9), ("b", 9, 0.1)], seed: 3)
            let off = "probes: {evasion: {enabled: false}}"
            let report = try SubjectSupport.audit(SubjectSupport.configuration(rows, in: folder, extra: off))
            #expect(!report.findings.contains { $0.id == "fairness.adverse_impact" })
            #expect(report.metrics.contains { $0.name == "fairness.air" && $0.group == "group=b" && $0.value != nil })
            let summary = report.probes.first { $0.probe == "fairness" }?.summary.joined() ?? ""
            #expect(summary.contains("too few rows"))
        }
    }

    /// One group only: insufficient data, no crash, no metric that means nothing.
    @Test func oneGroupIsInsufficient() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = rows([("a", 100, 0.5)], seed: 4)
            let off = "probes: {evasion: {enabled: false}}"
            let report = try SubjectSupport.audit(SubjectSupport.configuration(rows, in: folder, extra: off))
            let outcome = try #require(report.probes.first { $0.probe == "fairness" })
            #expect(outcome.metrics.isEmpty && outcome.summary.joined().contains("insufficient data"))
        }
    }

    @Test func withoutDeclarationItIsNotTestedAndSaysWhatToAdd() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = rows([("a", 60, 0.5), ("b", 60, 0.5)], seed: 5)
            var configuration = try SubjectSupport.configuration(rows, in: folder)
            configuration.data.favourable = nil
            configuration.probes.disabled.insert("evasion")
            let report = try SubjectSupport.audit(configuration)
            let line = try #require(report.coverage.first { $0.probe == "fairness" })
            #expect(line.status == .notTested && line.reason?.contains("favourable:") == true)
        }
    }
}

@Suite struct FairnessReferenceTests {
    /// A handful of people who all fared well does not become the standard that hides a disparity.
    @Test func aTinyGroupIsNoReference() throws {
        try Repository.withTemporaryFolder { folder in
            var rows = ["x0,x1,group,y"]
            for row in 0..<300 { rows.append("0.5,\(row % 10 < 8 ? 0.1 : 0.9),a,\(row % 2)") }
            for row in 0..<300 { rows.append("0.5,\(row % 10 < 4 ? 0.1 : 0.9),b,\(row % 2)") }
            for _ in 0..<2 { rows.append("0.5,0.1,tiny,1") }
            let off = "probes: {evasion: {enabled: false}}"
            let report = try SubjectSupport.audit(SubjectSupport.configuration(rows, in: folder, extra: off))
            let finding = report.findings.first { $0.id == "fairness.adverse_impact" }
            #expect(finding?.severity == .high && finding?.title.contains("group = b") == true)
            let tiny = report.metrics.first { $0.name == "fairness.air" && $0.group == "group=tiny" }
            #expect(tiny?.value == 1.25 && tiny?.low == nil, "no interval where a cell is empty")
        }
    }
}
