import CasemateCore
import CasemateGuard
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct TokenKeySourceTests {
    private static let payload = #"{"iss":"i","aud":"a","exp":1800000000,"sub":"alice"}"#
    /// What the issuer's server answers; changed while it runs.
    private final class Answer: Sendable {
        let current = Mutex(LoopbackServer.Response(""))
        func set(_ response: LoopbackServer.Response) { current.withLock { $0 = response } }
        var response: LoopbackServer.Response { current.withLock { $0 } }
    }
    private func token(_ issuer: TestIssuer, kid: String = "ec") throws -> Credentials {
        let text = try AccessSupport.token(#"{"alg":"ES256","kid":"\#(kid)"}"#, Self.payload, issuer.signES256)
        return AccessSupport.bearer(text)
    }
    private func withServer(
        _ body: (Authenticator, TestIssuer, ManualClock, Answer, LoopbackServer, StageSetup) async throws -> Void
    ) async throws {
        let answer = Answer()
        let server = try LoopbackServer.start { _ in answer.response }
        defer { server.stop() }
        let issuer = try TestIssuer()
        answer.set(.init(try issuer.keySet(only: ["ec"])))
        let clock = ManualClock(monotonic: 1 << 40)
        let setup = LimitSupport.setup(clock: clock)
        let yaml = "jwt: {issuer: i, audience: a, jwks: \"\(server.url)/keys\", jwks_refresh: 10m, jwks_stale: 1h}"
        try await body(AccessSupport.authenticator(yaml, setup), issuer, clock, answer, server, setup)
    }

    @Test func keysAreFetchedOnceAndUnknownOnesOnceAMinute() async throws {
        try await withServer { guarded, issuer, clock, answer, server, setup in
            #expect(server.requests.isEmpty, "nothing is fetched before it is needed")
            let good = try token(issuer)
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { await AccessSupport.refusal(guarded, good) == nil } }
                for await isGood in group { #expect(isGood) }
            }
            #expect(server.requests.count == 1, "50 requests wait for one fetch")
            for kid in 0..<200 {
                let refusal = await AccessSupport.refusal(guarded, try token(issuer, kid: "k\(kid)"))
                #expect(refusal?.status == 401 || refusal?.status == 429)
            }
            #expect(server.requests.count == 1, "within the minute no kid brings another fetch")
            clock.advance(seconds: 61)
            for kid in 0..<50 { _ = await AccessSupport.refusal(guarded, try token(issuer, kid: "m\(kid)")) }
            #expect(server.requests.count == 2)
            answer.set(.init(try issuer.keySet(only: ["ec"]).replacing("\"ec\"", with: "\"new\"")))
            clock.advance(seconds: 61)
            #expect(await AccessSupport.refusal(guarded, try token(issuer, kid: "new")) == nil, "a new key is found")
            #expect(await AccessSupport.refusal(guarded, good)?.reason == "token_key", "the old one is gone")
            #expect(server.requests.count == 3)
            let yaml = "jwt: {issuer: i, audience: a, jwks: \"\(server.url)/keys\", jwks_refresh: 10m, jwks_stale: 1h}"
            let reloaded = try AccessSupport.authenticator(yaml, setup)
            #expect(await AccessSupport.refusal(reloaded, try token(issuer, kid: "new")) == nil)
            #expect(server.requests.count == 3, "a reload keeps the keys")
        }
    }

    @Test func keysHoldWhileTheIssuerIsAwayUpToALimit() async throws {
        try await withServer { guarded, issuer, clock, answer, server, _ in
            let good = try token(issuer)
            #expect(await AccessSupport.refusal(guarded, good) == nil)
            answer.set(.init("down", status: 500))
            clock.advance(seconds: 601)
            for _ in 0..<20 { #expect(await AccessSupport.refusal(guarded, good) == nil) }
            clock.advance(seconds: 2_900)
            #expect(await AccessSupport.refusal(guarded, good) == nil, "for the hour that is configured")
            clock.advance(seconds: 101)
            let refusal = await AccessSupport.refusal(guarded, good)
            #expect(refusal?.kind == .unavailable && refusal?.retryAfter == 5, "\(refusal as Any)")
            let asked = server.requests.count
            for _ in 0..<20 { _ = await AccessSupport.refusal(guarded, good) }
            // why one more: a fetch in the background may have been on its way.
            #expect(server.requests.count <= asked + 1, "a server that is away is not run down")
            answer.set(.init(try issuer.keySet(only: ["ec"])))
            clock.advance(seconds: 6)
            #expect(await AccessSupport.refusal(guarded, good) == nil, "and it is back by itself")
        }
    }

    @Test func answersThatAreNoKeysAreRefused() async throws {
        var redirect = LoopbackServer.Response("", status: 302)
        redirect.headers["location"] = "http://127.0.0.1:1/"
        let large = "{\"keys\": [], \"x\": \"" + String(repeating: "x", count: 300_000) + "\"}"
        var cut = LoopbackServer.Response(String(repeating: " ", count: 5_000))
        cut.cut = 100
        let answers: [LoopbackServer.Response] = [
            .init("<html>"), .init("{\"keys\": []}"), redirect, .init(large), cut,
        ]
        for response in answers {
            try await withServer { guarded, issuer, clock, answer, server, _ in
                let keys = answer.response
                answer.set(response)
                let good = try token(issuer)
                #expect(await AccessSupport.refusal(guarded, good)?.kind == .unavailable)
                answer.set(keys)
                clock.advance(seconds: 6)
                #expect(await AccessSupport.refusal(guarded, good) == nil)
                #expect(server.requests.count == 2)
            }
        }
    }
}

extension GuardRefusal {
    fileprivate var status: Int { kind.status }
}
