import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// What somebody with the file in hands can do, and what `log verify` says of it.
@Suite struct AuditVerifyTests {
    private static let exported = "signing_key: guard.pem\ncheckpoint: {every: 10, export: heads.jsonl}\n"

    /// A log of 30 decisions (records 2 to 31) with heads in `heads.jsonl`.
    private func log() async throws -> (AuditRig, SigningKey) {
        let rig = try AuditRig()
        let key = SigningKey(.ed25519)
        try key.write(to: rig.folder + "/guard.pem")
        try await rig.written(30, Self.exported)
        return (rig, key)
    }

    @Test(arguments: [
        ("UPDATE records SET record = replace(record, '429', '200') WHERE number = 13", "altered", 13),
        (
            "UPDATE records SET record = replace(record, 'key-1', 'key-2'), client = 'key-2' WHERE number = 5",
            "altered", 5
        ),
        ("UPDATE records SET hash = randomblob(32) WHERE number = 13", "altered", 13),
        ("UPDATE records SET hash = x'00' WHERE number = 31", "altered", 31),
        ("UPDATE records SET record = '' WHERE number = 7", "altered", 7),
        ("DELETE FROM records WHERE number = 13", "deleted", 13),
        ("DELETE FROM records WHERE number BETWEEN 5 AND 9", "deleted", 5),
        ("DELETE FROM records WHERE number < 4", "deleted", 1),
        ("DELETE FROM records", "cut", 1),
        (
            "DELETE FROM records WHERE number = 13; UPDATE records SET number = number - 1 WHERE number > 13",
            "altered", 13
        ),
        (
            "UPDATE records SET number = -1 WHERE number = 8; UPDATE records SET number = 8 WHERE number = 9; "
                + "UPDATE records SET number = 9 WHERE number = -1", "reordered", 8
        ),
        (
            "UPDATE records SET number = -number WHERE number > 10; "
                + "INSERT INTO records SELECT 11, time, kind, id, client, model, outcome, status, reason, stages, held, "
                + "record, hash FROM records WHERE number = 6; UPDATE records SET number = 1 - number WHERE number < 0",
            "reordered", 11
        ),
        (
            "INSERT INTO records SELECT 32, time, kind, id, client, model, outcome, status, reason, stages, held, "
                + "record, hash FROM records WHERE number = 31", "doubled", 32
        ),
        ("DELETE FROM records WHERE number > 30", "cut", 31),
        ("UPDATE records SET client = 'key-9' WHERE number = 9", "column", 9),
        ("UPDATE records SET status = 200 WHERE number = 4", "column", 4),
        ("UPDATE records SET held = 1 WHERE number = 4", "column", 4),
        ("UPDATE records SET stages = '' WHERE number = 4", "column", 4),
        ("UPDATE records SET time = time + 1 WHERE number = 4", "column", 4),
        (
            "UPDATE heads SET head = replace(head, '\"records\":31', '\"records\":29'), records = 29 "
                + "WHERE records = 31", "altered", 29
        ),
        ("UPDATE heads SET head = 'x' WHERE records = 31", "head", 31),
    ])
    func theFirstBadRecordIsNamed(sql: String, kind: String, number: Int64) async throws {
        let (rig, key) = try await log()
        #expect(try rig.verify { $0.keys = [key.verifying] }.isWhole)
        try AuditReader.alter(rig.path, sql)
        let found = try rig.verify()
        #expect(found.problems.first?.kind.rawValue == kind, "\(found.problems.prefix(3))")
        #expect(found.problems.first?.number == number, "\(found.problems.prefix(3))")
    }

    @Test func aCutEndIsFoundAgainstHeadsElsewhere() async throws {
        let (rig, key) = try await log()
        let heads = try AuditHead.read(rig.folder + "/heads.jsonl")
        try AuditReader.alter(rig.path, "DELETE FROM records WHERE number > 25; DELETE FROM heads WHERE records > 25")
        #expect(try rig.verify { $0.keys = [key.verifying] }.isWhole)
        let found = try rig.verify { $0.heads = heads }
        #expect(found.problems.first?.kind == .cut && found.problems.first?.number == 26)
        #expect(found.problems.first?.what == "records behind 25 are missing: a head names record 31")
        let byHash = try rig.verify { $0.hash = heads.last?.hash }
        #expect(byHash.problems.first?.kind == .cut && byHash.problems.first?.number == 26)
        #expect(try rig.verify { $0.hash = found.head }.isWhole)
    }

    /// Whoever holds the file can write all hashes anew; only a signature or a head elsewhere tells.
    @Test func aLogThatSomebodyWroteAnewHasNoSignature() async throws {
        let (rig, key) = try await log()
        let heads = try AuditHead.read(rig.folder + "/heads.jsonl")
        let forged = try AuditRig()
        try await forged.written(30)
        #expect(try forged.verify().isWhole)
        let found = try forged.verify { $0.keys = [key.verifying] }
        #expect(found.problems.contains { $0.kind == .signature })
        let elsewhere = try forged.verify { $0.heads = heads }
        #expect(elsewhere.problems.first?.kind == .head)
    }

    @Test func aHeadOfAnotherHandIsNoHead() async throws {
        let (rig, key) = try await log()
        var lines = try String(contentsOfFile: rig.folder + "/heads.jsonl", encoding: .utf8)
        lines = lines.replacing("\"records\":31", with: "\"records\":30")
        let heads = lines.split(separator: "\n").compactMap { AuditHead(Array($0.utf8)) }
        let found = try rig.verify { ($0.keys, $0.heads) = ([key.verifying], heads) }
        #expect(found.problems.contains { $0.kind == .altered && $0.number == 30 })
        #expect(found.problems.contains { $0.kind == .signature && $0.number == 30 })
        #expect(AuditHead(Array("{}".utf8)) == nil && AuditHead([]) == nil)
    }

    @Test func triggersThatWereTakenOffAreSaid() async throws {
        let (rig, _) = try await log()
        try AuditReader.alter(rig.path, "DROP TRIGGER records_remain", keepsTriggers: true)
        let found = try rig.verify()
        #expect(found.problems.map(\.kind) == [.damaged] && found.count == 31)
        #expect(throws: CasemateError.self) { try rig.log() }
    }

    @Test func aDamagedFileIsAFinding() async throws {
        let (rig, _) = try await log()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: rig.path))
        for index in 4_096 * 2..<bytes.count { bytes[index] = 0xA5 }
        try bytes.write(to: URL(fileURLWithPath: rig.path))
        #expect(try rig.verify().problems.contains { $0.kind == .damaged })
    }

    @Test func itMayRunWhileTheGuardWrites() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        async let writing: Void = {
            for number in 0..<2_000 { try await log.append(rig.event(number)) }
        }()
        for _ in 0..<5 { #expect(try rig.verify().isWhole) }
        try await writing
        await log.close()
        #expect(try rig.verify().count == 2_001)
    }

    @Test func aFileOfHeadsIsReadWithinBounds() throws {
        let rig = try AuditRig()
        let path = rig.folder + "/heads.jsonl"
        #expect(throws: CasemateError.self) { try AuditHead.read(path) }
        for text in [
            "", "\n", "{}\n", "{\"schema\":\"casemate.audit-head/1\"}\n", String(repeating: "[", count: 100_000),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: CasemateError.self) { try AuditHead.read(path) }
        }
    }
}
