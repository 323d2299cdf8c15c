import CasemateAudit
import CasemateCore
import Foundation
import TestSupport
import Testing

/// The probe on made tables: what it says, when it does not run, and that naming the classes otherwise changes nothing.
@Suite struct ResidualsProbeTests {
    /// Rows whose good outcome depends on x1 alone; `bent` gives refused rows of office `c` the good one.
    private func rows(_ count: Int, seed: UInt64, bent: Int = 0, good: String = "1", bad: String = "0") -> [String] {
        var generator = SeededGenerator(seed: seed)
        var left = bent
        return ["x0,x1,office,day,group,y"]
            + (0..<count).map { row in
                let (x0, x1) = (generator.uniform(), generator.uniform())
                let office = ["a", "b", "c", "d"][Int.random(in: 0..<4, using: &generator)]
                var isGood = generator.uniformDouble() < (x1 < 0.5 ? 0.95 : 0.05)
                if office == "c", !isGood, x1 > 0.5, left > 0 { (isGood, left) = (true, left - 1) }
                return "\(x0),\(x1),\(office),\(20_000 + row / 4),\(row % 2),\(isGood ? good : bad)"
            }
    }

    private func configuration(
        _ rows: [String], in folder: String, favourable: String? = "1"
    ) throws -> AuditConfiguration {
        var configuration = try SubjectSupport.configuration(rows, in: folder)
        configuration.data.favourable = favourable
        configuration.data.source = "office"
        configuration.data.time = "day"
        return configuration
    }

    private func outcome(
        _ rows: [String], favourable: String? = "1", seed: UInt64 = 0, threads: Int = 1,
        probe: ResidualsProbe = ResidualsProbe(), change: (inout AuditConfiguration) -> Void = { _ in }
    ) throws -> ProbeOutcome {
        try Repository.withTemporaryFolder { folder in
            var configuration = try configuration(rows, in: folder, favourable: favourable)
            change(&configuration)
            let subject = try SubjectSupport.subject(configuration)
            if let reason = probe.reasonNotToRun(on: subject) {
                return ProbeOutcome(
                    probe: "residuals", title: "", taxonomy: ResidualsProbe.taxonomy, status: .notTested,
                    reason: reason)
            }
            return try probe.run(on: subject, context: RunContext(seed: seed, threads: threads))
        }
    }

    @Test func honestLabelsRaiseNothingAndTheBlindSpotIsAlwaysSaid() throws {
        var raised = 0
        for seed in 0..<12 as Range<UInt64> {
            let outcome = try outcome(rows(800, seed: seed))
            #expect(
                outcome.summary.joined().contains("cannot see a segment whose outcomes were changed almost throughout"))
            #expect(!outcome.findings.contains { $0.severity >= .high } && outcome.attacker.isEmpty)
            if !outcome.findings.isEmpty { raised += 1 }
        }
        #expect(raised <= 2, "\(raised) of 12")
    }

    @Test func anOfficeThatBendsOutcomesIsNamed() throws {
        for seed in 0..<6 as Range<UInt64> {
            let outcome = try outcome(rows(1_200, seed: seed, bent: 25))
            let finding = try #require(
                outcome.findings.first { $0.id == "residuals.granted_source" }, "seed \(seed)")
            #expect(finding.severity >= .medium && finding.title.contains("office 'c'"))
            #expect(outcome.attacker.contains { $0.contains("office 'c'") })
            let ratio = try #require(outcome.metrics.first { $0.group == "source=c" })
            #expect((ratio.low ?? 0) > 1 && ratio.name == "residuals.cluster_ratio")
        }
    }

    /// 1 and 0, 0 and 1, and words: the favourable outcome decides, not the code.
    @Test func recodingTheTargetGivesTheSameRows() throws {
        let plain = try outcome(rows(600, seed: 2, bent: 10))
        let turned = try outcome(rows(600, seed: 2, bent: 10, good: "0", bad: "1"), favourable: "0")
        #expect(plain.tables.count == turned.tables.count && plain.tables.count >= 4)
        for (one, other) in zip(plain.tables, turned.tables) where one.columns.contains("residual") {
            #expect(one.rows.count == 10)
            for (row, same) in zip(one.rows, other.rows) {
                #expect(row[0] == same[0] && row[1] != same[1] && row[2...] == same[2...])
            }
        }
        #expect(plain.metrics == turned.metrics && plain.findings.map(\.id) == turned.findings.map(\.id))
    }

    @Test func sameSeedSameBytesAtAnyNumberOfThreads() throws {
        let data = rows(500, seed: 3, bent: 10)
        #expect(try outcome(data, threads: 1) == outcome(data, threads: 4))
        #expect(try outcome(data, seed: 1).metrics != outcome(data, seed: 2).metrics)
    }

    @Test func whatIsMissingIsSaidWithTheLineToAdd() throws {
        let data = rows(400, seed: 4)
        #expect(
            try outcome(data, favourable: nil).reason
                == "no favourable outcome is declared: add `favourable:` under `data:`")
        #expect(
            try outcome(data) { $0.data.train = nil }.reason
                == "no training data are declared: add `train: …` under `data:`")
        #expect(
            try outcome(rows(150, seed: 4)).reason == "150 training rows: residuals need at least 200")
        let few = data.enumerated().map { $0 > 15 && $1.hasSuffix(",1") ? $1.dropLast(2) + ",0" : $1 }
        #expect(try outcome(few).reason?.contains("of the rarer outcome: residuals need at least 20") == true)
    }

    @Test func largeTablesAreSampledAndSaySo() throws {
        var probe = ResidualsProbe()
        probe.mostRows = 300
        let outcome = try outcome(rows(600, seed: 5), probe: probe)
        #expect(outcome.settings["training rows"] == "300")
        #expect(outcome.summary.first?.contains("300 of 600 training rows") == true)
    }

    /// A value with a threshold: rows far above what rows like them reach.
    @Test func valuesAreTakenByTheirDistanceFromTheirKind() throws {
        var generator = SeededGenerator(seed: 6)
        var data = ["x0,x1,x2,x3,group,y"]
        for row in 0..<400 {
            let x = (0..<4).map { _ in generator.uniform() }
            let y = Double(x[0]) + 0.1 * generator.uniformDouble() + (row == 17 ? 2 : 0)
            data.append(x.map { "\($0)" }.joined(separator: ",") + ",\(row % 2),\(y)")
        }
        let outcome = try Repository.withTemporaryFolder { folder in
            var configuration = try SubjectSupport.configuration(
                data, model: "models/sk_linear_regression.onnx", in: folder)
            let without = try SubjectSupport.subject(
                {
                    var copy = configuration
                    copy.data.favourable = nil
                    return copy
                }())
            #expect(
                ResidualsProbe().reasonNotToRun(on: without)
                    == "a regression has outcomes only from a threshold on: add `decision: {threshold: …}`")
            configuration.decision.threshold = 0.5
            configuration.data.favourable = "above"
            return try ResidualsProbe().run(on: SubjectSupport.subject(configuration), context: RunContext())
        }
        #expect(outcome.tables.first?.rows.first?.first == "18")
        #expect(outcome.metrics.filter { $0.name == "residuals.tail_ratio" }.allSatisfy { $0.value == nil })
    }
}
