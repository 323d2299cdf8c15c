import CasemateCore

/// Who a client certificate stands for: a pattern for names, and what its holder may do.
struct CertificateRule: Sendable {
    private let pattern: [UInt8]
    private let isPrefix: Bool
    private let isURI: Bool
    private let id: String?
    private let scopes: Set<ClientIdentity.Scope>
    private let models: Set<String>?
    private let owner: String?
    private let rate: Double?

    /// The grammar of one rule.
    static var keys: [SettingKey] {
        [
            SettingKey(
                "name", .text,
                "URI or DNS name (SAN) of the certificate; a `*` at the end stands for anything behind it",
                isRequired: true),
            SettingKey("id", .text, "identity of the client; the certificate's own name where left out"),
            AccessGrammar.scopes, AccessGrammar.models,
            SettingKey("owner", .text, "owner of the account; accounts of one owner are linked"),
            SettingKey("rate", .number(RowRate.rates), "rows a second, instead of the configured rate"),
        ]
    }

    /// Reads a rule.
    /// - Throws: `invalidSetting` for a `*` that is not at the end and names that no certificate has.
    init(_ node: SettingNode) throws(CasemateError) {
        let name = node["name"]?.text ?? ""
        isPrefix = name.hasSuffix("*")
        isURI = name.contains("://")
        let plain = isPrefix ? String(name.dropLast()) : name
        guard !plain.contains("*"), plain.utf8.count <= 1_000, plain.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CasemateError(
                .invalidSetting, at: node["name"]?.place ?? node.place, "a name may have a '*' at its end alone",
                help: "write it as spiffe://example.org/prod/*, or in full")
        }
        pattern = Array((isURI ? plain : plain.lowercased()).utf8)
        id = node["id"]?.text
        scopes = AccessGrammar.scopes(node)
        models = AccessGrammar.models(node)
        (owner, rate) = (node["owner"]?.text, node["rate"]?.number)
    }

    /// The identity for a name of a certificate; `nil` when the rule is not for it.
    func identity(for name: String, network: String) -> ClientIdentity? {
        let isName = name.utf8.count <= 1_000 && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isName, name.contains("://") == isURI || pattern.isEmpty else { return nil }
        let bytes = Array((isURI ? name : name.lowercased()).utf8)
        guard isPrefix ? bytes.starts(with: pattern) : bytes == pattern else { return nil }
        return ClientIdentity(
            id: "cert:\(id ?? String(decoding: bytes, as: UTF8.self))", method: .certificate, scopes: scopes,
            models: models, owner: owner, network: network, rate: rate)
    }
}
