import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Testing

/// A model of some columns for stages of answers, and calls of them.
enum AnswerFixture {
    static func model(_ columns: Int, classes: [String], task: ModelTask? = nil) -> ModelDescription {
        ModelDescription(
            name: "m", version: "1", sha256: "00", platform: "test",
            inputs: [.init(name: "x", type: .float, shape: [nil, columns])], outputs: [], layout: .matrix,
            task: task ?? (classes.count == 2 ? .binary : .multiclass), classes: classes,
            features: (0..<columns).map { Feature("c\($0)") })
    }
    static func setup(
        _ model: ModelDescription, secret: UInt8 = 1, folder: String = "", metrics: MetricsRegistry = .init(),
        memory: GuardMemory = .init()
    ) -> StageSetup {
        StageSetup(
            model: model, folder: folder, clock: SystemClock(), memory: memory, metrics: metrics,
            secret: GuardSecret(Array(repeating: secret, count: 32)),
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "none", help: "") },
            context: RunContext())
    }
    static func exchange(client: String = "c") -> Exchange {
        Exchange(
            id: "0", trace: TraceContext(traceparent: nil), client: ClientIdentity(id: client, method: .apiKey),
            face: "test", model: "m", version: "1", arrival: 0, deadline: 1)
    }
    static func request(_ rows: [Float], _ model: ModelDescription, outputs: [String] = []) -> InferenceRequest {
        let columns = model.features.count
        let count = rows.count / columns
        return InferenceRequest(
            inputs: [NamedTensor("x", Tensor(shape: [count, columns], .float(rows)))], rows: count, outputs: outputs,
            model: model)
    }
    static func answer(_ scores: [Float], _ model: ModelDescription) -> InferenceAnswer {
        guard model.task != .regression else {
            return InferenceAnswer(
                outputs: [NamedTensor("p", Tensor(shape: [scores.count], .float(scores)))],
                predictions: Predictions(task: .regression, classes: [], kind: .value, scores: scores, labels: []),
                roles: .init(label: nil, scores: "p", kind: .value))
        }
        let width = model.classes.count
        let count = scores.count / width
        var labels: [Int32] = []
        for row in 0..<count {
            let part = Array(scores[row * width..<(row + 1) * width])
            let best = part.max() ?? 0
            labels.append(Int32(part.firstIndex(of: best) ?? 0))
        }
        let embedding = [Float](repeating: 0.123_456, count: 2 * count)
        return InferenceAnswer(
            outputs: [
                NamedTensor("label", Tensor(shape: [count], .int64(labels.map { Int64($0) }))),
                NamedTensor("p", Tensor(shape: [count, width], .float(scores))),
                NamedTensor("embedding", Tensor(shape: [count, 2], .float(embedding))),
            ],
            predictions: Predictions(
                task: model.task, classes: model.classes, kind: .probabilities, scores: scores, labels: labels),
            roles: .init(label: "label", scores: "p", kind: .probabilities))
    }
    /// Rows of probabilities, some of them extreme.
    static func probabilities(_ rows: Int, _ classes: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<rows).flatMap { _ -> [Float] in
            let sharpness = Double(generator.uniform() * 8)
            let raw = (0..<classes).map { _ in exp(sharpness * generator.uniformDouble()) }
            let sum = raw.reduce(0, +)
            return raw.map { Float($0 / sum) }
        }
    }
}

/// Answers are coarser and still right: sums, labels, repeats.
@Suite struct AnswerStageTests {
    private func stage(_ yaml: String, _ model: ModelDescription, secret: UInt8 = 1) throws -> AnswerStage {
        let settings = yaml.isEmpty ? nil : try SettingChecker.read(yaml, file: "t", keys: AnswerStage.keys)
        return try AnswerStage(settings, setup: AnswerFixture.setup(model, secret: secret))
    }
    private func reviewed(
        _ stage: AnswerStage, _ scores: [Float], _ rows: [Float], _ model: ModelDescription
    ) async throws -> InferenceAnswer {
        var (answer, exchange) = (AnswerFixture.answer(scores, model), AnswerFixture.exchange())
        _ = try await stage.review(&answer, of: AnswerFixture.request(rows, model), &exchange)
        return answer
    }

