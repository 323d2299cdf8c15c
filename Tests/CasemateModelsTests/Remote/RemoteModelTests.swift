import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// A well-behaved endpoint: both protocols, all forms of answers, nothing asked twice.
@Suite("Remote models answer like local ones")
struct RemoteModelTests {
    private let count = 50
    private var rows: [Float] { ToyService.rows(count) }
    private var expected: [Float] {
        (0..<count).map { Float(ToyService.probability(rows[$0 * 3..<$0 * 3 + 3].map { Double($0) })) }
    }

    @Test(arguments: ["/v2/models/toy", "", "/v2", "/v2/models/toy/infer"])
    func openInferenceIsFoundByAnyAddress(path: String) throws {
        let service = try ToyService()
        var options = service.options(path)
        options.batch = 7
        let model = try service.model(options)
        #expect(model.endpoint.dialect == .openInference)
        #expect(model.endpoint.model == "toy")
        let answers = try model.predict(rows: rows, count: count, cancellation: Cancellation())
        #expect(answers.kind == .probabilities)
        #expect(answers.classes == ["0", "1"])
        for (row, wanted) in expected.enumerated() {
            #expect(abs(answers.scores[row * 2 + 1] - wanted) < 1e-6)
            #expect(answers.labels[row] == (wanted >= 0.5 ? 1 : 0))
        }
        #expect(service.timesAsked.allSatisfy { $0 == 1 })
        #expect(service.rows == count)
        #expect(service.asked.count == 1 + 7)
        #expect(model.observations.rows == count)
    }

    @Test func mlflowTakesNamedColumns() throws {
        let service = try ToyService(form: .scores)
        let model = try service.model(service.options("/invocations"))
        #expect(model.endpoint.dialect == .mlflow)
        #expect(model.featureNames == ["a", "b", "c"])
        let answers = try model.predict(rows: rows, count: count, cancellation: Cancellation())
        #expect(zip(expected, 0...).allSatisfy { abs(answers.scores[$1 * 2 + 1] - $0) < 1e-6 })
        let body = String(decoding: try #require(service.asked.first).body, as: UTF8.self)
        #expect(body.hasPrefix(#"{"dataframe_split":{"columns":["a","b","c"],"data":[["#))
    }

    @Test(arguments: [("/v2/models/toy", ToyService.Form.probability), ("/invocations", .probability)])
    func aShareForTwoOutcomesIsAProbability(path: String, form: ToyService.Form) throws {
        let service = try ToyService(form: form)
        let told = try service.model(service.options(path), labels: ["bad", "good"])
        #expect((told.signature.task, told.signature.kind) == (.binary, .probabilities))
        let untold = try service.model(service.options(path))
        #expect(untold.signature.task == .regression)
        let overruled = try service.model(service.options(path), overrides: ModelOverrides(task: .binary))
        let answers = try overruled.predict(rows: rows, count: count, cancellation: Cancellation())
        #expect(zip(expected, 0...).allSatisfy { abs(answers.scores[$1 * 2] - (1 - $0)) < 1e-6 })
    }

    @Test(arguments: ["/v2/models/toy", "/invocations"])
    func valuesAreARegression(path: String) throws {
        let service = try ToyService(form: .value)
        let model = try service.model(service.options(path), labels: ["1.5", "2.5", "3.5"])
        let answers = try model.predict(rows: rows, count: count, cancellation: Cancellation())
        #expect(answers.task == .regression)
        #expect(zip(answers.scores, expected).allSatisfy { abs($0 - $1 * 1_000) < 1e-3 })
    }

    @Test(arguments: ["/v2/models/toy", "/invocations"])
    func classesAloneTakeTheirNamesFromTheData(path: String) throws {
        let service = try ToyService(form: .textLabel)
        let model = try service.model(service.options(path), labels: ["no", "yes"])
        let answers = try model.predict(rows: rows, count: count, cancellation: Cancellation())
        #expect((answers.kind, answers.classes) == (.labels, ["no", "yes"]))
        #expect(zip(answers.labels, expected).allSatisfy { $0 == ($1 >= 0.5 ? 1 : 0) })
        #expect(throws: CasemateError.self) { try service.model(service.options(path)) }
    }

    @Test func wholeNumbersAloneMayBeClassesOrValues() throws {
        let service = try ToyService(form: .label)
        let error = #expect(throws: CasemateError.self) { try service.model() }
        #expect(error?.code == .unsupported)
        let classes = try service.model(overrides: ModelOverrides(classes: ["0", "1"]))
        #expect(classes.signature.kind == .labels)
        let value = try service.model(overrides: ModelOverrides(task: .regression))
        #expect(value.signature.task == .regression)
    }

    @Test func objectsAreNamedOutputs() throws {
        let service = try ToyService(form: .records)
        let model = try service.model(service.options("/invocations"))
        #expect((model.signature.task, model.signature.kind) == (.binary, .probabilities))
        let answers = try model.predict(rows: rows, count: count, cancellation: Cancellation())
        #expect(zip(expected, 0...).allSatisfy { abs(answers.scores[$1 * 2 + 1] - $0) < 1e-6 })
    }

    @Test func oneInputAColumnIsFedByName() throws {
        let service = try ToyService(form: .scores)
        let endpoint = try RemoteEndpoint(service.options("/v2/models/columns"), cancellation: Cancellation())
        let draft = try endpoint.draft(columns: ToyService.columns)
        #expect(draft.signature.layout == .columns)
        #expect(draft.signature.inputs.map(\.type) == [.double, .int64, .string])
        let tensors = [
            NamedTensor("c", Tensor(shape: [2, 1], .string(["p\"i\n", "ä"]))),
            NamedTensor("a", Tensor(shape: [2, 1], .float([0.1, .nan]))),
            NamedTensor("b", Tensor(shape: [2], .float([3, 4]))),
        ]
        _ = try draft.predict(tensors, cancellation: Cancellation())
        let body = String(decoding: try #require(service.asked.first).body, as: UTF8.self)
        #expect(
            body == #"{"inputs":[{"name":"a","shape":[2,1],"datatype":"FP64","data":[0.1,null]},"#
                + #"{"name":"b","shape":[2],"datatype":"INT64","data":[3,4]},"#
                + #"{"name":"c","shape":[2,1],"datatype":"BYTES","data":["p\"i\u000a","ä"]}]}"#)
    }

    @Test func equalRowsAreAskedOnceByAnyNumberOfThreads() throws {
        let service = try ToyService()
        let model = try service.model()
        let (rows, count) = (rows, count)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            let answers = try? model.predict(rows: rows + rows, count: 2 * count, cancellation: Cancellation())
            #expect(answers?.count == 2 * count)
        }
        #expect(service.timesAsked.allSatisfy { $0 == 1 })
        #expect(model.observations.rows == count)
        #expect(model.observations.kept >= 8 * 2 * count - count)
    }

    @Test func theWorkOfOthersDoesNotBlockTheCooperativePool() async throws {
        let service = try ToyService(.slow(0.02))
        let model = try service.model()
        await withTaskGroup(of: Int.self) { group in
            for start in 0..<8 {
                group.addTask {
                    let rows = ToyService.rows(3, from: 100 + 3 * start)
                    return (try? model.predict(rows: rows, count: 3, cancellation: Cancellation()).count) ?? 0
                }
            }
            for await count in group { #expect(count == 3) }
        }
    }
}
