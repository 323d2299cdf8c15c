import CasemateCore
import CasemateGuard
import Foundation
import Logging
import TestSupport
import Testing

@Suite struct KeyAccessTests {
    private static let wall = Date(timeIntervalSince1970: 1_700_000_000)

    @Test func aLiveGuardSeesKeysComeGoAndEnd() async throws {
        try await AccessSupport.withFolder { folder in
            let clock = ManualClock(monotonic: 1 << 40, wall: Self.wall)
            let store = try KeyStore(folder + "/keys.sqlite")
            let guarded = try AccessSupport.authenticator(
                "keys: keys.sqlite", LimitSupport.setup(clock: clock, folder: folder))
            let grant = KeyRecord.Grant(scopes: [.infer], models: ["m"], owner: "us", rate: 3)
            let (text, record) = try store.add("a", grant, expires: Self.wall.addingTimeInterval(1_000), now: Self.wall)
            clock.advance(seconds: 1.1)
            let client = try await guarded.authenticate(AccessSupport.bearer(text))
            #expect(
                client
                    == ClientIdentity(
                        id: "key:a", method: .apiKey, scopes: [.infer], models: ["m"], owner: "us",
                        network: "192.0.2.0/24", rate: 3))
            let (second, _, _) = try store.rotate("a", overlap: 100, now: clock.wall)
            clock.advance(seconds: 1.1)
            #expect(try await guarded.authenticate(AccessSupport.bearer(text)) == client, "both are live")
            #expect(try await guarded.authenticate(AccessSupport.bearer(second)) == client)
            clock.setWall(Self.wall.addingTimeInterval(200))
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(text))?.reason == "key_expired")
            #expect(try await guarded.authenticate(AccessSupport.bearer(second)) == client)
            _ = try store.revoke("a", now: clock.wall)
            clock.advance(seconds: 1.1)
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(second))?.reason == "key_unknown")
            #expect(record.name == "a")
        }
    }

    /// With the system's clocks: revoked keys are refused within a second, on a guard that nobody asks meanwhile too.
    @Test func revocationTakesLessThanASecond() async throws {
        try await AccessSupport.withFolder { folder in
            let store = try KeyStore(folder + "/keys.sqlite")
            let (text, _) = try store.add("a", now: Date())
            let guarded = try AccessSupport.authenticator(
                "keys: keys.sqlite", LimitSupport.setup(clock: SystemClock(), folder: folder))
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(text)) == nil)
            _ = try store.revoke("a", now: Date())
            let start = ContinuousClock.now
            // why by the beginning of a call: a machine that is busy may let minutes pass between two of them.
            var (began, isRefused) = (Duration.zero, false)
            while !isRefused, began < .seconds(1) {
                try await Task.sleep(for: .milliseconds(10))
                began = .now - start
                isRefused = await AccessSupport.refusal(guarded, AccessSupport.bearer(text)) != nil
            }
            #expect(isRefused, "a call that began \(began) after the revocation passed")
            print("keys: revocation seen after \(began)")
        }
    }

    @Test func filesThatAreReplacedOrGoneAreNoticed() async throws {
        try await AccessSupport.withFolder { folder in
            let clock = ManualClock(monotonic: 1 << 40, wall: Self.wall)
            let path = folder + "/keys.sqlite"
            let (text, _) = try KeyStore(path).add("a", now: Self.wall)
            let (other, _) = try KeyStore(folder + "/new.sqlite").add("b", now: Self.wall)
            let memory = GuardMemory()
            let setup = LimitSupport.setup(clock: clock, memory: memory, folder: folder)
            let guarded = try AccessSupport.authenticator("keys: keys.sqlite", setup)
            #expect(rename(folder + "/new.sqlite", path) == 0)
            clock.advance(seconds: 1.1)
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(text))?.reason == "key_unknown")
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(other)) == nil)
            try FileManager.default.removeItem(atPath: path)
            clock.advance(seconds: 59)
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(other)) == nil, "the last keys hold")
            #expect(throws: CasemateError.self, "a reload says so") {
                try AccessSupport.authenticator("keys: keys.sqlite", setup)
            }
            clock.advance(seconds: 2)
            let refusal = await AccessSupport.refusal(guarded, AccessSupport.bearer(other))
            #expect(refusal?.kind == .unavailable && refusal?.retryAfter == 5, "but not for ever")
        }
    }

    @Test func everyCredentialThatIsShownMustBeRight() async throws {
        try await AccessSupport.withFolder { folder in
            let store = try KeyStore(folder + "/keys.sqlite")
            let (one, _) = try store.add("one", now: Self.wall)
            let (two, _) = try store.add("two", now: Self.wall)
            let setup = LimitSupport.setup(clock: ManualClock(wall: Self.wall), folder: folder)
            let guarded = try AccessSupport.authenticator(
                "anonymous: true\nkeys: keys.sqlite\ncertificates: [{name: web.example}]", setup)
            let stranger = ApiKey.make().text
            let cases: [(String, String?, String?, [String], String)] = [
                ("nothing", nil, nil, [], "anonymous:192.0.2.7"), ("a key", "Bearer \(one)", nil, [], "key:one"),
                ("another scheme", "ApiKey \(one)", nil, [], "key:one"), ("a header", nil, one, [], "key:one"),
                ("any case", "bEaReR  \(one)", nil, [], "key:one"),
                ("the same twice", "Bearer \(one)", one, [], "key:one"),
                ("a certificate too", nil, one, ["web.example"], "key:one"),
                ("a certificate", nil, nil, ["WEB.example"], "cert:web.example"),
                ("two clients", "Bearer \(one)", two, [], "credentials_differ"),
                ("a wrong one beside", "Bearer \(stranger)", one, [], "key_unknown"),
                ("a wrong one behind", "Bearer \(one)", stranger, [], "key_unknown"),
                ("a strange certificate", nil, one, ["evil.example"], "certificate_unknown"),
                ("an empty header", nil, "", [], "key_malformed"),
                ("no scheme", one, nil, [], "authorization_malformed"),
                ("a password", "Basic YTpi", nil, [], "authorization_scheme"),
                ("a token", "Bearer a.b.c", nil, [], "token_not_served"),
                ("too much", "Bearer a b", nil, [], "authorization_malformed"),
                ("too long", "Bearer " + String(repeating: "x", count: 9_000), nil, [], "token_too_large"),
            ]
            for (name, authorization, key, names, expected) in cases {
                let credentials = Credentials(
                    authorization: authorization, apiKey: key, certificateNames: names, address: "192.0.2.7")
                do {
                    let client = try await guarded.authenticate(credentials)
                    #expect(client.id == expected, "\(name)")
                } catch {
                    let refusal = try #require(error as? GuardRefusal)
                    #expect(refusal.kind == .unauthenticated && refusal.reason == expected, "\(name)")
                    #expect(!refusal.detail.contains("cmk_"))
                }
            }
            let closed = try AccessSupport.authenticator("keys: keys.sqlite", setup)
            let none = await AccessSupport.refusal(closed, Credentials(address: "192.0.2.7"))
            #expect(none?.kind == .unauthenticated && none?.reason == "no_credentials")
            let nobody = try Authenticator(nil, setup: setup)
            #expect(
                await AccessSupport.refusal(nobody, Credentials(apiKey: one, address: ""))?.kind == .unauthenticated)
        }
    }

    /// Guesses are slowed down and counted, right keys from the same address still pass, and nothing is logged.
    @Test func manyWrongKeysAreThrottledAndNeverLogged() async throws {
        try await AccessSupport.withFolder { folder in
            let clock = ManualClock(monotonic: 1 << 40, wall: Self.wall)
            let (text, _) = try KeyStore(folder + "/keys.sqlite").add("a", now: Self.wall)
            let lines = LogKeeper.Lines()
            let metrics = MetricsRegistry()
            var setup = LimitSupport.setup(clock: clock, metrics: metrics, folder: folder)
            setup = StageSetup(
                model: nil, folder: folder, clock: clock, memory: setup.memory, metrics: metrics, secret: setup.secret,
                openBackend: setup.openBackend,
                context: RunContext(logger: Logger(label: "t") { _ in LogKeeper(lines) }))
            let guarded = try AccessSupport.authenticator("keys: keys.sqlite", setup)
            var statuses: [Int] = []
            var shown: [String] = []
            for _ in 0..<30 {
                shown.append(ApiKey.make().text)
                let wrong = AccessSupport.bearer(shown.last ?? "")
                statuses.append(await AccessSupport.refusal(guarded, wrong)?.kind.status ?? 0)
            }
            #expect(statuses == [Int](repeating: 401, count: 20) + [Int](repeating: 429, count: 10))
            #expect(await AccessSupport.refusal(guarded, AccessSupport.bearer(text)) == nil)
            let elsewhere = AccessSupport.bearer(ApiKey.make().text, address: "198.51.100.1")
            #expect(await AccessSupport.refusal(guarded, elsewhere)?.kind == .unauthenticated)
            clock.advance(seconds: 3.1)
            let again = AccessSupport.bearer(ApiKey.make().text)
            #expect(await AccessSupport.refusal(guarded, again)?.kind == .unauthenticated, "one came back")
            #expect(await AccessSupport.refusal(guarded, again)?.kind == .limited)
            #expect(metrics.exposition().contains("casemate_auth_failures_total{reason=\"key_unknown\"} 33"))
            let logged = lines.all + metrics.exposition()
            #expect(shown.allSatisfy { !logged.contains($0.split(separator: "_")[2]) })
            #expect(!logged.contains(text.split(separator: "_")[2]))
        }
    }

    @Test func unknownKeysTakeTheTimeOfKnownOnes() async throws {
        try await AccessSupport.withFolder { folder in
            let store = try KeyStore(folder + "/keys.sqlite")
            let (text, _) = try store.add("a", now: Date())
            let guarded = try AccessSupport.authenticator(
                "keys: keys.sqlite", LimitSupport.setup(clock: SystemClock(), folder: folder))
            // why: the key's own identifier with another secret, and an identifier that is not there.
            var strange = ApiKey.make().text
            while strange.hasPrefix(text.prefix(17)) { strange = ApiKey.make().text }
            let (right, wrong) = (AccessSupport.bearer(text), AccessSupport.bearer(strange))
            let known = try await LimitSupport.nanoseconds(20_000) { _ in _ = try await guarded.authenticate(right) }
            let unknown = await LimitSupport.nanoseconds(20_000) { _ in _ = await AccessSupport.refusal(guarded, wrong)
            }
            print("keys: known \(Int(known)) ns, unknown \(Int(unknown)) ns (with the refusal)")
            #expect(await AccessSupport.refusal(guarded, wrong)?.kind == .limited)
        }
    }
}