    @Test(arguments: 0...6, [2, 3, 10])
    func roundingKeepsSumAndLabel(digits: Int, classes: Int) async throws {
        let model = AnswerFixture.model(1, classes: (0..<classes).map { "\($0)" })
        let stage = try stage("round: \(digits)", model)
        let scores = AnswerFixture.probabilities(300, classes, seed: UInt64(digits))
        let answer = try await reviewed(stage, scores, [Float](repeating: 1, count: 300), model)
        let predictions = try #require(answer.predictions)
        let unit = pow(10, -Double(digits))
        for row in 0..<300 {
            let part = predictions.scores[row * classes..<(row + 1) * classes].map { Double($0) }
            #expect(abs(part.reduce(0, +) - 1) < 1e-5)
            let best = try #require(part.max())
            #expect(part[Int(predictions.labels[row])] == best && part.count { $0 == best } == 1)
            #expect(part.allSatisfy { abs($0 / unit - ($0 / unit).rounded()) < 1e-7 / unit + 1e-6 })
        }
        #expect(predictions.labels == AnswerFixture.answer(scores, model).predictions?.labels)
        #expect(answer.outputs[1].tensor.storage == .float(predictions.scores))
    }

    @Test func aTieAfterRoundingGoesToTheModelsLabel() async throws {
        let model = AnswerFixture.model(1, classes: ["0", "1"])
        let answer = try await reviewed(try stage("round: 1", model), [0.46, 0.54], [1], model)
        #expect(answer.predictions?.scores == [0.4, 0.6])
    }

    @Test func labelsAloneAndTheClassesAhead() async throws {
        let model = AnswerFixture.model(1, classes: ["a", "b", "c", "d"])
        let scores: [Float] = [0.1, 0.6, 0.25, 0.05]
        let labels = try await reviewed(try stage("output: labels", model), scores, [1], model)
        #expect(labels.predictions?.scores == [0, 1, 0, 0])
        #expect(labels.outputs.map(\.name) == ["label", "p"])
        let top = try await reviewed(try stage("output: top_k\nk: 2", model), scores, [1], model)
        #expect(top.predictions?.scores == [0.075, 0.6, 0.25, 0.075])
        let clipped = try await reviewed(try stage("clip: 0.55\nround: 6", model), scores, [1], model)
        #expect(abs((clipped.predictions?.scores[1] ?? 0) - 0.55) < 1e-6)
        #expect(abs((clipped.predictions?.scores.reduce(0, +) ?? 0) - 1) < 1e-5)
    }

    @Test func otherOutputsAreRoundedUnlessToldOtherwise() async throws {
        let model = AnswerFixture.model(1, classes: ["a", "b"])
        let rounded = try await reviewed(try stage("", model), [0.3, 0.7], [1], model)
        #expect(rounded.outputs[2].tensor.storage == .float([0.123, 0.123]))
        let passed = try await reviewed(try stage("other_outputs: pass", model), [0.3, 0.7], [1], model)
        #expect(passed.outputs[2].tensor.storage == .float([0.123_456, 0.123_456]))
        let dropping = try stage("other_outputs: drop", model)
        var (answer, exchange) = (AnswerFixture.answer([0.3, 0.7], model), AnswerFixture.exchange())
        let request = AnswerFixture.request([1], model, outputs: ["embedding"])
        await #expect(throws: GuardRefusal.self) { _ = try await dropping.review(&answer, of: request, &exchange) }
    }

