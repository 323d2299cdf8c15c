import CasemateCore

/// What a protocol must do: say where rows go, write them, and read the answer.
protocol RemoteWire: Sendable {
    /// Path of requests, below the base of the address.
    var path: String { get }
    /// Everything besides address and rows that an answer depends on, for the key of kept answers.
    var identity: String { get }
    /// The body of a request.
    func body(_ rows: RemoteRows) throws(CasemateError) -> [UInt8]
    /// The outputs of a response.
    /// - Throws: `RemoteLie` when it is not what the protocol promises for `count` rows.
    func outputs(_ json: RemoteJSON, count: Int) throws(RemoteLie) -> RemoteOutputs
}

/// A response that is not what was promised: what was expected, what came.
struct RemoteLie: Error, Hashable {
    let what: String
    init(_ what: String) { self.what = what }
}

/// The outputs of one response, whatever the protocol.
struct RemoteOutputs: Hashable, Sendable {
    /// Values of an output.
    enum Values: Hashable, Sendable {
        /// Row-major numbers; `areWhole` where they were written, or declared, as whole numbers.
        case numbers([Double], areWhole: Bool)
        case texts([String])
    }
    /// One output.
    struct Output: Hashable, Sendable {
        let name: String
        /// Values a row.
        let width: Int
        let values: Values
    }
    /// Number of rows.
    let count: Int
    let outputs: [Output]
    /// The version that the server says has answered.
    var version: String?

    subscript(name: String) -> Output? { outputs.first { $0.name == name } }
    /// Names and widths, for messages.
    var described: String {
        let shown = outputs.prefix(8).map { output -> String in
            let kind =
                switch output.values {
                case .numbers(_, let areWhole): areWhole ? "whole numbers" : "numbers"
                case .texts: "texts"
                }
            return "'\(OnnxLook.printable(output.name))' [\(output.width)] \(kind)"
        }
        return shown.isEmpty
            ? "none" : shown.joined(separator: ", ") + (outputs.count > 8 ? " and \(outputs.count - 8) more" : "")
    }
}

extension RemoteJSON {
    /// Values of one output as they stand in a list: numbers, texts or truth values, also nested row by row.
    /// - Throws: `RemoteLie` for a list that mixes kinds, or holds nothing that is a value.
    func flattened(_ name: String) throws(RemoteLie) -> RemoteOutputs.Values {
        if case .numbers(let numbers, let areWhole) = self { return .numbers(numbers, areWhole: areWhole) }
        var flat = RemoteFlattening(name: OnnxLook.printable(name))
        try flat.add(self)
        return try flat.result()
    }

    /// What this is, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .flag: "a truth value"
        case .number: "a number"
        case .text: "a text"
        case .numbers, .list: "a list"
        case .object: "an object"
        }
    }
}

/// Gathers the values of nested lists.
private struct RemoteFlattening {
    let name: String
    var numbers: [Double] = []
    var texts: [String] = []
    var areWhole = true

    mutating func add(_ value: RemoteJSON) throws(RemoteLie) {
        switch value {
        case .numbers(let values, let whole):
            numbers += values
            areWhole = areWhole && whole
        case .list(let items): for item in items { try add(item) }
        case .number(let number):
            numbers.append(number)
            areWhole = areWhole && number == number.rounded()
        case .flag(let flag): numbers.append(flag ? 1 : 0)
        case .text(let text): texts.append(text)
        case .null: numbers.append(.nan)
        case .object: throw RemoteLie("'\(name)' holds objects where values are expected")
        }
    }

    func result() throws(RemoteLie) -> RemoteOutputs.Values {
        guard !texts.isEmpty else { return .numbers(numbers, areWhole: areWhole) }
        guard numbers.isEmpty else { throw RemoteLie("'\(name)' mixes texts and numbers") }
        return .texts(texts)
    }
}
