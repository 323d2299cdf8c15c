public import CasemateCore
import Crypto
import Foundation

/// What `guard.yaml` says, checked against the grammar; sections are read by those they belong to.
public struct GuardConfiguration: Sendable {
    /// A model that is served.
    public struct ModelEntry: Sendable {
        /// Name under which it is served.
        public let name: String
        /// Version under which it is served.
        public let version: String
        /// All that stands under the entry.
        public let node: SettingNode
    }
    /// The file; empty for a text.
    public let path: String
    /// Folder that relative paths are taken from.
    public let folder: String
    /// SHA-256 of the text in hexadecimal digits: the version of the policy in every record.
    public let policy: String
    /// All settings.
    public let root: SettingNode
    /// The models in the order of the file.
    public let models: [ModelEntry]

    /// Reads a file.
    /// - Throws: what `SettingChecker` throws; `invalidSetting` for models without or with two sources, doubled names,
    ///   and stages that do not exist.
    public init(contentsOf path: String) throws(CasemateError) {
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw CasemateError(
                .notFound, at: path, "cannot be read",
                help: "name a file such as guard.yaml; see docs/reference/guard-yaml.md")
        }
        guard data.count <= YamlReader.largestFile, let text = String(data: data, encoding: .utf8) else {
            throw CasemateError(.malformed, at: path, "is no text of at most 1 MiB", help: "save it as UTF-8")
        }
        try self.init(text, path: path)
    }

    /// Reads a text; `path` stands in messages and says where relative paths begin.
    public init(_ text: String, path: String) throws(CasemateError) {
        self.path = path
        folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : ""
        policy = Hexadecimal.text(of: SHA256.hash(data: Data(text.utf8)))
        root = try SettingChecker.read(text, file: path, keys: Self.keys)
        models = try Self.models(root)
    }

    private static func models(_ root: SettingNode) throws(CasemateError) -> [ModelEntry] {
        var entries: [ModelEntry] = []
        for node in root["models"]?.items ?? [] {
            let name = node["name"]?.text ?? ""
            let version = node["version"]?.text ?? "1"
            let sources = [node["path"], node["upstream"]].compactMap { $0 }
            guard sources.count == 1 else {
                throw CasemateError(
                    .invalidSetting, at: node.place,
                    sources.isEmpty
                        ? "the model '\(name)' has neither a path nor an upstream"
                        : "the model '\(name)' has both a path and an upstream",
                    help: "give `path: model.onnx`, or `upstream: http://…`, not both")
            }
            guard isName(name), isName(version) else {
                throw CasemateError(
                    .invalidSetting, at: node.place, "a model's name and version stand in addresses",
                    help: "use letters, digits, '.', '_' and '-', at most 100 of them")
            }
            guard !entries.contains(where: { $0.name == name && $0.version == version }) else {
                throw CasemateError(
                    .invalidSetting, at: node.place, "the model '\(name)' is there twice in version '\(version)'",
                    help: "give each its own `name`, or its own `version`")
            }
            entries.append(ModelEntry(name: name, version: version, node: node))
        }
        return entries
    }

    private static func isName(_ name: String) -> Bool {
        let known = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
        return known && !name.isEmpty && name.utf8.count <= 100 && name != "." && name != ".."
    }

    /// What is set for a stage of a model: under the model, else under `stages` for all; a key under the model wins over
    /// the same key for all.
    public func settings(of stage: String, for model: ModelEntry?) -> SettingNode? {
        let (own, shared) = (model?.node["stages"]?[stage], root["stages"]?[stage])
        guard let own, let shared else { return own ?? shared }
        let rest = shared.entries.filter { entry in own[entry.key] == nil }
        return SettingNode(.mapping(own.entries + rest), at: own.place)
    }
}
