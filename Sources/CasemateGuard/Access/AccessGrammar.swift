import CasemateCore

/// What several sections under `auth` have in common.
enum AccessGrammar {
    /// Scopes where nothing is said.
    static let usual: Set<ClientIdentity.Scope> = [.infer, .metadata]

    /// The key `scopes`.
    static var scopes: SettingKey {
        SettingKey(
            "scopes", .list(.choice(ClientIdentity.Scope.allCases.map(\.rawValue))),
            "what the client may do: ask models, read metadata, read metrics, use the pages",
            fallback: .list([.text("infer"), .text("metadata")]))
    }
    /// The key `models`.
    static var models: SettingKey {
        SettingKey("models", .list(.text), "names of the models that the client may ask; all where left out")
    }
    /// The scopes of a section.
    static func scopes(_ node: SettingNode?) -> Set<ClientIdentity.Scope> {
        node?["scopes"].map { Set($0.texts.compactMap { ClientIdentity.Scope(rawValue: $0) }) } ?? usual
    }
    /// The models of a section.
    static func models(_ node: SettingNode?) -> Set<String>? { node?["models"].map { Set($0.texts) } }
}
