import CasemateAttacks
import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct ImpersonationProbeTests {
    private func subject(_ file: String = "casemate.yaml") throws -> AuditSubject {
        try SubjectSupport.subject(AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/\(file)")))
    }
    private func probe(samples: Int = 40) -> ImpersonationProbe {
        var probe = ImpersonationProbe()
        (probe.samples, probe.pool) = (samples, 1_000)
        return probe
    }
    private func value(_ outcome: ProbeOutcome, _ name: String) -> Metric? {
        outcome.metrics.first { $0.name == "impersonation.\(name)" }
    }

    /// Every change of the report is carried out again from its words, scored anew, and looked up among accepted rows.
    @Test(arguments: ["casemate.yaml", "pipeline.yaml"]) func reportedImitationsPass(file: String) throws {
        let subject = try subject(file)
        #expect(probe().reasonNotToRun(on: subject) == nil)
        let outcome = try probe().run(on: subject, context: RunContext())
        #expect(outcome.status == .tested && !outcome.changes.isEmpty)
        let (decision, train) = (try #require(subject.decision), try #require(subject.train))
        let accepted = decision.decide(try subject.model.predict(train, cancellation: Cancellation()))
        for change in outcome.changes {
            let before = Array(subject.test[row: change.row - 1])
            var row = before
            for step in change.steps { try apply(step, to: &row, subject.space) }
            let answer = decision.decide(
                try subject.model.predict(row, count: 1, cancellation: Cancellation()))[0]
            #expect(Int(answer) == subject.favourable, "row \(change.row)")
            #expect(subject.space.violations(of: row, from: before).isEmpty)
            #expect(agree(subject.space.cost(from: before, to: row), change.cost ?? -1, tolerance: 1e-6))
            #expect(change.action.contains("(unfavourable) → ") && change.action.contains(", cost "))
            // All copied values are together in one accepted training row.
            let moved = row.indices.filter { row[$0] != before[$0] && !(row[$0].isNaN && before[$0].isNaN) }
            #expect(
                (0..<train.count).contains { index in
                    Int(accepted[index]) == subject.favourable
                        && moved.allSatisfy { train[row: index][train[row: index].startIndex + $0] == row[$0] }
                }, "row \(change.row)")
        }
    }

    private func apply(_ step: RowChange.Step, to row: inout [Float], _ space: FeatureSpace) throws {
        if let group = space.oneHotGroups.indices.first(where: { space.groupName($0) == step.feature }) {
            for member in space.oneHotGroups[group] { row[member] = space.features[member].name == step.after ? 1 : 0 }
            return
        }
        let index = try #require(space.features.firstIndex { $0.name == step.feature })
        if let levels = space.features[index].levels {
            row[index] = Float(try #require(levels.firstIndex(of: step.after)))
        } else {
            row[index] = try #require(Float(step.after))
        }
    }

    @Test func figuresHaveCountsAndIntervals() throws {
        let subject = try subject()
        let rejected = (0..<subject.test.count).count { !subject.isFavourableDecision($0) }
        let outcome = try probe(samples: 60).run(on: subject, context: RunContext())
        #expect(outcome.metrics.count == 8)
        for name in ["rate", "cheap_rate", "few_rate", "top_identity_rate"] {
            let metric = try #require(value(outcome, name))
            #expect(metric.n == min(60, rejected) && metric.low != nil && metric.high != nil, "\(name)")
            #expect((metric.low ?? 1) <= (metric.value ?? 0) && (metric.value ?? 1) <= metric.high ?? 0)
        }
        let (rate, cheap, few) = (value(outcome, "rate"), value(outcome, "cheap_rate"), value(outcome, "few_rate"))
        #expect((few?.value ?? 1) <= cheap?.value ?? 0 && (cheap?.value ?? 1) <= rate?.value ?? 0)
        #expect(value(outcome, "discarded")?.value == 0)
        #expect(outcome.headlines.map(\.name) == ["impersonation.cheap_rate", "impersonation.median_cost"])
        let table = try #require(outcome.tables.first { $0.title.hasPrefix("The accepted identities") })
        #expect(table.personal == ["row of the training data"])
        // Sentences name no row and no value.
        #expect(!outcome.attacker.isEmpty && outcome.findings.allSatisfy { !$0.title.contains("row ") })
        let masked = outcome.redacted()
        #expect(masked.changes.allSatisfy { $0.isRedacted && !$0.action.contains(" from ") })
        #expect(masked.tables.first { $0.personal != nil }?.rows.allSatisfy { $0[0] == "▒▒▒" } == true)
        // The same seed, the same report.
        let again = try probe(samples: 60).run(on: subject, context: RunContext())
        #expect(again.metrics == outcome.metrics && again.findings == outcome.findings)
    }

    @Test func saysWhyItDoesNotRun() throws {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        configuration.data.favourable = nil
        let subject = try SubjectSupport.subject(configuration)
        #expect(probe().reasonNotToRun(on: subject)?.contains("favourable") == true)
        var clashing = ImpersonationProbe()
        clashing.search.studied = 50
        #expect(throws: CasemateError.self) { try clashing.prepared(for: configuration) }
    }

    @Test func outOfTimeNothingIsDecided() throws {
        let subject = try subject()
        let cancellation = Cancellation()
        cancellation.cancel(.outOfTime)
        let outcome = try probe().run(on: subject, context: RunContext(cancellation: cancellation))
        #expect(outcome.status == .partial && outcome.findings.isEmpty)
        #expect(outcome.metrics.allSatisfy { $0.value == nil })
    }
}
