import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import NIOCore
import NIOHTTP1

/// How one upstream model is asked: protocol, inputs and outputs, as the server told or the configuration says.
struct UpstreamProfile: Sendable {
    let dialect: UpstreamSettings.Dialect
    let url: String
    /// Inputs, and outputs in order; no outputs where the server declares none.
    let inputs: [ModelSignature.Input], outputs: [ModelSignature.Input]
    let layout: ModelSignature.Layout
    let fixedBatch: Int?
    private let wanted: [String]
    private let columns: [String]
    private let isBinary: Bool

    /// Puts together what is known; without metadata the configuration alone.
    init(
        _ settings: BackendSettings, _ upstream: UpstreamSettings, dialect: UpstreamSettings.Dialect,
        metadata: ServingMetadata?, model: String = "model"
    ) {
        self.dialect = dialect
        (wanted, isBinary) = (upstream.outputs, upstream.isBinary)
        columns = settings.features.map(\.name)
        if dialect == .mlflow {
            url = upstream.address.url("/invocations")
            let hasText = settings.features.contains { $0.levels != nil }
            layout = hasText ? .columns : .matrix
            inputs =
                hasText
                ? settings.features.map {
                    .init(name: $0.name, type: $0.levels == nil ? .double : .string, shape: [nil])
                }
                : [.init(name: "inputs", type: .double, shape: [nil, columns.isEmpty ? nil : columns.count])]
            (outputs, fixedBatch) = ([], nil)
            return
        }
        let version = upstream.version.map { "/versions/" + ServingAddress.step($0) } ?? ""
        url = upstream.address.url("/v2/models/" + ServingAddress.step(model) + version + "/infer")
        let stated = metadata?.inputs ?? []
        // why `input-0`: servers that declare nothing take any name, and this is the one that their clients use.
        inputs =
            stated.isEmpty
            ? [.init(name: "input-0", type: .double, shape: [nil, columns.isEmpty ? nil : columns.count])] : stated
        layout = Self.layout(inputs)
        let declared = metadata?.outputs ?? []
        outputs =
            wanted.isEmpty || declared.isEmpty
            ? declared : wanted.compactMap { name in declared.first { $0.name == name } }
        fixedBatch = inputs.lazy.compactMap { $0.shape.first ?? nil }.first
    }

    private static func layout(_ inputs: [ModelSignature.Input]) -> ModelSignature.Layout {
        func isColumn(_ input: ModelSignature.Input) -> Bool {
            input.shape.count <= 1 || input.shape.count == 2 && input.shape[1] == 1
        }
        guard inputs.count == 1 else { return inputs.allSatisfy(isColumn) ? .columns : .image }
        if inputs[0].type == .string, isColumn(inputs[0]) { return .text }
        return inputs[0].shape.count > 2 ? .image : .matrix
    }

    /// The model as the guard describes it.
    /// - Throws: `invalidSetting` for features that do not fit, `unsupported` for types that the encoding cannot carry.
    func description(
        name: String, version: String, _ settings: BackendSettings, _ upstream: UpstreamSettings
    ) throws(CasemateError) -> ModelDescription {
        func ports(_ inputs: [ModelSignature.Input]) -> [ModelDescription.Port] {
            inputs.map { ModelDescription.Port(name: $0.name, type: $0.type, shape: $0.shape) }
        }
        if !isBinary, (inputs + outputs).contains(where: { $0.type == .float16 }) {
            throw CasemateError(
                .unsupported, at: upstream.place, "the model takes or gives FP16, which JSON cannot carry",
                help: "set `encoding: binary`")
        }
        let classes = settings.classes ?? []
        let isRegression =
            classes.isEmpty && outputs.allSatisfy { $0.shape.count < 2 || $0.shape[1] == 1 }
        // why none for the other protocol: a server that declares no outputs may give any.
        let shown =
            dialect == .mlflow ? [ModelSignature.Input(name: "predictions", type: .double, shape: [nil])] : outputs
        return ModelDescription(
            name: name, version: version, sha256: FileDigest.sha256(Data(url.utf8)), platform: "upstream",
            inputs: ports(inputs), outputs: ports(shown), layout: layout,
            task: isRegression ? .regression : classes.count == 2 ? .binary : .multiclass, classes: classes,
            features: try features(settings), fixedBatch: fixedBatch)
    }

