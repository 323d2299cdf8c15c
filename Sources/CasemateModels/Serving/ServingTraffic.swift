package import CasemateCore

/// Where an upstream model answers: an address taken apart.
package struct ServingAddress: Hashable, Sendable {
    /// Scheme, host, port and path in front of the protocol's own, without a slash at its end.
    package let base: String
    /// Query with its question mark, which may hold secrets; empty without one.
    package let query: String
    /// The protocol that the path shows; `nil` where it shows none.
    package let dialect: RemoteOptions.Dialect?
    /// Model and version that the path names.
    package let model: String?, version: String?

    /// Takes an address apart.
    /// - Throws: `invalidSetting` at `place` for anything but a plain HTTP(S) address.
    package init(_ text: String, at place: String) throws(CasemateError) {
        let address: RemoteAddress
        do throws(CasemateError) { address = try RemoteAddress(text) } catch {
            let help = error.help.contains("_variable") ? "name a file with `token_file`" : error.help
            throw CasemateError(.invalidSetting, at: place, "the upstream \(error.what)", help: help)
        }
        (base, query, model, version) = (address.base, address.query, address.model, address.version)
        dialect = address.dialect == .auto ? nil : address.dialect
    }

    /// The address of a path of the protocol.
    package func url(_ path: String) -> String { base + path + query }
    /// A name as one step of a path.
    package static func step(_ name: String) -> String { RemoteAddress.step(name) }
}

/// An answer of an upstream that is not what was promised. Says what, never values.
package struct ServingLie: Error, Hashable, Sendable {
    /// What is wrong.
    package let what: String
    /// Whether the only fault is a number that is none: one request's matter, not the server's.
    package let isNotNumber: Bool
    /// Makes it.
    package init(_ what: String, isNotNumber: Bool = false) { (self.what, self.isNotNumber) = (what, isNotNumber) }
}

/// What an upstream says of its model.
package struct ServingMetadata: Hashable, Sendable {
    /// Inputs and outputs, the batch in front; empty where the server says nothing.
    package let inputs: [ModelSignature.Input], outputs: [ModelSignature.Input]
    /// The newest version that it lists.
    package let version: String?

    /// Reads the answer to `GET /v2/models/M`.
    package init(openInference body: UnsafeRawBufferPointer) throws(ServingLie) {
        let json: RemoteJSON
        do throws(RemoteJSON.Problem) { json = try RemoteJSON.read(body) } catch {
            throw ServingLie("the metadata are no JSON: \(error.what)")
        }
        guard json.members != nil else { throw ServingLie("the metadata are \(json.kind), not an object") }
        inputs = try Self.ports(json["inputs"], "input")
        outputs = try Self.ports(json["outputs"], "output")
        version = json["versions"]?.items?.compactMap(\.text).last
    }

    private static func ports(_ json: RemoteJSON?, _ what: String) throws(ServingLie) -> [ModelSignature.Input] {
        var ports: [ModelSignature.Input] = []
        for item in json?.items ?? [] {
            guard let name = item["name"]?.text, !name.isEmpty, name.utf8.count <= 1_000,
                let type = item["datatype"]?.text, let shape = item["shape"]?.wholes, shape.count <= 8
            else { throw ServingLie("an \(what) of the metadata lacks its name, its datatype or its shape") }
            guard let element = ServingDatatype.elements[type] else {
                throw ServingLie("an \(what) of the metadata has a datatype that is not served")
            }
            let axes = shape.map { $0 < 0 ? nil : $0 }
            ports.append(.init(name: name, type: element, shape: axes.isEmpty ? [nil] : axes))
        }
        guard ports.count <= 10_000, Set(ports.map(\.name)).count == ports.count else {
            throw ServingLie("the metadata name one \(what) twice")
        }
        return ports
    }
}

/// Names of element types in the Open Inference Protocol.
package enum ServingDatatype {
    /// Types by their names; BF16 has no values here and is not served.
    package static let elements: [String: ModelSignature.ElementType] = [
        "BOOL": .bool, "UINT8": .uint8, "UINT16": .uint16, "UINT32": .uint32, "UINT64": .uint64, "INT8": .int8,
        "INT16": .int16, "INT32": .int32, "INT64": .int64, "FP16": .float16, "FP32": .float, "FP64": .double,
        "BYTES": .string,
    ]
    /// The name of the type of values.
    package static func name(of storage: Tensor.Storage) -> StaticString {
        switch storage {
        case .float: "FP32"
        case .double: "FP64"
        case .float16: "FP16"
        case .int8: "INT8"
        case .int16: "INT16"
        case .int32: "INT32"
        case .int64: "INT64"
        case .uint8: "UINT8"
        case .uint16: "UINT16"
        case .uint32: "UINT32"
        case .uint64: "UINT64"
        case .bool: "BOOL"
        case .string: "BYTES"
        }
    }
}
