import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

@Suite struct ReviewQueueTests {
    @Test func heldRequestsWaitUntilSomebodyDecides() async throws {
        let rig = try AuditRig()
        #expect(ReviewQueue.shared(in: rig.memory) == nil && AuditReader.shared(in: rig.memory) == nil)
        let log = try rig.log()
        for number in 0..<6 {
            try await log.append(rig.event(number, client: "key-\(number)", isHeld: [1, 3, 4].contains(number)))
        }
        let queue = try #require(ReviewQueue.shared(in: rig.memory))
        let waiting = try queue.pending(limit: 10)
        #expect(waiting.map(\.client) == ["key-1", "key-3", "key-4"])
        #expect(waiting[0].id == AuditRig.identifier(1) && waiting[0].model == "iris" && waiting[0].status == 200)
        #expect(waiting[0].reasons == ["anomaly: range:age"] && waiting[0].labels == [2])
        #expect(waiting[0].time == rig.clock.wall && waiting[0].decision == nil && waiting[0].who == nil)
        #expect(try queue.pending(limit: 1, offset: 1).map(\.client) == ["key-3"])
        rig.clock.advance(seconds: 60)
        try queue.decide(id: waiting[1].id, decision: .deny, note: "same <b>sender</b>\r\n", who: "anna")
        #expect(try queue.pending(limit: 10).map(\.client) == ["key-1", "key-4"])
        let decided = try #require(try queue.decided(limit: 10).first)
        #expect(decided.decision == .deny && decided.note == "same <b>sender</b>\r\n" && decided.who == "anna")
        #expect(decided.decided == rig.clock.wall && decided.id == waiting[1].id)
        let late = #expect(throws: GuardRefusal.self) {
            try queue.decide(id: waiting[1].id, decision: .approve, who: "bert")
        }
        #expect(late?.kind == .conflict)
        try queue.decide(id: waiting[1].id, decision: .approve, who: "bert", isChange: true)
        #expect(try queue.decided(limit: 10).map(\.who) == ["bert"])
        #expect(try queue.pendingCount() == 2)
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole && found.count == 9)
        var filter = AuditFilter()
        filter.kind = "review"
        #expect(try AuditReader(rig.path).recent(limit: 9, filter: filter).map(\.outcome) == ["approve", "deny"])
    }

    @Test func whatMakesNoSenseIsRefused() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        try await log.append(rig.event(0))
        try await log.append(rig.event(1, isHeld: true))
        let queue = try #require(ReviewQueue.shared(in: rig.memory))
        func kind(_ body: () throws -> Void) -> GuardRefusal.Kind? {
            do { try body() } catch { return (error as? GuardRefusal)?.kind }
            return nil
        }
        let held = AuditRig.identifier(1)
        #expect(kind { try queue.decide(id: AuditRig.identifier(0), decision: .deny, who: "anna") } == .notFound)
        #expect(kind { try queue.decide(id: "' OR 1=1 --", decision: .deny, who: "anna") } == .notFound)
        #expect(kind { try queue.decide(id: held, decision: .deny, who: "") } == .malformed)
        #expect(
            kind { try queue.decide(id: held, decision: .deny, note: String(repeating: "x", count: 4_001), who: "a") }
                == .malformed)
        #expect(kind { try queue.decide(id: held, decision: .deny, who: "anna") } == nil)
        await log.close()
        #expect(
            kind { try queue.decide(id: held, decision: .approve, who: "anna", isChange: true) } == .unavailable)
        #expect(ReviewQueue.shared(in: rig.memory) == nil)
        #expect(try rig.verify().isWhole)
    }

    @Test func aDecisionThatCannotBeKeptIsSaid() async throws {
        let rig = try AuditRig()
        let log = try rig.log("on_failure: open\n")
        try await log.append(rig.event(1, isHeld: true))
        let queue = try #require(ReviewQueue.shared(in: rig.memory))
        log.limit(pages: 1)
        for number in 2..<300 { try await log.append(rig.event(number)) }
        let refusal = #expect(throws: GuardRefusal.self) {
            try queue.decide(id: AuditRig.identifier(1), decision: .approve, who: "anna")
        }
        #expect(refusal?.kind == .storage)
        #expect(try queue.pendingCount() == 1)
        log.limit(pages: .max)
        #expect(await rig.comes { rig.metric("casemate_audit_writing") == "1" })
        try queue.decide(id: AuditRig.identifier(1), decision: .approve, who: "anna")
        #expect(try queue.pendingCount() == 0)
        await log.close()
    }
}
