import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct EvasionProbeTests {
    /// Every changed row in the report, scored again here by plain ONNX Runtime, has the decision that it claims.
    @Test(arguments: ["casemate.yaml", "pipeline.yaml"]) func reportedRowsChangeTheDecision(file: String) throws {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/\(file)"))
        configuration.probes[EvasionProbe.self].attack.samples = 60
        let loaded = try SubjectLoader(configuration, search: Repository.engines, context: RunContext()).load()
        let subject = loaded.subject
        let outcome = try EvasionProbe().run(on: subject, context: RunContext())
        #expect(!outcome.changes.isEmpty)
        let decision = try #require(subject.decision)
        for change in outcome.changes {
            var row = Array(subject.test[row: change.row - 1])
            for step in change.steps { try apply(step, to: &row, subject) }
            let answer = decision.decide(
                try subject.model.predict(row, count: 1, cancellation: Cancellation()))[0]
            #expect(change.decisionAfter.hasPrefix(decision.classes[Int(answer)]), "row \(change.row)")
            #expect(change.decisionBefore != change.decisionAfter)
            let before = Array(subject.test[row: change.row - 1])
            #expect(subject.space.violations(of: row, from: before).isEmpty)
            let distance = subject.space.distance(.l2, from: before, to: row)
            #expect(agree(distance, change.distance, tolerance: 1e-6))
        }
    }

    /// Carries out a step as a reader of the report would.
    private func apply(_ step: RowChange.Step, to row: inout [Float], _ subject: AuditSubject) throws {
        let space = subject.space
        if let group = space.oneHotGroups.indices.first(where: { space.groupName($0) == step.feature }) {
            let members = space.oneHotGroups[group]
            let hot = members.first { subject.model.features[$0].name.hasSuffix(step.after) }
            try #require(hot != nil)
            for index in members { row[index] = index == hot ? 1 : 0 }
            return
        }
        let index = try #require(subject.model.features.firstIndex { $0.name == step.feature })
        if let levels = subject.model.features[index].levels {
            row[index] = Float(try #require(levels.firstIndex(of: step.after)))
        } else {
            row[index] = try #require(Float(step.after))
        }
    }

    /// A row's result does not depend on how many rows are attacked beside it.
    @Test func robustAccuracyAtZeroIsCleanAccuracy() throws {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        configuration.probes[EvasionProbe.self].attack.samples = 40
        configuration.probes[EvasionProbe.self].attack.epsilons = [0, 0.1, 10]
        let subject = try SubjectSupport.subject(configuration)
        let probe = try configuration.probes[EvasionProbe.self].prepared(for: configuration)
        let outcome = try probe.run(on: subject, context: RunContext())
        func value(_ name: String) -> Double? {
            outcome.metrics.first { $0.name == name && $0.group == "norm=l2" }?.value
        }
        #expect(value("evasion.robust_accuracy@0") == value("evasion.clean_accuracy"))
        let (near, far) = (try #require(value("evasion.robust_accuracy@0.1")), value("evasion.robust_accuracy@10"))
        #expect(near <= (value("evasion.clean_accuracy") ?? 0) && (far ?? 1) <= near)
    }

    /// Immutable features never move; with everything immutable the probe fails with a message that names them.
    @Test func immutableFeaturesStay() throws {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        configuration.probes[EvasionProbe.self].attack.samples = 60
        let subject = try SubjectSupport.subject(configuration)
        let outcome = try EvasionProbe().run(on: subject, context: RunContext())
        let frozen = Set(
            zip(subject.space.features, subject.space.rules).filter { $0.1.isImmutable }.map { $0.0.name })
        #expect(frozen.count >= 8)
        for step in outcome.changes.flatMap(\.steps) { #expect(!frozen.contains(step.feature)) }
    }
}

@Suite struct EvasionBudgetTests {
    /// A search that is cut short decides no rule: its figures have no value, for every norm that was asked for.
    @Test func aSearchCutShortHasNoFigures() throws {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        configuration.probes[EvasionProbe.self].attack.samples = 597
        let subject = try SubjectSupport.subject(configuration)
        for milliseconds in [0, 20, 60] {
            let deadline = ContinuousClock.now + .milliseconds(milliseconds)
            let outcome = try EvasionProbe().run(on: subject, context: RunContext(deadline: deadline))
            #expect(outcome.status == .partial)
            let robust = outcome.metrics.filter { $0.name == "evasion.robust_accuracy@0.05" }
            #expect(Set(robust.compactMap(\.group)) == ["norm=l2", "norm=linf"])
            #expect(robust.contains { $0.value == nil }, "\(milliseconds) ms")
        }
    }
}
