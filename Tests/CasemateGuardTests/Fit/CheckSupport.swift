import CasemateCore
import CasemateData
import CasemateDetect
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What tests of the stages that look at values share.
enum CheckSupport {
    /// What a stage is made with.
    static func setup(
        _ model: ModelDescription?, folder: String = "", memory: GuardMemory = .init(),
        metrics: MetricsRegistry = .init(), open: (any ModelBackend)? = nil
    ) -> StageSetup {
        StageSetup(
            model: model, folder: folder, clock: ManualClock(), memory: memory, metrics: metrics,
            secret: GuardSecret(Data(repeating: 7, count: 32)),
            openBackend: { path, _ in
                guard let open else { throw CasemateError(.notFound, at: path, "no such model", help: "") }
                return open
            }, context: RunContext(seed: 1))
    }

    /// Settings as they would stand under the stage in `guard.yaml`.
    static func settings(_ yaml: String, _ keys: [SettingKey]) throws -> SettingNode {
        try SettingChecker.read(yaml, file: "guard.yaml", keys: keys)
    }

    /// A request on its way.
    static func exchange(_ id: String = "00000000000000a1") -> Exchange {
        Exchange(
            id: id, trace: TraceContext(traceparent: nil), client: ClientIdentity(id: "c", method: .apiKey),
            face: "test", model: "m", version: "1", arrival: 0, deadline: 1_000_000_000)
    }

    /// A model of one float matrix.
    static func matrixModel(
        _ features: [Feature], classes: [String] = ["0", "1"], task: ModelTask = .binary, sha256: String = digest
    ) -> ModelDescription {
        ModelDescription(
            name: "m", version: "1", sha256: sha256, platform: "test",
            inputs: [.init(name: "input", type: .float, shape: [nil, features.count])], outputs: [], layout: .matrix,
            task: task, classes: task == .regression ? [] : classes, features: features)
    }
    static let digest = String(repeating: "a1", count: 32)

    /// Rows for a model of one float matrix.
    static func request(_ rows: [[Float]], _ model: ModelDescription) -> InferenceRequest {
        let tensor = Tensor(shape: [rows.count, rows.first?.count ?? 0], .float(rows.flatMap { $0 }))
        return InferenceRequest(inputs: [NamedTensor("input", tensor)], rows: rows.count, model: model)
    }
    /// One row of a matrix for a model of one float matrix.
    static func request(_ matrix: FeatureMatrix, row: Int, _ model: ModelDescription) -> InferenceRequest {
        request([Array(matrix[row: row])], model)
    }

    /// The mortgage example's training and test rows over its model's features, without names, as ONNX has them.
    struct Mortgage {
        let profile: GuardFit.Result
        let test: FeatureMatrix
        let model: ModelDescription
    }
    /// Columns of the mortgage example that its model does not take.
    static let mortgageExcluded: Set<String> = [
        "application", "approve", "race", "sex", "marital", "age", "min30", "occ", "prop", "mortg", "cons",
    ]
    /// Profiles that several tests read: with an autoencoder at one in a hundred, without one at one in a thousand.
    private static let common = Result { try make(rate: 0.01, steps: 60) }
    private static let strict = Result { try make(rate: 0.001, steps: 0) }
    /// A quick profile of the mortgage example.
    static func mortgage() throws -> Mortgage { try common.get() }
    /// The same at a rate of one in a thousand.
    static func strictMortgage() throws -> Mortgage { try strict.get() }
    /// Learns it anew.
    static func make(rate: Double, steps: Int) throws -> Mortgage {
        var plan = GuardFit.Plan(
            data: Repository.path("Examples/mortgage/train.csv"), model: Repository.path("Examples/mortgage/gbm.onnx"))
        (plan.excluded, plan.rate) = (mortgageExcluded, rate)
        (plan.outliers.steps, plan.outliers.trees) = (steps, 50)
        let result = try GuardFit(plan, search: Repository.engines).run(context: RunContext(seed: 1, threads: 2))
        let table = try DataEngine(Repository.engines).open(
            Repository.path("Examples/mortgage/test.csv"), name: "test")
        let test = try table.matrix(result.profile.features.map(\.feature))
        let features = test.features.indices.map { Feature("f\($0)") }
        return Mortgage(
            profile: result, test: test, model: matrixModel(features, sha256: result.profile.model.sha256))
    }
}

/// A model file behind the protocol of back ends, without queues.
struct FileBackend: ModelBackend {
    let description: ModelDescription
    let model: any RowModel
    var isReady: Bool { true }

    init(_ path: String, names: [String]? = nil, classes: [String]? = nil) throws {
        let runtime = try OnnxRuntime(Repository.engines)
        model = try ModelFile.open(path: path) { runtime }
        let signature = model.signature
        let features =
            signature.layout == .columns
            ? signature.inputs.map { Feature($0.name) }
            : (names ?? (0..<(model.rowSize ?? 0)).map { "f\($0)" }).map { Feature($0) }
        description = ModelDescription(
            name: "file", version: "1", sha256: try FileDigest(of: path).sha256, platform: "onnxruntime_onnx",
            inputs: signature.inputs.map { .init(name: $0.name, type: $0.type, shape: $0.shape) }, outputs: [],
            layout: signature.layout, task: signature.task, classes: classes ?? signature.classes, features: features)
    }

    func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer {
        let found = try model.predict(request.inputs, cancellation: Cancellation())
        let named = Predictions(
            task: found.task, classes: description.classes, kind: found.kind, scores: found.scores, labels: found.labels
        )
        return StubBackend.answer(named)
    }
}

/// A back end that answers what it is told.
struct StubBackend: ModelBackend {
    let description: ModelDescription
    let reply: @Sendable (InferenceRequest) throws -> Predictions?
    var isReady: Bool { true }

    func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer {
        guard let predictions = try reply(request) else {
            return InferenceAnswer(outputs: [], predictions: nil, roles: .init(label: nil, scores: nil, kind: .labels))
        }
        return Self.answer(predictions)
    }

    /// An answer whose tensors say what the predictions say.
    static func answer(_ predictions: Predictions) -> InferenceAnswer {
        let isValue = predictions.task == .regression
        let width = isValue ? 1 : predictions.classes.count
        let scores = NamedTensor(
            "scores", Tensor(shape: [predictions.count, width], .float(predictions.scores)))
        let label = NamedTensor(
            "label",
            Tensor(shape: [predictions.count], .string(predictions.labels.map { predictions.classes[Int($0)] })))
        return InferenceAnswer(
            outputs: isValue ? [scores] : [label, scores], predictions: predictions,
            roles: .init(label: isValue ? nil : "label", scores: "scores", kind: predictions.kind))
    }
}
