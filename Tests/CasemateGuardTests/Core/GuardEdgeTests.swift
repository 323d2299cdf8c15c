import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation
import Testing

/// Says what it is told, in each hook that it is told to.
private struct ScriptedStage: GuardStage {
    static let identifier = "scripted"
    static let title = "Scripted", purpose = "does as the test says"
    static let taxonomy = Taxonomy(stages: [.inference])
    static let standsAtTheEdge = true
    var admits = StageVerdict.pass, examines = StageVerdict.pass, reviews = StageVerdict.pass
    var failure: CasemateError?
    var flipsLabels = false, sizeQuantum = 0

    init(_ settings: SettingNode?, setup: StageSetup) throws {}
    init() {}
    func admit(_ exchange: inout Exchange) async throws -> StageVerdict {
        exchange.sizeQuantum = sizeQuantum
        if sizeQuantum > 0 { exchange.headers.append(.init("x-test", "1")) }
        return admits
    }
    func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
        if let failure { throw failure }
        return examines
    }
    func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict {
        if flipsLabels, let old = answer.predictions {
            answer.predictions = Predictions(
                task: old.task, classes: old.classes, kind: old.kind, scores: old.scores,
                labels: old.labels.map { 1 - $0 })
        }
        return reviews
    }
}

@Suite struct GuardEdgeTests {
    private let refusal = GuardRefusal(.unprocessable, "the value of 'a' is not accepted", field: "a", reason: "range")

    @Test func answersAndRecords() async throws {
        let rig = try GuardRig()
        let response = await rig.post("1,2")
        #expect(response.status == 200 && response.text == "{\"label\":1}")
        #expect(response.header("x-request-id")?.count == 16)
        let event = try #require(rig.log.events.first)
        #expect(rig.log.events.count == 1)
        #expect(event.client.id == "alice" && event.model == "sign" && event.rows == 1 && event.labels == [1])
        #expect(event.outcome == .answered && event.status == 200 && event.inputHash.count == 64)
        #expect(event.id == response.header("x-request-id"))
    }

    @Test func equalInputsHaveEqualHashesAndOthersOthers() async throws {
        let rig = try GuardRig()
        for body in ["1,2", "1,2", "2,1"] { _ = await rig.post(body) }
        let hashes = rig.log.events.map(\.inputHash)
        #expect(hashes[0] == hashes[1] && hashes[1] != hashes[2])
    }

    @Test func recordsWhatCannotBeRead() async throws {
        let rig = try GuardRig()
        #expect(await rig.post("one").status == 400)
        #expect(rig.log.events.map(\.status) == [400] && rig.log.events[0].outcome == .refused)
    }

    @Test func unknownModelsAre404AndRecordedWithoutAName() async throws {
        let rig = try GuardRig()
        #expect(await rig.post("1,2", to: "no\r\nsuch").status == 404)
        #expect(rig.log.events.map(\.model) == [""])
    }

    @Test func strangersAre401AndPathsWithoutFace404() async throws {
        let rig = try GuardRig(identity: nil)
        #expect(await rig.post("1,2").status == 401)
        #expect(rig.log.events.map(\.status) == [401])
        let other = await rig.edge.respond(to: WireHead(method: "GET", path: "/etc/passwd")) { _ in [] }
        #expect(other.status == 404)
        #expect(rig.log.events.count == 1)
    }

    /// Who tries addresses and methods meets the limits as well.
    @Test func whatLeadsNowhereIsLimited() async throws {
        var stage = ScriptedStage()
        stage.admits = StageVerdict(.refuse(GuardRefusal(.limited, "too many", retryAfter: 1)), reasons: ["rate"])
        let rig = try GuardRig([(stage, .enforce, false)], identity: nil)
        for (method, path) in [("GET", "/etc/passwd"), ("GET", "/sum/sign"), ("PUT", "/")] {
            let response = await rig.edge.respond(to: WireHead(method: method, path: path)) { _ in [] }
            #expect(response.status == 429)
        }
        #expect(rig.log.events.isEmpty)
    }

    @Test func whoMayNotAskAModelIs403() async throws {
        let identity = ClientIdentity(id: "bob", method: .apiKey, models: ["other"])
        let rig = try GuardRig(identity: identity)
        #expect(await rig.post("1,2").status == 403)
    }

    @Test func bodiesBeyondTheLimitAreRefusedBeforeReading() async throws {
        let rig = try GuardRig()
        let head = WireHead(
            method: "POST", path: "/sum/sign", headers: [.init("content-length", "1073741824")])
        let response = await rig.edge.respond(to: head) { _ in
            Issue.record("the body was read")
            return []
        }
        #expect(response.status == 413)
    }

