import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Model files behind the seam of back ends.
@Suite struct LocalBackendTests {
    static let mortgage = Repository.path("Examples/mortgage/gbm.onnx")
    static let tree = Repository.path("Tests/Fixtures/trees/xgboost-multi-softprob.json")

    @Test func describesAndAnswers() async throws {
        let backend = try await BackendFixtures.open(["path: \(Self.mortgage)", "version: v7"])
        let model = backend.description
        #expect(model.name == "m" && model.version == "v7" && model.platform == "onnxruntime_onnx")
        #expect(model.sha256 == (try FileDigest(of: Self.mortgage)).sha256 && backend.isReady)
        let width = model.features.count
        #expect(width > 10 && model.layout == .matrix)
        let request = BackendFixtures.request([Float](repeating: 0.5, count: 3 * width), rows: 3, for: model)
        let answer = try await backend.infer(request, call: BackendFixtures.call())
        #expect(answer.outputs.map(\.name) == model.outputs.map(\.name))
        #expect(answer.predictions?.count == 3)
        let scores = try #require(answer.roles.scores)
        #expect(answer.outputs.contains { $0.name == scores } && answer.roles.label != nil)
        await backend.shutDown()
        #expect(!backend.isReady)
    }

    @Test func answersAreTheSameForEveryNumberOfCallers() async throws {
        // Trees add up in one order for every batch; so does this graph's one operator of trees, row by row.
        for path in [Self.mortgage, Self.tree] {
            let backend = try await BackendFixtures.open(["path: \(path)", "threads: 1", "batching: {max_wait: 20ms}"])
            let model = backend.description
            let width = model.features.count
            var generator = SeededGenerator(seed: 3)
            let rows = (0..<48).map { _ in (0..<width).map { _ in Float.random(in: 0...3, using: &generator) } }
            var alone: [InferenceAnswer] = []
            for row in rows {
                alone.append(
                    try await backend.infer(
                        BackendFixtures.request(row, rows: 1, for: model), call: BackendFixtures.call()))
            }
            try await withThrowingTaskGroup(of: (Int, InferenceAnswer).self) { group in
                for (index, row) in rows.enumerated() {
                    group.addTask {
                        let request = BackendFixtures.request(row, rows: 1, for: model)
                        return (index, try await backend.infer(request, call: BackendFixtures.call()))
                    }
                }
                for try await (index, answer) in group {
                    #expect(answer.outputs == alone[index].outputs)
                    #expect(answer.predictions == alone[index].predictions)
                }
            }
            await backend.shutDown()
        }
    }

