import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// A benchmark model is asked too; what follows from a divergence is what was set.
@Suite struct SecondOpinionTests {
    private static let features = [Feature("a"), Feature("b")]
    private static let model = CheckSupport.matrixModel(features, classes: ["deny", "approve"])

    private static func binary(_ positive: [Float], classes: [String] = ["deny", "approve"]) -> Predictions {
        Predictions(
            task: .binary, classes: classes, kind: .probabilities, scores: positive.flatMap { [1 - $0, $0] },
            labels: positive.map { $0 > 0.5 ? 1 : 0 })
    }
    private static func values(_ values: [Float]) -> Predictions {
        Predictions(task: .regression, classes: [], kind: .value, scores: values, labels: [])
    }

    private struct Outcome {
        let verdict: StageVerdict
        let answer: InferenceAnswer
        let metrics: String
    }
    private func review(
        _ yaml: String, own: Predictions, other: Predictions?, model: ModelDescription = model,
        benchmark: ModelDescription? = nil
    ) async throws -> Outcome {
        let metrics = MetricsRegistry()
        let stub = StubBackend(description: benchmark ?? model) { _ in other }
        let stage = try SecondOpinionStage(
            try CheckSupport.settings("model: b.onnx\n" + yaml, SecondOpinionStage.keys),
            setup: CheckSupport.setup(model, metrics: metrics, open: stub))
        let rows = (0..<own.count).map { [Float($0), 1] }
        var answer = StubBackend.answer(own)
        var exchange = CheckSupport.exchange()
        let verdict = try await stage.review(&answer, of: CheckSupport.request(rows, model), &exchange)
        return Outcome(verdict: verdict, answer: answer, metrics: metrics.exposition())
    }

