/// A call of the Open Inference Protocol as its body states it, before anything is held against a model.
struct OpenInferenceCall {
    /// Where the values of an input stand.
    enum Data {
        case json(JSONValue)
        /// Bytes of the body behind the JSON text.
        case bytes(Range<Int>)
    }
    struct Input {
        let name: String, datatype: String, shape: [Int], data: Data
    }
    struct Output {
        let name: String
        /// Whether it is asked for in binary form; `nil` leaves that to the request.
        let isBinary: Bool?
    }
    var id: String?
    var inputs: [Input] = []
    var outputs: [Output] = []
    /// Whether outputs are binary that do not say anything else.
    var isBinary = false
    /// The body is the one input's values.
    var isRaw = false

    /// Most inputs and outputs that a call may name.
    private static let mostTensors = 4_096

    /// Reads a body.
    /// - Throws: `GuardRefusal` with `malformed`, `tooLarge` or `mediaType`.
    init(_ request: WireRequest) throws {
        try Self.checkMedia(request.head)
        let length = try Self.headerLength(request)
        if length == 0, request.head["inference-header-content-length"] != nil {
            (isRaw, isBinary) = (true, true)
            return
        }
        let root: JSONValue
        do { root = try JSONDocument(request.body, count: length).root } catch { throw error.refusal }
        guard root.isObject else { throw Self.refusal("the body is no JSON object", "") }
        id = try Self.identifier(root["id"])
        if let parameters = root["parameters"] {
            isBinary =
                try Self.parameters(parameters, "parameters")["binary_data_output"].map {
                    try Self.flag($0, "parameters.binary_data_output")
                } ?? false
        }
        var end = length
        try readInputs(root["inputs"], &end)
        guard end == request.body.count else {
            throw Self.refusal("the sizes of the binary data do not add up to the body", "inputs")
        }
        try readOutputs(root["outputs"])
    }

    static func refusal(_ what: String, _ field: String) -> GuardRefusal {
        GuardRefusal(.malformed, what, field: field, reason: "request")
    }

    // MARK: Headers

    /// tritonclient sends no media type at all; others say what they send.
    private static func checkMedia(_ head: WireHead) throws {
        guard let type = MediaType(head["content-type"]) else { return }
        guard type.name == "application/json" || type.name == "application/octet-stream", type.isUTF8 else {
            throw GuardRefusal(
                .mediaType, "application/json and application/octet-stream are served, in UTF-8", field: "content-type")
        }
    }

    private static func headerLength(_ request: WireRequest) throws -> Int {
        let name = "inference-header-content-length"
        let values = request.head.headers.filter { $0.name == name }
        guard let value = values.first?.value else { return request.body.count }
        let isNumber = !value.isEmpty && value.utf8.count <= 18 && value.utf8.allSatisfy { (48...57).contains($0) }
        guard values.count == 1, isNumber, let length = Int(value), length <= request.body.count else {
            throw refusal("is not the length of the JSON within the body", name)
        }
        return length
    }

    // MARK: Members

    private static func identifier(_ value: JSONValue?) throws -> String? {
        guard let value else { return nil }
        guard let text = value.text, text.utf8.count <= 256 else {
            throw refusal("is no text of at most 256 bytes", "id")
        }
        return text
    }

    private static func flag(_ value: JSONValue, _ field: String) throws -> Bool {
        guard let flag = value.flag else { throw refusal("is neither true nor false", field) }
        return flag
    }

    /// Parameters: a bounded number of texts, numbers and truth values. Some of them would change what is answered or
    /// reach into the memory of the server, and are refused instead of passed over.
    private static func parameters(_ value: JSONValue, _ field: String) throws -> JSONValue {
        guard value.isObject else { throw refusal("is no object", field) }
        guard value.count <= 64 else { throw refusal("has more than 64 members", field) }
        try value.forEachMember { _, member in
            switch member.token.kind {
            case .text where member.textLength <= 4_096: break
            case .number, .yes, .no: break
            default: throw refusal("holds something else than short texts, numbers, true and false", field)
            }
        }
        for name in refused where value[name] != nil { throw refusal("\(name) is not served", field) }
        return value
    }
    private static let refused = [
        "shared_memory_region", "shared_memory_byte_size", "shared_memory_offset", "classification", "sequence_id",
        "sequence_start", "sequence_end",
    ]

    private mutating func readInputs(_ value: JSONValue?, _ end: inout Int) throws {
        guard let value, value.isList, value.token.kind == .list, value.count > 0 else {
            throw Self.refusal("is no list of at least one tensor", "inputs")
        }
        guard value.count <= Self.mostTensors else {
            throw Self.refusal("has more than \(Self.mostTensors) tensors", "inputs")
        }
        inputs.reserveCapacity(value.count)
        try value.forEachItem { index, item in
            inputs.append(try Self.input(item, "inputs[\(index)]", &end))
        }
    }

    private static func input(_ item: JSONValue, _ field: String, _ end: inout Int) throws -> Input {
        guard item.isObject else { throw refusal("is no object", field) }
        guard let name = item["name"]?.text else { throw refusal("has no name", field) }
        guard let datatype = item["datatype"]?.text else { throw refusal("has no datatype", field) }
        guard let shape = item["shape"]?.integers(atMost: 32) else {
            throw refusal("is no list of at most 32 whole numbers", field + ".shape")
        }
        let size = try item["parameters"].flatMap { try parameters($0, field + ".parameters")["binary_data_size"] }
        let data = item["data"]
        guard (size == nil) != (data == nil) else {
            throw refusal(data == nil ? "has no data" : "has data both in JSON and in binary form", field)
        }
        if let data { return Input(name: name, datatype: datatype, shape: shape, data: .json(data)) }
        let start = end
        guard let bytes = size?.integer, bytes >= 0, bytes <= Int.max - start else {
            throw refusal("is no number of bytes", field + ".parameters.binary_data_size")
        }
        end += bytes
        return Input(name: name, datatype: datatype, shape: shape, data: .bytes(start..<end))
    }

    private mutating func readOutputs(_ value: JSONValue?) throws {
        guard let value else { return }
        guard value.isList, value.token.kind == .list, value.count <= Self.mostTensors else {
            throw Self.refusal("is no list of at most \(Self.mostTensors) outputs", "outputs")
        }
        try value.forEachItem { index, item in
            let field = "outputs[\(index)]"
            guard let name = item["name"]?.text else { throw Self.refusal("has no name", field) }
            let flag = try item["parameters"].flatMap {
                try Self.parameters($0, field + ".parameters")["binary_data"]
            }
            outputs.append(
                Output(name: name, isBinary: try flag.map { try Self.flag($0, field + ".parameters.binary_data") }))
        }
    }
}

/// A media type with its character set. Source: RFC 9110, section 8.3.
struct MediaType {
    /// Type and subtype in lower case.
    let name: String
    /// Whether the character set is UTF-8, or not said.
    let isUTF8: Bool

    /// Reads a `Content-Type` header; `nil` where there is none.
    init?(_ header: String?) {
        guard let header, !header.isEmpty else { return nil }
        let parts = header.lowercased().split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        }
        name = String(parts.first ?? "")
        isUTF8 = parts.dropFirst().allSatisfy { part in
            !part.hasPrefix("charset=") || ["charset=utf-8", "charset=\"utf-8\"", "charset=utf8"].contains(part)
        }
    }
}
