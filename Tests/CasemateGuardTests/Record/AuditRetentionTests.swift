import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

@Suite struct AuditRetentionTests {
    /// 20 old decisions (records 2 to 21) and 10 new ones, the old ones deleted.
    private func log(_ settings: String = "") async throws -> AuditRig {
        let rig = try AuditRig()
        let log = try rig.log("retention: 90d\n" + settings)
        for number in 0..<20 { try await log.append(rig.event(number)) }
        rig.clock.advance(seconds: 91 * 86_400)
        for number in 20..<30 { try await log.append(rig.event(number)) }
        await log.settle()
        #expect(await rig.comes { rig.metric("casemate_audit_retired_total") == "21" })
        await log.close()
        return rig
    }

    @Test func oldRecordsGoAndTheChainStays() async throws {
        let rig = try await log()
        let found = try rig.verify()
        #expect(found.isWhole, "\(found.problems)")
        #expect(found.first == 22 && found.retired == 21 && found.outcomes.values.reduce(0, +) == 10)
        var filter = AuditFilter()
        filter.kind = "retention"
        let record = try #require(try AuditReader(rig.path).recent(limit: 1, filter: filter).first)
        #expect(record.record.contains("\"count\":21,") && record.record.contains("\"from\":1,"))
        // What was deleted is not left in the file.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: rig.path))
        #expect(bytes.range(of: Data(AuditRig.identifier(3).utf8)) == nil)
        #expect(bytes.range(of: Data(AuditRig.identifier(25).utf8)) != nil)
    }

    @Test func aDeletionIsSigned() async throws {
        let rig = try AuditRig()
        let key = SigningKey(.p256)
        try key.write(to: rig.folder + "/guard.pem")
        let log = try rig.log("retention: 90d\nsigning_key: guard.pem\n")
        for number in 0..<20 { try await log.append(rig.event(number)) }
        rig.clock.advance(seconds: 91 * 86_400)
        try await log.append(rig.event(20))
        #expect(await rig.comes { rig.metric("casemate_audit_retired_total") == "21" })
        await log.close()
        #expect(try rig.verify { $0.keys = [key.verifying] }.isWhole)
        let other = try rig.verify { $0.keys = [SigningKey(.p256).verifying] }
        #expect(other.problems.contains { $0.kind == .signature && $0.what.contains("deletion") })
    }

    /// Exactly what the record of the deletion says may be missing.
    @Test(arguments: [
        ("DELETE FROM records WHERE number = 22", "deleted", 1),
        (
            "UPDATE records SET record = replace(record, '\"through\":21', '\"through\":22') WHERE kind = 'retention'; "
                + "DELETE FROM records WHERE number = 22", "altered", 0
        ),
        ("DELETE FROM records WHERE kind = 'retention'", "deleted", 1),
        (
            "UPDATE records SET record = replace(record, '\"hash\":\"', '\"hash\":\"00') WHERE kind = 'retention'",
            "deleted", 1
        ),
    ])
    func nothingElseMayBeMissing(sql: String, kind: String, number: Int64) async throws {
        let rig = try await log()
        try AuditReader.alter(rig.path, sql)
        let found = try rig.verify()
        #expect(!found.isWhole)
        #expect(
            found.problems.contains { $0.kind.rawValue == kind && (number == 0 || $0.number == number) },
            "\(found.problems)")
    }

    @Test func itGoesOnAfterMoreDeletionsAndARestart() async throws {
        let rig = try await log()
        let log = try rig.log("retention: 90d\n")
        rig.clock.advance(seconds: 91 * 86_400)
        for number in 30..<35 { try await log.append(rig.event(number)) }
        #expect(await rig.comes { (Int(rig.metric("casemate_audit_retired_total")) ?? 0) >= 32 })
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole, "\(found.problems)")
        #expect(found.retired >= 32)
        await (try rig.log()).close()
        #expect(try rig.verify().isWhole)
    }

    @Test func manyRecordsGoInSmallSteps() async throws {
        let rig = try AuditRig()
        let log = try rig.log("retention: 1d\n")
        for number in 0..<1_200 { try await log.append(rig.event(number)) }
        for _ in 0..<5 {
            rig.clock.advance(seconds: 86_400)
            try await log.append(rig.event(2_000 + Int(rig.clock.wall.timeIntervalSince1970) % 1_000_000))
            await log.settle()
        }
        #expect(await rig.comes { (Int(rig.metric("casemate_audit_retired_total")) ?? 0) >= 1_201 })
        await log.close()
        let found = try rig.verify()
        #expect(found.isWhole, "\(found.problems)")
    }
}
