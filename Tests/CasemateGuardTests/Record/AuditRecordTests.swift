import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// Records and chain beside an independent implementation (`Tests/Reference/make_audit_chain_figures.py`).
@Suite struct AuditRecordTests {
    private static let hostile = "a\r\nb\0c\u{1B}[31m<script>alert(1)</script>\"\\=1+1\u{2028}é\u{1F600}"
    private static let clients = [
        "key-1", hostile, String(repeating: "x", count: 1_000_000), String(repeating: "é", count: 200),
        "=cmd|' /C calc'!A0", "",
    ]
    private static let scores = [0.125, 1e-7, 1e21, -2.5, 123_456_789.0, Double.leastNonzeroMagnitude]

    private func event(_ index: Int, _ microseconds: Int) -> DecisionEvent {
        let refusal = GuardRefusal(.limited, "too many", reason: "rate")
        return DecisionEvent(
            id: AuditRig.identifier(index), time: Date(timeIntervalSince1970: Double(microseconds) / 1e6),
            trace: "4bf92f3577b34da6a3ce929d0e0e4736",
            client: ClientIdentity(
                id: Self.clients[index], method: .apiKey, owner: "team é", network: "192.0.2.0/24"),
            face: "open_inference", model: "iris", version: "1", modelHash: String(repeating: "a", count: 64),
            policy: String(repeating: "b", count: 64), rows: index, inputHash: String(repeating: "c", count: 64),
            labels: [Int32(index), -1],
            verdicts: [
                .init(
                    stage: "pattern",
                    verdict: .init(.flag, score: Self.scores[index], reasons: ["low_margin", "range:\u{7}"]),
                    isEnforced: true),
                .init(stage: "rate", verdict: .init(.refuse(refusal), reasons: ["rate"]), isEnforced: false),
                .init(stage: "pattern", verdict: .init(.delay(0.25)), isEnforced: true),
            ], outcome: index % 2 == 0 ? .answered : .refused, status: index % 2 == 0 ? 200 : 429,
            reason: index % 2 == 0 ? "" : "rate", nanoseconds: 812_345, modelNanoseconds: 412_000, isHeld: index == 2)
    }

    @Test(arguments: [("records", ""), ("hashed", "hash: [client, network]\n")])
    func recordsAreThoseOfTheReference(figure: String, settings: String) async throws {
        let figures = try Figures("figures/audit-chain.json")
        let rig = try AuditRig()
        let log = try rig.log(settings)
        for (index, microseconds) in figures["microseconds"].ints.enumerated() {
            try await log.append(event(index, microseconds))
        }
        await log.close()
        let rows = try AuditReader(rig.path).recent(limit: 100).reversed().filter { $0.kind == "decision" }
        #expect(rows.map(\.record) == figures[figure].texts)
        #expect(try rig.verify().isWhole)
    }

    @Test func theChainIsThatOfTheReference() throws {
        let figures = try Figures("figures/audit-chain.json")
        var (hash, chain) = (AuditChain.origin, [String]())
        for record in figures["records"].texts {
            hash = AuditChain.hash(after: hash, Array(record.utf8))
            chain.append(Hexadecimal.text(of: hash))
        }
        #expect(!chain.isEmpty && chain == figures["chain"].texts)
    }

    @Test func timesAreThoseOfTheReference() throws {
        for time in try Figures("figures/audit-chain.json")["times"].list {
            let (micros, text) = (try #require(time["micros"].text.flatMap(Int.init)), try #require(time["text"].text))
            #expect(AuditTime.text(Int64(micros)) == text)
            #expect(AuditTime.microseconds(text) == Int64(micros))
        }
        for text in [
            "2023-02-29T00:00:00.000000Z", "2024-13-01T00:00:00.000000Z", "1969-12-31T23:59:59.000000Z", "", "x",
        ] {
            #expect(AuditTime.microseconds(text) == nil)
        }
        #expect(AuditTime.text(-1) == "1970-01-01T00:00:00.000000Z")
        #expect(AuditTime.microseconds(Date(timeIntervalSince1970: 1e300)) == 253_402_300_799_999_999)
        #expect(AuditTime.microseconds(Date(timeIntervalSince1970: -.infinity)) == 0)
    }

    /// Source: RFC 8785, appendix B.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"), (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"), (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5557, "333333333.33333343"), (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x43143ff3c1cb0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func numbersAreWrittenAsTheStandardSays(bits: UInt64, text: String) {
        #expect(AuditText.number(Double(bitPattern: bits)) == text)
    }

    @Test func textsOfCallersAreInertInTheTable() async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        try await log.append(event(1, 1_700_000_000_000_000))
        try await log.append(event(2, 1_700_000_000_000_000))
        await log.close()
        let rows = try AuditReader(rig.path).recent(limit: 2)
        #expect(!rows[1].client.unicodeScalars.contains { $0.value < 0x20 })
        #expect(rows[1].client.hasPrefix("a\u{FFFD}\u{FFFD}b\u{FFFD}c"))
        #expect(rows[0].client.utf8.count == 256 + 3 + 16)
        var filter = AuditFilter()
        filter.client = Self.hostile
        #expect(try AuditReader(rig.path).recent(limit: 9, filter: filter).map(\.number) == [2])
    }

    @Test(arguments: ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "a,b", "a\"b", "a\nb", "plain"])
    func noCellIsAFormulaAndNoneEndsItsRow(text: String) async throws {
        let rig = try AuditRig()
        let log = try rig.log()
        try await log.append(rig.event(0, client: text))
        await log.close()
        var lines = AuditExport.csv.header
        try AuditReader(rig.path).each { lines += AuditExport.csv.line($0) }
        let row = try #require(lines.split(separator: "\n").last)
        #expect(lines.split(separator: "\n").count == 3)
        #expect(!row.contains(",=") && !row.contains(",+") && !row.contains(",-") && !row.contains(",@"))
        #expect(!row.contains("\"=") && row.filter { $0 == "\"" }.count % 2 == 0)
    }

    @Test func anExportedLineHoldsTheRecordByteByByte() async throws {
        let rig = try AuditRig()
        try await rig.written(3)
        var (previous, count) = (AuditChain.origin, 0)
        try AuditReader(rig.path).each { row in
            let line = AuditExport.jsonl.line(row)
            let start = try #require(line.range(of: "\"record\":")).upperBound
            let record = line[start...].dropLast(2)
            previous = AuditChain.hash(after: previous, Array(record.utf8))
            #expect(line.contains("\"hash\":\"\(Hexadecimal.text(of: previous))\""))
            count += 1
        }
        #expect(count == 4)
    }
}