    @Test(arguments: [StageMode.enforce, .observe])
    func onlyEnforcedStagesRefuse(mode: StageMode) async throws {
        var stage = ScriptedStage()
        stage.examines = StageVerdict(.refuse(refusal), reasons: ["range:a"])
        let rig = try GuardRig([(stage, mode, false)])
        let response = await rig.post("1,2")
        #expect(response.status == (mode == .enforce ? 422 : 200))
        let verdict = try #require(rig.log.events[0].verdicts.first)
        #expect(verdict.stage == "scripted" && verdict.isEnforced == (mode == .enforce))
        #expect(verdict.verdict.reasons == ["range:a"])
    }

    @Test(arguments: [StageMode.enforce, .observe])
    func onlyEnforcedStagesChangeAnswersAndResponses(mode: StageMode) async throws {
        var stage = ScriptedStage()
        (stage.flipsLabels, stage.sizeQuantum) = (true, 64)
        let rig = try GuardRig([(stage, mode, false)])
        let response = await rig.post("1,2")
        #expect(response.text.hasPrefix(mode == .enforce ? "{\"label\":0}" : "{\"label\":1}"))
        #expect(response.body.count == (mode == .enforce ? 64 : 11))
        #expect((response.header("x-test") == "1") == (mode == .enforce))
    }

    @Test(arguments: [true, false])
    func aStageThatFailsIsClosedOrOpenAsConfigured(failsOpen: Bool) async throws {
        var stage = ScriptedStage()
        stage.failure = CasemateError(.engineFailed, at: "/secret/path", "broke", help: "")
        let rig = try GuardRig([(stage, .enforce, failsOpen)])
        let response = await rig.post("1,2")
        #expect(response.status == (failsOpen ? 200 : 503))
        #expect(!response.text.contains("secret"))
        #expect(rig.metrics.exposition().contains("casemate_stage_failures_total{stage=\"scripted\"} 1"))
        #expect(rig.log.events[0].verdicts[0].verdict.reasons == ["stage_failed"])
    }

    @Test func withheldLooksLikeOverload() async throws {
        var stage = ScriptedStage()
        stage.reviews = StageVerdict(.withhold, reasons: ["near_duplicates"])
        let withheld = await (try GuardRig([(stage, .enforce, false)])).post("1,2")
        let busy = await (try GuardRig(backend: SignBackend(failure: .overloaded))).post("1,2")
        #expect(withheld.status == 503 && busy.status == 503)
        let names = { (response: WireResponse) in
            response.headers.filter { $0.name != "x-request-id" && $0.name != "traceparent" }
        }
        #expect(names(withheld) == names(busy))
        let plain = { (response: WireResponse) in
            response.text.replacing(response.header("x-request-id") ?? "none", with: "ID")
        }
        #expect(plain(withheld) == plain(busy))
    }

    @Test func heldRequestsAreAnsweredAndMarked() async throws {
        var stage = ScriptedStage()
        stage.examines = StageVerdict(.hold, score: 0.9, reasons: ["divergence"])
        let rig = try GuardRig([(stage, .enforce, false)])
        #expect(await rig.post("1,2").status == 200)
        #expect(rig.log.events[0].isHeld)
    }

    @Test func aDecisionThatCannotBeRecordedIsNotGiven() async throws {
        let failure = GuardRefusal(.storage, "the decision cannot be recorded", retryAfter: 5)
        let rig = try GuardRig(log: MemoryLog(failure: failure))
        let response = await rig.post("1,2")
        #expect(response.status == 507)
        #expect(!response.text.contains("label\":1"))
    }

    @Test func refusalsBeforeTheBodyReadNothing() async throws {
        var stage = ScriptedStage()
        stage.admits = StageVerdict(.refuse(.init(.limited, "too many", retryAfter: 2)), reasons: ["rate"])
        let rig = try GuardRig([(stage, .enforce, false)])
        let head = WireHead(method: "POST", path: "/sum/sign", headers: [.init("content-length", "3")])
        let response = await rig.edge.respond(to: head) { _ in
            Issue.record("the body was read")
            return []
        }
        #expect(response.status == 429)
        let unknown = await rig.post("1,2", to: "nobody")
        #expect(unknown.status == 429)
    }

    @Test func anotherGenerationTakesOver() async throws {
        let (one, other) = (try GuardRig(), try GuardRig(identity: nil))
        _ = one.edge.replace(with: other.edge.generation)
        #expect(await one.post("1,2").status == 401)
        #expect(one.log.events.isEmpty && other.log.events.count == 1)
    }
}
