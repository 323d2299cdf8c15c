/// The Open Inference Protocol, version 2, REST, with the binary extension.
///
/// Source: kserve/open-inference-protocol, `specification/protocol/inference_rest.md`; Triton, "Binary Tensor Data
/// Extension".
public struct OpenInferenceFace: WireFace {
    /// Name in records.
    public static let identifier = "open_inference"
    /// Makes it.
    public init() {}

    /// The route of a request. Whatever stands under `/v2` is of this face, known or not.
    public func route(_ head: WireHead) throws -> WireRoute? {
        guard head.path == "/v2" || head.path.hasPrefix("/v2/") else { return nil }
        if let route = try WireOperation.route(head, among: Self.operations) { return route }
        throw GuardRefusal(.notFound, "the protocol has no such call, or it is not served")
    }

    package static let operations: [WireOperation] = [
        infer("/v2/models/{model}/infer", "infer"),
        infer("/v2/models/{model}/versions/{version}/infer", "inferVersion"),
        WireOperation("GET", "/v2/health/live", "live", "says that the server runs", access: .open, answer: .live) {
            _, _, _, _ in .json(["live": true])
        },
        WireOperation(
            "GET", "/v2/health/ready", "ready", "says whether requests would be answered", access: .open,
            answer: .ready, refusals: [.unavailable]
        ) { _, _, _, generation in
            guard GuardFacts.isReady(generation) else { throw GuardFacts.notReady }
            return .json(["ready": true])
        },
        WireOperation(
            "GET", "/v2", "server", "gives the server's name, version and extensions", access: .scope(.metadata),
            answer: .server
        ) { _, _, _, _ in
            .json([
                "name": .text(GuardFacts.name), "version": .text(GuardFacts.version),
                "extensions": ["binary_tensor_data"],
            ])
        },
        WireOperation(
            "GET", "/v2/models", "models", "lists the models that the caller may ask", access: .scope(.metadata),
            answer: .models
        ) { _, _, exchange, generation in .json(index(generation, exchange.client)) },
        metadata("/v2/models/{model}", "model"),
        metadata("/v2/models/{model}/versions/{version}", "modelVersion"),
        ready("/v2/models/{model}/ready", "modelReady"),
        ready("/v2/models/{model}/versions/{version}/ready", "modelVersionReady"),
    ]

    private static func infer(_ path: String, _ name: String) -> WireOperation {
        WireOperation(
            "POST", path, name, "asks a model", access: .scope(.infer), isCall: true, content: .openInference,
            answer: .inference
        ) { request, _, exchange, generation in
            let call = try OpenInferenceCall(request)
            return try await generation.infer(
                &exchange,
                decode: { try OpenInferenceDecoder(model: $0, body: request.body).request(call) },
                encode: { answer, _, model in try OpenInferenceAnswer(call: call, model: model).response(answer) })
        }
    }

    private static func metadata(_ path: String, _ name: String) -> WireOperation {
        WireOperation(
            "GET", path, name, "describes a model", access: .scope(.metadata), answer: .model, refusals: [.notFound]
        ) { _, names, exchange, generation in
            let served = try GuardFacts.model(names, generation, for: exchange.client)
            return .json(tree(served.backend.description, generation))
        }
    }

    private static func ready(_ path: String, _ name: String) -> WireOperation {
        WireOperation(
            "GET", path, name, "says whether a model would answer", access: .scope(.metadata), answer: .modelReady,
            refusals: [.notFound, .unavailable]
        ) { _, names, exchange, generation in
            let served = try GuardFacts.model(names, generation, for: exchange.client)
            guard served.backend.isReady else { throw GuardFacts.notReady }
            return .json(["name": .text(served.backend.description.name), "ready": true])
        }
    }

    private static func tree(_ model: ModelDescription, _ generation: GuardGeneration) -> JSONTree {
        [
            "name": .text(model.name), "versions": .list(generation.versions(of: model.name).map { .text($0) }),
            "platform": .text(model.platform), "inputs": .list(model.inputs.map(tree)),
            "outputs": .list(model.outputs.map(tree)),
        ]
    }

    private static func tree(_ port: ModelDescription.Port) -> JSONTree {
        [
            "name": .text(port.name), "datatype": .text(TensorDatatype.name(port.type)),
            "shape": .list(port.shape.map { .integer($0 ?? -1) }),
        ]
    }

    private static func index(_ generation: GuardGeneration, _ client: ClientIdentity) -> JSONTree {
        let served = GuardFacts.models(generation, for: client)
        return [
            "models": .list(
                served.map { served in
                    [
                        "name": .text(served.backend.description.name),
                        "version": .text(served.backend.description.version), "ready": .flag(served.backend.isReady),
                    ]
                })
        ]
    }
}
