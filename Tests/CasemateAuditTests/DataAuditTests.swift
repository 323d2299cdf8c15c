import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// A check that does what it is told.
private struct StubCheck: DataCheck {
    static let identifier = "data_stub"
    static let title = "Stub"
    static let taxonomy = Taxonomy(stages: [.data])
    var reason: String?
    var error: CasemateError?
    var suspects: [Suspect] = []
    func reasonNotToRun(on subject: DataSubject) -> String? { reason }
    func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        if let error { throw error }
        return DataCheckResult(outcome: outcome(), suspects: suspects)
    }
}

@Suite struct DataAuditTests {
    private func subject() throws -> DataSubject {
        let path = Repository.path("Examples/mortgage/train.csv")
        return try DataOpening(train: DataEngine(Repository.engines).open(path, name: "train")).subject(name: "t")
    }

    @Test func aCheckThatFailsIsAnOutcome() throws {
        let broken = StubCheck(error: CasemateError(.unusableData, at: "here", "broken", help: "mend it"))
        let stopped = StubCheck(reason: "nothing to do")
        let found = StubCheck(suspects: [Suspect(row: 3, strength: 0.7, reason: "odd")])
        let result = try DataAuditPlan(checks: [broken, stopped, found]).run(on: subject(), context: RunContext())
        #expect(result.outcomes.map(\.status) == [.failed, .notTested, .tested])
        #expect(result.outcomes[0].reason?.contains("broken") == true && result.outcomes[1].reason == "nothing to do")
        #expect(result.suspects.map(\.row) == [3] && result.suspects[0].checks == ["data_stub"])
    }

    @Test func timeThatRanOutIsSaid() throws {
        let late = RunContext(deadline: .now - .seconds(1))
        let result = try DataAuditPlan(checks: [StubCheck()]).run(on: subject(), context: late)
        #expect(result.outcomes.map(\.status) == [.partial])
    }

    @Test func namesOfChecksMayLeaveOutTheBeginning() throws {
        let all = try DataAuditPlan.checks(named: [], at: "--checks")
        #expect(all.count == builtInDataChecks.count && all.count > 5)
        let one = try DataAuditPlan.checks(named: ["labels"], at: "--checks")
        #expect(one.map { type(of: $0).identifier } == ["data_labels"])
        let error = #expect(throws: CasemateError.self) {
            try DataAuditPlan.checks(named: ["data_lables"], at: "--checks")
        }
        #expect(error?.description.contains("did you mean 'data_labels'") == true)
    }

    /// Holds for every check that ships, without a test of its own.
    @Test(arguments: builtInDataChecks.map { $0.identifier }) func everyCheckHasAPageThatNamesItsMetrics(
        identifier: String
    ) throws {
        let page = try String(contentsOfFile: Repository.path("docs/data/\(identifier).md"), encoding: .utf8)
        let metrics = MetricCatalogue.names.filter { $0.hasPrefix(identifier + ".") }
        #expect(!metrics.isEmpty)
        for metric in metrics { #expect(page.contains(metric), "docs/data/\(identifier).md does not name \(metric)") }
        #expect(page.lowercased().contains("cannot see"), "the page says nothing about its blind spots")
        let check = try #require(builtInDataChecks.first { $0.identifier == identifier })
        #expect(identifier.hasPrefix("data_") && !check.title.isEmpty && !check.taxonomy.stages.isEmpty)
    }

    @Test func theMortgageDataRaiseNoAlarm() throws {
        var configuration = AuditConfiguration()
        configuration.data.train = Repository.path("Examples/mortgage/train.csv")
        configuration.data.test = Repository.path("Examples/mortgage/test.csv")
        (configuration.data.target, configuration.data.favourable) = ("approve", "1")
        configuration.data.identifiers = ["application"]
        configuration.data.protected = [.init("race"), .init("sex")]
        let job = DataAuditJob(
            configuration, checks: try DataAuditPlan.checks(named: [], at: "test"), search: Repository.engines)
        let result = try job.run(context: RunContext(threads: 2), command: "test", started: Date())
        #expect(result.report.coverage.allSatisfy { $0.status == .tested || $0.status == .notTested })
        #expect(result.report.coverage.count { $0.status == .tested } >= 6)
        #expect(!result.report.findings.contains { $0.severity >= .high })
        #expect(result.report.exitStatus == 0)
        let known = Set(MetricCatalogue.names)
        for metric in result.report.metrics { #expect(known.contains(metric.name), "\(metric.name) is not listed") }
        #expect(Double(result.suspects.count { $0.score >= 0.5 }) < 0.02 * 1390)
        let json = try JSONSerialization.jsonObject(with: result.json()) as? [String: Any]
        #expect((json?["suspects"] as? [[String: Any]])?.count == result.suspects.count)
    }

    @Test func maskedReportsNameNoRow() throws {
        var configuration = AuditConfiguration()
        configuration.data.train = Repository.path("Examples/mortgage/train.csv")
        configuration.data.target = "approve"
        configuration.report.isRedacted = true
        let stub = StubCheck(suspects: [Suspect(row: 1234, strength: 0.9, reason: "income 987654")])
        let result = try DataAuditJob(configuration, checks: [stub], search: Repository.engines)
            .run(context: RunContext(), command: "test", started: Date())
        let text = String(decoding: try result.json(), as: UTF8.self)
        #expect(!text.contains("987654") && !text.contains("\"1234\"") && result.suspects.isEmpty)
    }

    @Test func trainingDataThatAreMissingAreAskedFor() {
        let error = #expect(throws: CasemateError.self) {
            try DataAuditJob(AuditConfiguration(), checks: [], search: Repository.engines)
                .run(context: RunContext(), command: "", started: Date())
        }
        #expect(error?.description.contains("casemate data audit train.csv") == true)
    }
}
