import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// LightGBM through its shim.
@Suite struct BoostingTests {
    /// Two features of which the first decides, but for a tenth of the rows.
    private func data(_ count: Int = 600) -> (rows: [Float], labels: [Float]) {
        var generator = SeededGenerator(seed: 3)
        var rows: [Float] = []
        var labels: [Float] = []
        for _ in 0..<count {
            let (a, b) = (generator.uniform(), generator.uniform())
            rows += [a, b]
            labels.append((a > 0.5) != (generator.uniform() < 0.1) ? 1 : 0)
        }
        return (rows, labels)
    }
    private func engine() throws -> LightGBM { try LightGBM(Repository.engines) }
    private func booster(_ parameters: [String: String] = ["objective": "binary"], rounds: Int = 20) throws -> Booster {
        let (rows, labels) = data()
        return try Booster(
            training: engine(), rows: rows, features: 2, labels: labels, parameters: parameters, rounds: rounds,
            cancellation: Cancellation())
    }

    @Test func learnsWhatDecides() throws {
        let booster = try booster()
        let chances = try booster.predict([0.1, 0.5, 0.9, 0.5], count: 2)
        #expect(booster.outputs == 1 && booster.features == 2 && chances.count == 2)
        #expect(chances[0] < 0.3 && chances[1] > 0.7)
        let raw = try booster.predict([0.1, 0.5, 0.9, 0.5], count: 2, isRaw: true)
        for (sum, chance) in zip(raw, chances) { #expect(abs(1 / (1 + exp(-sum)) - chance) < 1e-12) }
        #expect(try booster.predict([], count: 0).isEmpty)
    }

    @Test func isTheSameEveryTimeAndAfterSaving() throws {
        let (first, second) = (try booster(), try booster())
        let saved = try first.saved()
        #expect(saved == (try second.saved()))
        let again = try Booster(engine(), saved)
        let rows = data().rows
        #expect(try again.predict(rows, count: 600) == first.predict(rows, count: 600))
        #expect(again.features == 2 && again.outputs == 1)
    }

    @Test func severalClassesGiveSeveralNumbers() throws {
        let (rows, labels) = data()
        let three = zip(labels, 0...).map { $1 % 3 == 0 ? Float(2) : $0 }
        let booster = try Booster(
            training: engine(), rows: rows, features: 2, labels: three, weights: [Float](repeating: 1, count: 600),
            parameters: ["objective": "multiclass", "num_class": "3"], rounds: 5, cancellation: Cancellation())
        let chances = try booster.predict([0.2, 0.2], count: 1)
        #expect(booster.outputs == 3 && chances.count == 3 && abs(chances.reduce(0, +) - 1) < 1e-9)
    }

    @Test func answersWithoutAModelAreThoseOfTheModel() throws {
        let (rows, labels) = data()
        let answers = try Booster.answers(
            training: engine(), rows: rows, features: 2, labels: labels, asked: rows,
            parameters: ["objective": "binary"], rounds: 20, isRaw: true, cancellation: Cancellation())
        #expect(answers.outputs == 1)
        #expect(try answers.values == booster().predict(rows, count: 600, isRaw: true))
        #expect(
            failure {
                _ = try Booster.answers(
                    training: engine(), rows: rows, features: 2, labels: labels, asked: [1], parameters: [:], rounds: 1,
                    cancellation: Cancellation())
            }?.code == .mismatch)
    }

    @Test func cancellationStopsBetweenRounds() throws {
        let (rows, labels) = data()
        let (engine, cancellation) = (try engine(), Cancellation())
        // why a thread: the queues of Dispatch may be full of other tests.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 0.02)
            cancellation.cancel(.outOfTime)
        }
        #expect(throws: Cancelled(reason: .outOfTime)) {
            try Booster(
                training: engine, rows: rows, features: 2, labels: labels, parameters: ["objective": "binary"],
                rounds: 100_000, cancellation: cancellation)
        }
    }

    @Test func badSettingsAndDataAreRefused() throws {
        let engine = try engine()
        func code(
            _ parameters: [String: String] = ["objective": "binary"], rows: [Float] = [0, 1, 2, 3],
            labels: [Float] = [0, 1], rounds: Int = 1
        ) -> CasemateError.Code? {
            failure {
                _ = try Booster(
                    training: engine, rows: rows, features: 2, labels: labels, parameters: parameters, rounds: rounds,
                    cancellation: Cancellation())
            }?.code
        }
        #expect(code(["objective": "binary num_threads=9"]) == .invalidSetting)
        #expect(code(["objective": "sorcery"]) == .engineFailed)
        #expect(code(rows: [0, 1, 2]) == .mismatch && code(labels: [0, .nan]) == .unusableData)
        #expect(code(rounds: 0) == .invalidSetting)
        #expect(failure { _ = try booster().predict([1, 2, 3], count: 1) }?.code == .mismatch)
        let none = EngineSearch(environment: [:], systemFolders: [], enginesFolders: [])
        #expect(failure { _ = try LightGBM(none) }?.help.contains("make setup") == true)
    }
}
