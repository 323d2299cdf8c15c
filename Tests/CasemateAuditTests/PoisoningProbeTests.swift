import CasemateAudit
import CasemateCore
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// The probe on the example of an audit.
@Suite struct PoisoningProbeTests {
    private func subject(_ folder: String, extra: String = "", rows: Int = 400) throws -> AuditSubject {
        var generator = SeededGenerator(seed: 1)
        var lines = ["x0,x1,group,y"]
        for _ in 0..<rows {
            let (a, b) = (generator.uniform() * 4 - 2, generator.uniform() * 4 - 2)
            lines.append("\(a),\(b),\(Bool.random(using: &generator) ? "f" : "m"),\(a + b > 0 ? 1 : 0)")
        }
        return try SubjectSupport.subject(SubjectSupport.configuration(lines, in: folder, extra: extra))
    }

    @Test func anAuditLearnsWhatPoisonWouldDo() throws {
        try Repository.withTemporaryFolder { folder in
            let subject = try subject(folder)
            #expect(PoisoningProbe().reasonNotToRun(on: subject) == nil)
            var probe = PoisoningProbe()
            probe.shares = [0.05]
            let outcome = try probe.run(on: subject, context: RunContext(threads: 2))
            #expect(outcome.status == .tested && outcome.findings.allSatisfy { $0.severity < .high })
            #expect(outcome.findings.contains { $0.id == "poisoning.integrity_breach" })
            #expect(outcome.headlines.count == 1 && outcome.plots.count == 2 && !outcome.attacker.isEmpty)
            for metric in outcome.metrics where metric.name.contains("@") && metric.value != nil {
                #expect(metric.n > 0 && metric.low != nil && metric.group?.hasPrefix("attack=") == true)
            }
            let again = try probe.run(on: subject, context: RunContext(threads: 1))
            #expect(again.metrics == outcome.metrics && again.findings == outcome.findings)
        }
    }

    @Test func textsHaveAttacksOfTheirOwn() throws {
        let configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/spam/casemate.yaml"))
        let subject = try SubjectSupport.subject(configuration)
        var probe = PoisoningProbe()
        (probe.shares, probe.attacks, probe.rows, probe.looking) = ([0.01], ["dictionary"], 1_500, .none)
        let outcome = try probe.run(on: subject, context: RunContext(threads: 2))
        let finding = try #require(outcome.findings.first)
        #expect(finding.id == "poisoning.availability_breach" && finding.severity == .medium)
        let blocked = outcome.metrics.first { $0.name == "poisoning.false_negative_rate@0.01" }
        #expect((blocked?.value ?? 0) > 0.9)
    }

    @Test func attacksThatThereAreNotAreRefused() throws {
        var configuration = AuditConfiguration()
        configuration.data.favourable = "1"
        var probe = PoisoningProbe()
        probe.attacks = ["random_flip"]
        let error = #expect(throws: CasemateError.self) { try probe.prepared(for: configuration) }
        #expect(error?.description.contains("did you mean 'random_flips'") == true)
    }
}
