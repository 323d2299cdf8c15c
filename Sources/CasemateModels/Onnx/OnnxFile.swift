public import CasemateCore
import CasemateData
package import Foundation
import SwiftProtobuf

/// An ONNX file that passed Casemate's own bounded reader, with the facts about it.
///
/// The reader looks at every length before it is used, decodes once and runs nothing: a file that passes has a graph
/// without loops whose values are all made by somebody, constants of the size they claim, operators that exist, and
/// no data outside its own folder. Takes the memory of the file twice at most, apart from a bounded allowance for
/// messages. Source: the ONNX intermediate representation, onnx.ai/onnx/repo-docs/IR.html.
public struct OnnxFile: Sendable {
    /// A family of operators with the version that the file asks for; `ai.onnx` is the standard one.
    public struct Opset: Hashable, Sendable {
        /// Name of the family.
        public let domain: String
        /// Version.
        public let version: Int
    }
    /// How often an operator stands in the file, in all graphs and functions.
    public struct OperatorCount: Hashable, Sendable {
        /// Family of the operator.
        public let domain: String
        /// Name of the operator.
        public let name: String
        /// Number of nodes.
        public let count: Int
    }
    /// An input or output of the graph.
    public struct Value: Hashable, Sendable {
        /// Name in the graph.
        public let name: String
        /// Type and shape.
        public let type: OnnxType
    }
    /// Another file in the model's folder that holds constants.
    public struct ExternalFile: Hashable, Sendable {
        /// Path as the model states it, relative to its folder.
        public let location: String
        /// Where it lies.
        public let path: String
        /// Its size.
        public let bytes: Int
    }

    /// Path of the file.
    public let path: String
    /// Size of the file.
    public let bytes: Int
    /// Version of the file format.
    public let irVersion: Int
    /// Program that wrote the file, with its version.
    public let producer: String
    /// Families of operators with their versions, the standard one first.
    public let opsets: [Opset]
    /// Operators by family and name.
    public let operators: [OperatorCount]
    /// Inputs that must be fed, in order: those without a constant of the same name.
    public let inputs: [Value]
    /// Outputs in order.
    public let outputs: [Value]
    /// Number of nodes in all graphs and functions.
    public let nodeCount: Int
    /// Number of graphs inside nodes (`If`, `Loop`, `Scan`).
    public let subgraphCount: Int
    /// Number of constants of the main graph.
    public let initializerCount: Int
    /// Number of values in the constants of the main graph.
    public let parameterCount: Int
    /// Other files that hold constants.
    public let externalFiles: [ExternalFile]
    /// Keys of the metadata that the producer left.
    public let metadataKeys: [String]
    /// What is unusual and no error, a clause each.
    public let warnings: [String]
    /// The decoded file.
    package private(set) var proto: OnnxModelProto

    /// Reads and checks the file, which may be gzip.
    /// - Throws: `CasemateError`: `notFound`, `unreadable`, `malformed`, `unsupported`, `limitExceeded`, or `refused`
    ///   for constants outside the folder.
    public init(path: String, limits: OnnxLimits = .init()) throws(CasemateError) {
        try self.init(bytes: OnnxBytes.read(path, limits: limits), path: path, limits: limits)
    }

    /// Checks the content of the file at `path`.
    package init(bytes data: Data, path: String, limits: OnnxLimits = .init()) throws(CasemateError) {
        let proto = try OnnxBytes.decode(data, path: path, limits: limits)
        var check = OnnxGraphCheck(proto, path: path, limits: limits)
        try check.run()
        self.path = path
        self.proto = proto
        bytes = data.count
        irVersion = Int(clamping: proto.irVersion)
        producer = [proto.producerName, proto.producerVersion].filter { !$0.isEmpty }.map(OnnxLook.printable)
            .joined(separator: " ")
        opsets = proto.opsetImport.map {
            Opset(domain: OnnxOperators.shown(OnnxOperators.canonical($0.domain)), version: Int(clamping: $0.version))
        }
        operators = check.operators.map {
            OperatorCount(domain: OnnxOperators.shown($0.key.domain), name: $0.key.name, count: $0.value)
        }.sorted { ($0.domain, $0.name) < ($1.domain, $1.name) }
        let constants = check.constants
        inputs = proto.graph.input.filter { !constants.contains($0.name) }
            .map { Value(name: $0.name, type: OnnxType($0.type)) }
        outputs = proto.graph.output.map { Value(name: $0.name, type: OnnxType($0.type)) }
        (nodeCount, subgraphCount) = (check.nodeCount, check.subgraphCount)
        initializerCount = proto.graph.initializer.count + proto.graph.sparseInitializer.count
        parameterCount = check.parameterCount
        externalFiles = check.external.files.values.sorted { $0.location < $1.location }
        metadataKeys = proto.metadataProps.map { OnnxLook.printable($0.key) }
        warnings = check.warnings
    }
}

