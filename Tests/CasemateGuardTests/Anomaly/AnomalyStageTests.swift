import CasemateCore
import CasemateData
import CasemateDetect
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// Real rows are called odd as rarely as the rate says, rows that are not real far more often.
@Suite struct AnomalyStageTests {
    private struct Made {
        let stage: AnomalyStage
        let mortgage: CheckSupport.Mortgage
        let metrics: MetricsRegistry
    }
    private func make(_ yaml: String) throws -> Made {
        let mortgage = try CheckSupport.mortgage()
        let metrics = MetricsRegistry()
        let stage = try Repository.withTemporaryFolder { folder in
            try mortgage.profile.write(to: folder + "/p")
            return try AnomalyStage(
                try CheckSupport.settings("profile: p\n" + yaml, AnomalyStage.keys),
                setup: CheckSupport.setup(mortgage.model, folder: folder, metrics: metrics))
        }
        return Made(stage: stage, mortgage: mortgage, metrics: metrics)
    }
    private func examine(_ made: Made, _ rows: [[Float]], id: String = "1") async throws -> StageVerdict {
        var exchange = CheckSupport.exchange(id)
        return try await made.stage.examine(CheckSupport.request(rows, made.mortgage.model), &exchange)
    }

    @Test func oddRowsAreToldFromUsualOnes() async throws {
        let made = try make("")
        let test = made.mortgage.test
        let shuffled = test.shuffledColumns(seed: 3)
        var alarms = 0, found = 0, scores: [Double] = [], odd: [Double] = []
        for row in 0..<test.count {
            let usual = try await examine(made, [Array(test[row: row])])
            let strange = try await examine(made, [Array(shuffled[row: row])])
            scores.append(try #require(usual.score))
            odd.append(try #require(strange.score))
            if usual.consequence != .pass { alarms += 1 }
            if strange.consequence != .pass {
                found += 1
                #expect(strange.consequence == .flag && strange.reasons.first == "odd")
            }
        }
        let interval = try #require(Intervals.clopperPearson(successes: alarms, trials: test.count, confidence: 0.99))
        #expect(interval.low <= 0.01, "\(alarms) of \(test.count)")
        #expect(found > 8 * max(1, alarms) && found > test.count / 4, "\(found), \(alarms)")
        #expect(odd.sorted()[odd.count / 2] > scores.sorted()[scores.count * 9 / 10])
        #expect(made.metrics.exposition().contains("casemate_anomaly_rows_total{model=\"m\"} \(2 * test.count)"))
    }

    @Test func garbageIsNamed() async throws {
        let made = try make("action: hold")
        var row = Array(made.mortgage.test[row: 0])
        row[0] = 1e6
        let verdict = try await examine(made, [row])
        #expect(verdict.consequence == .hold && (verdict.score ?? 0) > 2)
        #expect(verdict.reasons.contains("odd:loanamt"), "\(verdict.reasons)")
    }

    @Test(arguments: ["flag", "degrade", "hold", "refuse", "delay"])
    func actsAsSet(action: String) async throws {
        let made = try make("action: \(action)\ndelay: 3s")
        let verdict = try await examine(made, [made.mortgage.test.features.map { _ in 1e7 }])
        #expect(verdict.consequence.name == action)
        if case .delay(let seconds) = verdict.consequence { #expect(seconds == 3) }
        if case .refuse(let refusal) = verdict.consequence { #expect(refusal.kind == .unprocessable) }
    }

    /// Many usual rows are not odder than one, and one garbage row among many is found where all are scored.
    @Test func batchesAreBounded() async throws {
        let made = try make("rows: 16")
        let test = made.mortgage.test
        var alarms = 0
        for start in stride(from: 0, to: test.count - 16, by: 16) {
            let rows = (start..<start + 16).map { Array(test[row: $0]) }
            if try await examine(made, rows).consequence != .pass { alarms += 1 }
        }
        #expect(alarms <= 4, "\(alarms) of \(test.count / 16)")
        var rows = (0..<16).map { Array(test[row: $0]) }
        rows[7] = rows[7].map { _ in 1e7 }
        #expect(try await examine(made, rows).consequence == .flag)
        let before = made.metrics.exposition()
        let many = (0..<2_000).map { Array(test[row: $0 % test.count]) }
        _ = try await examine(made, many)
        func count(_ text: String) -> Double {
            text.split(separator: "\n").first { $0.hasPrefix("casemate_anomaly_rows_total{") }
                .flatMap { Double($0.split(separator: " ").last ?? "") } ?? 0
        }
        #expect(count(made.metrics.exposition()) - count(before) == 16)
        let share = try make("rows: 16\nshare: 0.5")
        #expect(try await examine(share, rows).consequence == .pass)
        #expect(try await examine(share, rows.map { $0.map { _ in 1e7 } }).consequence == .flag)
    }

    @Test func withoutAProfileItIsAConfigurationError() {
        let setup = CheckSupport.setup(CheckSupport.matrixModel([Feature("a")]))
        let none = #expect(throws: CasemateError.self) { try AnomalyStage(nil, setup: setup) }
        #expect(none?.help.contains("casemate guard fit") == true)
        let missing = #expect(throws: CasemateError.self) {
            try AnomalyStage(CheckSupport.settings("profile: nowhere", AnomalyStage.keys), setup: setup)
        }
        #expect(missing?.code == .notFound && missing?.help.contains("casemate guard fit") == true)
    }

    /// A reload with the same profile does not read the detector again; one with another does.
    @Test func theDetectorIsKeptOverReloads() throws {
        let mortgage = try CheckSupport.mortgage()
        let memory = GuardMemory()
        try Repository.withTemporaryFolder { folder in
            try mortgage.profile.write(to: folder + "/p")
            let settings = try CheckSupport.settings("profile: p", AnomalyStage.keys)
            let setup = CheckSupport.setup(mortgage.model, folder: folder, memory: memory)
            _ = try AnomalyStage(settings, setup: setup)
            try FileManager.default.removeItem(atPath: folder + "/p/outliers.bin")
            _ = try AnomalyStage(settings, setup: setup)
            let other = CheckSupport.setup(mortgage.model, folder: folder)
            #expect(throws: CasemateError.self) { try AnomalyStage(settings, setup: other) }
        }
    }
}
