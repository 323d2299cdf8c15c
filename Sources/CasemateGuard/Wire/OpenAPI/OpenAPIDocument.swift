/// The description of the interface (OpenAPI 3.1), made from the tables that route requests and the models served.
package struct OpenAPIDocument {
    private let models: [ModelDescription]

    /// Describes the interface as it serves these models; with none, the interface as such.
    package init(_ models: [ModelDescription]) { self.models = models }

    /// The operations of all faces in the order in which they are asked.
    package static var operations: [WireOperation] {
        OpenInferenceFace.operations + MLflowFace.operations + OperationsFace.operations
    }

    /// The document.
    package var tree: JSONTree {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Casemate guard", "version": .text(GuardFacts.version),
                "description": "Models behind the guard: Open Inference Protocol, MLflow and operations.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "paths": paths,
            "components": [
                "securitySchemes": [
                    "key": ["type": "apiKey", "in": "header", "name": "X-API-Key"],
                    "token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
                ],
                "schemas": OpenAPISchemas(models: models).tree,
                "responses": responses,
            ],
        ]
    }

    private var paths: JSONTree {
        var order: [String] = []
        var items: [String: [(String, JSONTree)]] = [:]
        for operation in Self.operations {
            if items[operation.path] == nil { order.append(operation.path) }
            items[operation.path, default: []].append((operation.method.lowercased(), tree(operation)))
        }
        return JSONTree(members: order.map { ($0, JSONTree(members: items[$0] ?? [])) })
    }

    private func tree(_ operation: WireOperation) -> JSONTree {
        var members: [(String, JSONTree)] = [
            ("operationId", .text(operation.name)), ("summary", .text(operation.summary)),
        ]
        let parameters = operation.segments.compactMap(parameter)
        if !parameters.isEmpty { members.append(("parameters", .list(parameters))) }
        if case .scope = operation.access {
            // why the empty one: callers without credentials may ask where the configuration says so.
            members.append(("security", [["key": []], ["token": []], [:]]))
        }
        if let body = requestBody(operation.content) { members.append(("requestBody", body)) }
        var answers: [(String, JSONTree)] = [("200", success(operation.answer))]
        for status in operation.statuses {
            answers.append(("\(status)", ["$ref": .text("#/components/responses/\(status)")]))
        }
        members.append(("responses", JSONTree(members: answers)))
        return JSONTree(members: members)
    }

    private func parameter(_ segment: WireOperation.Segment) -> JSONTree? {
        let (name, known): (String, [String])
        switch segment {
        case .word: return nil
        case .model: (name, known) = ("model", models.map(\.name))
        case .version: (name, known) = ("version", models.map(\.version))
        }
        var schema: JSONTree = ["type": "string", "pattern": "^[A-Za-z0-9._-]{1,100}$"]
        if !known.isEmpty {
            let values = known.enumerated().filter { known.firstIndex(of: $1) == $0 }.map { JSONTree.text($1) }
            schema = ["type": "string", "enum": .list(values)]
        }
        return ["name": .text(name), "in": "path", "required": true, "schema": schema]
    }

    private func requestBody(_ content: WireOperation.Content) -> JSONTree? {
        switch content {
        case .nothing: nil
        case .openInference:
            [
                "required": true,
                "content": [
                    "application/json": ["schema": ["$ref": "#/components/schemas/InferenceRequest"]],
                    "application/octet-stream": ["schema": ["type": "string", "format": "binary"]],
                ],
            ]
        case .mlflow:
            [
                "required": true,
                "content": [
                    "application/json": ["schema": ["$ref": "#/components/schemas/Invocation"]],
                    "text/csv": ["schema": ["type": "string"]],
                ],
            ]
        }
    }

    private func success(_ answer: WireOperation.Answer) -> JSONTree {
        let content: JSONTree
        switch answer {
        case .line, .exposition: content = ["text/plain": ["schema": ["type": "string"]]]
        case .document: content = ["application/json": ["schema": ["type": "object"]]]
        case .inference:
            content = [
                "application/json": ["schema": ["$ref": "#/components/schemas/InferenceResponse"]],
                "application/octet-stream": ["schema": ["type": "string", "format": "binary"]],
            ]
        default:
            content = ["application/json": ["schema": ["$ref": .text("#/components/schemas/\(answer.schema)")]]]
        }
        return ["description": "Done", "content": content]
    }

    /// One response for each status that a refusal can have.
    private var responses: JSONTree {
        let used = Set(Self.operations.flatMap(\.statuses))
        let kinds = GuardRefusal.Kind.allCases.filter { used.contains($0.status) }
        return JSONTree(
            members: kinds.map { kind in
                var response: JSONTree = [
                    "description": .text(kind.title),
                    "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
                ]
                if [.limited, .unavailable, .storage].contains(kind) {
                    response = response.adding([
                        (
                            "headers",
                            [
                                "Retry-After": [
                                    "description": "Seconds to wait", "schema": ["type": "integer", "minimum": 1],
                                ]
                            ]
                        )
                    ])
                }
                return ("\(kind.status)", response)
            })
    }
}

extension WireOperation.Answer {
    /// Name of the schema of this answer.
    var schema: String {
        switch self {
        case .live: "Live"
        case .ready: "Ready"
        case .server: "Server"
        case .models: "Models"
        case .model: "Model"
        case .modelReady: "ModelReady"
        case .inference: "InferenceResponse"
        case .predictions: "Predictions"
        case .index, .document, .line, .exposition: "Index"
        }
    }
}
