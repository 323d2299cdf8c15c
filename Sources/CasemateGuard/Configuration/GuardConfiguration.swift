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
    /// The page of the grammar.
    private static let page = "docs/reference/guard-yaml.md"
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
    ///   and stages that do not exist; `notFound` for an audit log in a folder that is not there.
    public init(contentsOf path: String) throws(CasemateError) {
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch { throw Self.unreadable(path) }
        guard data.count <= YamlReader.largestFile, let text = String(data: data, encoding: .utf8) else {
            throw CasemateError(.malformed, at: path, "is no text of at most 1 MiB", help: "save it as UTF-8")
        }
        try self.init(text, path: path)
        // why here: the secret is made beside the log before the log is, and would be what is said to be missing.
        if let log = root["audit_log"]?["path"], let name = log.text {
            let file = name.hasPrefix("/") || folder.isEmpty ? name : "\(folder)/\(name)"
            let parent = URL(fileURLWithPath: file).deletingLastPathComponent().path
            guard Self.isFolder(parent) else {
                throw CasemateError(
                    .notFound, at: log.place, "'audit_log': there is no folder '\(parent)'",
                    help: "make it, or name a file in another folder")
            }
        }
    }

    private static func unreadable(_ path: String) -> CasemateError {
        if isFolder(path) {
            return CasemateError(
                .unreadable, at: path, "is a folder", help: "name the file in it, such as \(path)/guard.yaml")
        }
        guard FileManager.default.fileExists(atPath: path) else {
            return CasemateError(
                .notFound, at: path, "there is no such file", help: "name a file such as guard.yaml; see \(page)")
        }
        return CasemateError(.unreadable, at: path, "cannot be read", help: "give yourself the right to read it")
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// Reads a text; `path` stands in messages and says where relative paths begin.
    public init(_ text: String, path: String) throws(CasemateError) {
        self.path = path
        folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : ""
        policy = Hexadecimal.text(of: SHA256.hash(data: Data(text.utf8)))
        root = try SettingChecker.read(text, file: path, keys: Self.keys, page: Self.page)
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
