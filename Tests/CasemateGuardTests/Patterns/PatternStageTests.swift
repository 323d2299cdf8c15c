import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The stage: what it finds counts from a later request on, outlives a reload, and obeys the operator.
@Suite struct PatternStageTests {
    private final class Rig {
        let mortgage: CheckSupport.Mortgage
        let memory = GuardMemory()
        let metrics = MetricsRegistry()
        var standings: ClientStandings { memory.object(ClientStandings.memoryName) { ClientStandings() } }
        private let backend: FileBackend
        init() throws {
            mortgage = try CheckSupport.mortgage()
            backend = try FileBackend(Repository.path("Examples/mortgage/gbm.onnx"))
        }

        func stage(_ yaml: String) throws -> PatternStage {
            try Repository.withTemporaryFolder { folder in
                try mortgage.profile.write(to: folder + "/p")
                return try PatternStage(
                    try CheckSupport.settings("profile: p\n" + yaml, PatternStage.keys),
                    setup: CheckSupport.setup(mortgage.model, folder: folder, memory: memory, metrics: metrics))
            }
        }
        /// One request through the stage; what `examine` says.
        func ask(_ stage: PatternStage, _ row: [Float]) async throws -> StageVerdict {
            var exchange = CheckSupport.exchange()
            let request = CheckSupport.request([row], mortgage.model)
            let verdict = try await stage.examine(request, &exchange)
            var answer = StubBackend.answer(
                try backend.model.predict(
                    [NamedTensor(backend.description.inputs[0].name, request.inputs[0].tensor)],
                    cancellation: Cancellation()))
            #expect(try await stage.review(&answer, of: request, &exchange) == .pass)
            return verdict
        }
        func sweep(_ stage: PatternStage, _ count: Int) async throws -> [StageVerdict] {
            var (verdicts, row) = ([StageVerdict](), Array(mortgage.test[row: 3]))
            for step in 0..<count {
                row[0] += Float(step + 1) * 0.5
                verdicts.append(try await ask(stage, row))
            }
            return verdicts
        }
    }

    @Test func aSweepIsActedUponLaterAndOverReloads() async throws {
        let rig = try Rig()
        let stage = try rig.stage("alarm: withhold\nlag: 5")
        let verdicts = try await rig.sweep(stage, 60)
        let first = try #require(verdicts.firstIndex { $0.consequence == .withhold })
        #expect(first > 5 && verdicts[..<first].allSatisfy { $0.consequence == .pass || $0.consequence == .flag })
        #expect(verdicts[first].reasons.contains("sweeps"))
        let standing = try #require(rig.standings.ranked(limit: 1).first)
        #expect(standing.id == "c" && standing.level == .alarm && standing.requests == 60 && standing.firstAlarm != nil)
        #expect(rig.metrics.exposition().contains("casemate_pattern_alarms_total{model=\"m\"} 1"))
        let reloaded = try rig.stage("alarm: delay\nlag: 0\ndelay: 3s")
        #expect(try await rig.ask(reloaded, Array(rig.mortgage.test[row: 8])).consequence == .delay(3))
    }

    @Test func operatorsExemptAndClear() async throws {
        let rig = try Rig()
        let stage = try rig.stage("alarm: hold\nlag: 0")
        _ = try await rig.sweep(stage, 60)
        let row = Array(rig.mortgage.test[row: 8])
        #expect(try await rig.ask(stage, row).consequence == .hold)
        rig.standings.exempt("c")
        #expect(try await rig.ask(stage, row).consequence == .pass)
        rig.standings.exempt("c", false)
        rig.standings.clear("c")
        #expect(try await rig.ask(stage, row).consequence == .pass)
        #expect(rig.standings.standing(of: "c")?.level == .calm)
    }

    @Test func honestRowsPass() async throws {
        let rig = try Rig()
        let stage = try rig.stage("")
        for row in 0..<min(200, rig.mortgage.test.count) {
            #expect(try await rig.ask(stage, Array(rig.mortgage.test[row: row])).consequence == .pass)
        }
    }

    @Test func aProfileIsNeeded() throws {
        let error = #expect(throws: CasemateError.self) {
            _ = try PatternStage(nil, setup: CheckSupport.setup(try CheckSupport.mortgage().model))
        }
        #expect(error?.code == .invalidSetting)
    }
}