    @Test func noiseIsTheSameForRepeatsAndNeighboursAndKeepsLabels() async throws {
        let model = AnswerFixture.model(2, classes: ["a", "b", "c"])
        let noisy = try stage("noise: 0.1\nround: 6", model)
        let scores = AnswerFixture.probabilities(200, 3, seed: 4)
        var generator = SeededGenerator(seed: 5)
        let rows = (0..<400).map { _ in 1 + Float(Int(generator.uniform() * 500)) / 512 }
        let first = try await reviewed(noisy, scores, rows, model).predictions
        let again = try await reviewed(noisy, scores, rows, model).predictions
        let near = try await reviewed(noisy, scores, rows.map { $0 * 1.000_01 }, model).predictions
        #expect(first == again)
        // why: a grid has edges; the rows stand on multiples of 1/512 and cells are 1/1,024 wide, centred on them.
        #expect(first == near)
        let clean = AnswerFixture.answer(scores, model).predictions
        #expect(first?.labels == clean?.labels)
        let moved = zip(first?.scores ?? [], scores).map { abs($0 - $1) }
        #expect(moved.reduce(0, +) / Float(moved.count) > 0.02)
        for row in 0..<200 { #expect(abs((first?.scores[3 * row..<3 * row + 3].reduce(0, +) ?? 0) - 1) < 1e-5) }
        let elsewhere = try await reviewed(noisy, scores, rows.map { $0 * 1.1 }, model).predictions
        let other = try await reviewed(try stage("noise: 0.1\nround: 6", model, secret: 2), scores, rows, model)
        #expect(elsewhere?.scores != first?.scores)
        #expect(other.predictions?.scores != first?.scores)
        let free = try await reviewed(try stage("noise: 0.3\nkeep_label: false", model), scores, rows, model)
        #expect(free.predictions?.labels != clean?.labels)
    }

    @Test func degradedRequestsGetTheLabelAlone() async throws {
        let model = AnswerFixture.model(1, classes: ["a", "b"])
        let metrics = MetricsRegistry()
        let pipeline = GuardPipeline(
            steps: [.init(stage: Degrader(), mode: .enforce), .init(stage: try stage("", model), mode: .enforce)],
            clock: SystemClock(), metrics: metrics)
        var (answer, exchange) = (AnswerFixture.answer([0.3, 0.7], model), AnswerFixture.exchange())
        try await pipeline.examine(AnswerFixture.request([1], model), &exchange)
        try await pipeline.review(&answer, of: AnswerFixture.request([1], model), &exchange)
        #expect(answer.predictions?.scores == [0, 1])
        #expect(answer.outputs.map(\.name) == ["label", "p"])
    }
    private struct Degrader: GuardStage {
        static let identifier = "degrader", title = "", purpose = ""
        static let taxonomy = Taxonomy(stages: [.inference])
        init() {}
        init(_ settings: SettingNode?, setup: StageSetup) throws {}
        func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
            StageVerdict(.degrade)
        }
    }

    @Test func sizeAndTimeAreSetBeforeAnythingIsDecided() async throws {
        let model = AnswerFixture.model(1, classes: ["a", "b"])
        var exchange = AnswerFixture.exchange()
        _ = try await stage("size: constant\ntime: quantum", model).admit(&exchange)
        #expect(exchange.sizeQuantum == 256 && exchange.timeQuantum == 5_000_000)
        var plain = AnswerFixture.exchange()
        _ = try await stage("", model).admit(&plain)
        #expect(plain.sizeQuantum == 0 && plain.timeQuantum == 0)
        #expect(throws: CasemateError.self) { _ = try stage("time: quantum\ntime_step: 20s", model) }
    }

    @Test func aRegressionKeepsSignificantDigits() async throws {
        let model = AnswerFixture.model(1, classes: [], task: .regression)
        let values: [Float] = [123_456, -0.001_234_5, 0]
        let answer = try await reviewed(try stage("value_digits: 3", model), values, [1, 2, 3], model)
        #expect(answer.predictions?.scores == [123_000, -0.001_23, 0])
        #expect(throws: CasemateError.self) { _ = try stage("output: labels", model) }
    }
}
