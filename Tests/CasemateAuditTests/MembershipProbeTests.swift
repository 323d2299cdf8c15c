import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The probe on a model that learnt its noise (`models/memoriser.onnx`: 400 rows, trees to the last leaf).
@Suite struct MembershipProbeTests {
    /// The first 400 rows are what the model was trained on.
    private static let learnt = 400

    private func rows() throws -> [String] {
        String(decoding: try Repository.fixture("models/memoriser.csv"), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    private func subject(
        train: [String], test: [String], model: String = "memoriser", in folder: String, extra: String = ""
    ) throws -> AuditSubject {
        let header = try rows()[0]
        for (name, lines) in [("train", train), ("test", test)] {
            try ([header] + lines).joined(separator: "\n").appending("\n")
                .write(toFile: "\(folder)/\(name).csv", atomically: true, encoding: .utf8)
        }
        let yaml = """
            model: \(Repository.path("Tests/Fixtures/models/\(model).onnx"))
            data: {train: \(folder)/train.csv, test: \(folder)/test.csv, target: y}
            \(extra)
            """
        return try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
    }

    private func outcome(
        train: Range<Int>, test: Range<Int>, copied: Int = 0, context: RunContext = RunContext(threads: 2),
        change: (String) -> String = { $0 }
    ) throws -> ProbeOutcome {
        let all = Array(try rows().dropFirst())
        return try Repository.withTemporaryFolder { folder in
            let subject = try subject(
                train: Array(all[train]), test: all[test].map(change) + all[train].prefix(copied), in: folder)
            return try MembershipProbe().run(on: subject, context: context)
        }
    }

    private func metric(_ outcome: ProbeOutcome, _ name: String, _ attack: String? = nil) throws -> Metric {
        try #require(
            outcome.metrics.first { $0.name == "membership.\(name)" && $0.group == attack.map { "attack=\($0)" } })
    }

    @Test func aModelThatLearntItsNoiseIsFound() throws {
        let found = try outcome(train: 0..<Self.learnt, test: Self.learnt..<1_500)
        #expect(found.status == .tested)
        let finding = try #require(found.findings.first)
        #expect(finding.id == "membership.members_recognised" && finding.severity == .high)
        #expect(finding.evidence.count >= 2 && !finding.remedy.isEmpty)
        #expect(found.attacker.first?.contains("% of the training records") == true)
        let online = try metric(found, "tpr_at_1_in_1000", "lira_online")
        #expect((online.low ?? 0) > 0.01 && online.n == 400 && online.note?.contains("1 of 1100") == true)
        #expect(found.headlines.map(\.name) == ["membership.tpr_at_1_in_1000"])
        #expect((try metric(found, "auc", "lira_online").low ?? 0) > 0.7)
        #expect((try metric(found, "auc", "lira_offline").low ?? 0) > 0.6)
        #expect((try metric(found, "accuracy_gap").low ?? 0) > 0.2)
        let shift = try metric(found, "shift_auc")
        #expect((shift.value ?? 1) < 0.55 && !found.findings.contains { $0.id == "membership.shift" })
        let plot = try #require(found.plots.first)
        #expect(plot.x.isLogarithmic && plot.y.isLogarithmic && plot.series.count == 3)
        #expect(plot.references.map(\.kind) == [.diagonal])
        for series in plot.series {
            #expect(series.points.count < 200 && series.points.last?.y == 1)
            #expect(zip(series.points, series.points.dropFirst()).allSatisfy { $0.x <= $1.x && $0.y <= $1.y })
        }
        #expect(found.tables.first?.rows.count == 4)
        #expect(found.metrics.allSatisfy { $0.value == nil || $0.low != nil || $0.name.hasSuffix("shared_rows") })
    }

    /// Members that the model never saw: nothing may be found.
    @Test func rowsThatTheModelNeverSawRaiseNothing() throws {
        for (train, test) in [(400..<900, 900..<1_500), (1_000..<1_500, 400..<1_000)] {
            let found = try outcome(train: train, test: test)
            #expect(found.findings.isEmpty && found.attacker.isEmpty, "\(found.findings.map(\.title))")
            #expect(found.summary.contains { $0.contains("no proof of privacy") })
            let area = try metric(found, "auc", "lira_online")
            #expect((area.low ?? 1) < 0.5 && (area.high ?? 0) > 0.5)
        }
    }

    @Test func tooFewOthersCarryNoFigure() throws {
        let found = try outcome(train: 0..<Self.learnt, test: 400..<900)
        let refused = try metric(found, "tpr_at_1_in_1000", "lira_online")
        #expect(refused.value == nil && refused.note == "needs at least 1000 non-members, there are 500")
        #expect(try metric(found, "tpr_at_1_in_100", "lira_online").value != nil)
        #expect(found.summary.contains { $0.contains("at least 1000") })
        let hardly = try outcome(train: 0..<Self.learnt, test: 400..<440)
        #expect(hardly.status == .notTested && hardly.reason?.contains("too few") == true)
    }

    @Test func rowsOfBothFilesTakeNoPart() throws {
        let found = try outcome(train: 0..<Self.learnt, test: 400..<900, copied: 30)
        #expect(try metric(found, "shared_rows").value == 30)
        #expect(try metric(found, "auc", "gap").n == 870)
        let finding = try #require(found.findings.first { $0.id == "membership.shared_rows" })
        #expect(finding.severity == .info && finding.title.hasPrefix("30 test rows of 530"))
        #expect(found.summary.contains { $0.hasPrefix("30 test rows also stand") })
    }

    /// Test rows of another distribution: the figures are doubted, and no severity above medium rests on them.
    @Test func aShiftIsSaid() throws {
        let found = try outcome(train: 0..<Self.learnt, test: 400..<1_500) { line in
            var cells = line.split(separator: ",").map(String.init)
            cells[4] = String((Double(cells[4]) ?? 0) + 1)
            return cells.joined(separator: ",")
        }
        #expect(found.findings.contains { $0.id == "membership.shift" && $0.severity == .low })
        let finding = try #require(found.findings.first { $0.id == "membership.members_recognised" })
        #expect(finding.severity == .medium)
        #expect(found.summary.contains { $0.contains("from shift, not memory") })
        #expect(found.attacker.first?.contains("differ by themselves") == true)
    }

    @Test func outOfTimeLeavesWhatNeedsNoShadows() throws {
        let found = try outcome(
            train: 0..<Self.learnt, test: 400..<900, context: RunContext(deadline: ContinuousClock.now))
        #expect(found.status == .partial && found.reason?.contains("time budget") == true)
        #expect(try metric(found, "auc", "loss_threshold").value != nil)
        let missing = try metric(found, "tpr_at_1_in_100", "lira_online")
        #expect(missing.value == nil && missing.note?.contains("time budget") == true)
    }

    @Test func theOutcomeIsTheSameAtAnyNumberOfThreads() throws {
        let one = try outcome(train: 0..<300, test: 400..<700, context: RunContext(seed: 4, threads: 1))
        let three = try outcome(train: 0..<300, test: 400..<700, context: RunContext(seed: 4, threads: 3))
        #expect(one == three)
    }

    /// Labels only: right answers are all there is, and LiRA says why it is missing.
    @Test func aModelOfLabelsLeavesTheGap() throws {
        let made = (0..<400).map { index in
            "\((0..<4).map { String((index * (7 + $0)) % 397) }.joined(separator: ",")),\(index % 2)"
        }
        try Repository.withTemporaryFolder { folder in
            let header = "a,b,c,d,y"
            for (name, lines) in [("train", made.prefix(200)), ("test", made.suffix(200))] {
                try ([header] + lines).joined(separator: "\n").appending("\n")
                    .write(toFile: "\(folder)/\(name).csv", atomically: true, encoding: .utf8)
            }
            let yaml = """
                model: \(Repository.path("Tests/Fixtures/models/sk_label_only.onnx"))
                data: {train: \(folder)/train.csv, test: \(folder)/test.csv, target: y}
                """
            let subject = try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
            let found = try MembershipProbe().run(on: subject, context: RunContext())
            #expect(try metric(found, "auc", "gap").value != nil)
            #expect(try metric(found, "auc", "lira_online").note == "the model gives labels only")
            #expect(found.summary.contains { $0.contains("labels only") } && found.plots.isEmpty)
        }
    }

    @Test func whatIsMissingIsNamed() throws {
        let all = Array(try rows().dropFirst().prefix(100))
        try Repository.withTemporaryFolder { folder in
            let subject = try subject(train: all, test: all, in: folder)
            #expect(MembershipProbe().reasonNotToRun(on: subject) == nil)
            // The same file twice: every row is in both.
            let same = try MembershipProbe().run(on: subject, context: RunContext())
            #expect(same.status == .notTested && same.reason?.contains("0 test rows") == true)
            let yaml = """
                model: \(Repository.path("Tests/Fixtures/models/memoriser.onnx"))
                data: {test: \(folder)/test.csv, target: y}
                """
            let alone = try SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml"))
            #expect(MembershipProbe().reasonNotToRun(on: alone)?.contains("add `train: FILE`") == true)
        }
        var odd = MembershipProbe()
        odd.shadows = 7
        #expect(throws: CasemateError.self) { try odd.prepared(for: AuditConfiguration()) }
    }
}
