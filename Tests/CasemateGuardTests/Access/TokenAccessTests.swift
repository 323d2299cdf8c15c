import CasemateCore
import CasemateGuard
import Crypto
import CryptoExtras
import Foundation
import JWTKit
import TestSupport
import Testing

@Suite struct TokenAccessTests {
    private static let issuer = Result { try TestIssuer() }
    private static let wall = 1_700_000_000.0
    private static let yaml = """
        jwt:
          issuer: https://issuer.example
          audience: casemate
          jwks: jwks.json
          owner_claim: org
          models_claim: models
          scopes: [infer, metadata, metrics]
        """
    private static let header = #"{"alg":"ES256","typ":"JWT","kid":"ec"}"#
    private static func payload(
        iss: String = #""https://issuer.example""#, aud: String = #""casemate""#, exp: String = "1700000600",
        sub: String = #""alice""#, more: String = ""
    ) -> String {
        #"{"iss":\#(iss),"aud":\#(aud),"exp":\#(exp),"sub":\#(sub)\#(more)}"#
    }

    private func withGuard(
        _ yaml: String = TokenAccessTests.yaml, keys: (TestIssuer) throws -> String = { try $0.keySet() },
        _ body: (Authenticator, TestIssuer, ManualClock) async throws -> Void
    ) async throws {
        try await AccessSupport.withFolder { folder in
            let issuer = try Self.issuer.get()
            try Data(keys(issuer).utf8).write(to: URL(fileURLWithPath: folder + "/jwks.json"))
            let clock = ManualClock(monotonic: 1 << 40, wall: Date(timeIntervalSince1970: Self.wall))
            let setup = LimitSupport.setup(clock: clock, folder: folder)
            try await body(AccessSupport.authenticator(yaml, setup), issuer, clock)
        }
    }

    private struct Claims: JWTPayload {
        let iss = "https://issuer.example", aud = ["other", "casemate"], sub = "alice", org = "us"
        let exp = 1_700_000_600, nbf = 1_699_999_990, iat = 1_699_999_990, scope = "openid infer admin", models = ["m"]
        func verify(using algorithm: some JWTAlgorithm) async throws {}
        enum CodingKeys: String, CodingKey { case iss, aud, sub, org, exp, nbf, iat, scope, models }
        init() {}
        init(from decoder: any Decoder) throws { self.init() }
    }

    /// What JWTKit signs is accepted, with a key of each kind.
    @Test func tokensOfAnIssuerAreAccepted() async throws {
        try await withGuard(Self.yaml + "\n  algorithms: [RS256, PS256, ES256, EdDSA]") { guarded, issuer, _ in
            let keys = JWTKeyCollection()
            await keys.add(ecdsa: try ES256PrivateKey(backing: issuer.elliptic), kid: "ec")
            await keys.add(eddsa: EdDSA.PrivateKey(backing: issuer.edwards), kid: "ed")
            await keys.add(rsa: try Insecure.RSA.PrivateKey(backing: issuer.rsa), digestAlgorithm: .sha256, kid: "rsa")
            for kid in ["ec", "ed", "rsa"] {
                let token = try await keys.sign(Claims(), kid: JWKIdentifier(string: kid))
                let client = try await guarded.authenticate(AccessSupport.bearer(token))
                let expected = ClientIdentity(
                    id: "jwt:alice", method: .token, scopes: [.infer], models: ["m"], owner: "us",
                    network: "192.0.2.0/24")
                #expect(client == expected, "\(kid)")
            }
            let other = JWTKeyCollection()
            await other.add(pss: try Insecure.RSA.PrivateKey(backing: issuer.rsa), digestAlgorithm: .sha256, kid: "rsa")
            let token = try await other.sign(Claims(), kid: "rsa")
            let refusal = await AccessSupport.refusal(guarded, AccessSupport.bearer(token))
            #expect(refusal?.reason == "token_key", "the key is for RS256 alone, though PS256 is allowed")
        }
    }

