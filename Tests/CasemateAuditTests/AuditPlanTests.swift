import CasemateAudit
import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite struct AuditPlanTests {
    /// A probe that fails at its work is listed as such and leaves the verdict undecided.
    struct Failing: Probe {
        static let identifier = "failing"
        static let title = "Failing"
        static let purpose = "nothing"
        static let taxonomy = Taxonomy(stages: [.inference])
        func reasonNotToRun(on subject: AuditSubject) -> String? { nil }
        func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
            throw CasemateError(.engineFailed, at: "engine", "gave up", help: "try again")
        }
    }

    private func configuration(in folder: String) throws -> AuditConfiguration {
        let rows = (0..<40).map { "\(Double($0) / 40),\(Double($0 % 9) / 9),\($0 % 2 == 0 ? "a" : "b"),\($0 % 2)" }
        return try SubjectSupport.configuration(["x0,x1,group,y"] + rows, in: folder)
    }

    @Test func aFailingProbeIsUndecidedAndTheOthersRun() throws {
        try Repository.withTemporaryFolder { folder in
            let report = try Audit(
                configuration(in: folder), search: Repository.engines, probes: [FileProbe.self, Failing.self]
            ).run(context: RunContext(), command: "test", started: Date()).report
            #expect(report.verdict == .undecided && report.exitStatus == 2)
            let line = try #require(report.coverage.first { $0.probe == "failing" })
            #expect(line.status == .failed && line.reason?.contains("gave up") == true)
            #expect(report.coverage.first?.status == .tested)
        }
    }

    @Test func interruptionIsNoReport() throws {
        try Repository.withTemporaryFolder { folder in
            let context = RunContext()
            context.cancellation.cancel(.interrupted)
            #expect(throws: Cancelled(reason: .interrupted)) {
                try Audit(configuration(in: folder), search: Repository.engines)
                    .run(context: context, command: "test", started: Date())
            }
        }
    }

    @Test func whatIsSwitchedOffIsListed() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try configuration(in: folder)
            configuration.probes.disabled.insert("evasion")
            let report = try SubjectSupport.audit(configuration)
            let line = try #require(report.coverage.first { $0.probe == "evasion" })
            #expect(line.status == .notTested && line.reason?.contains("enabled: false") == true)
        }
    }

    /// Threats without a probe are in the coverage matrix, so that silence is not taken for safety.
    @Test func untestedThreatsAreListed() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try configuration(in: folder)
            configuration.probes.disabled.insert("evasion")
            let report = try SubjectSupport.audit(configuration)
            for threat in untestedThreats {
                #expect(report.coverage.contains { $0.probe == threat.identifier && $0.status == .notTested })
            }
        }
    }

    @Test func labelsThatDoNotFitAreNamed() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = (0..<40).map { "\(Double($0) / 40),0.5,a,\(["low", "mid", "high"][$0 % 3])" }
            var configuration = try SubjectSupport.configuration(["x0,x1,group,y"] + rows, in: folder)
            configuration.data.favourable = nil
            let error = #expect(throws: CasemateError.self) { try SubjectSupport.subject(configuration) }
            #expect(error?.code == .mismatch && error?.description.contains("'low'") == true)
        }
    }

    /// Labels that are only numbered in the model are taken in ascending order, as the common libraries number them.
    @Test func wordsAreFittedInAscendingOrder() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = (0..<40).map { "\(Double($0) / 40),0.5,a,\($0 % 2 == 0 ? "no" : "yes")" }
            var configuration = try SubjectSupport.configuration(["x0,x1,group,y"] + rows, in: folder)
            configuration.data.favourable = "yes"
            let subject = try SubjectSupport.subject(configuration)
            #expect(subject.decision?.classes == ["no", "yes"] && subject.favourable == 1)
        }
    }

    @Test func aRegressionIsMeasuredAndDecidesOnlyWithAThreshold() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = (0..<60).map { row in
                "\(Double(row) / 30 - 1),\(Double(row % 7) / 3 - 1),\(Double(row % 5) / 2 - 1),\(Double(row % 3) - 1),"
                    + "\(row % 2 == 0 ? "a" : "b"),\(Double(row) / 10)"
            }
            var configuration = try SubjectSupport.configuration(
                ["f0,f1,f2,f3,group,y"] + rows, model: "models/sk_linear_regression.onnx", in: folder)
            configuration.data.favourable = nil
            let report = try SubjectSupport.audit(configuration)
            #expect(report.metrics.contains { $0.name == "performance.rmse" && $0.value != nil })
            #expect(report.coverage.first { $0.probe == "evasion" }?.status == .notTested)
            configuration.decision.threshold = 0
            configuration.data.favourable = "above"
            configuration.probes[EvasionProbe.self].attack.samples = 5
            let decided = try SubjectSupport.audit(configuration)
            #expect(decided.coverage.first { $0.probe == "evasion" }?.status == .tested)
            #expect(decided.coverage.first { $0.probe == "fairness" }?.status == .tested)
        }
    }
}

@Suite struct DecisionTests {
    /// Margins and bare labels decide by the model's own label; 0.5 means nothing for them.
    @Test(arguments: ["models/sk_linear_svc_scores.onnx"]) func marginsDecideByTheLabel(model: String) throws {
        try Repository.withTemporaryFolder { folder in
            let rows = (0..<60).map { row in
                "\(Double(row) / 30 - 1),\(Double(row % 7) / 3 - 1),\(Double(row % 5) / 2 - 1),\(Double(row % 3) - 1),"
                    + "\(row % 2 == 0 ? "a" : "b"),\(row % 2)"
            }
            let configuration = try SubjectSupport.configuration(
                ["f0,f1,f2,f3,group,y"] + rows, model: model, in: folder)
            let subject = try SubjectSupport.subject(configuration)
            #expect(subject.predictions.kind == .decisionValues)
            #expect(subject.decisions == subject.predictions.labels)
        }
    }

    @Test func aThresholdOutsideProbabilitiesIsRefused() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = (0..<40).map { "\(Double($0) / 40),\(Double($0 % 9) / 9),a,\($0 % 2)" }
            var configuration = try SubjectSupport.configuration(["x0,x1,group,y"] + rows, in: folder)
            configuration.decision.threshold = 5
            let error = #expect(throws: CasemateError.self) { try SubjectSupport.subject(configuration) }
            #expect(error?.code == .invalidSetting)
        }
    }

    @Test(arguments: ["fairness.air[rase] >= 80 %", "performance.auc >= 80", "evasion.robust_accuracy@0.1[x] >= 0.5"])
    func rulesThatCannotBeDecidedAreRefusedBeforeTheWork(rule: String) throws {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        configuration.policy.rules = [try PolicyRule(rule, at: "test")]
        let error = #expect(throws: CasemateError.self) { try configuration.validate() }
        #expect(error?.code == .invalidSetting && error?.description.contains(rule) == true)
    }
}