extension OnnxFile {
    /// The facts alone, without the memory of the decoded file.
    func withoutProto() -> OnnxFile {
        var copy = self
        copy.proto = OnnxModelProto()
        return copy
    }
}

/// The bytes of a model file.
enum OnnxBytes {
    /// Reads the file: a small one into memory, a large one by mapping it. A gzip file is expanded, to the same limit.
    static func read(_ path: String, limits: OnnxLimits) throws(CasemateError) -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CasemateError(.notFound, at: path, "no such file", help: "check the path and the working folder")
        }
        let attributes = try? FileManager.default.attributesOfItem(
            atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        guard !isFolder.boolValue, attributes?[.type] as? FileAttributeType == .typeRegular else {
            let what = isFolder.boolValue ? "is a folder, a model file is needed" : "is no regular file"
            throw CasemateError(.unreadable, at: path, what, help: "name an ONNX file")
        }
        let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        guard size <= limits.fileBytes else {
            throw CasemateError(
                .limitExceeded, at: path, "is \(size) bytes, \(limits.fileBytes) are the limit",
                help: "export the model with its weights in external data")
        }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: size > 64 << 20 ? .alwaysMapped : [])
        } catch {
            throw CasemateError(.unreadable, at: path, "cannot be read", help: "check the file's permissions")
        }
        guard data.starts(with: [0x1F, 0x8B]) else { return data }
        return Data(try FileBytes.expanded(path, limit: limits.fileBytes))
    }

    /// Decodes the bytes after a walk over them.
    static func decode(_ data: Data, path: String, limits: OnnxLimits) throws(CasemateError) -> OnnxModelProto {
        guard !data.isEmpty else {
            throw CasemateError(.malformed, at: path, "the file is empty", help: "export or download the model again")
        }
        if let sign = OnnxLook.sign(of: data) { throw notOnnx(path, sign) }
        var scan = OnnxWireScan(path: path, limits: limits)
        do {
            try scan.run(data.span)
        } catch {
            // why: bytes that begin unlike any model are another format, whatever the first impossible number is.
            guard data.first == 0x08 || scan.hasGraph else { throw notOnnx(path, OnnxLook.guess(of: data)) }
            throw error
        }
        guard scan.hasGraph else {
            guard data.first == 0x08 else { throw notOnnx(path, OnnxLook.guess(of: data)) }
            throw CasemateError(
                .malformed, at: path, "the model holds no graph", help: "export or download the model again")
        }
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = limits.messageDepth
        options.discardUnknownFields = true
        do {
            return try OnnxModelProto(serializedBytes: data, options: options)
        } catch {
            let what =
                (error as? BinaryDecodingError) == .invalidUTF8 ? "a name is not UTF-8" : "does not decode as ONNX"
            throw CasemateError(.malformed, at: path, what, help: "export or download the model again")
        }
    }

    private static func notOnnx(_ path: String, _ look: String) -> CasemateError {
        CasemateError(
            .malformed, at: path, "is not an ONNX file, it looks like \(look)",
            help: "export the model to ONNX first (docs/reference/models.md names the exporters)")
    }
}

extension OnnxModelProto {
    /// The model as the bytes of a file; the same model gives the same bytes.
    /// - Throws: `malformed` for text that is no UTF-8.
    package func fileBytes() throws(CasemateError) -> Data {
        do {
            return try serializedData()
        } catch {
            throw CasemateError(.malformed, at: "model", "cannot be written", help: "export it again")
        }
    }
}
