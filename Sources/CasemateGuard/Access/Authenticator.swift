public import CasemateCore
import Foundation
import Logging

/// Finds out who asks, by API keys, tokens and certificates.
///
/// Every credential that is shown must be right: a wrong one is refused even beside a right one. Identities begin with
/// how they were known (`key:`, `jwt:`, `cert:`, `anonymous:`), so that no issuer can name one client like another.
public struct Authenticator: Authenticating {
    /// Keys under `auth`.
    public static let keys: [SettingKey] = [
        SettingKey(
            "anonymous", .flag, "whether callers without credentials may ask models and read metadata",
            fallback: .flag(false)),
        SettingKey("keys", .path, "file of API keys, made with `casemate keys add`"),
        SettingKey(
            "jwt", .either([.mapping(TokenSettings.keys), .list(.mapping(TokenSettings.keys))]),
            "tokens (JWT) that are accepted: one issuer, or a list of them"),
        SettingKey(
            "certificates", .list(.mapping(CertificateRule.keys)),
            "clients by the name in their certificate; the first rule that fits holds"),
    ]

    private let isAnonymousAllowed: Bool
    private let ring: KeyRing?
    private let tokens: [TokenVerifier]
    private let certificates: [CertificateRule]
    private let failures: AccessFailures
    private let clock: any GuardClock

    /// Reads the settings. Keys, keys of issuers and counts of failures outlive a reload.
    /// - Parameters:
    ///   - settings: What stands under `auth`; `nil` when nothing does: nobody may ask.
    ///   - setup: Folder, clock, memory, metrics, context; `model` is `nil`.
    /// - Throws: `CasemateError` for files that cannot be used and settings that make no sense.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let (clock, logger, metrics) = (setup.clock, setup.context.logger, setup.metrics)
        self.clock = clock
        isAnonymousAllowed = settings?["anonymous"]?.flag ?? false
        failures = setup.memory.object("access.failures") {
            AccessFailures(hash: SipHash(setup.secret.key(for: "access")), clock: clock, metrics: metrics)
        }
        ring = try settings?["keys"]?.text.map { name in
            let path = setup.path(name)
            let ring = try setup.memory.object("access.keys.\(path)") {
                try KeyRing(path, clock: clock, logger: logger, metrics: metrics)
            }
            // why: a reload is to refuse a file that is gone, though its keys are still remembered.
            try ring.confirm()
            return ring
        }
        let jwt = settings?["jwt"]
        let nodes = jwt.map { $0.items.isEmpty ? [$0] : $0.items } ?? []
        tokens = try nodes.map { node in
            let token = try TokenSettings(node, setup: setup)
            let source = try setup.memory.object("access.jwks.\(token.sourceName)") {
                try TokenKeySource(token, clock: clock, logger: logger, metrics: metrics)
            }
            try source.confirm()
            return TokenVerifier(token, source: source, clock: clock)
        }
        for (index, token) in tokens.enumerated() {
            guard !tokens[..<index].contains(where: { $0.settings.issuer == token.settings.issuer }) else {
                throw CasemateError(
                    .invalidSetting, at: nodes[index].place, "the issuer '\(token.settings.issuer)' is there twice",
                    help: "give each issuer one entry")
            }
        }
        certificates = try (settings?["certificates"]?.items ?? []).map { node in try CertificateRule(node) }
        if !isAnonymousAllowed, ring == nil, tokens.isEmpty, certificates.isEmpty {
            logger.warning("nobody can get in: name keys, jwt or certificates under 'auth', or set 'anonymous: true'")
        }
    }

    /// The identity behind credentials.
    public func authenticate(_ credentials: Credentials) async throws -> ClientIdentity {
        let address = NetworkAddress(credentials.address)
        do {
            if let identity = try await identity(credentials, address.network) { return identity }
        } catch let fault as AccessFault {
            throw failures.refusal(for: fault, from: address.host)
        } catch let fault as TokenFault {
            throw failures.refusal(for: AccessFault(fault.rawValue, isExpired: fault == .expired), from: address.host)
        }
        guard isAnonymousAllowed else {
            throw GuardRefusal(.unauthenticated, "credentials are needed", reason: "no_credentials")
        }
        return ClientIdentity(
            id: "anonymous:\(address.host)", method: .anonymous, scopes: AccessGrammar.usual, network: address.network)
    }

    /// The identity of the credentials that are shown; `nil` where none are.
    private func identity(_ credentials: Credentials, _ network: String) async throws -> ClientIdentity? {
        var shown: ClientIdentity?
        if let text = credentials.authorization { shown = try await identity(authorization: text, network) }
        if let text = credentials.apiKey {
            let other = try identity(key: text, network)
            guard shown == nil || shown?.id == other.id else { throw AccessFault("credentials_differ") }
            shown = shown ?? other
        }
        // why only with rules: without them certificates guard the connection and name nobody.
        guard !certificates.isEmpty, !credentials.certificateNames.isEmpty else { return shown }
        for name in credentials.certificateNames.prefix(32) {
            for rule in certificates {
                if let found = rule.identity(for: name, network: network) { return shown ?? found }
            }
        }
        throw AccessFault("certificate_unknown")
    }

    private func identity(authorization text: String, _ network: String) async throws -> ClientIdentity {
        guard text.utf8.count <= TokenVerifier.mostBytes + 16 else { throw TokenFault.tooLarge }
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2 else { throw AccessFault("authorization_malformed") }
        let shown = String(parts[1])
        switch parts[0].lowercased() {
        case "apikey": return try identity(key: shown, network)
        case "bearer":
            if shown.hasPrefix(ApiKey.prefix) { return try identity(key: shown, network) }
            guard !tokens.isEmpty else { throw AccessFault("token_not_served") }
            let token = try TokenVerifier.Parts(shown)
            guard let verifier = tokens.first(where: { $0.isIssuer(of: token) }) else { throw TokenFault.issuer }
            return try await verifier.identity(token, network: network)
        default: throw AccessFault("authorization_scheme")
        }
    }

    private func identity(key text: String, _ network: String) throws -> ClientIdentity {
        guard let ring else { throw AccessFault("key_not_served") }
        guard let key = ApiKey.parse(text) else { throw AccessFault("key_malformed") }
        let entry = try ring.entry(key.id)
        let isRight = entry.hash.matches(key.hash)
        guard isRight, entry.isThere else { throw AccessFault("key_unknown") }
        guard entry.expires.map({ clock.wall < $0 }) ?? true else { throw AccessFault("key_expired", isExpired: true) }
        return ClientIdentity(
            id: entry.identity, method: .apiKey, scopes: entry.grant.scopes, models: entry.grant.models,
            owner: entry.grant.owner, network: network, rate: entry.grant.rate)
    }
}
