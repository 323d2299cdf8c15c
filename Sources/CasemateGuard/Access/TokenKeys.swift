import CasemateCore
import Foundation
import JWTKit

/// The public keys of an issuer, ready to verify: each only for the algorithms that are fixed for it.
struct TokenKeys: Sendable {
    /// Largest file of keys in bytes, and most keys in it.
    static let mostBytes = 256 << 10, mostKeys = 100

    /// A key as the file describes it.
    struct Description: Sendable {
        let kid: String?
        let algorithms: [String]
        let make: @Sendable (JWK.Algorithm) -> JWK
    }
    private struct Key: Sendable {
        let kid: String?
        let verifiers: [String: any JWTAlgorithm]
    }
    private let keys: [Key]

    /// Makes the verifiers; a key that its library refuses is left out.
    init(_ descriptions: [Description]) async {
        var keys: [Key] = []
        for description in descriptions {
            var verifiers: [String: any JWTAlgorithm] = [:]
            for name in description.algorithms {
                guard let algorithm = JWK.Algorithm(rawValue: name) else { continue }
                // why a collection each: a collection keeps the first algorithm that a key was used with.
                let collection = JWTKeyCollection()
                guard (try? await collection.add(jwk: description.make(algorithm))) != nil,
                    let verifier = try? await collection.getKey(for: "key", alg: name), verifier.name == name
                else { continue }
                verifiers[name] = verifier
            }
            if !verifiers.isEmpty { keys.append(Key(kid: description.kid, verifiers: verifiers)) }
        }
        self.keys = keys
    }

    /// Number of keys that can be used.
    var count: Int { keys.count }

    /// The key for a token: the one of its `kid`; for a token without one the only key of its algorithm.
    func verifier(kid: String?, algorithm: String) -> (any JWTAlgorithm)? {
        guard let kid else {
            let fitting = keys.compactMap { $0.verifiers[algorithm] }
            return fitting.count == 1 ? fitting[0] : nil
        }
        return keys.first { $0.kid?.utf8.elementsEqual(kid.utf8) ?? false }?.verifiers[algorithm]
    }
    /// Whether there is a key of that identifier.
    func knows(_ kid: String?) -> Bool {
        guard let kid else { return true }
        return keys.contains { $0.kid?.utf8.elementsEqual(kid.utf8) ?? false }
    }

    /// Reads a JSON Web Key Set (RFC 7517). Keys that are not for signatures, of other kinds, too small, or private
    /// are left out.
    /// - Parameter allowed: The algorithms that are configured.
    /// - Throws: `malformed`, `limitExceeded`; `unusableData` where no key is left.
    static func read(
        _ bytes: [UInt8], allowed: [String], place: String
    ) throws(CasemateError) -> [Description] {
        guard bytes.count <= mostBytes else {
            throw CasemateError(.limitExceeded, at: place, "has more than \(mostBytes) bytes", help: "")
        }
        guard let set = TokenJSON(bytes), let entries = set.objects("keys"), entries.count <= mostKeys else {
            throw CasemateError(
                .malformed, at: place, "is no JSON Web Key Set of at most \(mostKeys) keys",
                help: "it looks like {\"keys\": [{\"kty\": \"EC\", …}]}")
        }
        var found: [Description] = []
        for entry in entries {
            guard let description = description(entry, allowed) else { continue }
            let isDoubled = found.contains { $0.kid != nil && $0.kid == description.kid }
            guard !isDoubled else {
                throw CasemateError(.malformed, at: place, "has two keys of one identifier", help: "")
            }
            found.append(description)
        }
        guard !found.isEmpty else {
            throw CasemateError(
                .unusableData, at: place, "has no public key for \(allowed.joined(separator: ", "))",
                help: "keys need `kty` RSA (2048 bits or more), EC or OKP, and no private members")
        }
        return found
    }

    private static func description(_ key: TokenJSON, _ allowed: [String]) -> Description? {
        let isForSignatures = !key.has("use") || key.text("use") == "sig"
        let isForVerifying = !key.has("key_ops") || key.texts("key_ops")?.contains("verify") ?? false
        guard isForSignatures, isForVerifying, !key.has("d"), !key.has("k"), let type = key.text("kty"),
            let (known, make) = make(key, type), !key.has("kid") || key.text("kid") != nil
        else { return nil }
        var algorithms = known.filter(allowed.contains)
        if key.has("alg") { algorithms = algorithms.filter { $0 == key.text("alg") } }
        guard !algorithms.isEmpty else { return nil }
        return Description(kid: key.text("kid"), algorithms: algorithms, make: make)
    }

    private static func make(
        _ key: TokenJSON, _ type: String
    ) -> (algorithms: [String], make: @Sendable (JWK.Algorithm) -> JWK)? {
        switch type {
        case "RSA":
            guard let n = key.text("n"), let e = key.text("e"), let modulus = Base64URL.bytes(n.utf8),
                let exponent = Base64URL.bytes(e.utf8), (256...1_024).contains(modulus.count), modulus.first != 0,
                (1...4).contains(exponent.count), (exponent.last ?? 0) & 1 == 1, exponent != [1]
            else { return nil }
            return (
                ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
                { .rsa($0, identifier: "key", modulus: n, exponent: e) }
            )
        case "EC":
            let curves: [String: (ECDSACurve, String, Int)] = [
                "P-256": (.p256, "ES256", 32), "P-384": (.p384, "ES384", 48), "P-521": (.p521, "ES512", 66),
            ]
            guard let name = key.text("crv"), let (curve, algorithm, size) = curves[name], let x = key.text("x"),
                let y = key.text("y"), Base64URL.bytes(x.utf8)?.count == size, Base64URL.bytes(y.utf8)?.count == size
            else { return nil }
            return ([algorithm], { .ecdsa($0, identifier: "key", x: x, y: y, curve: curve) })
        case "OKP":
            guard key.text("crv") == "Ed25519", let x = key.text("x"), Base64URL.bytes(x.utf8)?.count == 32 else {
                return nil
            }
            return (["EdDSA"], { .octetKeyPair($0, identifier: "key", x: x, y: nil, curve: .ed25519) })
        default: return nil
        }
    }
}
