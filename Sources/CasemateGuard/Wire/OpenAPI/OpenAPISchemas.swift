import CasemateModels

/// The schemas that the description of the interface refers to.
struct OpenAPISchemas {
    let models: [ModelDescription]

    var tree: JSONTree {
        let requests = models.enumerated().map { ("InferenceRequest.\($1.name).\($1.version)", request($1)) }
        return JSONTree(
            members: [
                ("Problem", problem), ("Live", flag("live")), ("Ready", flag("ready")),
                ("ModelReady", object(["name": text, "ready": boolean])),
                ("Server", object(["name": text, "version": text, "extensions": list(text)])),
                ("Models", object(["models": list(object(["name": text, "version": text, "ready": boolean]))])),
                (
                    "Port",
                    object(["name": text, "datatype": datatype, "shape": list(["type": "integer", "minimum": -1])])
                ),
                (
                    "Model",
                    object([
                        "name": text, "versions": list(text), "platform": text,
                        "inputs": list(["$ref": "#/components/schemas/Port"]),
                        "outputs": list(["$ref": "#/components/schemas/Port"]),
                    ])
                ),
                ("Index", object(["name": text, "links": ["type": "object"]])),
                ("InferenceRequest", anyRequest(requests.map(\.0))),
                ("InferenceResponse", response), ("Invocation", invocation),
                ("Predictions", object(["predictions": ["type": ["array", "object"]]])),
            ] + requests)
    }

    private let text: JSONTree = ["type": "string"]
    private let boolean: JSONTree = ["type": "boolean"]
    private let datatype: JSONTree = [
        "enum": [
            "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32",
            "FP64", "BYTES",
        ]
    ]

    private func list(_ items: JSONTree) -> JSONTree { ["type": "array", "items": items] }
    private func flag(_ name: String) -> JSONTree { object(JSONTree(members: [(name, boolean)])) }

    /// An object that has all of its members; further ones that are not listed may come.
    private func object(_ properties: JSONTree, optional: JSONTree = [:]) -> JSONTree {
        let all = properties.adding(optional.members.map { ($0.name, $0.value) })
        return [
            "type": "object", "required": .list(properties.members.map { .text($0.name) }), "properties": all,
        ]
    }

    private var problem: JSONTree {
        object(
            [
                "type": ["type": "string", "format": "uri"], "title": text,
                "status": ["type": "integer", "minimum": 400, "maximum": 599], "detail": text,
                "instance": ["type": "string", "format": "uri"], "error": text,
            ], optional: ["field": text, "error_code": text, "message": text])
    }

    private let parameters: JSONTree = [
        "type": "object", "maxProperties": 64,
        "additionalProperties": ["type": ["string", "number", "boolean"]],
    ]

    private func anyRequest(_ names: [String]) -> JSONTree {
        guard names.isEmpty else {
            return ["anyOf": .list(names.map { ["$ref": .text("#/components/schemas/\($0)")] })]
        }
        let input = object(
            [
                "name": text, "datatype": datatype,
                "shape": ["type": "array", "maxItems": 32, "items": ["type": "integer", "minimum": 1]],
            ], optional: ["data": ["type": "array"], "parameters": parameters])
        return request(["type": "array", "minItems": 1, "items": input], outputs: text)
    }

    private func request(_ inputs: JSONTree, outputs: JSONTree) -> JSONTree {
        object(
            ["inputs": inputs],
            optional: [
                "id": ["type": "string", "maxLength": 256], "parameters": parameters,
                "outputs": list(object(["name": outputs], optional: ["parameters": parameters])),
            ])
    }

    /// A request of one model: its inputs by name, type and form.
    private func request(_ model: ModelDescription) -> JSONTree {
        let inputs = model.inputs.map { port -> JSONTree in
            let axes = port.shape.map { axis -> JSONTree in
                axis.map { ["const": .integer($0)] } ?? ["type": "integer", "minimum": 1]
            }
            return object(
                [
                    "name": ["const": .text(port.name)], "datatype": ["const": .text(TensorDatatype.name(port.type))],
                    "shape": [
                        "type": "array", "prefixItems": .list(axes), "minItems": .integer(axes.count),
                        "maxItems": .integer(axes.count),
                    ],
                ], optional: ["data": ["type": "array", "minItems": 1], "parameters": parameters])
        }
        let count = inputs.count
        return request(
            [
                "type": "array", "prefixItems": .list(inputs), "minItems": .integer(count), "maxItems": .integer(count),
            ], outputs: ["enum": .list(model.outputs.map { .text($0.name) })])
    }

    private var response: JSONTree {
        let output = object(
            ["name": text, "datatype": datatype, "shape": list(["type": "integer", "minimum": 0])],
            optional: ["data": ["type": "array"], "parameters": parameters])
        return object(["model_name": text, "model_version": text, "outputs": list(output)], optional: ["id": text])
    }

    private var invocation: JSONTree {
        let row: JSONTree = ["type": ["array", "object", "number", "string", "boolean", "null"]]
        return [
            "type": "object",
            "oneOf": [
                object([
                    "dataframe_split": object(["data": list(["type": "array"])], optional: ["columns": list(text)])
                ]),
                object(["dataframe_records": list(["type": "object"])]), object(["instances": list(row)]),
                object(["inputs": ["type": ["array", "object"]]]),
            ],
        ]
    }
}