    @Test func labelsAreCompared() async throws {
        let own = Self.binary([0.9, 0.8, 0.1])
        let same = try await review("", own: own, other: Self.binary([0.6, 0.7, 0.4]))
        #expect(same.verdict == .pass && same.answer.predictions == own)
        let apart = try await review("", own: own, other: Self.binary([0.4, 0.7, 0.4]))
        #expect(apart.verdict.consequence == .flag && apart.verdict.reasons == ["diverged"])
        #expect(apart.answer.predictions == own && apart.metrics.contains("diverged_rows_total{model=\"m\"} 1"))
        #expect(
            try await review("action: hold", own: own, other: Self.binary([0.4, 0.7, 0.4])).verdict.consequence == .hold
        )
        let share = try await review("action: hold\nshare: 0.5", own: own, other: Self.binary([0.4, 0.7, 0.4]))
        #expect(share.verdict.consequence == .pass)
    }

    @Test func scoresAndValuesAreCompared() async throws {
        let own = Self.binary([0.9, 0.8])
        let near = try await review("compare: score\ntolerance: 0.3", own: own, other: Self.binary([0.65, 0.7]))
        #expect(near.verdict == .pass)
        let far = try await review("compare: score\ntolerance: 0.2", own: own, other: Self.binary([0.65, 0.7]))
        #expect(far.verdict.consequence == .flag && agree(far.verdict.score ?? 0, 0.25, tolerance: 1e-3))
        let none = try await review("compare: score", own: own, other: Self.binary([.nan, 0.8]))
        #expect(none.verdict.consequence == .flag)

        let model = CheckSupport.matrixModel(Self.features, task: .regression)
        func regression(_ yaml: String, _ one: Float, _ two: Float) async throws -> StageVerdict {
            try await review(yaml, own: Self.values([one]), other: Self.values([two]), model: model).verdict
        }
        #expect(try await regression("", 100, 119) == .pass)
        #expect(try await regression("", 100, 126).consequence == .flag)
        #expect(try await regression("tolerance: 0.5", 100, 126) == .pass)
        #expect(try await regression("", 0, 0) == .pass)
        #expect(try await regression("", -1, 1).consequence == .flag)
    }

    @Test func theSaferAnswerStandsInTensorsAndPredictions() async throws {
        let own = Self.binary([0.9, 0.2, 0.8, 0.7])
        let other = Self.binary([0.3, 0.9, 0.95, 0.1])
        let safer = try await review("action: safer\nsafer: deny", own: own, other: other)
        let found = try #require(safer.answer.predictions)
        #expect(found.labels == [0, 0, 1, 0])
        #expect(zip(found.scores, Self.binary([0.3, 0.2, 0.8, 0.1]).scores).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(
            safer.answer.outputs.first { $0.name == "label" }?.tensor.storage
                == .string(["deny", "deny", "approve", "deny"]))
        guard case .float(let scores) = safer.answer.outputs.first(where: { $0.name == "scores" })?.tensor.storage
        else {
            Issue.record("no scores")
            return
        }
        #expect(scores == found.scores && safer.verdict.reasons.contains("safer_answer"))
        #expect(safer.metrics.contains("replaced_rows_total{model=\"m\"} 2"))
    }

    /// Neither model says the safer class: it becomes the answer, and the scores still sum to 1.
    @Test func aThirdClassCanBeTheSaferOne() async throws {
        let classes = ["left", "right", "stop"]
        let model = CheckSupport.matrixModel(Self.features, classes: classes, task: .multiclass)
        func answer(_ scores: [Float], _ label: Int32) -> Predictions {
            Predictions(task: .multiclass, classes: classes, kind: .probabilities, scores: scores, labels: [label])
        }
        let safer = try await review(
            "action: safer\nsafer: stop", own: answer([0.7, 0.2, 0.1], 0), other: answer([0.2, 0.7, 0.1], 1),
            model: model)
        let found = try #require(safer.answer.predictions)
        #expect(found.labels == [2])
        #expect(zip(found.scores, [0.1, 0.2, 0.7] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func theSaferValueIsTheLowerOrTheHigher() async throws {
        let model = CheckSupport.matrixModel(Self.features, task: .regression)
        func value(_ safer: String) async throws -> [Float]? {
            try await review(
                "action: safer\nsafer: \(safer)", own: Self.values([100, 100, 50]), other: Self.values([50, 200, 51]),
                model: model
            ).answer.predictions?.scores
        }
        #expect(try await value("lower") == [50, 100, 50])
        #expect(try await value("higher") == [100, 200, 50])
    }

    @Test func classesAreComparedByName() async throws {
        let turned = CheckSupport.matrixModel(Self.features, classes: ["approve", "deny"])
        let own = Self.binary([0.9])
        let other = Predictions(
            task: .binary, classes: ["approve", "deny"], kind: .probabilities, scores: [0.9, 0.1], labels: [0])
        #expect(try await review("", own: own, other: other, benchmark: turned).verdict == .pass)
        #expect(try await review("compare: score", own: own, other: other, benchmark: turned).verdict == .pass)
        let numbered = CheckSupport.matrixModel(Self.features, classes: ["0", "1"])
        let third = Self.binary([0.8], classes: ["0", "1"])
        #expect(try await review("", own: own, other: third, benchmark: numbered).verdict == .pass)
    }

    @Test func whatDoesNotFitIsAnError() async throws {
        let own = Self.binary([0.9])
        let value = CheckSupport.matrixModel(Self.features, task: .regression)
        let three = CheckSupport.matrixModel(Self.features, classes: ["deny", "approve", "more"])
        let mixed = CheckSupport.matrixModel(Self.features, classes: ["deny", "more"])
        let wide = CheckSupport.matrixModel([Feature("a"), Feature("z"), Feature("b")])
        for (yaml, benchmark) in [
            ("", value), ("", three), ("", mixed), ("", wide), ("action: safer", Self.model),
            ("action: safer\nsafer: denny", Self.model), ("compare: regression", Self.model),
            ("columns: [a]", Self.model), ("columns: [a, q]", Self.model),
        ] {
            await #expect(throws: CasemateError.self, "\(yaml)") {
                try await review(yaml, own: own, other: own, benchmark: benchmark)
            }
        }
        #expect(throws: CasemateError.self) { try SecondOpinionStage(nil, setup: CheckSupport.setup(Self.model)) }
        // A benchmark that fails, refuses or answers in another form is a failure of the stage, not a refusal of the caller.
        await #expect(throws: CasemateError.self) { try await review("", own: own, other: nil) }
        await #expect(throws: CasemateError.self) { try await review("", own: own, other: Self.binary([0.9, 0.9])) }
        let refusing = StubBackend(description: Self.model) { _ in throw GuardRefusal.overloaded }
        let stage = try SecondOpinionStage(
            try CheckSupport.settings("model: b", SecondOpinionStage.keys),
            setup: CheckSupport.setup(Self.model, open: refusing))
        var (answer, exchange) = (StubBackend.answer(own), CheckSupport.exchange())
        await #expect(throws: CasemateError.self) {
            try await stage.review(&answer, of: CheckSupport.request([[1, 2]], Self.model), &exchange)
        }
    }

    /// The benchmark sees its own columns in its own order and types.
    @Test func columnsAreChosenByName() async throws {
        let wide = CheckSupport.matrixModel(["a", "b", "c"].map { Feature($0) }, classes: ["deny", "approve"])
        let seen = Seen()
        func ask(_ yaml: String, _ benchmark: ModelDescription) async throws -> [NamedTensor] {
            let stub = StubBackend(description: benchmark) { request in
                seen.put(request.inputs)
                return Self.binary([0.9])
            }
            let stage = try SecondOpinionStage(
                try CheckSupport.settings("model: b\n" + yaml, SecondOpinionStage.keys),
                setup: CheckSupport.setup(wide, open: stub))
            var (answer, exchange) = (StubBackend.answer(Self.binary([0.9])), CheckSupport.exchange())
            _ = try await stage.review(&answer, of: CheckSupport.request([[1, 2, 3]], wide), &exchange)
            return seen.tensors
        }
        let some = CheckSupport.matrixModel([Feature("c"), Feature("a")], classes: ["deny", "approve"])
        #expect(try await ask("", some) == [NamedTensor("input", Tensor(shape: [1, 2], .float([3, 1])))])
        #expect(
            try await ask("columns: [b, c]", some) == [NamedTensor("input", Tensor(shape: [1, 2], .float([2, 3])))])
        let columns = ModelDescription(
            name: "c", version: "1", sha256: CheckSupport.digest, platform: "test",
            inputs: [.init(name: "b", type: .int64, shape: [nil, 1]), .init(name: "a", type: .double, shape: [nil])],
            outputs: [], layout: .columns, task: .binary, classes: ["deny", "approve"],
            features: [Feature("b"), Feature("a")])
        #expect(
            try await ask("", columns) == [
                NamedTensor("b", Tensor(shape: [1, 1], .int64([2]))),
                NamedTensor("a", Tensor(shape: [1], .double([1]))),
            ])
    }

    /// Trees and a logistic pipeline of the same data: they agree on nearly all test rows.
    @Test func twoRealModelsDivergeOnFewCleanRows() async throws {
        let table = try DataEngine(Repository.engines).open(
            Repository.path("Examples/mortgage/test.csv"), name: "test")
        let model = try FileBackend(Repository.path("Examples/mortgage/gbm.onnx"))
        let older = try FileBackend(Repository.path("Examples/mortgage/gbm-previous.onnx"))
        let bound = try TableModel(
            model: model.model, columns: table.columns, declared: nil, excluded: CheckSupport.mortgageExcluded,
            levels: { try table.levels($0) })
        let rows = try table.matrix(bound.features)
        let metrics = MetricsRegistry()
        let stage = try SecondOpinionStage(
            try CheckSupport.settings("model: older.onnx", SecondOpinionStage.keys),
            setup: CheckSupport.setup(model.description, metrics: metrics, open: older))
        var flagged = 0
        for row in 0..<rows.count {
            let tensor = Tensor(shape: [1, rows.features.count], .float(Array(rows[row: row])))
            let request = InferenceRequest(
                inputs: [NamedTensor(model.description.inputs[0].name, tensor)], rows: 1, model: model.description)
            var exchange = CheckSupport.exchange()
            var answer = try await model.infer(
                request, call: BackendCall(trace: exchange.trace, deadline: exchange.deadline))
            let verdict = try await stage.review(&answer, of: request, &exchange)
            if verdict != .pass { flagged += 1 }
        }
        let own = try model.model.predict(rows: rows.values, count: rows.count, cancellation: Cancellation()).labels
        let other = try older.model.predict(rows: rows.values, count: rows.count, cancellation: Cancellation()).labels
        #expect(flagged == zip(own, other).count { $0 != $1 })
        #expect(flagged > 0 && flagged < 30, "\(flagged) of \(rows.count)")
        #expect(metrics.exposition().contains("casemate_second_opinion_rows_total{model=\"file\"} \(rows.count)"))
    }
}

/// What a stub was asked.
private final class Seen: @unchecked Sendable {
    // why unchecked: written and read by one test in order.
    private(set) var tensors: [NamedTensor] = []
    func put(_ tensors: [NamedTensor]) { self.tensors = tensors }
}
