import CasemateCore
import Foundation

/// What is set for the tokens of one issuer.
struct TokenSettings: Sendable {
    /// Where its public keys are.
    enum KeyPlace: Sendable, Hashable { case file(String), url(String) }
    /// Algorithms that can be served: signatures with public keys alone, so that no public key is ever taken for a
    /// shared secret.
    static let algorithms = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]
    private static let usual = ["RS256", "ES256", "EdDSA"]

    let issuer: String
    let audience: String
    let place: KeyPlace
    let authorities: String?
    let algorithms: [String]
    let leeway: Double
    let refresh: Double
    let stale: Double
    let subjectClaim: String
    let ownerClaim: String?
    let scopeClaim: String
    let scopePrefix: String
    let modelsClaim: String?
    let scopes: Set<ClientIdentity.Scope>

    /// The grammar under `auth.jwt`.
    static var keys: [SettingKey] {
        [
            SettingKey("issuer", .text, "issuer (`iss`), to the letter", isRequired: true),
            SettingKey("audience", .text, "audience (`aud`) that a token must name, to the letter", isRequired: true),
            SettingKey("jwks", .text, "file or https address of the issuer's public keys", isRequired: true),
            SettingKey("jwks_ca", .path, "certificates (PEM) of the authority of that address; the system's otherwise"),
            SettingKey(
                "jwks_refresh", .duration, "age at which keys are fetched again", fallback: .text("10m")),
            SettingKey(
                "jwks_stale", .duration, "age up to which keys are used when they cannot be fetched",
                fallback: .text("24h")),
            SettingKey(
                "algorithms", .list(.choice(algorithms)), "algorithms that are accepted",
                fallback: .list(usual.map { .text($0) })),
            SettingKey(
                "leeway", .duration, "how far the issuer's clock may be off; at most 60s", fallback: .text("30s")),
            SettingKey("subject_claim", .text, "claim that names the client", fallback: .text("sub")),
            SettingKey("owner_claim", .text, "claim that names the owner of the account"),
            SettingKey(
                "scope_claim", .text, "claim with scopes, a text with spaces or a list", fallback: .text("scope")),
            SettingKey("scope_prefix", .text, "what stands before our scopes there, such as `casemate:`"),
            SettingKey("models_claim", .text, "claim with the models that the client may ask, a list"),
            SettingKey(
                "scopes", .list(.choice(ClientIdentity.Scope.allCases.map(\.rawValue))),
                "the most that a token of this issuer may give", fallback: .list([.text("infer"), .text("metadata")])),
        ]
    }

    /// Reads the settings.
    /// - Throws: `invalidSetting` for a leeway of more than a minute, an address without encryption, and ages that
    ///   make no sense.
    init(_ node: SettingNode, setup: StageSetup) throws(CasemateError) {
        func wrong(_ key: String, _ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: node[key]?.place ?? node.place, what, help: help)
        }
        (issuer, audience) = (node["issuer"]?.text ?? "", node["audience"]?.text ?? "")
        authorities = node["jwks_ca"]?.text.map { setup.path($0) }
        algorithms = node["algorithms"]?.texts ?? Self.usual
        leeway = node["leeway"]?.number ?? 30
        refresh = node["jwks_refresh"]?.number ?? 600
        stale = node["jwks_stale"]?.number ?? 86_400
        (subjectClaim, scopeClaim) = (node["subject_claim"]?.text ?? "sub", node["scope_claim"]?.text ?? "scope")
        (ownerClaim, modelsClaim) = (node["owner_claim"]?.text, node["models_claim"]?.text)
        scopePrefix = node["scope_prefix"]?.text ?? ""
        scopes = AccessGrammar.scopes(node)
        let keys = node["jwks"]?.text ?? ""
        guard leeway <= 60 else { throw wrong("leeway", "clocks may be off by at most 60s", "write `leeway: 30s`") }
        guard stale >= refresh else {
            throw wrong("jwks_stale", "keys would be too old before they are fetched again", "raise `jwks_stale`")
        }
        guard keys.contains("://") else {
            place = .file(setup.path(keys))
            return
        }
        guard let parts = URLComponents(string: keys), let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.scheme == "https" || parts.scheme == "http" && Self.isLoopback(host)
        else {
            throw wrong("jwks", "is no https address", "write https://…; http only to this machine")
        }
        place = .url(keys)
    }

    /// Names what keys are kept by: where they come from, and what is allowed.
    var sourceName: String { "\(place) \(algorithms) \(authorities ?? "") \(refresh) \(stale)" }

    private static func isLoopback(_ host: String) -> Bool {
        ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
    }
}
