import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// A copy is found, nobody else is, and the answers stay good.
@Suite struct WatermarkTests {
    private static let engine = try? LightGBM(Repository.engines)

    @Test func aStolenCopyIsFoundAndIndependentModelsAreNot() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let stage = try WatermarkFixture.stage("", folder: folder)
            let rows = WatermarkFixture.rows(1_000, seed: 1)
            let marked = try await WatermarkFixture.ask(stage, rows, WatermarkFixture.scores(rows))
            let scores = try #require(marked.predictions?.scores)
            stage.flush()
            let reading = try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).reading()
            #expect(reading.sample.count >= 995)
            let secret = GuardSecret(Array(repeating: 1, count: 32))
            let verifier = WatermarkVerifier(secret, engine: nil)
            let stolen = try verifier.verify(reading, cancellation: Cancellation()) { asked, _ in
                WatermarkFixture.copy(of: rows, scores, asked: asked)
            }
            #expect(stolen.isFound && stolen.pValue < 1e-9)
            // The same copy under secrets that did not mark it: the null, with the strongest suspect there is.
            let copied = WatermarkFixture.copy(of: rows, scores, asked: reading.sample.rows)
            var values: [Double] = []
            for number in 0..<60 {
                let other = WatermarkVerifier(WatermarkFixture.secret(number), engine: nil)
                values.append(try other.verify(reading, cancellation: Cancellation()) { _, _ in copied }.pValue)
            }
            #expect(values.allSatisfy { $0 > 1e-6 })
            // why 10: of 60 uniform numbers more than 10 lie below 0.05 with a chance of 0.0003, and bounds lie higher.
            #expect(values.count { $0 < 0.05 } <= 10)
        }
    }

    @Test func noneOfAHundredIndependentModelsIsAccused() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let stage = try WatermarkFixture.stage("", folder: folder)
            let rows = WatermarkFixture.rows(400, seed: 2)
            _ = try await WatermarkFixture.ask(stage, rows, WatermarkFixture.scores(rows))
            stage.flush()
            let reading = try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).reading()
            let verifier = WatermarkVerifier(GuardSecret(Array(repeating: 1, count: 32)), engine: nil)
            var lowest = 1.0
            for number in 0..<100 {
                let verdict = try verifier.verify(reading, cancellation: Cancellation()) { asked, _ in
                    WatermarkFixture.independent(asked, number: number)
                }
                #expect(!verdict.isFound, "model \(number)")
                lowest = min(lowest, verdict.pValue)
            }
            #expect(lowest > 1e-5)
        }
    }

    @Test func aCopyByBoostingIsFoundByScoresAndByLabels() async throws {
        guard let engine = Self.engine else { return }
        try await WatermarkFixture.asyncFolder { folder in
            let stage = try WatermarkFixture.stage("", folder: folder)
            let rows = WatermarkFixture.rows(4_000, seed: 3)
            let marked = try await WatermarkFixture.ask(stage, rows, WatermarkFixture.scores(rows))
            let answers = try #require(marked.predictions)
            stage.flush()
            let reading = try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).reading()
            let verifier = WatermarkVerifier(GuardSecret(Array(repeating: 1, count: 32)), engine: engine)
            let positives = (0..<4_000).map { answers.scores[2 * $0 + 1] }
            for (labels, objective) in [(positives, "regression"), (answers.labels.map { Float($0) }, "binary")] {
                let copy = try Booster(
                    training: engine, rows: rows, features: WatermarkFixture.columns, labels: labels,
                    parameters: ["objective": objective], rounds: 100, cancellation: Cancellation())
                let verdict = try verifier.verify(reading, cancellation: Cancellation()) { asked, count in
                    let found = try copy.predict(asked, count: count).map { max(0, min(1, Float($0))) }
                    return WatermarkFixture.predictions(found.flatMap { [1 - $0, $0] })
                }
                #expect(verdict.isFound, "\(objective): \(verdict.pValue)")
                let clean = try Booster(
                    training: engine, rows: rows, features: WatermarkFixture.columns,
                    labels: WatermarkFixture.scores(rows).enumerated().filter { $0.offset % 2 == 1 }
                        .map { objective == "binary" ? ($0.element > 0.5 ? 1 : 0) : $0.element },
                    parameters: ["objective": objective], rounds: 100, cancellation: Cancellation())
                let honest = try verifier.verify(reading, cancellation: Cancellation()) { asked, count in
                    let found = try clean.predict(asked, count: count).map { max(0, min(1, Float($0))) }
                    return WatermarkFixture.predictions(found.flatMap { [1 - $0, $0] })
                }
                #expect(honest.pValue > 1e-5)
            }
        }
    }

    /// Rows of the owner's have nothing to do with a record.
    @Test func tooFewRowsAreBlamedOnWhereTheyAreFrom() throws {
        let rows = WatermarkFixture.rows(20, seed: 6)
        let matrix = FeatureMatrix(features: WatermarkFixture.model.features, values: rows)
        let answers = WatermarkFixture.predictions(WatermarkFixture.scores(rows))
        let verifier = WatermarkVerifier(GuardSecret(Array(repeating: 1, count: 32)), engine: nil)
        let error = #expect(throws: CasemateError.self) {
            try verifier.verify(probes: .probes(matrix, answers), cancellation: Cancellation()) { _, _ in answers }
        }
        #expect(error?.code == .unusableData && error?.place == "inputs" && error?.help.contains("50 rows") == true)
    }

    @Test func theThiefIsNamed() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let stage = try WatermarkFixture.stage("", folder: folder)
            let (honest, stolen) = (WatermarkFixture.rows(700, seed: 4), WatermarkFixture.rows(700, seed: 5))
            _ = try await WatermarkFixture.ask(stage, honest, WatermarkFixture.scores(honest), client: "honest")
            let marked = try await WatermarkFixture.ask(stage, stolen, WatermarkFixture.scores(stolen), client: "thief")
            let scores = try #require(marked.predictions?.scores)
            stage.flush()
            let reading = try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).reading()
            let verifier = WatermarkVerifier(GuardSecret(Array(repeating: 1, count: 32)), engine: nil)
            let verdict = try verifier.verify(reading, cancellation: Cancellation()) { asked, _ in
                WatermarkFixture.copy(of: stolen, scores, asked: asked)
            }
            let found = verdict.looks.dropFirst().filter { $0.pValue < 1e-6 }.map(\.caller)
            #expect(found == ["thief"])
        }
    }

    @Test func marksAreTheSameForRepeatsAndRowByRow() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let stage = try WatermarkFixture.stage("", folder: folder)
            let rows = WatermarkFixture.rows(50, seed: 6)
            let scores = WatermarkFixture.scores(rows)
            let together = try await WatermarkFixture.ask(stage, rows, scores).predictions
            var single: [Float] = []
            for row in 0..<50 {
                let answer = try await WatermarkFixture.ask(
                    stage, Array(rows[6 * row..<6 * row + 6]), Array(scores[2 * row..<2 * row + 2]))
                single += answer.predictions?.scores ?? []
            }
            #expect(together?.scores == single)
            let other = try WatermarkFixture.stage("record: other.sqlite", folder: folder, secret: 9)
            #expect(try await WatermarkFixture.ask(other, rows, scores).predictions?.scores != single)
        }
    }

    @Test func changedLabelsCostLessThanTheShare() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let rows = WatermarkFixture.rows(4_000, seed: 7)
            let scores = WatermarkFixture.scores(rows)
            let stage = try WatermarkFixture.stage("", folder: folder)
            let answer = try await WatermarkFixture.ask(stage, rows, scores)
            let predictions = try #require(answer.predictions)
            var (cost, changed) = (0.0, 0)
            for row in 0..<4_000 {
                let before = scores[2 * row + 1] > scores[2 * row]
                let label = predictions.labels[row] == 1
                let ahead = predictions.scores[2 * row + 1] > predictions.scores[2 * row]
                #expect(label == ahead)
                #expect(abs(predictions.scores[2 * row] + predictions.scores[2 * row + 1] - 1) < 1e-5)
                if label != before {
                    changed += 1
                    cost += Double(abs(scores[2 * row + 1] - scores[2 * row]))
                }
            }
            #expect(changed > 0 && cost / 4_000 < 0.005)
            #expect(answer.outputs[0].tensor.storage == .int64(predictions.labels.map { Int64($0) }))
        }
    }

    @Test func aModelWithoutScoresIsMarkedToo() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let stage = try WatermarkFixture.stage("share: 0.02", folder: folder)
            let rows = WatermarkFixture.rows(2_000, seed: 8)
            let labels = WatermarkFixture.predictions(WatermarkFixture.scores(rows)).labels
            let hot = labels.flatMap { $0 == 1 ? [Float(0), 1] : [1, 0] }
            var answer = InferenceAnswer(
                outputs: [NamedTensor("label", Tensor(shape: [2_000], .int64(labels.map { Int64($0) })))],
                predictions: Predictions(
                    task: .binary, classes: ["0", "1"], kind: .labels, scores: hot, labels: labels),
                roles: .init(label: "label", scores: nil, kind: .labels))
            var exchange = AnswerFixture.exchange()
            let verdict = try await stage.review(
                &answer, of: AnswerFixture.request(rows, WatermarkFixture.model), &exchange)
            let stolen = try #require(answer.predictions)
            let changed = zip(stolen.labels, labels).count { $0 != $1 }
            #expect((20...65).contains(changed))
            #expect(verdict.reasons == ["label_changed"])
            stage.flush()
            let reading = try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).reading()
            let verifier = WatermarkVerifier(GuardSecret(Array(repeating: 1, count: 32)), engine: nil)
            func verified(_ hot: [Float]) throws -> WatermarkVerdict {
                try verifier.verify(reading, cancellation: Cancellation()) { asked, _ in
                    WatermarkFixture.copy(of: rows, hot, asked: asked)
                }
            }
            #expect(try verified(stolen.scores).isFound)
            #expect(try !verified(hot).isFound)
        }
    }

    @Test func theOrderOfRealApplicationsHardlyChanges() async throws {
        guard let runtime = try? OnnxRuntime(Repository.engines), let data = try? DataEngine(Repository.engines) else {
            return
        }
        let model = try OnnxModel(path: Repository.path("Examples/mortgage/gbm.onnx"), runtime: runtime)
        let table = try data.open(Repository.path("Examples/mortgage/test.csv"), name: "test")
        let expected = try Figures(
            json: Data(contentsOf: Repository.root.appending(path: "Examples/mortgage/expected.json")))
        let names = expected["models"]["gbm.onnx"]["inputs"].texts
        #expect(names.count == 36)
        let bound = try TableModel(
            model: model, columns: table.columns, declared: names, excluded: [], levels: { _ in [] })
        let matrix = try table.matrix(bound.features)
        let clean = try bound.predict(matrix, cancellation: Cancellation())
        let labels = try table.matrix([Feature("approve")]).values.map { Int($0) }
        let description = ModelDescription(
            name: "m", version: "1", sha256: "0", platform: "test", inputs: [], outputs: [], layout: .matrix,
            task: .binary, classes: clean.classes, features: bound.features)
        func positive(_ predictions: Predictions) -> [Float] {
            (0..<predictions.count).map { predictions.scores[2 * $0 + 1] }
        }
        func accuracy(_ found: [Int32]) -> Double {
            Double(zip(found, labels).count { Int($0) == $1 }) / Double(labels.count)
        }
        try await WatermarkFixture.asyncFolder { folder in
            var losses: [Double] = []
            for number in 1...20 as ClosedRange<UInt8> {
                let stage = try WatermarkFixture.stage(
                    "record: \(number).sqlite", folder: folder, secret: number, model: description)
                let answer = InferenceAnswer(
                    outputs: [], predictions: clean, roles: .init(label: nil, scores: nil, kind: .probabilities))
                var (changed, exchange) = (answer, AnswerFixture.exchange())
                let request = InferenceRequest(
                    inputs: [NamedTensor("x", Tensor(shape: [matrix.count, names.count], .float(matrix.values)))],
                    rows: matrix.count, model: description)
                _ = try await stage.review(&changed, of: request, &exchange)
                let marked = try #require(changed.predictions)
                losses.append(
                    WatermarkFixture.area(positive(clean), labels) - WatermarkFixture.area(positive(marked), labels))
                #expect(accuracy(clean.labels) - accuracy(marked.labels) <= 0.005)
            }
            #expect(abs(WatermarkFixture.area(positive(clean), labels) - 0.881) < 0.001)
            #expect(losses.allSatisfy { abs($0) < 0.002 })
        }
    }
}
