import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation
import Testing

@Suite struct AdminFaceTests {
    private func get(_ path: String, _ rig: GuardRig, _ headers: [Exchange.Header] = []) async -> WireResponse {
        await rig.edge.respond(to: WireHead(method: "GET", path: path, headers: headers)) { _ in [] }
    }
    private func post(
        _ path: String, _ form: String, _ rig: GuardRig, _ headers: [Exchange.Header] = []
    ) async -> WireResponse {
        await rig.edge.respond(to: WireHead(method: "POST", path: path, headers: headers)) { _ in Array(form.utf8) }
    }
    private func rig() throws -> GuardRig { try GuardRig(identity: nil, faces: [SumFace(), AdminFace()]) }
    private let boss = [Exchange.Header("x-api-key", "boss")]

    @Test func strangersSeeTheSignInPageAlone() async throws {
        let rig = try rig()
        for path in ["/ui", "/ui/clients", "/ui/review", "/ui/decisions"] {
            let response = await get(path, rig)
            #expect(response.status == 401 && response.text.contains("API key"))
            #expect(!response.text.contains("Clients by risk"))
        }
        #expect(await get("/ui/../etc", rig).status == 404)
        #expect(await get("/ui", rig, [.init("x-api-key", "nobody")]).status == 403)
    }

    @Test func pagesAllowNoScriptAndNothingFromElsewhere() async throws {
        let rig = try rig()
        for (path, headers) in [("/ui", []), ("/ui", boss), ("/ui/clients", boss), ("/ui/sign-in", [])] {
            let response = await get(path, rig, headers)
            let policy = try #require(response.header("content-security-policy"))
            #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
            #expect(!response.text.contains("<script") && !response.text.contains("style="))
            #expect(!response.text.contains("http://") && !response.text.contains("https://"))
        }
        #expect(await get("/ui/style.css", rig).header("content-type") == "text/css; charset=utf-8")
    }

    @Test func whatCallersSentIsEscaped() async throws {
        let rig = try rig()
        let names = [
            "<script>alert(1)</script>", "\"><img src=x>", "a\r\nSet-Cookie: b=c", "\u{1B}[31mred", "{{secret}}",
        ]
        for name in names { _ = await rig.post("1,2", headers: [.init("x-api-key", name)]) }
        for path in ["/ui", "/ui/clients", "/ui/decisions"] {
            let text = await get(path, rig, boss).text
            #expect(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
            #expect(!text.contains("<script>") && !text.contains("<img"))
            #expect(!text.contains("\u{1B}") && !text.contains("\r"))
            #expect(text.contains("{{secret}}"))
        }
    }

    @Test func aSessionSignsInDecidesAndSignsOut() async throws {
        let rig = try rig()
        #expect(await post("/ui/sign-in", "key=nobody", rig).status == 403)
        let signedIn = await post("/ui/sign-in", "key=+boss%0A", rig)
        #expect(signedIn.status == 303)
        let setCookie = try #require(signedIn.header("set-cookie"))
        #expect(setCookie.contains("HttpOnly") && setCookie.contains("SameSite=Strict"))
        let cookie = [Exchange.Header("cookie", "other=1; " + String(setCookie.prefix { $0 != ";" }))]
        let page = await get("/ui/clients", rig, cookie)
        _ = await rig.post("1,2", headers: [.init("x-api-key", "eve")])
        #expect(page.status == 200)
        let token = try #require(page.text.firstMatch(of: /name="token" value="([0-9a-f]{64})"/)).1
        #expect(await post("/ui/clear", "id=eve", rig, cookie).status == 403)
        #expect(await post("/ui/clear", "id=nobody&token=\(token)", rig, cookie).status == 404)
        #expect(rig.log.clearings.isEmpty)
        #expect(await post("/ui/clear", "id=eve&token=\(token)", rig, cookie).status == 303)
        #expect(rig.log.clearings == ["eve by boss"])
        #expect(await post("/ui/sign-out", "token=\(token)", rig, cookie).status == 303)
        #expect(await get("/ui", rig, cookie).status == 401)
    }

    @Test func sessionsEnd() async throws {
        let rig = try rig()
        let signedIn = await post("/ui/sign-in", "key=boss", rig)
        let cookie = [Exchange.Header("cookie", String((signedIn.header("set-cookie") ?? "").prefix { $0 != ";" }))]
        #expect(await get("/ui", rig, cookie).status == 200)
        rig.clock.advance(seconds: 8 * 3_600 + 1)
        #expect(await get("/ui", rig, cookie).status == 401)
    }

    @Test func theOverviewCounts() async throws {
        let rig = try rig()
        for _ in 0..<3 { _ = await rig.post("1,2", headers: [.init("x-api-key", "carol")]) }
        _ = await rig.post("no", headers: [.init("x-api-key", "carol")])
        let text = await get("/ui", rig, boss).text
        #expect(text.contains("4 decisions in the last hour"))
        #expect(text.contains("<code>carol</code>"))
    }

    @Test func thePagesCanBeSwitchedOff() async throws {
        let yaml = "models: [{name: sign, path: none.onnx}]\naudit_log: none.sqlite\nui: {enabled: false}\n"
        let rig = try GuardRig(yaml: yaml, faces: [AdminFace()])
        #expect(await get("/ui", rig, boss).status == 404)
    }

    @Test func theTableOfClientsIsBounded() throws {
        let monitor = TrafficMonitor(clock: ManualClock())
        var event = DecisionEvent(
            id: "0", time: Date(timeIntervalSince1970: 0), trace: "", client: .init(id: "", method: .anonymous),
            face: "sum",
            model: "m", version: "1", modelHash: "", policy: "", rows: 1, inputHash: "", labels: [], verdicts: [],
            outcome: .answered, status: 200, reason: "", nanoseconds: 1, modelNanoseconds: 1, isHeld: false)
        for number in 0..<6_000 {
            event.client = .init(id: "client-\(number)", method: .anonymous)
            monitor.observe(event)
        }
        let snapshot = monitor.snapshot()
        #expect(snapshot.clients.count == 5_000 && snapshot.recent.count == 200)
        #expect(snapshot.recent[0].client.id == "client-5999")
    }
}