    @Test func runsAreFewerThanCallsOnceCallsWait() async throws {
        let metrics = MetricsRegistry()
        let setup = BackendFixtures.setup(metrics: metrics)
        let backend = try await BackendFixtures.open(
            ["path: \(Self.tree)", "threads: 1", "batching: {max_wait: 50ms, max_batch: 16}"], setup: setup)
        let model = backend.description
        let row = [Float](repeating: 1, count: model.features.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    let request = BackendFixtures.request(row, rows: 1, for: model)
                    _ = try await backend.infer(request, call: BackendFixtures.call())
                }
            }
            try await group.waitForAll()
        }
        let labels = [("model", "m"), ("version", "1")]
        let runs = metrics.counter("casemate_model_runs_total", "", labels).value
        #expect(runs < 32 && runs >= 4)
        await backend.shutDown()
    }

    @Test func treesTakeMissingValues() async throws {
        let backend = try await BackendFixtures.open(["path: \(Self.tree)"])
        let model = backend.description
        #expect(model.platform == "casemate_trees" && model.outputs.map(\.name) == ["label", "probabilities"])
        let row = [Float](repeating: .nan, count: model.features.count)
        let answer = try await backend.infer(
            BackendFixtures.request(row, rows: 1, for: model), call: BackendFixtures.call())
        #expect(answer.predictions?.classes.count == model.classes.count)
        #expect(answer.roles == .init(label: "label", scores: "probabilities", kind: .probabilities))
    }

    @Test func settingsNameColumnsAndClasses() async throws {
        let path = Repository.path("Tests/Fixtures/models/sk_tree.onnx")
        let plain = try await BackendFixtures.open(["path: \(path)"]).description
        let names = plain.features.indices.map { "column\($0)" }
        let classes = plain.classes.map { "class\($0)" }
        let named = try await BackendFixtures.open([
            "path: \(path)", "features: [\(names.joined(separator: ", "))]",
            "classes: [\(classes.joined(separator: ", "))]", "format: onnx",
        ]).description
        #expect(named.features.map(\.name) == names && named.classes == classes)
        for lines in [
            ["path: \(path)", "features: [one]"], ["path: \(path)", "classes: [a, a]"],
            ["path: \(path)", "format: lightgbm_text"], ["path: \(path).missing"],
            ["path: \(Repository.path("Tests/Fixtures/bad-models/truncated.onnx"))"],
            ["upstream: http://127.0.0.1:1", "threads: 2"], ["upstream: ftp://127.0.0.1"],
            ["upstream: http://user:secret@127.0.0.1"],
        ] {
            await #expect(throws: CasemateError.self, "\(lines)") { try await BackendFixtures.open(lines) }
        }
    }

    @Test func aHalfWrittenFileIsRefused() async throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Self.mortgage))
        for share in [0, 1, whole.count / 3, whole.count - 1] {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID()).onnx").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try whole.prefix(share).write(to: URL(fileURLWithPath: path))
            await #expect(throws: CasemateError.self) { try await BackendFixtures.open(["path: \(path)"]) }
        }
    }

    @Test func fixedBatchesAreFilledAndCut() async throws {
        let path = Repository.path("Tests/Fixtures/models/torch_fixed_batch_4.onnx")
        let backend = try await BackendFixtures.open(["path: \(path)"])
        let model = backend.description
        #expect(model.fixedBatch == 4)
        let width = model.inputs[0].shape.dropFirst().compactMap { $0 }.reduce(1, *)
        let values = (0..<4 * width).map { Float($0 % 7) / 7 }
        let all = try await backend.infer(
            BackendFixtures.request(values, rows: 4, for: model), call: BackendFixtures.call())
        let one = try await backend.infer(
            BackendFixtures.request(Array(values[..<width]), rows: 1, for: model), call: BackendFixtures.call())
        #expect(one.outputs[0].tensor == all.outputs[0].tensor.rows(0..<1))
        #expect(one.predictions == all.predictions?.rows(0..<1))
        let five = BackendFixtures.request(values + values[..<width], rows: 5, for: model)
        let found = await refusal { try await backend.infer(five, call: BackendFixtures.call()) }
        #expect(found?.kind == .malformed)
    }

    @Test func whatAModelCannotTakeIsToldWithoutAValue() async throws {
        let path = Repository.path("Tests/Fixtures/models/torch_regression.onnx")
        let metrics = MetricsRegistry()
        let backend = try await BackendFixtures.open(["path: \(path)"], setup: BackendFixtures.setup(metrics: metrics))
        let model = backend.description
        let width = model.features.count
        let wild = BackendFixtures.request([Float](repeating: .infinity, count: width), rows: 1, for: model)
        let found = await refusal { try await backend.infer(wild, call: BackendFixtures.call()) }
        #expect(found?.kind == .upstreamFailed && found?.reason == "not_a_number")
        let short = BackendFixtures.request([1], rows: 1, for: model)
        let second = await refusal { try await backend.infer(short, call: BackendFixtures.call()) }
        #expect(second?.kind == .unprocessable && second?.reason == "model_rejected")
        #expect(metrics.exposition().contains("casemate_model_failures_total{model=\"m\",version=\"1\"} 2"))
    }

    @Test func furtherModelsOpenByPath() async throws {
        let opener = BackendOpener(search: Repository.engines)
        let backend = try opener.open(path: Self.mortgage, name: "benchmark", setup: BackendFixtures.setup())
        #expect(backend.description.name == "benchmark" && backend.isReady)
    }
}
