import Foundation
import JWTKit

/// Verifies the tokens of one issuer by the rules of RFC 8725.
struct TokenVerifier: Sendable {
    /// Largest token in bytes.
    static let mostBytes = 8_192
    let settings: TokenSettings
    let source: TokenKeySource
    private let clock: any GuardClock

    init(_ settings: TokenSettings, source: TokenKeySource, clock: any GuardClock) {
        (self.settings, self.source, self.clock) = (settings, source, clock)
    }

    /// A token taken apart; nothing of it is believed yet.
    struct Parts {
        let algorithm: String
        let kid: String?
        let claims: TokenJSON
        let signed: Data
        let signature: [UInt8]

        /// Takes a token apart.
        /// - Throws: the word for what is wrong with it.
        init(_ token: String) throws(TokenFault) {
            let bytes = Array(token.utf8)
            guard bytes.count <= TokenVerifier.mostBytes else { throw .tooLarge }
            let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
            guard dots.count == 2, let header = Base64URL.bytes(bytes[..<dots[0]]),
                let payload = Base64URL.bytes(bytes[(dots[0] + 1)..<dots[1]]),
                let signature = Base64URL.bytes(bytes[(dots[1] + 1)...]), !signature.isEmpty,
                let head = TokenJSON(header), let claims = TokenJSON(payload)
            else { throw .malformed }
            // why all of it: no extension is known here, so that each that must be understood is not.
            guard !head.has("crit"), !head.has("b64"), !head.has("zip"), !head.has("enc") else { throw .critical }
            guard let algorithm = head.text("alg") else { throw .algorithm }
            if head.has("typ") {
                let type = head.text("typ")?.lowercased() ?? ""
                guard ["jwt", "at+jwt", "application/at+jwt"].contains(type) else { throw .type }
            }
            if head.has("kid") {
                guard let kid = head.text("kid"), kid.utf8.count <= 256 else { throw .malformed }
                self.kid = kid
            } else {
                kid = nil
            }
            (self.algorithm, self.claims, self.signature) = (algorithm, claims, signature)
            signed = Data(bytes[..<dots[1]])
        }
    }

    /// Whether a token says that it is of this issuer.
    func isIssuer(of parts: Parts) -> Bool {
        parts.claims.text("iss")?.utf8.elementsEqual(settings.issuer.utf8) ?? false
    }

    /// The identity that a token proves.
    /// - Throws: `TokenFault` for one that proves none; `GuardRefusal` while keys cannot be had.
    func identity(_ parts: Parts, network: String) async throws -> ClientIdentity {
        guard settings.algorithms.contains(parts.algorithm) else { throw TokenFault.algorithm }
        // why first: what is wrong without a look at the signature costs no work with keys.
        try checkClaims(parts.claims)
        guard let verifier = try await source.verifier(kid: parts.kid, algorithm: parts.algorithm) else {
            throw TokenFault.key
        }
        guard (try? verifier.verify(parts.signature, signs: parts.signed)) ?? false else { throw TokenFault.signature }
        return try identity(parts.claims, network)
    }

    private func checkClaims(_ claims: TokenJSON) throws(TokenFault) {
        guard claims.text("iss")?.utf8.elementsEqual(settings.issuer.utf8) ?? false else { throw .issuer }
        let audiences = claims.texts("aud") ?? []
        guard audiences.contains(where: { $0.utf8.elementsEqual(settings.audience.utf8) }) else { throw .audience }
        let (now, leeway) = (clock.wall.timeIntervalSince1970, settings.leeway)
        guard let expires = claims.number("exp"), (0...253_402_300_799).contains(expires) else { throw .expiry }
        guard now < expires + leeway else { throw .expired }
        if claims.has("nbf") {
            guard let start = claims.number("nbf"), start <= now + leeway else { throw .early }
        }
        if claims.has("iat") {
            guard let issued = claims.number("iat"), issued >= 0, issued <= now + leeway, issued <= expires else {
                throw .early
            }
        }
    }

    private func identity(_ claims: TokenJSON, _ network: String) throws(TokenFault) -> ClientIdentity {
        guard let subject = claims.text(settings.subjectClaim), Self.isName(subject) else { throw .subject }
        let owner = settings.ownerClaim.flatMap { claims.text($0) }
        guard owner.map(Self.isName) ?? true else { throw .subject }
        var scopes = settings.scopes.intersection(AccessGrammar.usual)
        if claims.has(settings.scopeClaim) {
            // why an empty list for other kinds: a claim that cannot be read gives nothing.
            let words = (claims.texts(settings.scopeClaim) ?? []).flatMap { $0.split(separator: " ") }
            let named = words.compactMap { word -> ClientIdentity.Scope? in
                guard word.hasPrefix(settings.scopePrefix) else { return nil }
                return ClientIdentity.Scope(rawValue: String(word.dropFirst(settings.scopePrefix.count)))
            }
            scopes = settings.scopes.intersection(named)
        }
        var models: Set<String>?
        if let claim = settings.modelsClaim, claims.has(claim) { models = Set(claims.texts(claim) ?? []) }
        return ClientIdentity(
            id: "jwt:\(subject)", method: .token, scopes: scopes, models: models, owner: owner, network: network)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}

/// Why a token proves nothing; a word for logs and metrics.
enum TokenFault: String, Error {
    case tooLarge = "token_too_large"
    case malformed = "token_malformed"
    case critical = "token_critical"
    case type = "token_type"
    case algorithm = "token_algorithm"
    case issuer = "token_issuer"
    case audience = "token_audience"
    case expiry = "token_without_expiry"
    case expired = "token_expired"
    case early = "token_early"
    case subject = "token_subject"
    case key = "token_key"
    case signature = "token_signature"
}