    private static let negatives: [(name: String, header: String, payload: String, reason: String)] = [
        ("wrong issuer", header, payload(iss: #""https://evil.example""#), "token_issuer"),
        ("issuer with a slash", header, payload(iss: #""https://issuer.example/""#), "token_issuer"),
        ("issuer as a list", header, payload(iss: #"["https://issuer.example"]"#), "token_issuer"),
        ("wrong audience", header, payload(aud: #""other""#), "token_audience"),
        ("audience that begins alike", header, payload(aud: #""casemate2""#), "token_audience"),
        ("audience with numbers", header, payload(aud: #"["casemate",1]"#), "token_audience"),
        ("expired", header, payload(exp: "1699999960"), "token_expired"),
        ("no expiry", header, #"{"iss":"https://issuer.example","aud":"casemate","sub":"a"}"#, "token_without_expiry"),
        ("expiry as text", header, payload(exp: #""1700000600""#), "token_without_expiry"),
        ("expiry 1e999", header, payload(exp: "1e999"), "token_malformed"),
        ("expiry beyond the calendar", header, payload(exp: "1e300"), "token_without_expiry"),
        ("not yet valid", header, payload(more: #","nbf":1700000100"#), "token_early"),
        ("nbf as text", header, payload(more: #","nbf":"x""#), "token_early"),
        ("issued later", header, payload(more: #","iat":1700000100"#), "token_early"),
        ("issued after its end", header, payload(exp: "1700000000", more: #","iat":1700000010"#), "token_early"),
        ("no subject", header, #"{"iss":"https://issuer.example","aud":"casemate","exp":1700000600}"#, "token_subject"),
        ("empty subject", header, payload(sub: #""""#), "token_subject"),
        ("subject with a line", header, payload(sub: #""a\nb""#), "token_subject"),
        ("subject too long", header, payload(sub: "\"" + String(repeating: "x", count: 201) + "\""), "token_subject"),
        ("doubled claim", header, payload(more: #","aud":"casemate""#), "token_malformed"),
        ("doubled header", #"{"alg":"ES256","alg":"ES256","kid":"ec"}"#, payload(), "token_malformed"),
        ("doubled inside", header, payload(more: #","x":{"a":1,"a":2}"#), "token_malformed"),
        ("unknown crit", #"{"alg":"ES256","kid":"ec","crit":["exp"]}"#, payload(), "token_critical"),
        ("b64", #"{"alg":"ES256","kid":"ec","b64":false}"#, payload(), "token_critical"),
        ("packed", #"{"alg":"ES256","kid":"ec","zip":"DEF"}"#, payload(), "token_critical"),
        ("none", #"{"alg":"none","kid":"ec"}"#, payload(), "token_algorithm"),
        ("None", #"{"alg":"None","kid":"ec"}"#, payload(), "token_algorithm"),
        ("no algorithm", #"{"kid":"ec"}"#, payload(), "token_algorithm"),
        ("algorithm as list", #"{"alg":["ES256"],"kid":"ec"}"#, payload(), "token_algorithm"),
        ("HS256", #"{"alg":"HS256","kid":"rsa"}"#, payload(), "token_algorithm"),
        ("ES512, not configured", #"{"alg":"ES512","kid":"ec"}"#, payload(), "token_algorithm"),
        ("key of another kind", #"{"alg":"RS256","kid":"ec"}"#, payload(), "token_key"),
        ("unknown kid", #"{"alg":"ES256","kid":"zz"}"#, payload(), "token_key"),
        ("kid as a path", #"{"alg":"ES256","kid":"../../../../dev/null"}"#, payload(), "token_key"),
        ("kid as SQL", #"{"alg":"ES256","kid":"' OR 1=1 --"}"#, payload(), "token_key"),
        ("kid as number", #"{"alg":"ES256","kid":7}"#, payload(), "token_malformed"),
        (
            "kid too long", #"{"alg":"ES256","kid":""# + String(repeating: "k", count: 300) + #""}"#, payload(),
            "token_malformed"
        ),
        ("log-out token", #"{"alg":"ES256","kid":"ec","typ":"logout+jwt"}"#, payload(), "token_type"),
        ("header no object", "[]", payload(), "token_malformed"), ("claims no object", header, "7", "token_malformed"),
        ("claims no JSON", header, "{", "token_malformed"),
        ("NaN", header, payload(more: #","x":NaN"#), "token_malformed"),
        ("deep", header, payload(more: #","x":"# + String(repeating: "[", count: 500)), "token_malformed"),
        ("8 KB", header, payload(more: #","x":""# + String(repeating: "x", count: 7_000) + "\""), "token_too_large"),
    ]

    @Test func forgedAndStaleTokensAreRefused() async throws {
        try await withGuard { guarded, issuer, _ in
            func reason(_ token: String, _ address: String) async -> String {
                let refusal = await AccessSupport.refusal(guarded, AccessSupport.bearer(token, address: address))
                #expect(refusal == nil || refusal?.kind == .unauthenticated)
                return refusal?.reason ?? "accepted"
            }
            for (index, (name, header, payload, expected)) in Self.negatives.enumerated() {
                let token = try AccessSupport.token(header, payload, issuer.signES256)
                #expect(await reason(token, "10.0.0.\(index)") == expected, "\(name)")
            }
            let good = try AccessSupport.token(Self.header, Self.payload(), issuer.signES256)
            #expect(await reason(good, "10.0.1.1") == "accepted")
            let stranger = try TestIssuer()
            let forged = try AccessSupport.token(Self.header, Self.payload(), stranger.signES256)
            #expect(await reason(forged, "10.0.1.2") == "token_signature")
            let point = AccessSupport.base64(stranger.elliptic.publicKey.rawRepresentation)
            for (number, own) in [
                #""jku":"http://127.0.0.1:1/keys""#, #""x5u":"http://127.0.0.1:1/""#,
                #""jwk":{"kty":"EC","x":"\#(point)"}"#,
            ].enumerated() {
                let header = #"{"alg":"ES256","kid":"ec",\#(own)}"#
                let bad = try AccessSupport.token(header, Self.payload(), stranger.signES256)
                #expect(
                    await reason(bad, "10.0.2.\(number)") == "token_signature", "keys of the token are not looked at")
            }
            // why: the public key as a shared secret, the classic mix-up.
            let pem = try Self.issuer.get().rsa.publicKey.pemRepresentation
            let mixed = AccessSupport.token(#"{"alg":"HS256","kid":"rsa"}"#, Self.payload()) { data in
                Data(HMAC<SHA256>.authenticationCode(for: data, using: SymmetricKey(data: Data(pem.utf8))))
            }
            #expect(await reason(mixed, "10.0.3.1") == "token_algorithm")
            let parts = good.split(separator: ".").map(String.init)
            let broken = [
                parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1], good + ".x", good + "=", "..", "a.b.c",
                parts[0] + ".." + parts[2], " " + good.dropLast(), good.dropLast() + "*", "." + good,
                parts[0] + "." + parts[1] + "." + parts[2].dropLast(20),
            ]
            for (index, token) in broken.enumerated() {
                #expect(await reason(token, "10.0.4.\(index)") != "accepted", "\(index)")
            }
        }
    }

    /// No single character of a token can be changed.
    @Test func changedTokensAreRefused() async throws {
        try await withGuard { guarded, issuer, _ in
            let good = Array(try AccessSupport.token(Self.header, Self.payload(), issuer.signES256).utf8)
            var generator = SeededGenerator(seed: 5)
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".utf8)
            for place in good.indices {
                var changed = good
                while changed[place] == good[place] {
                    changed[place] = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                }
                let token = String(decoding: changed, as: UTF8.self)
                #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(token)) != nil, "byte \(place)")
            }
        }
    }

    @Test func timesFollowTheWallClockWithLeeway() async throws {
        try await withGuard { guarded, issuer, clock in
            let token = try AccessSupport.token(
                Self.header, Self.payload(more: #","nbf":1700000000"#), issuer.signES256)
            for (time, isGood) in [(-31, false), (-29, true), (0, true), (629, true), (631, false)] as [(Double, Bool)]
            {
                clock.setWall(Date(timeIntervalSince1970: Self.wall + time))
                let refusal = await AccessSupport.refusal(guarded, AccessSupport.bearer(token))
                #expect((refusal == nil) == isGood, "\(time) s")
                if time > 630 { #expect(refusal?.detail == "the credentials have expired") }
            }
        }
    }

    @Test func scopesAreNeverMoreThanConfigured() async throws {
        let cases: [(String, Set<ClientIdentity.Scope>)] = [
            ("", [.infer, .metadata]), (#","scope":"infer metrics admin root""#, [.infer, .metrics]),
            (#","scope":["metadata"]"#, [.metadata]), (#","scope":7"#, []), (#","scope":"""#, []),
            (#","scope":[1]"#, []),
        ]
        try await withGuard { guarded, issuer, _ in
            for (more, expected) in cases {
                let token = try AccessSupport.token(Self.header, Self.payload(more: more), issuer.signES256)
                let client = try await guarded.authenticate(AccessSupport.bearer(token))
                #expect(client.scopes == expected, "\(more)")
            }
            let token = try AccessSupport.token(Self.header, Self.payload(more: #","models":"m""#), issuer.signES256)
            #expect(try await guarded.authenticate(AccessSupport.bearer(token)).models == ["m"])
            let none = try AccessSupport.token(Self.header, Self.payload(more: #","models":{}"#), issuer.signES256)
            #expect(try await guarded.authenticate(AccessSupport.bearer(none)).models == [])
        }
        try await withGuard(Self.yaml + "\n  scope_prefix: \"casemate:\"") { guarded, issuer, _ in
            let more = #","scope":"infer casemate:metrics""#
            let token = try AccessSupport.token(Self.header, Self.payload(more: more), issuer.signES256)
            #expect(try await guarded.authenticate(AccessSupport.bearer(token)).scopes == [.metrics])
        }
    }

    @Test func aTokenWithoutKidNeedsAnOnlyKey() async throws {
        let header = #"{"alg":"ES256"}"#
        try await withGuard { guarded, issuer, _ in
            let token = try AccessSupport.token(header, Self.payload(), issuer.signES256)
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(token)) == nil)
        }
        let twice = { (issuer: TestIssuer) in
            let set = try issuer.keySet(only: ["ec"])
            return set.replacing("]}", with: ",") + String(set.replacing("\"ec\"", with: "\"e2\"").dropFirst(10))
        }
        try await withGuard(keys: twice) { guarded, issuer, _ in
            let token = try AccessSupport.token(header, Self.payload(), issuer.signES256)
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(token))?.reason == "token_key")
            let named = try AccessSupport.token(#"{"alg":"ES256","kid":"e2"}"#, Self.payload(), issuer.signES256)
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(named)) == nil)
        }
    }

    @Test(arguments: [
        ("", "no JSON Web Key Set"), ("{}", "no JSON Web Key Set"), (#"{"keys": []}"#, "no public key"),
        (#"{"keys": [1]}"#, "no JSON Web Key Set"), (#"{"keys": [], "keys": []}"#, "no JSON Web Key Set"),
        (#"{"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS256"}]}"#, "no public key"),
        (#"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}"#, "no public key"),
        (#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}"#, "no public key"),
    ])
    func keySetsThatCannotBeUsedAreRefused(text: String, message: String) async throws {
        let error = await #expect(throws: CasemateError.self) {
            try await withGuard(keys: { _ in text }) { _, _, _ in }
        }
        #expect(error?.what.contains(message) ?? false, "\(error?.description ?? "")")
    }

    @Test func aReloadReadsTheFileAgain() async throws {
        try await AccessSupport.withFolder { folder in
            let (one, two) = (try Self.issuer.get(), try TestIssuer())
            let clock = ManualClock(monotonic: 1 << 40, wall: Date(timeIntervalSince1970: Self.wall))
            let setup = LimitSupport.setup(clock: clock, folder: folder)
            var isFirst = true
            for issuer in [one, two] {
                try Data(issuer.keySet().utf8).write(to: URL(fileURLWithPath: folder + "/jwks.json"))
                let guarded = try AccessSupport.authenticator(Self.yaml, setup)
                let (old, new) = (
                    try AccessSupport.token(Self.header, Self.payload(), one.signES256),
                    try AccessSupport.token(Self.header, Self.payload(), two.signES256)
                )
                #expect((await AccessSupport.refusal(guarded, AccessSupport.bearer(old)) == nil) == isFirst)
                #expect((await AccessSupport.refusal(guarded, AccessSupport.bearer(new)) == nil) == !isFirst)
                isFirst = false
            }
        }
    }

    @Test func privateKeysInAKeySetAreLeftOut() async throws {
        let error = await #expect(throws: CasemateError.self) {
            try await withGuard(keys: {
                try $0.keySet(only: ["ec"]).replacing("\"crv\"", with: "\"d\": \"AA\", \"crv\"")
            }) {
                _, _, _ in
            }
        }
        #expect(error?.code == .unusableData)
    }

    @Test(arguments: [
        ("leeway: 2m", "at most 60s"), ("jwks_stale: 1m", "too old"), ("algorithms: [HS256]", "expected one of"),
        ("algorithms: [none]", "expected one of"), ("jwks: http://issuer.example/keys", "no https address"),
        ("jwks: https://user@issuer.example/keys", "no https address"), ("jwks: ftp://issuer.example/", "no https"),
    ])
    func wrongSettingsAreRefused(line: String, message: String) {
        let yaml = Self.yaml.split(separator: "\n").filter { !line.hasPrefix("jwks:") || !$0.contains("jwks:") }
        let text = yaml.joined(separator: "\n") + "\n  " + line
        let error = #expect(throws: CasemateError.self) { try AccessSupport.authenticator(text, LimitSupport.setup()) }
        #expect(error?.what.contains(message) ?? false, "\(error?.description ?? "")")
    }
}
