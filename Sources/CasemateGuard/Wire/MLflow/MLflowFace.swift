/// MLflow's scoring protocol: `/invocations` in four JSON forms and CSV.
///
/// `/invocations` asks the last model of the file, `/models/M/invocations` a named one, and so does the address that MLflow's
/// client of deployments uses, `/endpoints/M/invocations`.
/// Source: MLflow 3, `mlflow/pyfunc/scoring_server`.
public struct MLflowFace: WireFace {
    /// Name in records.
    public static let identifier = "mlflow"
    /// Makes it.
    public init() {}

    /// The route of a request.
    public func route(_ head: WireHead) throws -> WireRoute? {
        try WireOperation.route(head, among: Self.operations)
    }

    /// Problem details with the members that MLflow's clients read.
    public func render(_ refusal: GuardRefusal, id: String) -> WireResponse {
        Problem.response(
            refusal, id: id,
            members: [("error_code", .text(Self.code(refusal))), ("message", .text(Problem.sentence(refusal)))])
    }

    /// MLflow's word for a refusal.
    private static func code(_ refusal: GuardRefusal) -> String {
        switch refusal.kind {
        case .malformed, .mediaType, .tooLarge, .methodNotAllowed, .headers, .timeout: "BAD_REQUEST"
        case .unprocessable: "INVALID_PARAMETER_VALUE"
        case .unauthenticated: "UNAUTHENTICATED"
        case .forbidden: "PERMISSION_DENIED"
        case .notFound: "RESOURCE_DOES_NOT_EXIST"
        case .conflict: "RESOURCE_CONFLICT"
        case .limited: "REQUEST_LIMIT_EXCEEDED"
        case .unavailable, .storage: "TEMPORARILY_UNAVAILABLE"
        case .failed, .upstreamFailed, .upstreamTimeout: "INTERNAL_ERROR"
        }
    }

    package static let operations: [WireOperation] = [
        invocations("/invocations", "invocations"),
        invocations("/models/{model}/invocations", "modelInvocations"),
        invocations("/models/{model}/versions/{version}/invocations", "modelVersionInvocations"),
        invocations("/endpoints/{model}/invocations", "endpointInvocations"),
        health("/ping", "ping"),
        health("/health", "health"),
        WireOperation(
            "GET", "/version", "version", "gives the server's version", access: .scope(.metadata), answer: .line
        ) { _, _, _, _ in plain(GuardFacts.version) },
    ]

    private static func health(_ path: String, _ name: String) -> WireOperation {
        WireOperation(
            "GET", path, name, "says whether requests would be answered", access: .open, answer: .line,
            refusals: [.unavailable]
        ) { _, _, _, generation in
            guard GuardFacts.isReady(generation) else { throw GuardFacts.notReady }
            return plain("\n")
        }
    }

    private static func plain(_ text: String) -> WireResponse {
        WireResponse(
            status: 200, headers: [.init("content-type", "text/plain; charset=utf-8")], body: Array(text.utf8))
    }

    private static func invocations(_ path: String, _ name: String) -> WireOperation {
        WireOperation(
            "POST", path, name, "asks a model", access: .scope(.infer), isCall: true, content: .mlflow,
            answer: .predictions
        ) { request, _, exchange, generation in
            let body = try read(request)
            return try await generation.infer(
                &exchange,
                decode: { model in
                    guard let body else { return try MLflowCSV.request(request.body, model) }
                    return try MLflowTable(body, model).request()
                },
                encode: { answer, _, model in try MLflowAnswer.response(answer, model) })
        }
    }

    /// The JSON of a body; `nil` for CSV.
    private static func read(_ request: WireRequest) throws -> JSONValue? {
        let type = MediaType(request.head["content-type"])
        guard let type, type.name == "application/json" || type.name == "text/csv", type.isUTF8 else {
            throw GuardRefusal(
                .mediaType, "application/json and text/csv are served, in UTF-8", field: "content-type")
        }
        guard type.name == "application/json" else { return nil }
        do { return try JSONDocument(request.body).root } catch { throw error.refusal }
    }
}