    private func features(_ settings: BackendSettings) throws(CasemateError) -> [Feature] {
        let isMatrix = layout == .matrix || layout == .image
        let axes = inputs.first?.shape.dropFirst().map { $0 } ?? []
        let width = isMatrix && !axes.contains(nil) && inputs.count == 1 ? axes.reduce(1) { $0 * ($1 ?? 1) } : nil
        let facts = ServedFacts(
            platform: "", inputs: inputs, outputs: outputs, layout: layout, task: .regression, kind: .value,
            classes: [], label: nil, scores: nil, fixedBatch: nil, isJoinable: false,
            rowSize: width ?? (isMatrix && inputs.count == 1 ? settings.names?.count : nil), columnNames: nil,
            levels: layout == .columns ? inputs.map { $0.type == .string ? [] : nil } : [], notes: [])
        var features = try facts.features(named: settings.names, at: settings.place)
        for (index, setting) in settings.features.enumerated() where features.indices.contains(index) {
            if let levels = setting.levels { features[index] = Feature(setting.name, .categorical(levels: levels)) }
        }
        return features
    }

    /// The body of a call.
    func body(_ request: InferenceRequest, rows: Int) -> ServingRequest.Body {
        let tensors =
            rows > request.rows
            ? request.inputs.map { NamedTensor($0.name, $0.tensor.padded(to: rows)) } : request.inputs
        switch dialect {
        case .openInference:
            // why by name: servers give some of their outputs by themselves, and all that are declared are promised here.
            let names = wanted.isEmpty ? outputs.map(\.name) : wanted
            return ServingRequest.openInference(tensors, outputs: names, isBinary: isBinary)
        case .mlflow: return ServingRequest.mlflow(tensors, columns: columns, rows: rows)
        }
    }

    /// The outputs of an answer.
    func outputs(_ body: ByteBuffer, header: Int?, rows: Int) throws(ServingLie) -> [NamedTensor] {
        // why a result: the closure of the buffer does not pass a typed error on.
        let result = body.withUnsafeReadableBytes { bytes in
            Result { () throws(ServingLie) in
                switch dialect {
                case .openInference:
                    try ServingReply.openInference(
                        bytes, header: header, promise: .init(rows: rows, outputs: outputs, wanted: wanted))
                case .mlflow: try ServingReply.mlflow(bytes, rows: rows)
                }
            }
        }
        return try result.get()
    }
}

extension ModelDescription {
    /// The same with other columns and classes.
    func with(features: [Feature], classes: [String]) -> ModelDescription {
        ModelDescription(
            name: name, version: version, sha256: sha256, platform: platform, inputs: inputs, outputs: outputs,
            layout: layout, task: task, classes: classes, features: features, fixedBatch: fixedBatch)
    }
}

/// Asks a server what it speaks and what its model takes.
struct UpstreamFinder: Sendable {
    let client: UpstreamClient
    let settings: BackendSettings
    let upstream: UpstreamSettings
    let model: String

    /// Asks, with GET alone.
    /// - Throws: when the server does not answer, or answers something else.
    func profile() async throws -> UpstreamProfile {
        let dialect = try await dialect()
        guard dialect == .openInference else {
            let ping = try await get("/ping")
            guard [200, 404, 405].contains(ping.status) else { throw failed("/ping", ping.status) }
            guard !settings.features.isEmpty else {
                throw CasemateError(
                    .invalidSetting, at: upstream.place, "an MLflow server does not name the columns of its model",
                    help: "name them in order with `features`")
            }
            return UpstreamProfile(settings, upstream, dialect: .mlflow, metadata: nil)
        }
        let version = upstream.version.map { "/versions/" + ServingAddress.step($0) } ?? ""
        let path = "/v2/models/" + ServingAddress.step(model) + version
        let reply = try await get(path)
        guard reply.status == 200 else { throw failed(path, reply.status) }
        let metadata = try reply.body.withUnsafeReadableBytes { bytes in
            try Result { () throws(ServingLie) in try ServingMetadata(openInference: bytes) }.get()
        }
        return UpstreamProfile(settings, upstream, dialect: .openInference, metadata: metadata, model: model)
    }

    private func dialect() async throws -> UpstreamSettings.Dialect {
        if let dialect = upstream.dialect { return dialect }
        // why v2 first: some servers serve /invocations besides.
        if try await get("/v2/health/ready").status == 200 { return .openInference }
        let ping = try await get("/ping")
        guard ping.status == 200 else { throw failed("/v2/health/ready and /ping", ping.status) }
        return .mlflow
    }

    private func get(_ path: String) async throws -> UpstreamClient.Reply {
        let time = UInt64(min(settings.timeout, 5) * 1e9)
        return try await client.send(.GET, upstream.address.url(path), nanoseconds: time)
    }

    private func failed(_ path: String, _ status: Int) -> CasemateError {
        CasemateError(
            .unreadable, at: upstream.address.base + path, "answers status \(status)", help: "check address and model")
    }
}
