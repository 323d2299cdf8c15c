import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

@Suite struct AuditLogTests {
    @Test(arguments: ["os", "disk"])
    func aThousandCallersAtOnceGetOneChain(durability: String) async throws {
        let rig = try AuditRig()
        let log = try rig.log("durability: \(durability)\nqueue: 2000\n")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1_000 { group.addTask { try await log.append(rig.event(number)) } }
            try await group.waitForAll()
        }
        let reader = try AuditReader(rig.path)
        let rows = try reader.recent(limit: 2_000).filter { $0.kind == "decision" }
        #expect(Set(rows.map(\.id)).count == 1_000 && rows.count == 1_000)
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole && found.count == 1_001 && found.last == 1_001)
        #expect(rig.metric("casemate_audit_records_total") == "1000")
    }

    /// Callers write by themselves while the thread of the writer takes the write-ahead log over; nothing is lost between.
    @Test func theWriteAheadLogIsTakenOverWhileRecordsCome() async throws {
        let rig = try AuditRig()
        let log = try rig.log("queue: 100000\n")
        let count = 24_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in 0..<3 {
                group.addTask {
                    for number in stride(from: start, to: count, by: 3) { try await log.append(rig.event(number)) }
                }
            }
            try await group.waitForAll()
        }
        // Most pages stand in the database itself before the log is closed, and the write-ahead log was begun anew.
        #expect(await rig.comes { FileFacts(path: rig.path)?.size ?? 0 > 8 << 20 })
        #expect(FileFacts(path: rig.path + "-wal")?.size ?? .max < 128 << 20)
        #expect(rig.metric("casemate_audit_records_total") == "\(count)")
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole && found.count == Int64(count) + 1)
        #expect((FileFacts(path: rig.path + "-wal")?.size ?? 0) == 0)
    }

    @Test func aReloadGoesOnWithTheOpenLog() async throws {
        let rig = try AuditRig()
        let first = try rig.log()
        try await first.append(rig.event(0))
        let second = try rig.log("on_failure: open\nhash: [client]\n")
        await first.close()
        try await second.append(rig.event(1))
        #expect(second.isWriting)
        await second.close()
        let rows = try AuditReader(rig.path).recent(limit: 9)
        #expect(rows.map(\.kind) == ["decision", "decision", "opened"])
        #expect(rows[1].client == "key-1" && rows[0].client.count == 32)
        await #expect(throws: GuardRefusal.self) { try await first.append(rig.event(2)) }
        #expect(try rig.verify().isWhole)
    }

    /// Settings of a configuration that never came into force change nothing.
    @Test func aReloadThatIsRefusedDeletesNothing() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        try await log.append(rig.event(0))
        rig.clock.advance(seconds: 100 * 86_400)
        var refused: AuditLog? = try rig.log("retention: 1d\n")
        #expect(refused?.isWriting == true)
        refused = nil
        var elsewhere: AuditLog? = try rig.log(path: "other.sqlite")
        #expect(AuditReader.shared(in: rig.memory)?.path.hasSuffix("other.sqlite") == true)
        #expect(elsewhere?.isWriting == true)
        elsewhere = nil
        #expect(AuditReader.shared(in: rig.memory)?.path == rig.path)
        rig.clock.advance(seconds: 120)
        for number in 1..<4 { try await log.append(rig.event(number)) }
        await log.settle()
        await log.close()
        #expect(rig.metric("casemate_audit_retired_total") == "0")
        #expect(try rig.verify().count == 5)
    }

    @Test func aRestartGoesOnBehindTheLastRecord() async throws {
        let rig = try AuditRig()
        try await rig.written(3)
        let again = try AuditRig(folder: rig.folder)
        let log = try again.log()
        try await log.append(again.event(3))
        await log.close()
        let rows = try AuditReader(rig.path).recent(limit: 9)
        #expect(rows.map(\.number) == [6, 5, 4, 3, 2, 1] && rows[1].kind == "opened")
        #expect(rows[1].record.contains("\"clean\":true") && rows[1].record.contains("\"records\":4"))
        #expect(try rig.verify().isWhole)
    }

    @Test func aSecondWriterIsRefused() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        let other = GuardMemory()
        let error = #expect(throws: CasemateError.self) { try AuditRig(folder: rig.folder, memory: other).log() }
        #expect(error?.code == .refused && error?.what == "another guard writes this log")
        await log.close()
        let rest = try AuditRig(folder: rig.folder, memory: other)
        await (try rest.log()).close()
    }

    @Test func aLogThatNobodyHoldsIsClosed() async throws {
        let rig = try AuditRig()
        var log: AuditLog? = try rig.log()
        try await log?.append(rig.event(0))
        log = nil
        // The writer ends by itself; the path can be opened again at once.
        let again = try rig.log()
        try await again.append(rig.event(1))
        await again.close()
        #expect(try rig.verify().count == 4)
    }

    @Test func whatASettingSaysIsChecked() throws {
        let rig = try AuditRig()
        for bad in [
            "retention: 90y", "retention: 0s", "retention: -1d", "durability: maybe", "hash: [name]", "queue: 0",
        ] {
            #expect(throws: CasemateError.self, "\(bad)") { try rig.log(bad + "\n") }
        }
        #expect(!FileManager.default.fileExists(atPath: rig.path))
    }

    @Test func onlyItsOwnerReadsTheFile() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        for name in ["audit.sqlite", "audit.sqlite-wal", "audit.sqlite-lock"] {
            let facts = try FileManager.default.attributesOfItem(atPath: rig.folder + "/" + name)
            #expect((facts[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
        }
        await log.close()
    }

    @Test func headsAreWrittenSignedAndExported() async throws {
        let rig = try AuditRig()
        let key = SigningKey(.ed25519)
        try key.write(to: rig.folder + "/guard.pem")
        let settings = "signing_key: guard.pem\ncheckpoint: {every: 10, interval: 1m, export: heads.jsonl}\n"
        let log = try rig.log(settings)
        for number in 0..<25 { try await log.append(rig.event(number)) }
        await log.settle()
        rig.clock.advance(seconds: 61)
        try await log.append(rig.event(25))
        await log.settle()
        await log.close()
        let heads = try AuditHead.read(rig.folder + "/heads.jsonl")
        #expect(heads.last?.records == 27 && heads.count >= 3)
        #expect(heads.allSatisfy { $0.isSigned(by: key.verifying) && $0.key == key.verifying.identifier })
        let found = try rig.verify { ($0.keys, $0.heads) = ([key.verifying], heads) }
        #expect(found.isWhole && found.signedThrough == 27 && found.signedHeads == 2 * heads.count)
        let stranger = try rig.verify { $0.keys = [SigningKey(.ed25519).verifying] }
        #expect(stranger.problems.contains { $0.kind == .signature })
    }

    @Test func aFilterFindsWhatItSays() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        for number in 0..<9 {
            try await log.append(rig.event(number, client: "key-\(number % 2)", isHeld: number == 4))
            rig.clock.advance(seconds: 60)
        }
        let reader = try AuditReader(rig.path)
        func count(_ change: (inout AuditFilter) -> Void) throws -> Int {
            var filter = AuditFilter()
            change(&filter)
            return try reader.recent(limit: 100, filter: filter).count
        }
        #expect(try count { _ in } == 10)
        #expect(try count { $0.client = "key-1" } == 4)
        #expect(try count { $0.model = "iris" } == 9)
        #expect(try count { $0.model = "wine" } == 0)
        #expect(try count { $0.outcome = .refused } == 3)
        #expect(try count { $0.stage = "rate" } == 3)
        #expect(try count { $0.stage = "rat" } == 0)
        #expect(try count { $0.reason = "rate" } == 3)
        #expect(try count { $0.reason = "range" } == 1)
        #expect(try count { $0.reason = "ran" } == 0)
        #expect(try count { $0.isHeld = true } == 1)
        let start = Date(timeIntervalSince1970: 1_700_000_000)
        #expect(try count { ($0.since, $0.until) = (start + 60, start + 180) } == 2)
        let counts = try reader.counts(since: start + 60)
        #expect(counts.total == 8 && counts.outcomes == ["answered": 5, "refused": 3] && counts.models == ["iris": 8])
        #expect(counts.stages == ["rate": ["refuse": 3], "anomaly": ["hold": 1]] && !counts.isCut)
        await log.close()
    }

    @Test func aHashedClientIsFoundByItsName() async throws {
        let rig = try AuditRig()
        let log = try rig.log("hash: [client]\n")
        for number in 0..<4 { try await log.append(rig.event(number, client: "key-\(number % 2)")) }
        await log.close()
        var filter = AuditFilter()
        filter.client = AuditFields(secret: AuditRig.secret).hash("key-1", .client)
        #expect(try AuditReader(rig.path).recent(limit: 9, filter: filter).map(\.number) == [5, 3])
        filter.client = "key-1"
        #expect(try AuditReader(rig.path).recent(limit: 9, filter: filter).isEmpty)
    }

    @Test(arguments: [
        ("2026-11-21", 1_795_219_200.0), ("2026-11-21T05:00:00Z", 1_795_237_200.0),
        ("2026-11-21T05:00:00.25Z", 1_795_237_200.25), ("2h", 992_800.0), ("7d", 395_200.0), ("1h30m", 994_600.0),
    ])
    func timesAreReadAsPeopleWriteThem(text: String, seconds: Double) {
        #expect(AuditFilter.time(text, now: Date(timeIntervalSince1970: 1_000_000))?.timeIntervalSince1970 == seconds)
    }
    @Test(arguments: ["", "5", "yesterday", "2026-02-30", "2026-11-21T05:00Z", "-2h", "1e999d"])
    func whatIsNoTimeIsNone(text: String) {
        #expect(AuditFilter.time(text, now: Date()) == nil)
    }
}
