import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// What happens when records cannot be kept, and to files that are no log to go on with.
@Suite struct AuditFailureTests {
    /// Keeps the file from growing, as a full disk does: SQLite then fails with SQLITE_FULL.
    private func fill(_ log: AuditLog, _ rig: AuditRig, from start: Int = 0) async throws -> (Int, GuardRefusal) {
        log.limit(pages: 1)
        for number in start..<start + 500 {
            do { try await log.append(rig.event(number)) } catch let refusal as GuardRefusal {
                return (number, refusal)
            }
        }
        throw CasemateError(.limitExceeded, at: "", "the disk never got full", help: "")
    }

    @Test func aFullDiskRefusesUntilThereIsSpace() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        let (kept, refusal) = try await fill(log, rig)
        #expect(refusal.kind == .storage && refusal.kind.status == 507 && refusal.retryAfter == 5)
        #expect(refusal.reason == "audit_disk_full" && !refusal.detail.contains("audit.sqlite"))
        #expect(!log.isWriting && rig.metric("casemate_audit_writing") == "0")
        await #expect(throws: GuardRefusal.self) { try await log.append(rig.event(900)) }
        #expect(rig.metric("casemate_audit_refused_total") == "2")
        #expect(rig.metric("casemate_audit_failures_total{cause=\"disk_full\"}") == "1")
        // Space is free again: the log goes on by itself.
        log.limit(pages: .max)
        #expect(await rig.comes { log.isWriting })
        try await log.append(rig.event(1_000))
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole && found.refusedGap == 2 && found.answeredGap == 0)
        #expect(found.outcomes.values.reduce(0, +) == kept + 1)
        #expect(rig.metric("casemate_audit_writing") == "1" && rig.metric("casemate_audit_gap_total") == "0")
    }

    @Test func aLogThatFailsOpenCountsTheGap() async throws {
        let rig = try AuditRig()
        let log = try rig.log("on_failure: open\n")
        log.limit(pages: 1)
        for number in 0..<300 { try await log.append(rig.event(number)) }
        #expect(log.isWriting)
        let missing = try #require(Int(rig.metric("casemate_audit_gap_total")))
        #expect(missing > 200)
        log.limit(pages: .max)
        #expect(await rig.comes { rig.metric("casemate_audit_writing") == "1" })
        try await log.append(rig.event(1_000))
        await log.settle()
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole && found.answeredGap == Int64(missing) && found.refusedGap == 0)
        #expect(found.outcomes.values.reduce(0, +) + missing == 301)
        var filter = AuditFilter()
        filter.kind = "gap"
        let gaps = try AuditReader(rig.path).recent(limit: 9, filter: filter)
        #expect(!gaps.isEmpty && gaps.allSatisfy { $0.record.contains("\"cause\":\"disk_full\"") })
    }

    @Test func aFileThatIsTakenAwayIsNoticed() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        try await log.append(rig.event(0))
        try FileManager.default.moveItem(atPath: rig.path, toPath: rig.folder + "/away.sqlite")
        rig.clock.advance(seconds: 2)
        _ = try? await log.append(rig.event(1))
        #expect(await rig.comes { !log.isWriting })
        let refusal = await #expect(throws: GuardRefusal.self) { try await log.append(rig.event(2)) }
        #expect(refusal?.kind == .storage)
        try FileManager.default.moveItem(atPath: rig.folder + "/away.sqlite", toPath: rig.path)
        #expect(await rig.comes { log.isWriting })
        await log.close()
        #expect(try rig.verify().isWhole)
    }

    @Test func aDatabaseThatAnotherHoldsIsBusy() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        let holder = try AuditHolder(rig.path)
        let refusal = await #expect(throws: GuardRefusal.self) { try await log.append(rig.event(0)) }
        #expect(refusal?.kind == .unavailable && refusal?.reason == "audit_locked")
        holder.release()
        #expect(await rig.comes { log.isWriting })
        try await log.append(rig.event(1))
        await log.close()
        #expect(try rig.verify().isWhole)
    }

    @Test func moreThanMayWaitAreRefused() async throws {
        let rig = try AuditRig()
        let log = try rig.log("queue: 1\n")
        let refusals = await withTaskGroup(of: GuardRefusal?.self) { group in
            for number in 0..<400 {
                group.addTask {
                    do { try await log.append(rig.event(number)) } catch { return error as? GuardRefusal }
                    return nil
                }
            }
            return await group.reduce(into: [GuardRefusal]()) { if let refusal = $1 { $0.append(refusal) } }
        }
        #expect(refusals.allSatisfy { $0.kind == .unavailable && $0.reason == "audit_queue" })
        await log.settle()
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole && found.outcomes.values.reduce(0, +) == 400 - refusals.count)
        #expect(found.refusedGap == Int64(refusals.count))
    }

    // MARK: What is refused at the start

    private func refusal(_ rig: AuditRig) -> CasemateError? {
        do { _ = try rig.log() } catch { return error as? CasemateError }
        return nil
    }

    @Test func anotherFileIsLeftAlone() throws {
        let rig = try AuditRig()
        try Data("this is no database, but it is long enough to be looked at".utf8)
            .write(to: URL(fileURLWithPath: rig.path))
        #expect(refusal(rig)?.code == .malformed)
        #expect(try Data(contentsOf: URL(fileURLWithPath: rig.path)).starts(with: "this is no".utf8))
        let other = try AuditRig()
        try AuditReader.alter(other.path, "CREATE TABLE mine (x)", keepsTriggers: true)
        #expect(refusal(other)?.code == .refused)
        #expect(throws: CasemateError.self) { try other.verify() }
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let rig = try AuditRig()
        try await rig.written(1)
        try AuditReader.alter(rig.path, "PRAGMA user_version = 2", keepsTriggers: true)
        let error = refusal(rig)
        #expect(error?.code == .unsupported && error?.what.contains("newer") == true)
    }

    @Test func aFolderThatIsNotThereIsNamed() throws {
        let rig = try AuditRig()
        let error = #expect(throws: CasemateError.self) { try rig.log(path: "nowhere/audit.sqlite") }
        #expect(error?.code == .unwritable)
        #expect(throws: CasemateError.self) { try rig.log(path: ".") }
    }

    @Test(.enabled(if: getuid() != 0)) func aFileThatCannotBeWrittenIsRefused() async throws {
        let rig = try AuditRig()
        try await rig.written(1)
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: rig.path)
        #expect(refusal(rig)?.code == .unwritable)
    }

    @Test func aBrokenChainIsNotGoneOnWith() async throws {
        let rig = try AuditRig()
        try await rig.written(20)
        try AuditReader.alter(rig.path, "UPDATE records SET record = replace(record, '429', '200') WHERE number = 13")
        let error = refusal(rig)
        #expect(error?.code == .refused && error?.what.contains("record 13 does not follow") == true)
    }

    @Test func aCutEndIsNotGoneOnWith() async throws {
        let rig = try AuditRig()
        try await rig.written(20)
        try AuditReader.alter(rig.path, "DELETE FROM records WHERE number > 15")
        #expect(refusal(rig)?.what.contains("records behind 15 are missing") == true)
    }

    @Test func whatIsLeftOfADeletedLogIsNotBegunAnew() async throws {
        let rig = try AuditRig()
        try Data(repeating: 1, count: 100).write(to: URL(fileURLWithPath: rig.path + "-wal"))
        #expect(refusal(rig)?.code == .refused)
    }

    @Test func theFileItselfRefusesChanges() async throws {
        let rig = try AuditRig()
        try await rig.written(3)
        for sql in ["UPDATE records SET client = 'x'", "DELETE FROM records WHERE number = 1"] {
            #expect(throws: CasemateError.self) { try AuditReader.alter(rig.path, sql, keepsTriggers: true) }
        }
        #expect(try rig.verify().isWhole)
    }

    /// Bytes of the file changed at random: refused, found or without meaning, never a trap.
    @Test func mutatedFilesNeverTrap() async throws {
        let rig = try AuditRig()
        try await rig.written(60)
        let whole = try Data(contentsOf: URL(fileURLWithPath: rig.path))
        var generator = SeededGenerator(seed: 7)
        var found = 0
        for round in 0..<120 {
            var bytes = whole
            for _ in 0..<(1 + round % 8) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
            }
            if round % 10 == 0 { bytes = bytes.prefix(Int.random(in: 1..<bytes.count, using: &generator)) }
            let other = try AuditRig()
            try bytes.write(to: URL(fileURLWithPath: other.path))
            do { if try !other.verify().isWhole { found += 1 } } catch { found += 1 }
            if let log = try? other.log() {
                _ = try? await log.append(other.event(1_000))
                await log.close()
            }
        }
        // Most of the file is records; what is not found lies in free space.
        #expect(found > 60)
    }
}
